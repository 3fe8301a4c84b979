"""Shares and the tree are kept and worked out bit by bit: after any history they are what the slow way gives."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.model.cluster import Cluster
from tauon.model.ids import QueueName
from tauon.model.queue import Queue, path
from tauon.model.resources import Resources
from tauon.model.tree import Tree
from tauon.planner.shares import Shares, worth_of_types
from tests.histories import History
from tests.states import tree_of

numbers = st.lists(st.integers(0, 10**6), min_size=5, max_size=60)
MORE = Resources(accelerator_milli=2000, cpu_milli=16_000, memory_mib=1 << 17)


def after(choices: Iterable[int]) -> History:
    history = History()
    for choice in choices:
        history.step(choice)
    return history


def slow_key(cluster: Cluster, queue: QueueName, at_us: int, added: dict[QueueName, int]) -> tuple[float, ...]:
    """All queues added up for each level anew, and those that have got `MORE` so many times."""
    worth, tree = worth_of_types(cluster.fleet), Tree(cluster.queues)

    def amounts(name: QueueName) -> list[float]:
        held, types = cluster.held.get(name, Resources()), cluster.holdings.types_held(name)
        known = cluster.queues.get(name)
        parts = [sum(milli * worth.get(t, 1.0) for t, milli in types.items()), held.cpu_milli, held.memory_mib]
        if known is not None:
            past = known.past.until(at_us, known.half_life_us, held, types)
            parts[0] += sum(milli * worth.get(t, 1.0) for t, milli in past.accelerators.items())
            parts = [parts[0], parts[1] + past.cpu_milli, parts[2] + past.memory_mib]
        times = added.get(name, 0)
        parts[0] += times * MORE.accelerator_milli * worth.get("H100", 1.0)
        return [parts[0], parts[1] + times * MORE.cpu_milli, parts[2] + times * MORE.memory_mib]

    def dominant(names: Iterable[QueueName]) -> float:
        sums = [sum(column) for column in zip(*(amounts(name) for name in names), strict=True)]
        whole = [0.0, 0.0, 0.0]
        for shape, nodes in cluster.fleet.items():
            whole[0] += nodes * shape.capacity.accelerator_milli * worth.get(shape.accelerator, 1.0)
            whole[1] += nodes * shape.capacity.cpu_milli
            whole[2] += nodes * shape.capacity.memory_mib
        return max(amount / total if total else 0.0 for amount, total in zip(sums, whole, strict=True))

    everybody = {*cluster.queues, *cluster.held, *added, queue}
    levels = [dominant(n for n in everybody if above in path(n)) / tree.queue(above).weight for above in path(queue)]
    return (*levels, dominant([queue]))


@given(numbers)
def test_shares_are_what_adding_everything_up_gives(choices: list[int]) -> None:
    history = after(choices)
    cluster, at_us = history.cluster, history.now_us + choices[0]
    queues = sorted({*cluster.queues, *cluster.held, QueueName("research"), QueueName("research/vision")})
    shares = Shares(cluster, at_us)
    added: dict[QueueName, int] = {}
    for turn, choice in enumerate(choices[:6]):
        asked, given_to = queues[choice % len(queues)], queues[(choice + turn) % len(queues)]
        assert shares.key(asked) == pytest.approx(slow_key(cluster, asked, at_us, added))
        shares.add(given_to, "H100", MORE)
        added[given_to] = added.get(given_to, 0) + 1
        assert shares.key(asked) == pytest.approx(slow_key(cluster, asked, at_us, added))


@given(numbers)
def test_the_tree_that_is_kept_is_the_one_that_would_be_made(choices: list[int]) -> None:
    history = History()
    for choice in choices:
        history.step(choice)
        cluster = history.cluster
        assert tree_of(cluster.tree) == tree_of(Tree(cluster.queues))


def test_a_tree_knows_new_settings_at_once() -> None:
    cluster = Cluster()
    assert QueueName("a") not in cluster.tree
    cluster.holdings.configure(Queue(name=QueueName("a/b"), guarantee={"H100": 4000}), 1, cluster.changes)
    assert cluster.tree.guarantee(QueueName("a"), "H100") == 4000
    cluster.holdings.remove(QueueName("a/b"), cluster.changes)
    assert list(cluster.tree.names) == []
