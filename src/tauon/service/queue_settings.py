"""The queues as people write them: weights, quotas, and the rules that a tree of them must keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tauon.model.accelerator import canonical_type
from tauon.model.budget import Budget, Period
from tauon.model.ids import QueueName
from tauon.model.job_spec import QUEUE
from tauon.model.money import usd_per_h_to_micro
from tauon.model.quantity import parse_duration_s
from tauon.model.queue import DEFAULT_QUEUE, HALF_LIFE_S, MIN_RUN_S, PATIENCE_S, Queue, QueueOrder, path
from tauon.model.resources import MILLI
from tauon.model.tree import Tree


def price(value: object) -> object:
    """Dollars an hour as decimal text. Raises ValueError."""
    text = str(value) if not isinstance(value, bool) else "yes or no"
    usd_per_h_to_micro(text)
    return text


def _amounts(value: object) -> object:
    found: dict[str, float] = {}
    if not isinstance(value, dict):
        return value  # which is no mapping, and is told so
    for name, count in value.items():
        type_ = canonical_type(str(name))
        if isinstance(count, bool) or not isinstance(count, int | float) or not 0 <= count < 1e9:
            raise ValueError(f"{name}: an amount of accelerators is a number such as 16, not {count!r}")
        if type_ in found:
            raise ValueError(f"{type_} is given twice")
        found[type_] = count
    return found


def _duration(value: object) -> object:
    return parse_duration_s(value)


def half_life(value: object) -> object:
    """Seconds, more than none. Raises ValueError."""
    seconds = parse_duration_s(value)
    if seconds < 1:
        raise ValueError("a half-life is at least a second, such as 7d")
    return seconds


Price = Annotated[str, BeforeValidator(price)]
Amounts = Annotated[dict[str, float], BeforeValidator(_amounts)]
Duration = Annotated[float, BeforeValidator(_duration)]
HalfLife = Annotated[float, BeforeValidator(half_life)]


# Nothing unknown is passed over; the docstring of a field is what the reference says about it.
STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class BudgetSettings(BaseModel):
    """What a queue, with all below it, may spend in a period."""

    model_config = STRICT

    period: Period = Period.MONTH
    """hour, day, week, month, quarter or year; by the calendar, in UTC."""
    usd: Price | None = None
    """Dollars; or give gpu_hours."""
    gpu_hours: Annotated[float, Field(ge=0, lt=1e9)] | None = None
    """Hours of accelerators."""
    hard: bool = False
    """Whether nothing starts once it is spent; else it only warns."""
    stop: bool = False
    """Whether what runs is stopped, with notice, when a hard budget is spent."""
    warn_at: list[Annotated[float, Field(gt=0, le=10)]] = [0.5, 0.8, 1.0]
    """Shares of it at which to warn of what is spent."""
    warn_forecast: list[Annotated[float, Field(gt=0, le=10)]] = [1.0]
    """Shares of it at which to warn of what is expected by the end of the period."""

    @model_validator(mode="after")
    def _one_amount(self) -> BudgetSettings:
        if (self.usd is None) == (self.gpu_hours is None):
            raise ValueError("a budget is either of `usd` or of `gpu_hours`")
        if self.stop and not self.hard:
            raise ValueError("`stop` is for a budget that is `hard`")
        return self

    def noun(self) -> Budget:
        """As the rest of the program knows it."""
        return Budget(
            period=self.period,
            micro_usd=None if self.usd is None else usd_per_h_to_micro(self.usd),
            accelerator_milli_h=None if self.gpu_hours is None else round(self.gpu_hours * MILLI),
            hard=self.hard,
            stop=self.stop,
            warn_at=tuple(sorted(self.warn_at)),
            warn_forecast=tuple(sorted(self.warn_forecast)),
        )


class QueueSettings(BaseModel):
    """One queue. A queue above it that is not listed is there all the same, with the defaults."""

    model_config = STRICT

    name: Annotated[str, Field(pattern=QUEUE)]
    """Its path, such as research/vision."""
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Its share among its siblings."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """The priority of workloads that name none."""
    guarantee: Amounts = {}
    """Accelerators by type that it has whenever it wants them, such as {H100: 16}; what others borrow is taken back."""
    maximum: Amounts = {}
    """Accelerators by type that it never exceeds, with all queues below it."""
    max_usd_per_h: Price | None = None
    """Dollars an hour that what it holds may cost at most, with all queues below it."""
    borrow: bool = True
    """Whether it may use more than its guarantee while that is idle."""
    order: QueueOrder = QueueOrder.FIFO
    """Who goes first among workloads of equal priority: fifo, shortest, smallest, least-served or turnaround."""
    strict: bool = False
    """Whether nothing starts while what goes before it waits; else what fits may start meanwhile."""
    take_turns: bool = False
    """Whether running workloads that save checkpoints are stopped for what goes before them in the queue's order."""
    patience: Duration | None = None
    """How long its workloads wait at most before they go ahead of what its order would put before them, one at a time;
    24h unless given. In the order fifo nobody is put behind a later one for its size."""
    min_run: Duration | None = None
    """How long its workloads run before they may be stopped for another queue's guarantee or another's turn;
    inherited, 10m at the top."""
    budgets: list[BudgetSettings] = []
    """What it, with all queues below it, may spend in a period."""


class TreeFault(ValueError):
    """A rule of the tree that a queue breaks; `place` is where it stands in the document."""

    def __init__(self, message: str, place: tuple[str | int, ...]) -> None:
        super().__init__(message)
        self.place = place


def queue_nouns(settings: Sequence[QueueSettings], half_life_s: float = HALF_LIFE_S) -> dict[QueueName, Queue]:
    """The queues as the rest of the program knows them: `default` and all that are implied among them."""
    by_name = {QueueName(one.name): one for one in settings}
    names = dict.fromkeys((DEFAULT_QUEUE, *(above for name in by_name for above in path(name))))
    return {name: _noun(name, by_name, half_life_s) for name in names}


def _noun(name: QueueName, listed: Mapping[QueueName, QueueSettings], half_life_s: float) -> Queue:
    one = listed.get(name) or QueueSettings(name=name)
    above = (listed[up].min_run for up in reversed(path(name)) if up in listed)
    return Queue(
        name=name,
        weight=one.weight,
        priority=one.priority,
        guarantee=_milli(one.guarantee),
        maximum=_milli(one.maximum),
        max_micro_usd_per_h=None if one.max_usd_per_h is None else usd_per_h_to_micro(one.max_usd_per_h),
        borrow=one.borrow,
        order=one.order,
        strict=one.strict,
        take_turns=one.take_turns,
        patience_s=PATIENCE_S if one.patience is None else one.patience,
        min_run_s=next((s for s in above if s is not None), MIN_RUN_S),
        half_life_s=half_life_s,
        budgets=tuple(budget.noun() for budget in one.budgets),
    )


def _milli(amounts: Mapping[str, float]) -> dict[str, int]:
    return {type_: round(count * MILLI) for type_, count in amounts.items()}


def check_tree(settings: Sequence[QueueSettings]) -> None:
    """Raise TreeFault for guarantees that can't all be kept."""
    tree = Tree(queue_nouns(settings))
    for index, one in enumerate(settings):
        name = QueueName(one.name)
        place = ("queues", index)
        if not one.borrow and not tree.types(name):
            raise TreeFault(f"queue {name} may not borrow and has no guarantee, so nothing could ever run in it", place)
        for type_ in sorted(tree.types(name)):
            has, parts = tree.guarantee(name, type_), tree.children(name)
            below = {child: tree.guarantee(child, type_) for child in parts}
            if sum(below.values()) > has:
                raise TreeFault(
                    f"queue {name} is guaranteed {_count(has, type_)}, but {_sum(below, type_)}: give {name} more, or "
                    "those less",
                    place,
                )
            most = one.maximum.get(type_)
            if most is not None and has > round(most * MILLI):
                raise TreeFault(
                    f"queue {name} is guaranteed {_count(has, type_)}, more than its maximum of {most:g}", place
                )


def _sum(below: Mapping[QueueName, int], type_: str) -> str:
    parts = [f"{name} {milli / MILLI:g}" for name, milli in below.items() if milli]
    total = _count(sum(below.values()), type_)
    return f"the queues below it {total} together ({', '.join(parts)})" if len(parts) > 1 else f"{parts[0]}"


def _count(milli: int, type_: str) -> str:
    return f"{milli / MILLI:g} {type_}"


def listed_twice(names: Iterable[Any]) -> str:
    """An error's text, or an empty one."""
    names = list(names)
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"listed twice: {', '.join(twice)}" if twice else ""
