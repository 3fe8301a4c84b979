"""The command that plans what to reserve."""

from __future__ import annotations

from pathlib import Path

import click

from tauon.cli.command import Call, command
from tauon.cli.money_options import PlanOptions

_FILE = click.Path(path_type=Path, dir_okay=False)


@command("plan", PlanOptions, reads=True)
@click.argument("file", type=_FILE, metavar="PLAN.yaml")
@click.option("--demand", type=_FILE, metavar="FILE.csv", help="GPUs by the hour: a column for each type.")
@click.option("--since", default="90d", show_default=True, metavar="TIME", help="Demand of the journal from then on.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only the demand that has this: queue=research.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write a page with the duration curves.")
def plan(call: Call, options: PlanOptions) -> int:
    """Plan what to reserve, where and for how long, from past demand.

    PLAN.yaml says what can be bought: reserved, on demand, spot. The demand is that of the server's journal, or of a file.
    The answer is the portfolio of the least expected cost, what it costs against the alternatives, and how the same rule
    would have done on your own past.
    """
    from tauon.cli.actions.plan import plan_supply

    return plan_supply(call, options)
