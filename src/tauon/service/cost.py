"""The bill by any key over any window: the ledger's sums, put into lines as they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from tauon.economics.cost import Cost, Line, Split, cost
from tauon.economics.demand import hourly
from tauon.economics.focus import HEADER, Account, rows
from tauon.economics.focus_rules import VERSION
from tauon.model.cluster import Cluster
from tauon.model.errors import InvalidRequest
from tauon.model.ledger import OWNER_KEYS, PLACE_KEYS, is_key, is_of_place
from tauon.model.money import HOUR_US
from tauon.ports.ledger import NO_LIMIT, OTHERS, Ledger, Window
from tauon.service.control_plane import CostQuery, DemandQuery, FocusQuery
from tauon.service.views import CostLine, CostReport, DemandReport, FocusExport, moment

_KEYS = f"{', '.join((*OWNER_KEYS, *PLACE_KEYS))} or label:KEY"


async def cost_report(ledger: Ledger, cluster: Cluster, query: CostQuery, now_us: int) -> CostReport:
    """The bill of a window. Raises InvalidRequest for an unknown key, a split that means nothing, an empty window."""
    where = _conditions(query.where)
    _check(query)
    weights: dict[str, float] = {name: queue.weight for name, queue in cluster.queues.items()}

    def ask() -> tuple[Cost, Window]:
        ledger.catch_up()
        window = window_of(ledger, query.from_us, query.to_us, now_us)
        # Weights are those of single queues, of which there are never too many.
        most = NO_LIMIT if query.split is Split.WEIGHT else query.limit
        groups = ledger.sums(query.by, where, window, most=most)
        return cost(groups, by=query.by, split=query.split, weights=weights), window

    found, window = await asyncio.to_thread(ask)
    return CostReport(
        by=query.by,
        split=query.split.value,
        from_at=moment(window.from_us),
        to_at=moment(window.to_us),
        lines=[_view(line) for line in found.lines],
        others=sum(line.keys for line in found.lines if line.key == OTHERS and line.keys > 1),
        work_usd=found.work.usd,
        idle_usd=found.idle.usd,
        overhead_usd=found.overhead.usd,
        unallocated_usd=found.unallocated.usd,
        total_usd=found.total.usd,
        accelerator_hours=found.asset_accelerator_hours,
        idle_accelerator_hours=found.idle_accelerator_hours,
    )


async def demand_report(ledger: Ledger, query: DemandQuery, now_us: int) -> DemandReport:
    """What work held in each whole hour of a window, by type; the hour that is not over yet is left out."""
    where = _conditions(query.where)

    def ask() -> tuple[dict[str, list[float]], Window]:
        ledger.catch_up()
        asked = window_of(ledger, query.from_us, query.to_us, now_us)
        begin = -(-asked.from_us // HOUR_US)
        hours = max(0, asked.to_us // HOUR_US - begin)
        window = Window(from_us=begin * HOUR_US, to_us=(begin + hours) * HOUR_US)
        return hourly(ledger.entries(where, window), window), window

    found, window = await asyncio.to_thread(ask)
    span_us = window.to_us - window.from_us
    return DemandReport(from_at=moment(window.from_us), hours=span_us // HOUR_US, hourly=found)


FOCUS_ROWS = 500_000


async def focus_export(ledger: Ledger, instance: str, query: FocusQuery, now_us: int) -> FocusExport:
    """The bill as FOCUS rows. Raises InvalidRequest where there would be too many of them for one answer."""
    where = _conditions(query.where)
    account = Account(id=instance, name=f"Tauon {instance}")

    def ask() -> tuple[list[list[str]], Window]:
        ledger.catch_up()
        window = window_of(ledger, query.from_us, query.to_us, now_us)
        found: list[list[str]] = []
        for row in rows(ledger.entries(where, window), account):
            found.append([row[name] for name in HEADER])
            if len(found) > FOCUS_ROWS:
                raise InvalidRequest(
                    f"there are more than {FOCUS_ROWS:,} rows: ask for a shorter time, such as a month"
                )
        return found, window

    found, window = await asyncio.to_thread(ask)
    return FocusExport(
        version=VERSION, from_at=moment(window.from_us), to_at=moment(window.to_us), columns=list(HEADER), rows=found
    )


def window_of(ledger: Ledger, from_us: int | None, to_us: int | None, now_us: int) -> Window:
    """A window as it was asked for; it ends now at the latest. Raises InvalidRequest when it ends before it begins."""
    end = now_us if to_us is None else min(now_us, to_us)
    begin = ledger.begins_us(end) if from_us is None else from_us
    if from_us is not None and begin > end:
        raise InvalidRequest("the window ends before it begins")
    return Window(from_us=begin, to_us=end)


def _conditions(texts: Sequence[str]) -> Mapping[str, str]:
    where: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not is_key(key):
            raise InvalidRequest(f"where: write KEY=VALUE, where KEY is {_KEYS}, not {text!r}")
        where[key] = value
    return where


def _check(query: CostQuery) -> None:
    if not is_key(query.by):
        raise InvalidRequest(f"the bill is grouped by {_KEYS}, not {query.by!r}")
    if query.split is Split.WEIGHT and query.by != "queue":
        raise InvalidRequest("only queues have weights: split by weight when grouping by queue, else uniform or use")
    if query.split is not Split.NONE and is_of_place(query.by):
        raise InvalidRequest(f"by {query.by}, idle time and overhead stand where they arose, so they are not split")
    owned = [text for text in query.where if not is_of_place(text.partition("=")[0])]
    if query.split is not Split.NONE and owned:
        raise InvalidRequest(
            f"idle time has no {owned[0].partition('=')[0]}, so what is left by `where` can't be split"
        )


def _view(line: Line) -> CostLine:
    return CostLine(
        key=line.key,
        name=line.name,
        accelerator_hours=line.accelerator_hours,
        cpu_hours=line.cpu_hours,
        memory_gib_hours=line.memory_gib_hours,
        work_usd=line.work.usd,
        idle_usd=line.idle.usd,
        overhead_usd=line.overhead.usd,
        cost_usd=line.total.usd,
    )
