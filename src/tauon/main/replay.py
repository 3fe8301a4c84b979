"""What would have been, played in a process of its own: it takes minutes of a core, which the server needs for itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

import msgspec

from tauon.api.problems import Problem, error_of, problem_of
from tauon.main.past import journal_at
from tauon.model.errors import Conflict, TauonError, Unavailable
from tauon.ports.what_if import Comparison, Question
from tauon.simulator.what_if import Worlds

LIMIT_S = 600.0
_NICE = 10


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What the process answers: the comparison, or why there is none."""

    comparison: Comparison | None = None
    problem: Problem | None = None


class OwnPast:
    """Plays a server's own journal, one question at a time."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._busy = False

    async def play(self, question: Question) -> Comparison:
        """Raises InvalidRequest (as `WhatIf`), Conflict while another question is played, Unavailable after ten minutes."""
        if self._busy:
            raise Conflict("another what-if is being played on this server; ask again when it is done")
        self._busy = True
        try:
            async with asyncio.timeout(LIMIT_S):
                answer = await _ask(msgspec.structs.replace(question, source=self._address))
        except TimeoutError as error:
            raise Unavailable(
                f"the replay was given up after {LIMIT_S / 60:g} minutes; take a shorter time, or run `tauon simulate`"
            ) from error
        finally:
            self._busy = False
        if answer.comparison is None:
            assert answer.problem is not None
            raise error_of(answer.problem)
        return answer.comparison


async def _ask(question: Question) -> Replayed:
    # The address goes in by a pipe: a database's may hold a password, and arguments are seen by everybody on the machine.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tauon.main.replay",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complaint = await process.communicate(msgspec.json.encode(question))
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    try:
        return msgspec.json.decode(said, type=Replayed)
    except msgspec.DecodeError as error:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise Unavailable(f"the process that plays broke: {last[0]}") from error


def main() -> None:
    """Read a question from standard input, play it, and write the answer to standard output."""
    os.nice(_NICE)
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    try:
        found = Replayed(comparison=Worlds(journal_at).play(question, lambda *_: None))
    except TauonError as error:
        found = Replayed(problem=problem_of(error))
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
