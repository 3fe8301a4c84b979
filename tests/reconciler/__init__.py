"""The reconciler: the journal and the loop."""
