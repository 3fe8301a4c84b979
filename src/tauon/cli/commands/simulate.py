"""The command that plays what would have been."""

from __future__ import annotations

from pathlib import Path

import click

from tauon.cli.command import Call, command
from tauon.cli.options import SimulateOptions


@command("simulate", SimulateOptions, reads=True)
@click.argument("source", metavar="WORLD.yaml|TRACE")
@click.option("--policy", multiple=True, metavar="NAME", help="A policy to play; repeat it to compare several.")
@click.option("--seed", type=click.IntRange(0), help="Of faults and of generated work.  [default: the world's, or 0]")
@click.option("--until", default="", metavar="TIME", help="Stop after this much virtual time: 12h, 30d.")
@click.option("--nodes", multiple=True, metavar="TYPE:GPUSxNODES", help="Nodes, as H100:8x16. May be repeated.")
@click.option("--gpu-only", is_flag=True, help="Leave out jobs that ask for no GPU.")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a report with charts, in one file that needs nothing else.",
)
def simulate(call: Call, options: SimulateOptions) -> int:
    """Play a trace or a world under one policy or several.

    Time is virtual, and the decisions are made by the same code as in production. SOURCE is a world (a YAML file with
    pools, queues, work and faults), a trace of a real cluster (openb, Philly, Helios, Acme, sacct, SWF; plain or
    gzipped), or the database of a server, to play its own past again.
    """
    from tauon.cli.actions.simulating import play

    return play(call, options)
