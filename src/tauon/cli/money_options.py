"""What the flags of the commands about money come to, as frozen values; nothing here is slow to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOptions:
    """What to group by, how to split what is shared, which entries, and the window as it was written."""

    by: str
    split: str
    since: str
    until: str
    where: tuple[str, ...]
    limit: int
