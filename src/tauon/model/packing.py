"""How the node for a worker is chosen among those that could hold it."""

from __future__ import annotations

import enum


class PackingRule(enum.StrEnum):
    """Tauon's own rule, and what is known of the field, to compare with."""

    LEAST_STRANDED = "least-stranded"
    BEST_FIT = "best-fit"
    DOT_PRODUCT = "dot-product"
    FGD = "fgd"
