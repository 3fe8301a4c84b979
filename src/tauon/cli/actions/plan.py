"""Plan what to reserve: read the document, get the demand, solve, show."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tauon.cli.actions.moments import moment_us
from tauon.cli.command import Call
from tauon.cli.invocation import ask, output_of
from tauon.cli.money_options import PlanOptions
from tauon.cli.output import Output
from tauon.cli.render.plan import portfolio
from tauon.model.errors import InvalidRequest
from tauon.service.control_plane import ControlPlane, DemandQuery
from tauon.service.plan_document import question_of, read_plan


def plan_supply(call: Call, options: PlanOptions) -> int:
    """`tauon plan`."""
    if options.demand is not None:
        return _planned(output_of(call), options, read_demand(options.demand))
    return ask(call, _from_journal, options)


async def _from_journal(plane: ControlPlane, output: Output, options: PlanOptions) -> int:
    from_us = moment_us(options.since, "--since", output.screen)
    found = await plane.demand(DemandQuery(from_us=from_us, where=options.where))
    return _planned(output, options, found.hourly)


def _planned(output: Output, options: PlanOptions, measured: Mapping[str, Sequence[float]]) -> int:
    try:
        from tauon.economics.supply.plan import plan
    except ImportError as error:
        raise InvalidRequest(
            f"planning needs a package that is not there ({error.name}); install it: pip install 'tauon[plan]'"
        ) from error
    question = question_of(read_plan(options.file), measured)
    output.patience.wait("solving")
    found = plan(question)
    output.show(found, portfolio)
    if options.html is not None:
        from tauon.cli.render.plan_page import page

        try:
            options.html.write_text(page(found), encoding="utf-8")
        except OSError as error:
            raise InvalidRequest(f"can't write {options.html}: {error.strerror}") from error
        output.note(f"The page is {options.html}.")
    return 0


def read_demand(path: Path) -> dict[str, list[float]]:
    """A column of GPUs for each type, a row for each hour; a column called `hour` or `time` is passed over."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"can't read {path}: {error}") from error
    names = [name for name in (rows[0] if rows else {}) if name and name.lower() not in ("hour", "time", "timestamp")]
    found: dict[str, list[float]] = {name: [] for name in names}
    for line, row in enumerate(rows, start=2):
        for name in names:
            try:
                value = float(row[name] or "")
            except (TypeError, ValueError):
                value = -1.0
            if not 0 <= value < 1e9:
                raise InvalidRequest(f"{path}, line {line}: {name} is no number of GPUs: {row[name]!r}")
            found[name].append(value)
    return found
