"""What happened step by step, in worlds that are small enough to be told: who started, ended and moved, and how full it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from tauon.model.attempt import Attempt
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptStopRequested,
    Event,
    JobSubmitted,
    NodeLost,
    NodeReady,
    NodeTerminated,
)
from tauon.model.ids import AttemptId, JobId, NodeId
from tauon.model.node import NodeShape
from tauon.model.resources import MILLI, Resources

MOST_EVENTS = 2_000
MOST_STEPS = 40
_NAMED = 3


def story(events: Iterable[Event], start_us: int) -> tuple[str, ...]:
    """A line for each moment at which something was placed, ended, or a node came or went."""
    telling = _Telling(start_us)
    lines = [line for at_us, group in groupby(events, key=attrgetter("at_us")) for line in telling.moment(at_us, group)]
    return (*lines[:MOST_STEPS], *([f"... {len(lines) - MOST_STEPS} steps more"] if len(lines) > MOST_STEPS else []))


class _Telling:
    def __init__(self, start_us: int) -> None:
        self._start_us = start_us
        self._names: dict[JobId, str] = {}
        self._attempts: dict[AttemptId, Attempt] = {}
        self._nodes: dict[NodeId, NodeShape] = {}
        self._moving: set[JobId] = set()

    def moment(self, at_us: int, events: Iterable[Event]) -> Iterator[str]:
        """What happened at one moment, and how full it is after it."""
        done: dict[str, list[str]] = {}
        for event in events:
            for what, whom in self._take(event):
                done.setdefault(what, []).append(whom)
        if done:
            parts = [f"{what} {_listed(whom)}" for what, whom in done.items()]
            yield f"{(at_us - self._start_us) / 1e6:>8,.0f} s  {'; '.join(parts)}  ->  {self._fill()}"

    def _take(self, event: Event) -> Iterator[tuple[str, str]]:
        match event.fact:
            case JobSubmitted(job=job):
                self._names[job.id] = job.name
            case AttemptPlaced(attempt=attempt):
                self._attempts[attempt.id] = attempt
                again = "moved" if attempt.job in self._moving else "started again"
                self._moving.discard(attempt.job)
                yield "started" if attempt.number == 1 else again, self._names[attempt.job]
            case AttemptStopRequested(attempt_id=attempt_id, moves_to=node) if node:
                self._moving.add(self._attempts[attempt_id].job)
            case AttemptEnded(attempt_id=attempt_id, outcome=outcome):
                attempt = self._attempts.pop(attempt_id)
                if attempt.job not in self._moving:
                    yield outcome.value, self._names[attempt.job]
            case NodeReady(node=node):
                if node.id not in self._nodes:
                    yield "node ready:", node.id
                self._nodes[node.id] = node.shape
            case NodeLost(node_id=node_id) | NodeTerminated(node_id=node_id):
                self._nodes.pop(node_id, None)
                yield "node lost:" if isinstance(event.fact, NodeLost) else "node released:", node_id
            case _:
                pass

    def _fill(self) -> str:
        held = sum((a.total for a in self._attempts.values()), Resources())
        there = sum((shape.capacity for shape in self._nodes.values()), Resources())
        busy = len({worker.node for a in self._attempts.values() for worker in a.placement})
        if there.accelerator_milli:
            part, whole, unit = held.accelerator_milli / MILLI, there.accelerator_milli / MILLI, "accelerators"
        else:
            part, whole, unit = held.memory_mib / 1024, there.memory_mib / 1024, "GiB"
        share = f" = {part / whole:.3f}" if whole else ""
        return f"{part:g} of {whole:g} {unit}{share} on {busy} of {len(self._nodes)} nodes"


def _listed(names: list[str]) -> str:
    counted = [name if n == 1 else f"{n} x {name}" for name, n in Counter(names).items()]
    more = len(counted) - _NAMED
    return ", ".join(counted[:_NAMED]) + (f" and {more} more" if more > 0 else "")
