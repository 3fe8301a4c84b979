"""The journal, and the rows folded from it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def optional(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=True)


def number(name: str) -> sa.Column[int]:
    return sa.Column(name, INT64, nullable=False, autoincrement=False)


def table(name: str, *columns: sa.Column[str] | sa.Column[int], key: tuple[str, ...]) -> None:
    op.create_table(name, *columns, sa.PrimaryKeyConstraint(*key))


def upgrade() -> None:
    table("meta", text("name"), text("value"), key=("name",))
    journal()
    jobs()
    attempts()
    for name in ("pool", "queue"):
        table(name, text("name"), text("body"), key=("name",))
    table("node", text("id"), text("pool"), text("state"), text("body"), key=("id",))
    usage()


def journal() -> None:
    table("event", number("seq"), number("at_us"), text("type"), text("subject"), text("body"), key=("seq",))
    op.create_index("event_by_subject", "event", ["subject", "seq"])


def jobs() -> None:
    table(
        "job",
        text("id"),
        number("number"),
        text("name"),
        text("queue"),
        text("user_name"),
        text("state"),
        number("priority"),
        number("submitted_at_us"),
        optional("submit_key"),
        text("body"),
        key=("id",),
    )
    op.create_index("job_by_number", "job", ["number"])
    op.create_index("job_by_state", "job", ["state", "number"])
    op.create_index("job_by_queue", "job", ["queue", "number"])
    op.create_index("job_by_user", "job", ["user_name", "number"])
    has_key = sa.text("submit_key IS NOT NULL")
    op.create_index("job_by_key", "job", ["submit_key"], unique=True, sqlite_where=has_key, postgresql_where=has_key)
    table("job_label", text("name"), text("value"), text("job"), key=("name", "value", "job"))
    op.create_index("job_label_by_job", "job_label", ["job"])


def attempts() -> None:
    table("attempt", text("id"), text("job"), number("number"), text("pool"), text("state"), text("body"), key=("id",))
    op.create_index("attempt_by_job", "attempt", ["job", "number"])
    live = sa.text("state <> 'ended'")
    op.create_index("attempt_live", "attempt", ["id"], sqlite_where=live, postgresql_where=live)


def usage() -> None:
    table(
        "usage_record",
        text("node"),
        text("attempt"),
        number("from_us"),
        number("to_us"),
        optional("job"),
        optional("queue"),
        text("pool"),
        text("body"),
        key=("node", "attempt", "from_us"),
    )
    op.create_index("usage_record_by_end", "usage_record", ["to_us"])
    is_work = sa.text("job IS NOT NULL")
    op.create_index("usage_record_by_job", "usage_record", ["job"], sqlite_where=is_work, postgresql_where=is_work)
