"""Lines of the journal, each with its time and its sentence."""

from __future__ import annotations

from tauon.cli.render.table import printable, wrapped
from tauon.cli.screen import Screen
from tauon.service.views import EventView

_STYLES = {
    "AttemptRunning": "green",
    "JobSucceeded": "green",
    "JobFailed": "red",
    "NodeLost": "red",
    "AttemptStopRequested": "magenta",
    "JobRequeued": "yellow",
    "NodeDraining": "yellow",
}


def event_line(event: EventView, screen: Screen) -> str:
    """`2026-01-01 10:00:05  JobSubmitted  ada submitted j1 ...`; a terminal needs no type, for it has the colour."""
    at = f"{screen.local(event.at):%Y-%m-%d %H:%M:%S}"
    text = event.text or event.type
    if screen.width is None:
        return f"{at}  {event.type}  {printable(text)}"
    indent = " " * (len(at) + 2)
    lines = wrapped(text, screen, indent=indent)[len(indent) :]
    return f"{screen.style(at, 'dim')}  {screen.style(lines, _STYLES.get(event.type, ''))}"
