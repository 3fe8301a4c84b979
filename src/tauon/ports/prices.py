"""The port of a price list: what can be had anywhere, at which price, known since when."""

from __future__ import annotations

from typing import Protocol

from tauon.model.market import PoolOffers


class PriceSource(Protocol):
    """A list of offers that are only told, not sold: each names its seller as its pool."""

    @property
    def name(self) -> str: ...

    def offers(self) -> PoolOffers:
        """The newest list; the same object for as long as it has not changed. Never blocks for long.

        Raises ConfigError, saying what is wrong with the list and where.
        """
        ...
