"""The revisions of the schema, run by Alembic in a process of their own.

A new one: `alembic -c src/tauon/store/migrations/alembic.ini revision --rev-id 0002 -m "what it does"`, filled in for both
databases; its number goes into `REVISIONS` in `schema.py`, and `sql/schema.sql` changes likewise: a test holds the two equal.
"""
