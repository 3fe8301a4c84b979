"""`tauon run`: files or a command, and the flags that go over what the files say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tauon.cli.command import Call, Command, command, split_at_dashes
from tauon.cli.complete import job_ids, queue_names, secret_names
from tauon.cli.options import RunOptions

_COMMAND = "tauon.command"


class RunCommand(Command):
    """Takes what stands after `--` as the job's command, flags and all."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, words = split_at_dashes(args)
        ctx.meta[_COMMAND] = words
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


def _collected(**values: Any) -> RunOptions:
    words = click.get_current_context().meta.get(_COMMAND)
    return RunOptions(command=None if words is None else tuple(words), **values)


@command("run", _collected, reads=True, cls=RunCommand)
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True), metavar="[FILE]...")
@click.option("-n", "--name", help="A name for people.")
@click.option("-q", "--queue", help="The queue it waits in.", shell_complete=queue_names)
@click.option("-p", "--priority", type=int, help="Higher goes first.")
@click.option("--workers", type=int, help="How many workers start together.")
@click.option(
    "-g",
    "--gpus",
    multiple=True,
    metavar="TYPE:N",
    help="For each worker: H100:8, or just 2. Again: what else would do.",
)
@click.option("-c", "--cpus", metavar="N", help="Cores for each worker: 4, 0.5, 500m.")
@click.option("-m", "--memory", metavar="SIZE", help="Memory for each worker: 16 (GiB), 512MiB.")
@click.option("--disk", metavar="SIZE", help="Disk for each worker.")
@click.option(
    "-e", "--env", multiple=True, metavar="K[=V]", help="A variable; K alone: as it is here. May be repeated."
)
@click.option(
    "--secret", multiple=True, metavar="NAME", help="A stored secret, as a variable.", shell_complete=secret_names
)
@click.option("-C", "--workdir", type=click.Path(file_okay=False), metavar="DIR", help="A folder to bring along.")
@click.option("-l", "--label", multiple=True, metavar="K=V", help="To find and bill it by. May be repeated.")
@click.option("--max-price", metavar="USD", help="The most that one accelerator may cost an hour.")
@click.option("--timeout", metavar="TIME", help="Longest time that one attempt may run: 90s, 15m, 2h.")
@click.option("--deadline", metavar="TIME", help="When it should be done: 6h, or a time with its zone.")
@click.option("--retries", type=int, metavar="N", help="Try again so often when a worker fails.")
@click.option(
    "--depends-on", multiple=True, metavar="JOB", help="Only after this job succeeded.", shell_complete=job_ids
)
@click.option("--key", default="", help="Submit once only: the same key again gives the same job.")
@click.option("-f", "--follow", is_flag=True, help="Print what it writes until it ends; exit with its result.")
@click.option("--wait", is_flag=True, help="Wait until it ends; exit with its result.")
@click.option("--dry-run", is_flag=True, help="Check it and print the document; submit nothing.")
def run(call: Call, options: RunOptions) -> int:
    """Submit a job: a file, or a command after --.

    \b
      tauon run train.yaml --gpus H100:8 --follow
      tauon run --gpus 1 -C . -- python train.py --epochs 3

    FILE is YAML or JSON, several documents in it separated by `---`; `-` reads standard input. Flags go over what
    the files say. With --wait or --follow the exit code is the job's: 0 succeeded, 1 failed, 8 cancelled.

    In a pipe, only the ids are printed.
    """  # noqa: D301 - the mark by which click keeps lines
    from tauon.cli.actions.submitting import check_only, submit
    from tauon.cli.invocation import output_of

    if options.dry_run:
        return check_only(output_of(call), options)
    return submit(call, options)
