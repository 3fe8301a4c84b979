"""What each command takes: flags and arguments, and nothing that is slow to load."""
