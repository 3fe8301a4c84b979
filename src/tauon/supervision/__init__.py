"""What engines whose attempts run under Tauon's own supervisor share: its program, and the server's side of it."""
