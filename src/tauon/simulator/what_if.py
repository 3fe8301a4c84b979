"""Answers what would have been: plays a world once for each policy, and scores each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from tauon.model.errors import InvalidRequest
from tauon.model.event import Event
from tauon.model.job import JobState
from tauon.ports.what_if import Comparison, Outcome, Progress, Question
from tauon.reconciler.memory_store import MemoryStore
from tauon.simulator.from_journal import world_of_journal
from tauon.simulator.from_trace import world_of_trace
from tauon.simulator.from_world import world_of
from tauon.simulator.policies import Knowledge, Policy, policy_named, under
from tauon.simulator.result import Refused, Result
from tauon.simulator.retelling import retell
from tauon.simulator.scenario import NEVER_US, Happening, Scenario, Submit
from tauon.simulator.score import completion_times_s, hundredths, score
from tauon.simulator.simulation import Simulation
from tauon.simulator.story import MOST_EVENTS, story
from tauon.simulator.world import World
from tauon.simulator.world_file import SUFFIXES, read_world_file

TOLD_REASONS = 8
TOLD_EVERY = 50
_DIGITS = str.maketrans("0123456789", "##########")


class Worlds:
    """Implements `ports.what_if.WhatIf`. `journal_at` gives the events of the database that a source names, or None
    where it names none."""

    def __init__(self, journal_at: Callable[[str], Sequence[Event] | None] = lambda _: None) -> None:
        self._journal_at = journal_at

    def play(self, question: Question, progress: Progress) -> Comparison:
        """Play it, one policy after the other: each meets the same jobs and the same luck."""
        events = self._journal_at(question.source)
        world = read_world(question) if events is None else world_of_journal(events, question)
        policies = [policy_named(name) for name in question.policies or world.policies or ("tauon",)]
        outcomes = tuple(outcome(world, policy, progress) for policy in policies)
        return Comparison(
            name=world.name,
            source=world.source,
            format=world.format,
            seed=world.seed,
            jobs=world.jobs,
            nodes=len(world.nodes),
            accelerators=world.accelerators,
            skipped=world.skipped,
            outcomes=outcomes,
        )


def read_world(question: Question) -> World:
    """The world that a question is about. Raises InvalidRequest or InvalidSpec."""
    path = Path(question.source)
    if not path.is_file():
        raise InvalidRequest(f"there is no file {path}")
    if path.suffix in SUFFIXES:
        return world_of(read_world_file(path), path, question)
    return world_of_trace(question)


def outcome(world: World, policy: Policy, progress: Progress) -> Outcome:
    """Play a world under one policy and score it."""
    began = time.perf_counter()
    simulation = Simulation(_watched(world, policy, progress), MemoryStore())
    simulation.site.packing = policy.packs
    if policy.knows:
        simulation.site.outlook = Knowledge(simulation.labour)
    asyncio.run(simulation.run())
    result = simulation.result()
    is_cut = bool(result.cluster.jobs) and world.until_us < NEVER_US
    end_us = world.until_us if is_cut else result.ended_at_us
    told = retell(result.store.all_events(), start_us=world.start_us, end_us=end_us)
    done = [course for course in told.courses if course.state is JobState.SUCCEEDED]
    return Outcome(
        policy=policy.name,
        score=score(told, result, lambda job: simulation.labour.work(job).duration_s),
        curve=told.curve,
        completion_s=hundredths(completion_times_s(done)),
        story=_story(result, world),
        refused=_reasons(result.refused),
        events=result.cluster.seq,
        cycles=result.cycles,
        took_s=time.perf_counter() - began,
    )


def _watched(world: World, policy: Policy, progress: Progress) -> Scenario:
    """The world's scenario; `progress` hears of each submit."""

    def happenings() -> Iterator[Happening]:
        done = 0
        for happening in world.happenings():
            yield happening
            if isinstance(happening, Submit):
                done += 1
                if done % TOLD_EVERY == 0:
                    progress(policy.name, done, world.jobs)
        progress(policy.name, world.jobs, world.jobs)

    return under(policy, replace(world.scenario(), happenings=happenings()))


def _story(result: Result, world: World) -> tuple[str, ...]:
    return story(result.store.all_events(), world.start_us) if result.cluster.seq <= MOST_EVENTS else ()


def _reasons(refused: Sequence[Refused]) -> tuple[str, ...]:
    """Each kind of reason once, with how many there were: reasons that differ in numbers only are one kind."""
    kinds: Counter[str] = Counter()
    first: dict[str, str] = {}
    for one in refused:
        kind = one.reason.translate(_DIGITS)
        kinds[kind] += 1
        first.setdefault(kind, one.reason)
    return tuple(f"{n:,}: {first[kind]}" for kind, n in kinds.most_common(TOLD_REASONS))
