"""A machine in a pool, its shape and its states."""

from __future__ import annotations

import enum

import msgspec

from tauon.model.ids import NodeId, OfferId, PoolName
from tauon.model.money import Rates
from tauon.model.resources import MILLI, CapacityType, Resources


class NodeState(enum.StrEnum):
    """`requested -> ready -> draining -> terminated`, or `lost`."""

    REQUESTED = "requested"
    READY = "ready"
    DRAINING = "draining"
    TERMINATED = "terminated"
    LOST = "lost"


# (state, event) -> state; "" is a node that is not known yet.
NODE_TRANSITIONS: dict[tuple[NodeState | None, str], NodeState] = {
    (None, "NodeRequested"): NodeState.REQUESTED,
    (None, "NodeReady"): NodeState.READY,
    (NodeState.REQUESTED, "NodeReady"): NodeState.READY,
    (NodeState.READY, "NodeReady"): NodeState.READY,  # the same machine with other amounts or prices
    (NodeState.DRAINING, "NodeReady"): NodeState.READY,  # returned to service
    (NodeState.READY, "NodeDraining"): NodeState.DRAINING,
    (NodeState.DRAINING, "NodeDraining"): NodeState.DRAINING,  # for another reason, or now to be given back
    (NodeState.READY, "SpotNoticeReceived"): NodeState.DRAINING,
    (NodeState.DRAINING, "SpotNoticeReceived"): NodeState.DRAINING,
    (NodeState.REQUESTED, "NodeTerminated"): NodeState.TERMINATED,
    (NodeState.READY, "NodeTerminated"): NodeState.TERMINATED,
    (NodeState.DRAINING, "NodeTerminated"): NodeState.TERMINATED,
    (NodeState.REQUESTED, "NodeLost"): NodeState.LOST,
    (NodeState.READY, "NodeLost"): NodeState.LOST,
    (NodeState.DRAINING, "NodeLost"): NodeState.LOST,
}


class NodeShape(msgspec.Struct, frozen=True, kw_only=True, gc=False, cache_hash=True):
    """Everything about a node that a placement looks at, except which node it is; equal shapes share their answers.

    Memory of an accelerator in GiB each; cores in thousandths; memory and disk in MiB.
    """

    pool: PoolName
    accelerator: str = ""
    accelerator_count: int = 0
    accelerator_memory_gib: int = 0
    cpu_milli: int = 0
    memory_mib: int = 0
    disk_mib: int = 0
    region: str = ""
    residency: tuple[str, ...] = ()
    capacity_type: CapacityType = CapacityType.OWNED
    rates: Rates = Rates()

    @property
    def capacity(self) -> Resources:
        """All that a node of this shape has."""
        return Resources(
            accelerator_milli=self.accelerator_count * MILLI,
            cpu_milli=self.cpu_milli,
            memory_mib=self.memory_mib,
            disk_mib=self.disk_mib,
        )


class Node(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A machine with its accelerators (indices 0 .. accelerator_count - 1)."""

    id: NodeId
    shape: NodeShape
    state: NodeState = NodeState.READY
    ready_at_us: int = 0
    metered_from_us: int = 0  # from when on the current shape's price holds
    ended_at_us: int | None = None
    message: str = ""
    labels: dict[str, str] = {}
    others: Resources = Resources()  # what somebody else than Tauon holds of it, where its engine serves others too
    accelerator_ids: tuple[str, ...] = ()  # as the driver names them (GPU UUIDs), by index
    virtual: bool = False  # accelerators that are only counted, not there
    offer: OfferId = OfferId("")  # what it was bought as; empty where it was there already
    requested_at_us: int = 0
    reclaim_at_us: int | None = None  # when whoever lent it takes it back
    is_released: bool = False  # it is to be given back

    @property
    def is_in_service(self) -> bool:
        """Whether it is there and costs money."""
        return self.state in (NodeState.READY, NodeState.DRAINING)

    @property
    def pool(self) -> PoolName:
        return self.shape.pool
