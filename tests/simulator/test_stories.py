"""The journals of small worlds, compared with the text that is kept of them.

After a change that is meant to change them: `python -m tests.simulator.test_stories`, and read the difference.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tauon.economics.bill import bill
from tauon.model.attempt import Attempt
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Fact,
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeTerminated,
)
from tauon.simulator.result import Result
from tauon.simulator.scenario import Scenario
from tauon.simulator.simulation import simulate
from tests.builders import START_US
from tests.simulator.referee import Referee
from tests.simulator.stories import STORIES

GOLDEN = Path(__file__).parent / "golden"


def told(story: Callable[[], Scenario]) -> str:
    """A story as text: what it is about, what happened when, and what it cost."""
    result = asyncio.run(simulate(story()))
    Referee().read(result.events())
    return "\n".join([f"# {story.__doc__}", *_lines(result), *_bill(result), ""])


def _lines(result: Result) -> Iterator[str]:
    for event in result.events():
        line = _line(event.fact)
        if line:
            yield f"{(event.at_us - START_US) / 1e6:9.3f}  {line}"


def _line(fact: Fact) -> str:
    match fact:
        case JobSubmitted(job=job):
            after = f" after {', '.join(job.depends_on)}" if job.depends_on else ""
            return f"{job.id} submitted to {job.queue} with priority {job.priority}: {job.request}{after}"
        case AttemptPlaced(attempt=attempt):
            return f"{attempt.id} placed on {_place(attempt)}"
        case AttemptRunning():
            return f"{fact.attempt_id} runs"
        case AttemptStopRequested():
            return f"{fact.attempt_id} told to stop within {fact.notice_s:g} s: {fact.reason}"
        case AttemptEnded():
            codes = f" with {', '.join(map(str, fact.exit_codes))}" if fact.exit_codes else ""
            return f"{fact.attempt_id} ended: {fact.outcome}{codes}"
        case JobRequeued():
            return f"{fact.job_id} waits again: {fact.reason}"
        case JobSucceeded():
            return f"{fact.job_id} succeeded"
        case JobFailed():
            return f"{fact.job_id} failed: {fact.reason}"
        case JobCancelled() | JobCancelRequested():
            return f"{fact.job_id} {'cancelled' if isinstance(fact, JobCancelled) else 'to be cancelled'} by {fact.by}"
        case NodeReady(node=node):
            return f"{node.id} ready"
        case NodeDraining() | NodeLost() | NodeTerminated():
            return f"{fact.node_id} {type(fact).__name__.removeprefix('Node').lower()}: {fact.reason}"
        case _:
            return ""


def _place(attempt: Attempt) -> str:
    return ", ".join(f"{w.node}[{' '.join(map(str, w.accelerators))}]" for w in attempt.placement)


def _bill(result: Result) -> Iterator[str]:
    records = result.store.usage(from_us=0, to_us=2**62)
    summed = bill(records, from_us=0, to_us=2**62, key=lambda record: record.job or "")
    for job, line in sorted(summed.lines.items()):
        yield f"{job} held {line.accelerator_hours * 3600:.3f} GPU-seconds for {line.cost}"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: str(story.__name__))
def test_a_story_is_told_as_ever(story: Callable[[], Scenario]) -> None:
    kept = GOLDEN / f"{story.__name__}.txt"
    assert told(story) == kept.read_text(encoding="utf-8")


def test_no_other_stories_are_kept() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {story.__name__ for story in STORIES}


if __name__ == "__main__":
    for each in STORIES:
        written = (GOLDEN / f"{each.__name__}.txt").write_text(told(each), encoding="utf-8")
        sys.stdout.write(f"{each.__name__}: {written} characters\n")
