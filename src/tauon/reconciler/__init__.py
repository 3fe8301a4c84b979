"""The loop that keeps the world and the plan together: observe, decide, record, apply."""
