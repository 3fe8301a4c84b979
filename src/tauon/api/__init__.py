"""The HTTP shell: schema in, one call of the control plane, schema out; and the client that is that control plane again."""
