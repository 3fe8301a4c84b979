"""The revisions of the schema, run by Alembic in a process of their own.

A new one: `alembic -c src/tauon/store/migrations/alembic.ini revision -m "what it does"`, fill it in for both databases,
add its number to `REVISIONS` in `schema.py`, and change `sql/schema.sql` likewise: a test holds the two equal.
"""
