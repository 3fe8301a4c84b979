"""The command that finds accelerators, parallelism and precision for a model."""

from __future__ import annotations

import click

from tauon.cli.command import Call, command
from tauon.cli.money_options import TuneOptions


@command("tune", TuneOptions, reads=True)
@click.argument("model", metavar="MODEL|JOB")
@click.option("--train", is_flag=True, help="Train it, rather than serve it.")
@click.option("--prompt", type=click.IntRange(1, 10**7), default=2000, show_default=True, help="Tokens of a prompt.")
@click.option("--answer", type=click.IntRange(1, 10**6), default=500, show_default=True, help="Of an answer.")
@click.option("--sequence", type=click.IntRange(1, 10**7), default=4096, show_default=True, help="Tokens, in training.")
@click.option(
    "--batch", type=click.IntRange(1, 10**6), default=256, show_default=True, help="Sequences of a step, in training."
)
@click.option(
    "--micro-batch", type=click.IntRange(1, 4096), default=1, show_default=True, help="Sequences at once, in training."
)
@click.option("--tokens", type=float, help="All that is to be trained on, such as 15e9.")
@click.option("--first-token", default="", metavar="TIME", help="Goal in serving: the first token within 1s, 500ms.")
@click.option("--per-token", default="", metavar="TIME", help="Goal in serving: each further token within 30ms.")
@click.option("--deadline", default="", metavar="TIME", help="Goal in training: all tokens within 2d.")
@click.option("--price", multiple=True, metavar="TYPE=USD[:COUNT]", help="H100=2.49:64.  [default: the server's nodes]")
@click.option(
    "--precision",
    multiple=True,
    type=click.Choice(["fp32", "tf32", "bf16", "fp8", "int8", "int4"]),
    help="Only in this one; may be repeated.",
)
@click.option("--measured", multiple=True, metavar="TYPE:GPUS:TOKENS", help="Tokens a second that were measured.")
@click.option("--top", type=click.IntRange(1, 1000), default=10, show_default=True, help="So many choices.")
def tune(call: Call, options: TuneOptions) -> int:
    """Find accelerators, parallelism and precision for a model.

    MODEL is a name (Qwen3-32B), a folder or a Hugging Face config.json; a JOB is one whose label `model` says so. Every way
    that fits and keeps the goal is ranked by what a million tokens cost at the prices that are known.
    """
    from tauon.cli.actions.tune import tune_model

    return tune_model(call, options)
