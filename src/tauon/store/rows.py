"""Nouns as rows: the columns that reads filter and sort by, and the whole noun as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar, cast

import msgspec

from tauon.model.attempt import Attempt
from tauon.model.changes import Changes
from tauon.model.event import Event, Fact, JobSubmitted, subject_of
from tauon.model.job import Job
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.model.queue import Queue
from tauon.model.usage import UsageRecord
from tauon.store.statements import Row

_encode = msgspec.json.Encoder().encode
_fact = cast("Callable[[str], Fact]", msgspec.json.Decoder(Fact).decode)

T = TypeVar("T")


def _reader(noun: type[T]) -> Callable[[Row], T]:
    """Reads a noun from a row that begins with its JSON."""
    decode = msgspec.json.Decoder(noun).decode
    return lambda row: decode(cast("str", row[0]))


read_job = _reader(Job)
read_attempt = _reader(Attempt)
read_node = _reader(Node)
read_pool = _reader(Pool)
read_queue = _reader(Queue)
read_usage_record = _reader(UsageRecord)


def read_event(row: Row) -> Event:
    """An event from (seq, at_us, body)."""
    seq, at_us, body = cast("tuple[int, int, str]", row)
    return Event(seq=seq, at_us=at_us, fact=_fact(body))


def event_row(event: Event) -> Row:
    fact = event.fact
    return (event.seq, event.at_us, type(fact).__name__, subject_of(fact), _encode(fact).decode())


def job_row(job: Job) -> Row:
    return (
        job.id,
        job.number,
        job.name,
        job.queue,
        job.user,
        job.state.value,
        job.priority,
        job.submitted_at_us,
        job.key or None,
        _encode(job).decode(),
    )


def label_rows(events: Iterable[Event]) -> Iterator[Row]:
    """A row for each label of the jobs submitted; labels never change afterwards."""
    for event in events:
        fact = event.fact
        if type(fact) is JobSubmitted and fact.job.labels:
            for name, value in fact.job.labels.items():
                yield name, value, fact.job.id


def attempt_row(attempt: Attempt) -> Row:
    body = _encode(attempt).decode()
    return (attempt.id, attempt.job, attempt.number, attempt.pool, attempt.state.value, body)


def node_row(node: Node) -> Row:
    return (node.id, node.pool, node.state.value, _encode(node).decode())


def pool_row(pool: Pool) -> Row:
    return (pool.name, _encode(pool).decode())


def queue_row(queue: Queue) -> Row:
    return (queue.name, _encode(queue).decode())


def usage_row(record: UsageRecord) -> Row:
    return (
        record.node,
        record.attempt or "",
        record.from_us,
        record.to_us,
        record.job,
        record.queue,
        record.pool,
        _encode(record).decode(),
    )


def batches(events: Sequence[Event], changes: Changes) -> list[tuple[str, list[Row]]]:
    """All that one group writes: statement names, each with its rows (or the one item of each row's list)."""
    pools, queues = changes.pools, changes.queues
    every: list[tuple[str, list[Row]]] = [
        ("insert_events", [event_row(e) for e in events]),
        ("put_jobs", [job_row(j) for j in changes.jobs.values()]),
        ("insert_job_labels", list(label_rows(events))),
        ("put_attempts", [attempt_row(a) for a in changes.attempts.values()]),
        ("put_nodes", [node_row(n) for n in changes.nodes.values()]),
        ("put_pools", [pool_row(p) for p in pools.values() if p is not None]),
        ("drop_pools", [(name,) for name, p in pools.items() if p is None]),
        ("put_queues", [queue_row(q) for q in queues.values() if q is not None]),
        ("drop_queues", [(name,) for name, q in queues.items() if q is None]),
        ("insert_usage_records", [usage_row(r) for r in changes.usage]),
    ]
    return [(name, rows) for name, rows in every if rows]
