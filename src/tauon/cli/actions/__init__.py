"""What each command does: ask the control plane, show the answer, say how it went."""
