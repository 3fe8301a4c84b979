"""The durable journal and the rows folded from it, in SQL: SQLite or PostgreSQL by one code path."""
