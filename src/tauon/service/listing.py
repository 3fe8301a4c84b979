"""From the query for a listing of jobs to the filter of the store."""

from __future__ import annotations

import re

from tauon.model.errors import InvalidRequest
from tauon.model.ids import QueueName
from tauon.ports.store import JobFilter
from tauon.service.control_plane import JobQuery
from tauon.service.submit import parse_labels

_ID = re.compile(r"j[0-9]{1,18}")


def filter_of(query: JobQuery) -> JobFilter:
    """The store's filter for a query. Raises InvalidRequest."""
    if query.before and not _ID.fullmatch(query.before):
        raise InvalidRequest(f"{query.before!r} is no job id")
    return JobFilter(
        states=query.states,
        queue=QueueName(query.queue) if query.queue else None,
        user=query.user,
        text=query.text,
        labels=dict(parse_labels(query.labels)),
        before=int(query.before[1:]) if query.before else None,
        order=query.order,
        reverse=query.reverse,
        offset=query.offset,
        limit=max(1, min(query.limit, 10_000)),
    )
