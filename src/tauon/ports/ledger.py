"""The port of the ledger: the journal's entries, kept in such a form that any report over any window is quick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import msgspec

from tauon.model.ledger import Entry, EntryKind

OTHERS = "(others)"
NO_LIMIT = 2**62


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time in microseconds since the epoch, its end excluded."""

    from_us: int
    to_us: int


class Group(msgspec.Struct, kw_only=True):
    """The sums of all entries of one kind and one key: amounts times microseconds, and exact atoms of money.

    Where there were more keys than wanted, one group stands for `keys` of them, and its own key is `OTHERS`.
    """

    kind: EntryKind
    key: str
    name: str = ""
    keys: int = 1
    accelerator_milli_us: int = 0
    cpu_milli_us: int = 0
    memory_mib_us: int = 0
    atoms: int = 0


class Ledger(Protocol):
    """The entries of the whole journal. Every method may be called from any thread, and takes its time."""

    def catch_up(self) -> None:
        """Fold what the journal has that the ledger has not. Raises StorageUnavailable."""
        ...

    def begins_us(self, to_us: int) -> int:
        """When the first entry begins; `to_us` when there is none."""
        ...

    def sums(self, by: str, where: Mapping[str, str], window: Window, *, most: int = NO_LIMIT) -> list[Group]:
        """Sums by a key (one of those of `model.ledger`), over the entries that have all of `where`.

        By an owner's key, no more than the `most` dearest groups, and one for all others.
        """
        ...

    def entries(self, where: Mapping[str, str], window: Window) -> Iterator[Entry]:
        """The entries that touch a window, by begin, node and attempt; cut to the window; open ones end with it."""
        ...
