"""From which position of the journal on to read when somebody asks for its last lines."""

from __future__ import annotations

from collections import deque

from tauon.ports.store import Store

PAGE = 1_000
MOST = 1_000_000


def position(store: Store, last: int, after: int, subject: str) -> int:
    """The position after which to read; `last` is that of the newest line.

    A negative `after` counts from the end: of the journal, or of what it says of a subject, so that the last lines of
    a job are those of the job, however much else has happened since.
    """
    if after >= 0:
        return after
    if not subject:
        return max(0, last + after)
    newest: deque[int] = deque(maxlen=min(-after, MOST))
    read_to = 0
    while page := store.events(after=read_to, subject=subject, limit=PAGE):
        newest.extend(event.seq for event in page)
        read_to = page[-1].seq
    return newest[0] - 1 if newest else last
