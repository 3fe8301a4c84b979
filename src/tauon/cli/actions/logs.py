"""Print what a job's workers write: all or the end of it, one worker or all of them, from attempt to attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from tauon.cli.actions.following import told_why, until
from tauon.cli.options import LogOptions
from tauon.cli.output import Output
from tauon.cli.screen import Screen
from tauon.cli.streams import closing
from tauon.model.errors import NotFound
from tauon.ports.providers import LogChunk
from tauon.service.control_plane import ControlPlane, LogQuery
from tauon.service.views import AttemptView, JobDetail

_LINE_BYTES = 200  # a guess at how long lines are, to read about enough of the end
_STYLES = ("cyan", "magenta", "green", "yellow", "blue", "red")


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that a worker wrote."""

    job: str
    attempt: int
    rank: int
    line: str


class Printer:
    """Prints the output of one attempt: as it is where one worker is wanted, else line by line with the rank before it."""

    def __init__(self, output: Output, attempt: AttemptView, job: str, ranks: Sequence[int]) -> None:
        self._output = output
        self._attempt = attempt
        self._job = job
        self._is_raw = len(ranks) == 1 and output.is_for_people
        self._digits = len(str(max(ranks, default=0)))
        self._begun: dict[int, bytes] = {}

    def take(self, chunk: LogChunk) -> None:
        """Print a piece; of several workers only whole lines."""
        if self._is_raw:
            self._output.write_bytes(chunk.data)
            return
        *lines, rest = (self._begun.get(chunk.rank, b"") + chunk.data).split(b"\n")
        self._begun[chunk.rank] = rest
        for line in lines:
            self._print(chunk.rank, line)

    def finish(self) -> None:
        """Print the lines that never ended."""
        for rank, rest in self._begun.items():
            if rest:
                self._print(rank, rest)
        self._begun.clear()

    def _print(self, rank: int, line: bytes) -> None:
        text = line.decode(errors="replace").removesuffix("\r")
        self._output.stream(LogLine(job=self._job, attempt=self._attempt.number, rank=rank, line=text), self._prefixed)

    def _prefixed(self, line: LogLine, screen: Screen) -> str:
        head = screen.style(f"[{line.rank:>{self._digits}}]", _STYLES[line.rank % len(_STYLES)])
        return f"{head} {line.line}"


async def print_logs(plane: ControlPlane, output: Output, options: LogOptions) -> int:
    """`tauon logs`."""
    if options.follow:
        await follow(plane, output, options)
        return 0
    detail = await plane.job(options.job)
    attempt = _attempt(detail, options.attempt)
    await _print(plane, output, detail, attempt, options)
    return 0


async def follow(plane: ControlPlane, output: Output, options: LogOptions) -> JobDetail:
    """Print what a job writes until it has ended (or the attempt that was asked for has), and return how it stands."""
    shown = 0

    def has_more(detail: JobDetail) -> bool:
        if not detail.attempts or detail.attempts[-1].number <= shown:
            job = detail.job
            output.patience.wait(f"{job.id} is {job.state}", told_why(plane, job))
            return job.state.is_final
        return True

    while True:
        detail = await until(plane, options.job, has_more)
        new = [attempt for attempt in detail.attempts if attempt.number > shown]
        if options.attempt is None and not new:
            return detail
        attempt = _attempt(detail, options.attempt) if options.attempt or not shown else new[0]
        if shown:
            output.note(f"--- attempt {attempt.number} on {attempt.pool} ---")
        shown = attempt.number
        await _print(plane, output, detail, attempt, options)
        if options.attempt is not None:
            return await plane.job(options.job)


def _attempt(detail: JobDetail, number: int | None) -> AttemptView:
    for attempt in reversed(detail.attempts):
        if number is None or attempt.number == number:
            return attempt
    job = detail.job.id
    if number is None:
        raise NotFound(f"{job} has not started yet, so it has no output; `tauon explain {job}` says why")
    raise NotFound(f"{job} has had {len(detail.attempts)} attempts, and none has the number {number}")


async def _print(
    plane: ControlPlane, output: Output, detail: JobDetail, attempt: AttemptView, options: LogOptions
) -> None:
    """Print one attempt: of several workers one after the other, or all at once where they are followed."""
    ranks = range(detail.job.workers) if options.rank is None else [options.rank]
    printer = Printer(output, attempt, detail.job.id, ranks)

    async def one(rank: int) -> None:
        query = LogQuery(rank=rank, attempt=attempt.number, follow=options.follow)
        async with closing(_from_tail(plane, detail.job.id, query, options.tail)) as chunks:
            async for chunk in chunks:
                printer.take(chunk)

    try:
        if options.follow:
            await asyncio.gather(*map(one, ranks))
        else:
            for rank in ranks:
                await one(rank)
    except NotFound:
        if not options.follow or options.rank is not None:
            raise  # else: it never came so far as to write something
    printer.finish()


async def _from_tail(plane: ControlPlane, job: str, query: LogQuery, tail: int | None) -> AsyncIterator[LogChunk]:
    """The output, from `tail` lines before its present end on (None: from the start)."""
    if tail is not None:
        last = await _tail(plane, job, query, tail)
        if last.data:
            yield last
        if not query.follow:
            return
        query = msgspec.structs.replace(query, offset=last.next_offset)
    async with closing(plane.logs(job, query)) as chunks:
        async for chunk in chunks:
            yield chunk


async def _tail(plane: ControlPlane, job: str, query: LogQuery, lines: int) -> LogChunk:
    """The last lines as one piece; reads from the end, more and more until there are enough."""
    size = max(1, lines) * _LINE_BYTES
    while True:
        there = msgspec.structs.replace(query, offset=-size, follow=False)
        chunks = [chunk async for chunk in plane.logs(job, there)]
        data = b"".join(chunk.data for chunk in chunks)
        end = chunks[-1].next_offset if chunks else 0
        ends = data.endswith(b"\n")
        kept = b"\n".join(data.split(b"\n")[-lines - ends :]) if lines else b""
        has_all = len(data) >= end
        if has_all or len(data) > len(kept) or not lines:
            return LogChunk(rank=query.rank, data=kept, next_offset=end)
        size *= 8
