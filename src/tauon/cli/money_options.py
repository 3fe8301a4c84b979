"""What the flags of the commands about money come to, as frozen values; nothing here is slow to load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """Where the rows go, which window, which entries."""

    file: Path | None
    since: str
    until: str
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The document, where the demand comes from (a CSV file, else the journal since a time), and where the page goes."""

    file: Path
    demand: Path | None
    since: str
    where: tuple[str, ...]
    html: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """Which file."""

    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileOptions:
    """Which invoice, dollars for other currencies (`EUR=1.08`), entries, and how many dollars are no difference."""

    file: Path
    rate: tuple[str, ...]
    where: tuple[str, ...]
    tolerance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostOptions:
    """What to group by, how to split what is shared, which entries, and the window as it was written."""

    by: str
    split: str
    since: str
    until: str
    where: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """What is tuned, for which task and goal, at which prices, and what was measured."""

    model: str
    train: bool
    prompt: int
    answer: int
    sequence: int
    batch: int
    micro_batch: int
    tokens: float | None
    first_token: str
    per_token: str
    deadline: str
    price: tuple[str, ...]
    precision: tuple[str, ...]
    measured: tuple[str, ...]
    top: int
