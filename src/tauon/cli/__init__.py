"""The command shell: parse, ask the control plane, render."""
