"""Waste as a table, and below it what to do about each kind."""

from __future__ import annotations

from tauon.cli.render.table import Column, Row, table, wrapped
from tauon.cli.render.words import between, sentence, usd
from tauon.cli.screen import Screen
from tauon.service.views import WasteView


def waste_list(found: list[WasteView], screen: Screen) -> str:
    """The dearest first."""
    if not found:
        return ""
    columns = [
        Column("WASTE"),
        Column("JOB"),
        Column("NAME", least=8, drop=4),
        Column("QUEUE", least=8, drop=2),
        Column("USER", least=6, drop=1),
        Column("ACCELERATORS", is_right=True),
        Column("FIRST", drop=5),
        Column("FOR", is_right=True, drop=3),
        Column("A DAY", is_right=True),
    ]
    rows: list[Row] = [
        (
            one.waste,
            one.job,
            one.name,
            one.queue,
            one.user,
            str(len(one.accelerators)),
            one.accelerators[0] if one.accelerators else "",
            between(one.since, screen.now),
            usd(one.usd_per_day, 2),
        )
        for one in found
    ]
    advice = dict.fromkeys(f"{one.waste}: {one.advice}" for one in found)
    return "\n".join([table(columns, rows, screen), "", *(wrapped(f"- {sentence(text)}", screen) for text in advice)])
