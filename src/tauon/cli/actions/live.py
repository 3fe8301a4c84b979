"""Answers that keep themselves up to date: redrawn in place on a terminal, printed again where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from tauon.cli.output import Output
from tauon.cli.screen import Screen, standard_screen
from tauon.cli.streams import closing
from tauon.model.errors import Unavailable
from tauon.service.control_plane import ControlPlane

View = TypeVar("View")

_AT_LEAST_S = 2.0  # times go on even when nothing happens
_AT_MOST_S = 0.25  # and a busy journal is not followed line by line


async def kept_up_to_date(
    plane: ControlPlane,
    output: Output,
    asked: Callable[[], Awaitable[View]],
    render: Callable[[View, Screen], str],
) -> int:
    """Show what `asked` answers, again whenever something has happened, until the person has seen enough."""
    output.patience.over()
    happened = asyncio.Event()
    if output.is_for_people and output.screen.is_terminal:
        showing = _redrawn(output, asked, render, happened)
    else:
        showing = _reprinted(output, asked, render, happened)
    tasks = [asyncio.create_task(_watch(plane, happened)), asyncio.create_task(showing)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 0


async def _watch(plane: ControlPlane, happened: asyncio.Event) -> None:
    async with closing(plane.watch(after=-1)) as news:
        async for _ in news:
            happened.set()
    raise Unavailable("the server ended the stream of news")


async def _moments(happened: asyncio.Event) -> AsyncIterator[bool]:
    """When to look again; true if something has happened, false if only time has passed."""
    yield True
    while True:
        try:
            async with asyncio.timeout(_AT_LEAST_S):
                await happened.wait()
            await asyncio.sleep(_AT_MOST_S)
            happened.clear()
            yield True
        except TimeoutError:
            yield False


async def _redrawn(
    output: Output,
    asked: Callable[[], Awaitable[View]],
    render: Callable[[View, Screen], str],
    happened: asyncio.Event,
) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    plain = not output.screen.has_colour
    console = Console(no_color=plain, highlight=False)
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        async for _ in _moments(happened):
            screen = standard_screen(plain=plain)  # the window may have another width by now
            live.update(Text.from_ansi(render(await asked(), screen), no_wrap=True), refresh=True)


async def _reprinted(
    output: Output,
    asked: Callable[[], Awaitable[View]],
    render: Callable[[View, Screen], str],
    happened: asyncio.Event,
) -> None:
    async for is_news in _moments(happened):
        if is_news:
            output.stream(await asked(), render)
