"""An invoice against the bill as a table: each difference with its cause, in a sentence that says what to do."""

from __future__ import annotations

from tauon.cli.render.table import Column, Row, table, wrapped
from tauon.cli.render.words import count, usd
from tauon.cli.screen import Screen
from tauon.economics.reconcile import Reconciliation


def reconciliation(found: Reconciliation, screen: Screen) -> str:
    """The two totals, then the differences, the largest first."""
    head = (
        f"The invoice comes to {usd(found.invoice_usd, 2)}, the bill to {usd(found.bill_usd, 2)}; "
        f"{count(found.agreed, 'resource')} agree{'s' * (found.agreed == 1)}."
    )
    if not found.differences:
        return f"{wrapped(head, screen)}\nThere is no difference."
    columns = [
        Column("CAUSE"),
        Column("WHAT", least=16),
        Column("INVOICE", is_right=True),
        Column("BILL", is_right=True),
        Column("DIFFERENCE", is_right=True),
    ]
    rows: list[Row] = [
        (
            one.cause.value,
            one.what,
            usd(one.invoice_usd, 2),
            usd(one.bill_usd, 2),
            usd(one.invoice_usd - one.bill_usd, 2),
        )
        for one in found.differences
    ]
    texts = [wrapped(f"- {one.text}", screen) for one in found.differences]
    return "\n".join([wrapped(head, screen), "", table(columns, rows, screen), "", *texts])
