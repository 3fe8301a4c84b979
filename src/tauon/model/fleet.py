"""The index of the nodes that are there or on order: each by its id, how many of each shape, and since when each idles."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from tauon.model.errors import InvariantViolated
from tauon.model.event import NodeDraining, SpotNoticeReceived
from tauon.model.ids import NodeId, OfferId
from tauon.model.node import Node, NodeShape
from tauon.model.transitions import next_node_state

RECLAIMED = "taken back by whoever lent it"


class Exposure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For how long nodes of an offer were held in all (microseconds), and how often one was taken away."""

    node_us: int = 0
    interruptions: int = 0


class Fleet:
    """Only the cluster changes this. What is on order counts nowhere until it is there."""

    def __init__(self) -> None:
        self.nodes: dict[NodeId, Node] = {}
        self.counts: dict[NodeShape, int] = {}
        self.bought: dict[NodeId, None] = {}  # nodes that were ordered, from the order until they are gone
        self.idle_since_us: dict[NodeId, int] = {}  # when the last work on a bought node ended, or it came
        self.exposure: dict[OfferId, Exposure] = {}  # since the start of the server, of nodes that are gone
        self.version = 0

    def get(self, node_id: NodeId) -> Node:
        """A node that is there or on order. Raises InvariantViolated."""
        node = self.nodes.get(node_id)
        if node is None:
            raise InvariantViolated(f"node {node_id} is gone or never was")
        return node

    def put(self, node: Node) -> Node:
        """Add a node or give it new values; returns it."""
        self._count(self.nodes.get(node.id), -1)
        self._count(node, +1)
        self.nodes[node.id] = node
        if node.offer:
            self.bought[node.id] = None
        return node

    def drop(self, node_id: NodeId, at_us: int) -> None:
        """A node is gone."""
        node = self.nodes.pop(node_id)
        self._count(node, -1)
        if node.offer and node.is_in_service:
            seen = self.exposure.get(node.offer, Exposure())
            taken = not node.is_released or node.reclaim_at_us is not None
            self.exposure[node.offer] = Exposure(
                node_us=seen.node_us + at_us - node.ready_at_us, interruptions=seen.interruptions + taken
            )
        self.bought.pop(node_id, None)
        self.idle_since_us.pop(node_id, None)

    def idle_since(self, node_id: NodeId, now_us: int) -> int:
        """Since when nothing ran on a bought node; the present for what is not known since a start."""
        return self.idle_since_us.setdefault(node_id, now_us)

    def idle_from(self, node_id: NodeId, at_us: int) -> None:
        """Work on a node ended, or it has just come."""
        if node_id in self.bought:
            self.idle_since_us[node_id] = at_us

    def _count(self, node: Node | None, sign: int) -> None:
        if node is None or not node.is_in_service:
            return
        self.version += 1
        count = self.counts.get(node.shape, 0) + sign
        if count:
            self.counts[node.shape] = count
        else:
            del self.counts[node.shape]


def requested(old: Node | None, node: Node, at_us: int) -> Node:
    """A node that is ordered."""
    state = next_node_state(old.state if old else None, "NodeRequested", node.id)
    return replace(node, state=state, requested_at_us=at_us)


def renewed(old: Node | None, node: Node, at_us: int) -> Node:
    """What a provider tells of a node, with what is known of it besides."""
    state = next_node_state(old.state if old else None, "NodeReady", node.id)
    new = replace(node, state=state, metered_from_us=at_us, ready_at_us=at_us, ended_at_us=None, is_released=False)
    if old is None:
        return new
    ready_at_us = old.ready_at_us if old.is_in_service else at_us
    return replace(
        new,
        ready_at_us=ready_at_us,
        offer=old.offer,
        requested_at_us=old.requested_at_us,
        reclaim_at_us=old.reclaim_at_us,
    )


def withdrawn(node: Node, fact: NodeDraining | SpotNoticeReceived) -> Node:
    """A node that takes no new work from now on."""
    state = next_node_state(node.state, type(fact).__name__, node.id)
    match fact:
        case NodeDraining():
            released = node.is_released or fact.release
            return replace(node, state=state, message=fact.reason, is_released=released)
        case SpotNoticeReceived():
            return replace(node, state=state, message=RECLAIMED, reclaim_at_us=fact.reclaim_at_us)
