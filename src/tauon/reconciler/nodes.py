"""Compare the nodes that a provider has with those that are known: new, changed, back again, or gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tauon.model.attempt import Attempt, AttemptState, Outcome, StopCause
from tauon.model.errors import OutOfCapacity
from tauon.model.event import (
    AttemptStopRequested,
    Fact,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeShared,
    NodeTerminated,
    SpotNoticeReceived,
)
from tauon.model.fleet import RECLAIMED
from tauon.model.ids import NodeId
from tauon.model.node import Node, NodeState
from tauon.ports.providers import SpotNotice
from tauon.reconciler.ending import end
from tauon.reconciler.market import hold_off
from tauon.reconciler.site import OpenPool, Site

AT_ENGINE = "at its engine: "
VANISHED = "vanished: its provider does not list it any more"
SHRUNK = "smaller: "
UNASKED = "nobody asked for it"


def compare_nodes(site: Site, pool: OpenPool, nodes: tuple[Node, ...]) -> bool:
    """Journal what differs; False while something can't be journalled yet, for work on a node has to end first."""
    cluster = site.journal.cluster
    there = {node.id: node for node in nodes}
    settled = True
    for node in nodes:
        known = cluster.nodes.get(node.id)
        if known is None:
            _meet(site, pool, node)
        elif known.pool != pool.name:
            site.log(f"pool {pool.name} lists {node.id}, which pool {known.pool} has already: left to {known.pool}")
        elif known.is_released:
            site.owe_node(known)
        elif _differs(known, node) or _is_back(known, node):
            settled &= _renew(site, known, node)
        else:
            _follow(site, known, node)
    for known in [n for n in cluster.nodes.values() if n.pool == pool.name and n.id not in there]:
        if known.state is NodeState.REQUESTED:
            site.owe_node(known)  # it is still to come, or its provider never heard of it
        else:
            settled &= _lose(site, known, there)
    return settled


def take_notices(site: Site, pool: OpenPool, notices: Sequence[SpotNotice]) -> None:
    """Journal that nodes will be taken back."""
    for notice in notices:
        known = site.journal.cluster.nodes.get(notice.node)
        if known is None or known.pool != pool.name or not known.is_in_service or known.is_released:
            continue
        if known.reclaim_at_us is None or notice.reclaim_at_us < known.reclaim_at_us:
            site.journal.append([SpotNoticeReceived(node_id=known.id, reclaim_at_us=notice.reclaim_at_us)])
            # Where one is taken back there is none to be had for the moment.
            hold_off(pool, known.offer, OutOfCapacity("taken back", until_us=0), site.clock.now_us())


def _meet(site: Site, pool: OpenPool, node: Node) -> None:
    """A node that is not known: it is used where nodes are simply there. Where they are bought it costs money and
    nobody asked for it, so it is said and given back."""
    if not node.offer:
        site.journal.append([NodeReady(node=node), *_drained(node)])
        return
    site.log(f"pool {pool.name} has {node.id}, which nobody asked for: it is given back")
    site.journal.append([NodeReady(node=node), NodeDraining(node_id=node.id, reason=UNASKED, release=True)])
    site.owe_node(site.journal.cluster.nodes[node.id])


def _differs(known: Node, node: Node) -> bool:
    if known.state is NodeState.REQUESTED:
        return True
    return (known.shape, known.labels, known.accelerator_ids) != (node.shape, node.labels, node.accelerator_ids)


def _ours(message: str) -> bool:
    """Whether a node drains because of what its provider tells, and not because somebody wants it to."""
    return message == VANISHED or message.startswith((SHRUNK, AT_ENGINE))


def _is_back(known: Node, node: Node) -> bool:
    """Whether the reason for which a node drains, as its provider told it, is gone."""
    if known.state is not NodeState.DRAINING or not _ours(known.message):
        return False
    return node.state is not NodeState.DRAINING or not known.message.startswith(AT_ENGINE)


def _drained(node: Node) -> list[Fact]:
    """The fact that a node takes no new work at its engine, if so."""
    if node.state is not NodeState.DRAINING:
        return []
    return [NodeDraining(node_id=node.id, reason=f"{AT_ENGINE}{node.message or 'drained'}")]


def _follow(site: Site, known: Node, node: Node) -> None:
    """Journal what its engine does with a node that is otherwise the same."""
    facts: list[Fact] = _drained(node) if known.state is NodeState.READY else []
    if known.others != node.others:
        facts.append(NodeShared(node_id=node.id, others=node.others))
    if facts:
        site.journal.append(facts)


def _renew(site: Site, known: Node, node: Node) -> bool:
    """Take over a node's new values, once what runs on it fits into them."""
    journal = site.journal
    fault = journal.cluster.unfit(node.id, node.shape)
    if fault:
        if known.state is not NodeState.DRAINING:
            journal.append([NodeDraining(node_id=node.id, reason=SHRUNK + fault)])
        for attempt in journal.cluster.live.on_node(node.id):
            _stop(site, attempt, fault)
        return False
    facts: list[Fact] = [NodeReady(node=node), *_drained(node)]
    if len(facts) == 1 and known.state is NodeState.DRAINING and not _ours(known.message):
        facts.append(NodeDraining(node_id=node.id, reason=known.message))  # whoever drained it has not undone it
    journal.append(facts)
    return True


def _lose(site: Site, node: Node, there: Mapping[NodeId, Node]) -> bool:
    """End what ran on a node that is gone; gangs that also run elsewhere are stopped there first."""
    journal = site.journal
    if node.state is not NodeState.DRAINING:
        journal.append([NodeDraining(node_id=node.id, reason=VANISHED)])
        node = journal.cluster.nodes[node.id]
    for attempt in journal.cluster.live.on_node(node.id):
        if any(worker.node in there for worker in attempt.placement):
            _stop(site, attempt, f"part of its gang was on {node.id}, which vanished")
        else:
            end(site, attempt, Outcome.LOST, message=f"its node {node.id} vanished")
    if journal.cluster.attempts_on(node.id):
        return False
    if node.is_released:
        journal.append([NodeTerminated(node_id=node.id, reason=node.message)])
    else:
        why = RECLAIMED if node.reclaim_at_us else "its provider does not list it any more"
        journal.append([NodeLost(node_id=node.id, reason=why)])
    return True


def _stop(site: Site, attempt: Attempt, reason: str) -> None:
    if attempt.state is not AttemptState.STOPPING:
        fact = AttemptStopRequested(attempt_id=attempt.id, cause=StopCause.NODE_LOST, notice_s=0.0, reason=reason)
        site.journal.append([fact])
        site.owe(attempt.id, attempt.pool, AttemptState.STOPPING)
