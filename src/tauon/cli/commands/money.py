"""Commands about money: the bill by any key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tauon.cli.command import Call, Command, Entry, LazyGroup, command
from tauon.cli.money_options import CheckOptions, CostOptions, ExportOptions, ReconcileOptions
from tauon.cli.options import Nothing

_HERE = "tauon.cli.commands.money"
_KEYS = "queue, user, job, pool, provider, region, capacity-type, accelerator, node, label:KEY"
_BY = re.compile(r"queue|user|job|pool|provider|region|capacity-type|accelerator|node|label:.+")


class TableCommand(Command):
    """A command whose answer is one table, so that it can be had as CSV too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = click.Choice(["table", "json", "yaml", "csv"])
        self.params = [p for p in self.params if p.name != "output"]
        self.params.append(click.Option(["-o", "--output"], type=choice, help="How to print it.  [default: table]"))


def _key(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _BY.fullmatch(value):
        raise click.BadParameter(f"one of {_KEYS}")
    return value


@command("show", CostOptions, reads=True, cls=TableCommand)
@click.option("-b", "--by", default="queue", show_default=True, callback=_key, help=f"{_KEYS}.")
@click.option(
    "--split",
    type=click.Choice(["none", "uniform", "use", "weight"]),
    default="none",
    show_default=True,
    help="Share idle time and overhead out among the lines.",
)
@click.option("--since", default="", metavar="TIME", help="From then on: 24h, 7d, 2026-01-31.  [default: ever]")
@click.option("--until", default="", metavar="TIME", help="Until then.  [default: now]")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only what has this; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="So many lines.")
def show(call: Call, options: CostOptions) -> int:
    """Show the bill: what everything cost, by whom or by where.

    Work, idle time and overhead add up to what everything cost, exactly. It comes from the journal alone.
    """
    from tauon.cli.actions.money import show_cost
    from tauon.cli.invocation import ask

    return ask(call, show_cost, options)


@command("waste", Nothing, reads=True)
def waste(call: Call, options: Nothing) -> int:
    """List accelerators that are held and hardly used.

    By the samples of the last half hour, with whose they are, what they cost a day and what to do.
    """
    from tauon.cli.actions.money import list_waste
    from tauon.cli.invocation import ask

    return ask(call, list_waste, options)


@command("budgets", Nothing, reads=True)
def budgets(call: Call, options: Nothing) -> int:
    """List budgets: what is spent, and when it will be.

    The forecast goes on at the pace of the last week. SPENT BY is when nothing will be left.
    """
    from tauon.cli.actions.money import list_budgets
    from tauon.cli.invocation import ask

    return ask(call, list_budgets, options)


_FILE = click.Path(path_type=Path, dir_okay=False)


@command("export", ExportOptions)
@click.argument("file", required=False, type=_FILE, metavar="[FILE.csv|FILE.parquet]")
@click.option("--since", default="", metavar="TIME", help="From then on: 24h, 7d, 2026-01-31.  [default: ever]")
@click.option("--until", default="", metavar="TIME", help="Until then.  [default: now]")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only what has this; may be repeated.")
@click.option("--focus", is_flag=True, expose_value=False, help="In FOCUS, the format that there is; may be left out.")
def export(call: Call, options: ExportOptions) -> int:
    """Export the bill in FOCUS, the open format of bills.

    A row for each day, node, payer and part of the node; idle time has rows of its own. Without FILE it is written to
    standard output, as CSV. Every row is checked against the rules of the specification.
    """
    from tauon.cli.actions.focus import export_focus
    from tauon.cli.invocation import ask

    return ask(call, export_focus, options)


@command("check", CheckOptions, reads=True)
@click.argument("file", type=_FILE, metavar="FILE.csv")
def check(call: Call, options: CheckOptions) -> int:
    """Check a FOCUS file against the rules of the specification.

    Columns, values, and what must go together. The exit code is 1 when something is wrong.
    """
    from tauon.cli.actions.focus import check_focus

    return check_focus(call, options)


@command("reconcile", ReconcileOptions, reads=True)
@click.argument("file", type=_FILE, metavar="INVOICE.csv")
@click.option("--rate", multiple=True, metavar="EUR=1.08", help="Dollars for one of another currency; may be repeated.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Compare with this part of the bill: provider=aws.")
@click.option("--tolerance", default="0.01", show_default=True, metavar="USD", help="So much is no difference.")
def reconcile(call: Call, options: ReconcileOptions) -> int:
    """Compare a provider's invoice with the bill, node by node.

    INVOICE.csv is the provider's own FOCUS file. Every difference is named with its cause: machines that never were ready
    here, other hours, other prices, taxes and credits. The exit code is 1 when there are any.
    """
    from tauon.cli.actions.focus import reconcile_invoice
    from tauon.cli.invocation import ask

    return ask(call, reconcile_invoice, options)


class CostGroup(LazyGroup):
    """`tauon cost` alone shows the bill."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names = (*self.list_commands(ctx), "-h", "--help")
        if not ctx.resilient_parsing and (not args or args[0].startswith("-")) and not set(args) & set(names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


def _passed_on(**_: Any) -> None:
    """The commands below take everything."""


cost = CostGroup(
    name="cost",
    callback=_passed_on,
    help="Show the bill by any key.\n\nWithout a command it shows it by queue; see `tauon cost show --help`.",
    entries={
        "show": Entry(f"{_HERE}:show", "Show the bill: what everything cost, by whom or by where."),
        "export": Entry(f"{_HERE}:export", "Export the bill in FOCUS, the open format of bills."),
        "check": Entry(f"{_HERE}:check", "Check a FOCUS file against the rules of the specification."),
        "reconcile": Entry(f"{_HERE}:reconcile", "Compare a provider's invoice with the bill, node by node."),
    },
)
