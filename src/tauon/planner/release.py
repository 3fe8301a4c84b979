"""Give back what was bought and nobody needs: idle for long enough, and not before what is paid for has been used."""

from __future__ import annotations

from tauon.model.node import Node, NodeState
from tauon.model.offer import Offer
from tauon.model.pool import Pool
from tauon.planner.draft import Draft

PATIENCE_US = 600_000_000  # a machine that has not come by then, nor in five times its usual time, is given up
MARGIN_US = 60_000_000  # before the end of a billed period, so that the next one does not begin


def release(draft: Draft) -> None:
    """Release bought nodes that have been idle, and orders that nobody waits for or that never came."""
    cluster = draft.snapshot.cluster
    if not cluster.bought:
        return
    needed = {node for nodes in draft.kept.values() for node in nodes} | draft.started_on
    for node_id in cluster.bought:
        node = cluster.nodes[node_id]
        if node.is_released or node_id in needed:
            continue
        pool = cluster.pools.get(node.pool)
        if pool is None:
            continue
        offer = _offer(draft, node)
        if node.state is NodeState.REQUESTED:
            _give_up(draft, node, pool, offer)
        elif not cluster.attempts_on(node_id) and node_id not in draft.wanted:
            _when_idle(draft, node, pool, offer)


def _offer(draft: Draft, node: Node) -> Offer | None:
    market = draft.snapshot.offers.get(node.pool)
    return market.by_id.get(node.offer) if market is not None else None


def _give_up(draft: Draft, node: Node, pool: Pool, offer: Offer | None) -> None:
    now_us = draft.snapshot.at_us
    usual_us = round(offer.boot_s * 1e6) if offer else 0
    latest_us = node.requested_at_us + max(PATIENCE_US, 5 * usual_us)
    unwanted_us = node.requested_at_us + _keep_us(pool)
    if now_us >= latest_us:
        draft.release(node.id, f"it was ordered {(now_us - node.requested_at_us) / 1e6:.0f} s ago and has not come")
    elif node.id in draft.wanted:
        draft.look_again_at(latest_us)
    elif now_us >= unwanted_us:
        draft.release(node.id, "nothing waits for it any more")
    else:
        draft.look_again_at(unwanted_us)


def _when_idle(draft: Draft, node: Node, pool: Pool, offer: Offer | None) -> None:
    now_us = draft.snapshot.at_us
    if node.reclaim_at_us is not None:
        draft.release(node.id, "it is empty and would be taken back")
        return
    idle_us = draft.snapshot.cluster.machines.idle_since(node.id, now_us)
    due_us = release_due_us(node, idle_us + _keep_us(pool), offer.billing_s if offer else 1)
    if now_us < due_us:
        draft.look_again_at(due_us)
    else:
        draft.release(node.id, f"idle for {(now_us - idle_us) / 1e6:.0f} s, and nothing waits for it")


def release_due_us(node: Node, idle_enough_us: int, billing_s: int) -> int:
    """When an idle node should go: once it has idled enough, at the end of a period that is paid for anyway."""
    period_us = billing_s * 1_000_000
    if period_us <= 2 * MARGIN_US:
        return idle_enough_us
    used_us = idle_enough_us + MARGIN_US - node.ready_at_us
    return node.ready_at_us + -(-used_us // period_us) * period_us - MARGIN_US


def _keep_us(pool: Pool) -> int:
    return round(pool.keep_idle_s * 1e6)
