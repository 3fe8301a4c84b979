"""Commands about capacity and money: what is there, what it does, what it costs, what has happened."""

from __future__ import annotations

import re
from typing import Any

import click

from tauon.cli.command import Call, Entry, LazyGroup, command
from tauon.cli.complete import job_ids, node_ids
from tauon.cli.options import DrainOptions, EventOptions, Nothing, TopOptions, UndrainOptions, UsageOptions

_BY = re.compile(r"queue|user|job|pool|accelerator|label:.+")


@command("top", TopOptions, reads=True)
@click.option("-w", "--watch", is_flag=True, help="Keep it up to date.")
def top(call: Call, options: TopOptions) -> int:
    """Show what is going on now: accelerators, processes, money."""
    from tauon.cli.actions.fleet import show_top
    from tauon.cli.invocation import ask

    return ask(call, show_top, options)


@command("list", Nothing, reads=True)
def nodes_list(call: Call, options: Nothing) -> int:
    """List nodes: what each has, what is free, who holds it."""
    from tauon.cli.actions.fleet import list_nodes
    from tauon.cli.invocation import ask

    return ask(call, list_nodes, options)


@command("drain", DrainOptions, reads=True)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=node_ids)
@click.option("--reason", default="", help="Why, for those who ask later.")
def nodes_drain(call: Call, options: DrainOptions) -> int:
    """Give nodes no new work; what runs there goes on."""
    from tauon.cli.actions.fleet import drain_nodes
    from tauon.cli.invocation import ask

    return ask(call, drain_nodes, options)


@command("undrain", UndrainOptions, reads=True)
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...", shell_complete=node_ids)
def nodes_undrain(call: Call, options: UndrainOptions) -> int:
    """Give drained nodes work again."""
    from tauon.cli.actions.fleet import undrain_nodes
    from tauon.cli.invocation import ask

    return ask(call, undrain_nodes, options)


@command("pools", Nothing, reads=True)
def pools(call: Call, options: Nothing) -> int:
    """List pools: where there is capacity, and how much is free."""
    from tauon.cli.actions.fleet import list_pools
    from tauon.cli.invocation import ask

    return ask(call, list_pools, options)


@command("queues", Nothing, reads=True)
def queues(call: Call, options: Nothing) -> int:
    """List queues: their shares, what runs and what waits in each.

    SHARE is what a queue holds of everything; DUE is what its weight stands for.
    """
    from tauon.cli.actions.fleet import list_queues
    from tauon.cli.invocation import ask

    return ask(call, list_queues, options)


def _by(_: click.Context, __: click.Parameter, value: str) -> str:
    if not _BY.fullmatch(value):
        raise click.BadParameter("one of queue, user, job, pool, accelerator, or label:KEY")
    return value


@command("usage", UsageOptions, reads=True)
@click.option(
    "-b",
    "--by",
    default="queue",
    show_default=True,
    callback=_by,
    help="queue, user, job, pool, accelerator, label:KEY.",
)
@click.option(
    "--since", default="", metavar="TIME", help="From then on: 24h, 7d, 2026-01-31, or a time.  [default: ever]"
)
@click.option("--until", default="", metavar="TIME", help="Until then.  [default: now]")
def usage(call: Call, options: UsageOptions) -> int:
    """Show the bill: who used what, and what was idle.

    Work and idle time add up to what the capacity costs, exactly.
    """
    from tauon.cli.actions.fleet import show_usage
    from tauon.cli.invocation import ask

    return ask(call, show_usage, options)


@command("events", EventOptions, reads=True)
@click.argument("subject", default="", metavar="[JOB|NODE]", shell_complete=job_ids)
@click.option("-f", "--follow", is_flag=True, help="Go on as it happens.")
@click.option("--since", default="", metavar="TIME", help="From then on: 1h, 2026-01-31, or a time.")
@click.option(
    "-n", "--tail", default=50, show_default=True, type=click.IntRange(min=0), help="So many from the end; 0: all."
)
def events(call: Call, options: EventOptions) -> int:
    """Tell what has happened, from the journal.

    With --since, everything from then on; else the last lines.
    """
    from tauon.cli.actions.events import tell_events
    from tauon.cli.invocation import ask

    return ask(call, tell_events, options)


_HERE = "tauon.cli.commands.fleet"


class NodesGroup(LazyGroup):
    """`tauon nodes` alone lists them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names = (*self.list_commands(ctx), "-h", "--help")
        if not ctx.resilient_parsing and (not args or args[0].startswith("-")) and not set(args) & set(names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _passed_on(**_: Any) -> None:
    """The commands below take everything."""


nodes = NodesGroup(
    name="nodes",
    callback=_passed_on,
    help="List nodes, or take one out of service.\n\nWithout a command it lists them.",
    entries={
        "list": Entry(f"{_HERE}:nodes_list", "List nodes: what each has, what is free, who holds it."),
        "drain": Entry(f"{_HERE}:nodes_drain", "Give nodes no new work; what runs there goes on."),
        "undrain": Entry(f"{_HERE}:nodes_undrain", "Give drained nodes work again."),
    },
)
