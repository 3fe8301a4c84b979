"""How well a simulation went, in the figures by which schedulers are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from tauon.economics.bill import bill
from tauon.model.ids import JobId
from tauon.model.job import JobState
from tauon.model.money import HOUR_US
from tauon.model.resources import MILLI, Resources
from tauon.ports.what_if import Score, Spread
from tauon.service.money import open_records
from tauon.simulator.result import Result
from tauon.simulator.retelling import Course, Told

HUNDREDTHS = 100


def score(told: Told, result: Result, duration_s: Callable[[JobId], float]) -> Score:
    """The score of a simulation; `duration_s` says how long a job would take, undisturbed."""
    done = [course for course in told.courses if course.state is JobState.SUCCEEDED]
    states = [course.state for course in told.courses]
    began_us = result.scenario.start_us
    cost = bill(
        (*result.store.usage(from_us=0, to_us=told.last_end_us), *open_records(result.cluster, told.last_end_us)),
        from_us=0,
        to_us=told.last_end_us,
        key=lambda _: "",
    )
    lost_h = sum(_gpu_h(c.held, c.ran_us - duration_s(c.job.id) * 1e6) for c in done)
    return Score(
        jobs=len(states) + len(result.refused),
        succeeded=len(done),
        failed=states.count(JobState.FAILED),
        cancelled=states.count(JobState.CANCELLED),
        unfinished=sum(course.ended_us is None for course in told.courses),
        refused=len(result.refused),
        completion_s=spread(completion_times_s(done)),
        queueing_s=spread([max(0.0, _span_s(c) - c.ran_us / 1e6) for c in done]),
        unfairness=spread([_unfairness(c, duration_s(c.job.id), told.average_capacity) for c in done]),
        makespan_s=(told.last_end_us - began_us) / 1e6,
        utilisation=utilisation(told),
        fragmentation=told.fragmentation,
        preemptions=told.preemptions,
        restarts=told.restarts,
        gpu_h=told.held.accelerator_milli / MILLI / HOUR_US,
        lost_gpu_h=lost_h,
        work_usd=cost.work.cost.usd if cost.work.cost else Decimal(0),
        capacity_usd=cost.capacity.cost.usd if cost.capacity.cost else Decimal(0),
    )


def utilisation(told: Told) -> float:
    """Accelerator time held by accelerator time there; without accelerators, of cores or memory what is used more."""
    held, there = told.held, told.capacity
    if there.accelerator_milli:
        return held.accelerator_milli / there.accelerator_milli
    cores = held.cpu_milli / there.cpu_milli if there.cpu_milli else 0.0
    memory = held.memory_mib / there.memory_mib if there.memory_mib else 0.0
    return max(cores, memory)


def completion_times_s(done: Sequence[Course]) -> list[float]:
    """From submission to the end, shortest first."""
    return sorted(_span_s(course) for course in done)


def hundredths(ordered: Sequence[float]) -> tuple[float, ...]:
    """The values at 0, 1, ... 100 % of an ordered list."""
    last = len(ordered) - 1
    return tuple(ordered[round(i / HUNDREDTHS * last)] for i in range(HUNDREDTHS + 1)) if ordered else ()


def spread(values: Sequence[float]) -> Spread:
    """Average, median, 99th percentile (the nearest rank) and largest."""
    if not values:
        return Spread()
    ordered = sorted(values)
    return Spread(
        average=sum(ordered) / len(ordered), p50=_rank(ordered, 0.5), p99=_rank(ordered, 0.99), most=ordered[-1]
    )


def _rank(ordered: Sequence[float], q: float) -> float:
    """The smallest value that at least a share `q` of all does not exceed."""
    return ordered[max(0, -int(-q * len(ordered) // 1) - 1)]


def _span_s(course: Course) -> float:
    return ((course.ended_us or 0) - course.job.submitted_at_us) / 1e6


def _gpu_h(held: Resources, span_us: float) -> float:
    return max(0.0, span_us) * held.accelerator_milli / MILLI / HOUR_US


def _unfairness(course: Course, duration_s: float, capacity: Resources) -> float:
    """Finish-time fairness (Themis, NSDI'20): its completion time here over that on a share 1/n of everything.

    n is how many jobs were there on average while it was; on its share a gang that is wider takes that much longer.
    """
    accelerators = capacity.accelerator_milli
    part = course.held.accelerator_milli / accelerators if accelerators else 0.0
    if not part and capacity.cpu_milli:
        part = course.held.cpu_milli / capacity.cpu_milli
    alone_s = max(1.0, duration_s) * max(1.0, course.others * part)
    return max(_span_s(course), 1.0) / alone_s
