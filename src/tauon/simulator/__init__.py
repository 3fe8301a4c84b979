"""A world under a virtual clock: simulated pools, work whose duration only the world knows, and faults, all by one seed.

The loop, the planner, the journal and the use cases are the ones that run in production, unchanged.
"""
