"""The small process that runs one attempt, outlives the server and enforces its orders, from the standard library alone."""
