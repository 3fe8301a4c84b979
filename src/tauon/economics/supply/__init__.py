"""Supply planning: how much capacity to reserve, where and for how long, and what to leave to on-demand and spot."""
