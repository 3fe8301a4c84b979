"""One call of the control plane: connect, ask, show, and wait visibly when it takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tauon.cli.command import Call
from tauon.cli.output import Output
from tauon.cli.patience import Bar, Patience
from tauon.cli.screen import standard_screen
from tauon.cli.wiring import Wiring
from tauon.service.control_plane import ControlPlane

Options = TypeVar("Options")
Action = Callable[[ControlPlane, Output, Options], Awaitable[int]]


def output_of(call: Call) -> Output:
    """Where this call's answers go."""
    screen = standard_screen(plain=call.common.no_color)
    return Output(call.common.output, screen, Patience(is_plain=not screen.has_colour))


def wiring_of(call: Call) -> Wiring:
    """What the top floor joined; the one place where its type is told."""
    wiring: Wiring = call.load()
    return wiring


def ask(call: Call, action: Action[Options], options: Options) -> int:
    """Connect, do the action, and return its exit code."""
    output = output_of(call)

    async def asked() -> int:
        asyncio.get_running_loop().set_exception_handler(_only_what_matters)
        upload = Bar("uploading", is_bytes=True)

        def uploading(done: int, total: int) -> None:
            output.patience.over()
            upload(done, total)
            if done >= total:
                output.patience.wait("waiting until the server has it all")

        output.patience.wait("asking the server")
        try:
            async with wiring_of(call).connect(call.common.home, call.common.server, uploading) as plane:
                return await action(plane, output, options)
        finally:
            upload.over()
            output.patience.over()

    return asyncio.run(asked())


def _only_what_matters(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A stream that breaks off when the command is over (its reader has gone) tells a person nothing."""
    if "asyncgen" not in context:
        loop.default_exception_handler(context)
