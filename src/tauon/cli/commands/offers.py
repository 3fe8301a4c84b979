"""The command that lists what can be had."""

from __future__ import annotations

import click

from tauon.cli.command import Call, command
from tauon.cli.offer_options import OfferOptions


@command("offers", OfferOptions, reads=True)
@click.argument("accelerators", nargs=-1, metavar="[TYPE:N]...")
@click.option("-j", "--job", default="", help="What this job asks for, with its constraints.")
@click.option("--spot", is_flag=True, help="Spot alone.")
@click.option("--on-demand", is_flag=True, help="On demand alone.")
@click.option("--pool", "pools", multiple=True, metavar="NAME", help="In this pool. May be repeated.")
@click.option("--region", "regions", multiple=True, metavar="NAME", help="In this region. May be repeated.")
@click.option("--residency", multiple=True, metavar="LABEL", help="With this residency. May be repeated.")
@click.option("--max-price", default="", metavar="USD", help="The most that one accelerator may cost an hour.")
@click.option("--by", type=click.Choice(["work", "price"]), default="work", show_default=True, help="The order.")
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), default=25, show_default=True, help="How many.")
def offers(call: Call, options: OfferOptions) -> int:
    """List what can be had: what pools sell and catalogues list.

    With a number alone, such as 4, it is every type. WORK is what an hour of work at the speed of one H100 costs there, counted for each worker that asks for TYPE:N; with
    `--by price` they are sorted by the price of one accelerator instead.
    """
    from tauon.cli.actions.offers import list_offers
    from tauon.cli.invocation import ask

    return ask(call, list_offers, options)
