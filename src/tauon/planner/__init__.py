"""The pure core: `decide` turns a snapshot into a plan, as an ordered list of small steps."""
