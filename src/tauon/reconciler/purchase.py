"""Buy and give back nodes: each pool's provider gets the orders that are owed, and its refusals are taken as they are."""

from __future__ import annotations

from tauon.model.errors import NotReady
from tauon.model.event import NodeTerminated
from tauon.model.node import Node, NodeState
from tauon.ports.providers import LaunchOrder, NodeRefusal
from tauon.reconciler.market import hold_off, sold_again
from tauon.reconciler.site import OpenPool, Site

RETRY_US = 5_000_000


async def give_node_orders(site: Site, pool: OpenPool, now_us: int) -> None:
    """Have the nodes launched and terminated that are due. Each order is idempotent by the id of its node."""
    await _terminate(site, pool, now_us)
    await _launch(site, pool, now_us)


async def _launch(site: Site, pool: OpenPool, now_us: int) -> None:
    nodes: list[Node] = []
    for node_id in [n for n, not_before in pool.launches.items() if not_before <= now_us]:
        node = site.journal.cluster.nodes.get(node_id)
        if node is None or node.state is not NodeState.REQUESTED:
            del pool.launches[node_id]
        else:
            nodes.append(node)
    if not nodes or pool.closed:
        return
    orders = [LaunchOrder(node=node.id, offer=node.offer, shape=node.shape) for node in nodes]
    refused = {refusal.node: refusal for refusal in await pool.nodes.launch(orders)}
    for node in nodes:
        refusal = refused.get(node.id)
        if refusal is None:
            pool.launches.pop(node.id, None)
            sold_again(pool, node.offer)
        else:
            take_refusal(site, pool, refusal, now_us)


def take_refusal(site: Site, pool: OpenPool, refusal: NodeRefusal, now_us: int) -> None:
    """An order is not taken, or will not be met after all: it is over, and its offer is left alone for a while."""
    node = site.journal.cluster.nodes.get(refusal.node)
    if node is None or node.state is not NodeState.REQUESTED:
        pool.launches.pop(refusal.node, None)
    elif isinstance(refusal.error, NotReady):
        pool.launches[node.id] = now_us + round(refusal.error.retry_after_s * 1e6)
    else:
        pool.launches.pop(node.id, None)
        site.journal.append([NodeTerminated(node_id=node.id, reason=str(refusal.error))])
        hold_off(pool, node.offer, refusal.error, now_us)


async def _terminate(site: Site, pool: OpenPool, now_us: int) -> None:
    due = [node for node, not_before in pool.terminations.items() if not_before <= now_us]
    if not due:
        return
    refused = {refusal.node: refusal.error for refusal in await pool.nodes.terminate(due)}
    for node_id in due:
        error = refused.get(node_id)
        if error is None:
            del pool.terminations[node_id]
            continue
        wait_us = round(error.retry_after_s * 1e6) if isinstance(error, NotReady) else RETRY_US
        pool.terminations[node_id] = now_us + wait_us
        site.log(f"pool {pool.name} did not give {node_id} back yet: {error}")
