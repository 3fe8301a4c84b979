"""Carries requests to the replicas of services, holds them while one wakes, and measures the load."""
