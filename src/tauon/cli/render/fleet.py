"""Nodes, pools and queues as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tauon.cli.render.table import Cell, Column, Styled, table
from tauon.cli.render.words import bar, number, percent, usd
from tauon.cli.screen import Screen
from tauon.model.node import NodeState
from tauon.service.views import NodeView, PoolView, QueueView

_NODE_STYLES = {
    NodeState.READY: "green",
    NodeState.DRAINING: "yellow",
    NodeState.LOST: "red",
    NodeState.REQUESTED: "cyan",
}
_MOST_JOBS = 4


def node_list(nodes: Sequence[NodeView], screen: Screen) -> str:
    """A line for each node: what it has and how much of that is free."""
    columns = (
        Column("NODE", least=12),
        Column("POOL", drop=3),
        Column("STATE"),
        Column("ACCELERATORS"),
        Column("FREE", is_right=True),
        Column("CORES FREE", is_right=True, drop=4),
        Column("MEMORY FREE", is_right=True, drop=5),
        Column("PER HOUR", is_right=True, drop=2),
        Column("CAPACITY", drop=6),
        Column("REGION", drop=7, is_optional=True),
        Column("JOBS", drop=1, least=10, is_optional=True),
        Column("WHY", drop=8, least=16, is_optional=True),
    )
    return table(columns, [_node(node) for node in nodes], screen) if nodes else ""


def _node(node: NodeView) -> list[Cell]:
    kind = f"{node.accelerator}:{node.accelerators}" + (" (virtual)" if node.virtual else "")
    jobs = " ".join(node.jobs[:_MOST_JOBS])
    more = len(node.jobs) - _MOST_JOBS
    return [
        node.id,
        node.pool,
        Styled(node.state.value, _NODE_STYLES.get(node.state, "dim")),
        kind if node.accelerators else "none",
        number(node.accelerators_free) if node.accelerators else "",
        f"{number(node.cpu_free)}/{number(node.cpu_cores)}",
        f"{node.memory_free_gib:,.0f}/{node.memory_gib:,.0f} GiB",
        usd(node.price_usd_per_h),
        node.capacity_type.value,
        node.region,
        jobs + (f" and {more} more" if more > 0 else ""),
        node.message,
    ]


def pool_list(pools: Sequence[PoolView], screen: Screen) -> str:
    """A line for each pool: what it has, how much is free, what it costs, and what is wrong with it."""
    columns = (
        Column("POOL", least=12),
        Column("PROVIDER", drop=4),
        Column("NODES", is_right=True),
        Column("ACCELERATORS FREE", least=18),
        Column("PER HOUR", is_right=True, drop=2),
        Column("CAPACITY", drop=3),
        Column("REGION", drop=5, is_optional=True),
        Column("RESIDENCY", drop=6, is_optional=True),
        Column("PROBLEM", drop=1, least=24, is_optional=True),
    )
    return table(columns, [_pool(pool) for pool in pools], screen) if pools else ""


def _pool(pool: PoolView) -> list[Cell]:
    kinds = [
        f"{number(pool.accelerators_free.get(kind, 0))} of {total} {kind}"
        for kind, total in sorted(pool.accelerators.items())
    ]
    return [
        pool.name,
        pool.provider,
        f"{pool.nodes:,}",
        ", ".join(kinds) or "none",
        usd(pool.price_usd_per_h),
        pool.capacity_type.value,
        pool.region,
        ", ".join(pool.residency),
        Styled(pool.message, "red"),
    ]


def queue_list(queues: Sequence[QueueView], screen: Screen) -> str:
    """A line for each queue: what runs and waits, and its share of everything beside the share that is its due."""
    columns = (
        Column("QUEUE", least=16),
        Column("RUNNING", is_right=True),
        Column("WAITING", is_right=True),
        Column("ACCELERATORS", is_right=True),
        Column("SHARE", is_right=True),
        Column("LATELY", is_right=True, drop=4, is_optional=True),
        Column("DUE", is_right=True),
        Column("", drop=5, is_optional=True),
        Column("GUARANTEE", is_optional=True),
        Column("BORROWED", drop=3, is_optional=True),
        Column("MAXIMUM", is_optional=True),
        Column("WEIGHT", is_right=True, drop=1),
        Column("PRIORITY", is_right=True, drop=2),
        Column("NOTE", least=16, is_optional=True),
    )
    rows: list[list[Cell]] = [
        [
            queue.name,
            f"{queue.running:,}",
            Styled(f"{queue.waiting:,}", "yellow" if queue.waiting else ""),
            number(queue.accelerators_held),
            percent(queue.share),
            percent(queue.recent_share) if queue.recent_share else "",
            percent(queue.fair_share),
            bar(queue.share, 16, screen) if screen.is_terminal else "",
            _amounts(queue.guarantee),
            Styled(_amounts(queue.borrowed), "yellow"),
            _limits(queue),
            number(queue.weight),
            str(queue.priority),
            Styled(queue.message, "red"),
        ]
        for queue in queues
    ]
    return table(columns, rows, screen) if queues else ""


def _amounts(by_type: Mapping[str, float]) -> str:
    return ", ".join(f"{number(count)} {type_}" for type_, count in by_type.items())


def _limits(queue: QueueView) -> str:
    money = [f"{usd(queue.max_usd_per_h)}/h"] if queue.max_usd_per_h is not None else []
    return ", ".join([*filter(None, [_amounts(queue.maximum)]), *money])
