"""A job's way to its end: what changes, when it is over, and which exit code that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tauon.cli.output import Output
from tauon.cli.render.jobs import STATE_STYLES, exit_code_text, time_of
from tauon.cli.render.words import sentence, usd
from tauon.cli.streams import closing
from tauon.model.errors import Unavailable
from tauon.model.job import JobState
from tauon.service.control_plane import ControlPlane
from tauon.service.views import JobDetail, JobView

FAILED = 1
CANCELLED = 8  # no error of Tauon's has this exit code


async def until(plane: ControlPlane, job: str, is_enough: Callable[[JobDetail], bool]) -> JobDetail:
    """Look at a job each time that something happens to it, until `is_enough` says so of what it sees."""
    seq = (await plane.info()).seq
    detail = await plane.job(job)
    if is_enough(detail):
        return detail
    async with closing(plane.watch(after=seq, subject=detail.job.id)) as news:
        async for _ in news:
            detail = await plane.job(detail.job.id)
            if is_enough(detail):
                return detail
    raise Unavailable(f"the server ended the stream of news; {detail.job.id} goes on without being watched")


async def waited_for(plane: ControlPlane, output: Output, job: str) -> JobDetail:
    """Wait for the end of a job; its states are said as they come, on a terminal with the reason for which it waits."""
    told: JobState | None = None

    def look(detail: JobDetail) -> bool:
        nonlocal told
        state = detail.job.state
        if state is not told and not state.is_final:
            where = f", {detail.job.where}" if detail.job.where else ""
            output.note(f"{detail.job.id} ({detail.job.name}) is {state}{where}")
            output.patience.wait(f"{detail.job.id} is {state}", told_why(plane, detail.job))
        told = state
        return state.is_final

    return await until(plane, job, look)


def told_why(plane: ControlPlane, job: JobView) -> Callable[[], Awaitable[str]] | None:
    """What keeps a waiting job waiting, to be asked again from time to time; None if it does not wait."""
    if job.state is not JobState.QUEUED:
        return None

    async def why() -> str:
        return (await plane.explain(job.id)).message

    return why


def ended(output: Output, detail: JobDetail) -> int:
    """Say how a job ended, and return the exit code for that."""
    job = detail.job
    screen = output.screen
    state = screen.style(job.state.value, STATE_STYLES[job.state]) if screen.is_terminal else job.state.value
    why = f": {_why(detail)}" if job.state is not JobState.SUCCEEDED and _why(detail) else ""
    output.note(f"{job.id} ({job.name}) {'was ' if job.state is JobState.CANCELLED else ''}{state}{why}")
    output.note(f"It ran for {time_of(job, screen)} and cost {usd(detail.cost_usd)}.")
    match job.state:
        case JobState.SUCCEEDED:
            return 0
        case JobState.CANCELLED:
            return CANCELLED
        case _:
            return FAILED


def _why(detail: JobDetail) -> str:
    if detail.job.message:
        return sentence(detail.job.message).rstrip(".")
    codes = [code for attempt in detail.attempts[-1:] for code in attempt.exit_codes if code]
    return exit_code_text(codes[0]) if codes else ""
