"""Show the bill."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from tauon.cli.actions.moments import moment_us
from tauon.cli.money_options import CostOptions
from tauon.cli.options import Nothing
from tauon.cli.output import Output
from tauon.cli.render.budgets import budget_list
from tauon.cli.render.cost import cost_report
from tauon.cli.render.waste import waste_list
from tauon.economics.cost import Split
from tauon.model.errors import InvalidRequest
from tauon.service.control_plane import ControlPlane, CostQuery
from tauon.service.views import CostLine


async def show_cost(plane: ControlPlane, output: Output, options: CostOptions) -> int:
    """`tauon cost`."""
    report = await plane.cost(_query(output, options))
    if output.format == "csv":
        output.write(as_csv(report.lines))
    else:
        output.show(report, cost_report)
    return 0


async def list_waste(plane: ControlPlane, output: Output, _: Nothing) -> int:
    """`tauon waste`."""
    found = await plane.waste()
    output.show(found, waste_list)
    if not found:
        output.note("No accelerator was found to be wasted in the last half hour.")
    return 0


async def list_budgets(plane: ControlPlane, output: Output, _: Nothing) -> int:
    """`tauon budgets`."""
    found = await plane.budgets()
    output.show(found, budget_list)
    if not found:
        output.note("There is no budget: the server's configuration gives them to queues.")
    return 0


def window(output: Output, since: str, until: str) -> tuple[int | None, int | None]:
    """A window as it was written. Raises InvalidRequest."""
    from_us, to_us = moment_us(since, "--since", output.screen), moment_us(until, "--until", output.screen)
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise InvalidRequest("--since must be before --until")
    return from_us, to_us


def _query(output: Output, options: CostOptions) -> CostQuery:
    from_us, to_us = window(output, options.since, options.until)
    return CostQuery(
        by=options.by,
        split=Split(options.split),
        from_us=from_us,
        to_us=to_us,
        where=options.where,
        limit=options.limit,
    )


def as_csv(lines: Sequence[CostLine]) -> str:
    """Lines as CSV with a heading (RFC 4180, newlines as this system has them)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CostLine.__struct_fields__)
    writer.writerows([getattr(line, name) for name in CostLine.__struct_fields__] for line in lines)
    return text.getvalue()
