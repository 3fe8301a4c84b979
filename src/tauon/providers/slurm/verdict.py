"""What an attempt came to whose supervisor did not say so itself: from Slurm's words for the end of its job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tauon.model.ids import AttemptId
from tauon.ports.providers import AttemptObserved, Ending, Phase
from tauon.providers.slurm.listing import JobRow
from tauon.supervision.node.order import Status

_TAIL = 400


class Evidence(NamedTuple):
    """What is known: Slurm's last row of the job (None: it has forgotten it), whether a supervisor had taken the attempt,
    its last status, whether we wanted it to end, why we gave up waiting, and what the batch script printed."""

    row: JobRow | None
    was_taken: bool
    status: Status | None
    is_stopped: bool
    given_up: str = ""
    output: str = ""


def verdict(attempt: AttemptId, seen: Evidence) -> AttemptObserved:
    """The end of the attempt."""
    ending, message = _judge(seen)
    exits: Sequence[int | None] = seen.status["exits"] if seen.status is not None else ()
    return AttemptObserved(id=attempt, phase=Phase.ENDED, ending=ending, exit_codes=tuple(exits), message=message)


def _judge(seen: Evidence) -> tuple[Ending, str]:
    row = seen.row
    if seen.given_up:
        return Ending.NOT_STARTED, seen.given_up
    if row is None:
        return Ending.LOST, "Slurm does not know its job any more, and its supervisor left no word of its end"
    job = f"job {row.id}"
    match row.state:
        case "PREEMPTED":
            return Ending.PREEMPTED, f"Slurm preempted it: {job} gave way to one of higher rank in Slurm"
        case "NODE_FAIL" | "BOOT_FAIL":
            return Ending.LOST, f"a node of its Slurm {job} failed ({row.state})"
        case "TIMEOUT" | "DEADLINE":
            return (
                Ending.LOST,
                f"Slurm ended {job} at its time limit; ask for a longer one by the pool's `sbatch` option",
            )
        case "OUT_OF_MEMORY":
            return Ending.LOST, f"Slurm killed {job}: it used more memory than it asked for"
        case "CANCELLED" if seen.is_stopped:
            return (Ending.LOST if seen.was_taken else Ending.NOT_STARTED), "stopped before it had started"
        case "CANCELLED":
            return (
                Ending.LOST,
                f"its Slurm {job} was cancelled there{f' {row.reason}' if row.reason[:3] == 'by ' else ''}",
            )
        case _ if not seen.was_taken:
            return (
                Ending.NOT_STARTED,
                f"its supervisor did not start in Slurm's {job} ({row.state}): {_tail(seen.output)}",
            )
        case _ if seen.status is not None and seen.status.get("told_to_end"):
            return Ending.LOST, f"its processes were told to end on their node ({job} {row.state})"
        case _:
            return Ending.LOST, f"its supervisor ended without a word ({job} {row.state})"


def _tail(output: str) -> str:
    return output.strip()[-_TAIL:] or "its batch script printed nothing"
