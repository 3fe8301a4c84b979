"""The demo: its jobs on their own, its story against a scripted control plane, and the whole of it end to end."""
