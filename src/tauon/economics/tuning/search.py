"""The choice: every way to run a task that fits and keeps its goal, the cheapest for a unit of work first."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tauon.economics.tuning.chips import CHIPS, Chip, Precision
from tauon.economics.tuning.memory import GIB, Layout, Memory, serving_memory, training_memory
from tauon.economics.tuning.roofline import UNTUNED, Constants, Load, Run, serving, training
from tauon.economics.tuning.transformer import Transformer
from tauon.model.errors import Infeasible

POWERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SERVED = (Precision.BF16, Precision.FP8, Precision.INT8, Precision.INT4)
TRAINED = (Precision.BF16, Precision.TF32, Precision.FP32)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a type can be had and what one costs: dollars an hour, how many at most in all."""

    accelerator: str
    usd_per_h: float
    pool: str = ""
    most: int = 64
    precisions: tuple[Precision, ...] = ()  # those that will do; empty: all


class Way(NamedTuple):
    """One way to run it, before it is known what comes of it."""

    place: Place
    chip: Chip
    layout: Layout
    precision: Precision

    def __str__(self) -> str:
        return f"{self.layout.gpus} {self.place.accelerator} in {self.precision.value}"


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What must be kept: seconds to the first and for each further token; for a training, tokens in all and hours for them."""

    first_token_s: float | None = None
    per_token_s: float | None = None
    tokens: float | None = None
    deadline_h: float | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run it. `usd_per_mtoken` is dollars for a million tokens; `hours` how long all of it takes, where that is known.

    `factor` is the measured correction that the times hold already.
    """

    pool: str
    accelerator: str
    gpus: int
    tp: int
    pp: int
    dp: int
    precision: Precision
    batch: int
    recompute: bool = False
    memory_gib: float
    memory_share: float
    tokens_per_s: float
    usd_per_h: float
    usd_per_mtoken: float
    first_token_s: float | None = None
    per_token_s: float | None = None
    step_s: float | None = None
    utilisation: float | None = None
    hours: float | None = None
    usd: float | None = None
    factor: float = 1.0


class Tuning(msgspec.Struct, frozen=True, kw_only=True):
    """The choices, best first, and how many ways were looked at, did not fit, and missed the goal."""

    model: str
    parameters: int
    task: str
    choices: list[Choice]
    tried: int
    unfit: int
    late: int


Correct = Callable[[str], float]
"""The measured factor of a class of jobs on a type of accelerator; above 1 is slower than the model says."""


def _none(_: str) -> float:
    return 1.0


def tune_serving(
    model: Transformer,
    places: Sequence[Place],
    load: Load,
    goal: Goal,
    *,
    correct: Correct = _none,
    constants: Constants = UNTUNED,
) -> Tuning:
    """Replicas that serve a model. The batch is the largest that fits and keeps the goal: it is the cheapest per token.

    Raises Infeasible when none fits anywhere (saying by how much) or none keeps the goal (saying how near it came).
    """
    found: list[Choice] = []
    misfits: list[tuple[Memory, str]] = []
    tried = late = 0
    nearest: Choice | None = None
    for way in _replicas(model, places):
        factor = correct(way.place.accelerator)
        best: Choice | None = None
        for batch in BATCHES:
            tried += 1
            context = load.prompt + load.output
            memory = serving_memory(model, way.chip, way.layout, way.precision, batch=batch, context=context)
            if not memory.fits:
                if batch == 1:
                    misfits.append((memory, str(way)))
                break
            own = msgspec.structs.replace(load, batch=batch)
            choice = _served(model, way, own, memory, constants, factor)
            if _keeps(choice, goal):
                best = choice
            else:
                late += 1
                nearest = choice if nearest is None or _miss(choice, goal) < _miss(nearest, goal) else nearest
        if best is not None:
            found.append(best)
    if not found:
        raise _nothing(model, misfits, nearest, goal)
    return _tuning(model, "serving", found, tried, len(misfits), late)


def _replicas(model: Transformer, places: Sequence[Place]) -> Iterator[Way]:
    for place, chip in _chips(places):
        for precision in SERVED:
            if chip.peak(precision) is None or (place.precisions and precision not in place.precisions):
                continue
            for tp in POWERS:
                if tp <= min(chip.node, place.most) and model.heads % tp == 0:
                    yield Way(place, chip, Layout(tp=tp), precision)


def _chips(places: Sequence[Place]) -> Iterator[tuple[Place, Chip]]:
    for place in places:
        chip = CHIPS.get(place.accelerator)
        if chip is not None:
            yield place, chip


def _served(model: Transformer, way: Way, load: Load, memory: Memory, constants: Constants, factor: float) -> Choice:
    told = serving(model, way.chip, way.layout.tp, way.precision, load, constants)
    choice = _choice(way, memory, told.tokens_per_s / factor, load.batch)
    return msgspec.structs.replace(
        choice,
        first_token_s=told.first_token_s * factor,
        per_token_s=told.per_token_s * factor,
        factor=factor,
    )


def _choice(way: Way, memory: Memory, tokens_per_s: float, batch: int) -> Choice:
    layout = way.layout
    usd_per_h = way.place.usd_per_h * layout.gpus
    return Choice(
        pool=way.place.pool,
        accelerator=way.place.accelerator,
        gpus=layout.gpus,
        tp=layout.tp,
        pp=layout.pp,
        dp=layout.dp,
        precision=way.precision,
        batch=batch,
        memory_gib=memory.total / GIB,
        memory_share=memory.total / memory.usable,
        tokens_per_s=tokens_per_s,
        usd_per_h=usd_per_h,
        usd_per_mtoken=usd_per_h / 3600 / tokens_per_s * 1e6,
    )


def tune_training(
    model: Transformer, places: Sequence[Place], run: Run, goal: Goal, *, correct: Correct = _none
) -> Tuning:
    """Trainings of a model by every division that fits, with and without recomputation.

    Raises Infeasible when none fits anywhere or none is done in time.
    """
    found: list[Choice] = []
    misfits: list[tuple[Memory, str]] = []
    tried = late = 0
    nearest: Choice | None = None
    for way in _divisions(model, places, run):
        tried += 1
        own, memory = _fitting(model, way, run)
        if not memory.fits:
            misfits.append((memory, str(way)))
            continue
        choice = _trained(model, way, own, memory, goal, correct(way.place.accelerator))
        if _keeps(choice, goal):
            found.append(choice)
        else:
            late += 1
            nearest = choice if nearest is None or _miss(choice, goal) < _miss(nearest, goal) else nearest
    if not found:
        raise _nothing(model, misfits, nearest, goal)
    return _tuning(model, "training", found, tried, len(misfits), late)


def _fitting(model: Transformer, way: Way, run: Run) -> tuple[Run, Memory]:
    """Recomputation takes a third more arithmetic, so it is only done where it makes the difference."""
    memory = training_memory(model, way.chip, way.layout, way.precision, run)
    if memory.fits or run.recompute:
        return run, memory
    again = msgspec.structs.replace(run, recompute=True)
    return again, training_memory(model, way.chip, way.layout, way.precision, again)


def _divisions(model: Transformer, places: Sequence[Place], run: Run) -> Iterator[Way]:
    for place, chip in _chips(places):
        for precision in TRAINED:
            if chip.peak(precision) is not None and (not place.precisions or precision in place.precisions):
                for layout in _layouts(model, chip, place.most, run):
                    yield Way(place, chip, layout, precision)


def _layouts(model: Transformer, chip: Chip, most: int, run: Run) -> Iterator[Layout]:
    """Tensor parallel within a node, as many stages as divide the layers, replicas that divide the batch."""
    tensor = [tp for tp in POWERS if tp <= chip.node and model.heads % tp == 0]
    pipeline = [pp for pp in POWERS if pp <= model.layers and model.layers % pp == 0]
    data = [dp for dp in POWERS if run.batch % (dp * run.micro_batch) == 0]
    for tp, pp, dp in itertools.product(tensor, pipeline, data):
        if tp * pp * dp <= most:
            yield Layout(tp=tp, pp=pp, dp=dp)


def _trained(model: Transformer, way: Way, run: Run, memory: Memory, goal: Goal, factor: float) -> Choice:
    layout = way.layout
    told = training(model, way.chip, (layout.tp, layout.pp, layout.dp), way.precision, run)
    choice = _choice(way, memory, told.tokens_per_s / factor, run.micro_batch)
    hours = None if goal.tokens is None else goal.tokens / choice.tokens_per_s / 3600
    return msgspec.structs.replace(
        choice,
        recompute=run.recompute,
        step_s=told.step_s * factor,
        utilisation=told.utilisation / factor,
        hours=hours,
        usd=None if hours is None else hours * choice.usd_per_h,
        factor=factor,
    )


# ---------------------------------------------------------------------------- goals


def _ratios(choice: Choice, goal: Goal) -> Iterator[float]:
    pairs = (
        (choice.first_token_s, goal.first_token_s),
        (choice.per_token_s, goal.per_token_s),
        (choice.hours, goal.deadline_h),
    )
    for value, most in pairs:
        if value is not None and most is not None:
            yield value / most


def _keeps(choice: Choice, goal: Goal) -> bool:
    return all(ratio <= 1 for ratio in _ratios(choice, goal))


def _miss(choice: Choice, goal: Goal) -> float:
    return max(_ratios(choice, goal), default=0.0)


def _nothing(
    model: Transformer, misfits: Iterable[tuple[Memory, str]], nearest: Choice | None, goal: Goal
) -> Infeasible:
    if nearest is not None:
        told = {
            "the first token takes": (nearest.first_token_s, goal.first_token_s, "s"),
            "a token takes": (nearest.per_token_s, goal.per_token_s, "s"),
            "it takes": (nearest.hours, goal.deadline_h, "h"),
        }
        texts = [
            f"{what} {value:.3g} {unit}, and {most:g} {unit} are allowed"
            for what, (value, most, unit) in told.items()
            if value is not None and most is not None and value > most
        ]
        return Infeasible(
            f"{model.name} can't be done in time anywhere. The nearest is {nearest.gpus} {nearest.accelerator} in "
            f"{nearest.precision.value}: {'; '.join(texts)}"
        )
    least = min(misfits, key=lambda one: one[0].lacking_gib, default=None)
    if least is None:
        return Infeasible(f"there is no accelerator with a data sheet to run {model.name} on: name one with --gpus")
    memory, where = least
    parts: Mapping[str, float] = {
        "weights": memory.weights,
        "optimiser": memory.optimiser,
        "activations": memory.activations,
        "cache": memory.cache,
        "runtime": memory.runtime,
    }
    shown = ", ".join(f"{name} {size / GIB:.1f}" for name, size in parts.items() if size)
    return Infeasible(
        f"{model.name} fits nowhere: the nearest is {where}, where each lacks {memory.lacking_gib:.1f} GiB "
        f"({shown}; {memory.usable / GIB:.1f} GiB can be used)"
    )


def _tuning(model: Transformer, task: str, found: list[Choice], tried: int, unfit: int, late: int) -> Tuning:
    found.sort(key=lambda choice: (choice.usd_per_mtoken, choice.gpus))
    return Tuning(
        model=model.name, parameters=model.parameters, task=task, choices=found, tried=tried, unfit=unfit, late=late
    )
