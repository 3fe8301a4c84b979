"""What jobs save, kept where every pool can reach it: uploaded as it changes, published whole, restored before they go on."""
