"""The nodes of a pretended cloud: bought, booted, repriced, announced to be taken back, taken back; kept over restarts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from tauon.model.errors import ConfigError, OutOfCapacity, ProviderError, QuotaExceeded, Rejected
from tauon.model.ids import NodeId, OfferId
from tauon.model.node import Node
from tauon.model.offer import Offer
from tauon.ports.providers import (
    AcceleratorUse,
    LaunchOrder,
    NodeRefusal,
    NodesObserved,
    NodeSource,
    OffersObserved,
    ProviderContext,
    SpotNotice,
)
from tauon.providers.sandbox.market import Goods
from tauon.providers.sandbox.options import read_options

KEPT_ENDED = 1000
KEPT_REFUSALS = 50


class Machine(msgspec.Struct, kw_only=True):
    """A pretended machine; times in microseconds since the epoch."""

    node: NodeId
    offer: OfferId
    launched_us: int
    ready_us: int
    reclaimed_us: int | None = None
    ended: bool = False


class State(msgspec.Struct, kw_only=True):
    """What is kept on disk."""

    epoch_us: int
    machines: dict[NodeId, Machine] = {}


def _now_us() -> int:
    return time.time_ns() // 1000


class SandboxNodes(NodeSource):
    """Implements `ports.providers.NodeSource` for one pool. Everything follows from the seed, the orders and the time."""

    def __init__(self, context: ProviderContext, now_us: Callable[[], int] = _now_us) -> None:
        self._pool = context.pool
        self._path = context.folder / "sandbox.json"
        self._wake = context.wake
        self._now_us = now_us
        self._options = read_options(context.pool)
        self._state = self._load()
        goods = [Goods(self._pool, self._options, offer, self._state.epoch_us) for offer in self._options.offers]
        self._goods = {one.id: one for one in goods}
        if len(self._goods) < len(goods):
            raise ConfigError(f"pool {self._pool.name}: two offers of the sandbox are of the same kind")
        self._nodes: tuple[Node, ...] = ()
        self._offers = OffersObserved()
        self._never_came: tuple[NodeRefusal, ...] = ()
        self._timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------- the port

    async def observe_nodes(self) -> NodesObserved:
        now_us = self._now_us()
        self._take_back(now_us)
        nodes = tuple(self._node(machine, now_us) for machine in self._live() if machine.ready_us <= now_us)
        if nodes != self._nodes:
            self._nodes = nodes
        self._set_timer(now_us)
        return NodesObserved(nodes=self._nodes, notices=tuple(self._notices(now_us)), refused=self._never_came)

    def sample(self) -> Sequence[AcceleratorUse]:
        return ()

    async def offers(self) -> OffersObserved:
        now_us = self._now_us()
        running: dict[OfferId, int] = {}
        for machine in self._live():
            running[machine.offer] = running.get(machine.offer, 0) + 1
        new = tuple(goods.offer(now_us, running=running.get(goods.id, 0)) for goods in self._goods.values())
        old = self._offers.offers
        if len(old) != len(new) or any(not _alike(a, b) for a, b in zip(old, new, strict=True)):
            self._offers = OffersObserved(offers=new)
        return self._offers

    async def launch(self, orders: Sequence[LaunchOrder]) -> Sequence[NodeRefusal]:
        refused = []
        for order in orders:
            error = self._launch(order)
            if error is not None:
                refused.append(NodeRefusal(node=order.node, error=error))
        self._save()
        self._set_timer(self._now_us())
        return refused

    async def terminate(self, nodes: Sequence[NodeId]) -> Sequence[NodeRefusal]:
        for node in nodes:
            machine = self._state.machines.get(node)
            if machine is not None:
                machine.ended = True
        self._save()
        self._wake()
        return ()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # ------------------------------------------------------------- machines

    def _launch(self, order: LaunchOrder) -> ProviderError | None:
        known = self._state.machines.get(order.node)
        goods, now_us = self._goods.get(order.offer), self._now_us()
        if known is not None:
            return OutOfCapacity(f"{order.node} has ended already", until_us=now_us) if known.ended else None
        if goods is None:
            return Rejected(f"pool {self._pool.name} does not offer {order.offer}")
        if replace(order.shape, rates=goods.shape(now_us).rates) != goods.shape(now_us):
            return Rejected(f"{order.offer} is not what was ordered: region, residency, type or amounts differ")
        live = self._live()
        if len(live) >= self._options.quota:
            return QuotaExceeded(f"the account of pool {self._pool.name} may have {self._options.quota} machines")
        running = sum(machine.offer == order.offer for machine in live)
        if not goods.is_available(now_us) or running >= goods.options.stock:
            again_us = goods.available_again_us(now_us)
            return OutOfCapacity(f"{order.offer} has nothing left", until_us=again_us)
        self._state.machines[order.node] = Machine(
            node=order.node,
            offer=order.offer,
            launched_us=now_us,
            ready_us=now_us + goods.real_us(goods.options.boot_s),
            reclaimed_us=goods.reclaimed_us(order.node, now_us),
        )
        return None

    def _live(self) -> list[Machine]:
        return [machine for machine in self._state.machines.values() if not machine.ended]

    def _take_back(self, now_us: int) -> None:
        gone = [m for m in self._live() if m.reclaimed_us is not None and m.reclaimed_us <= now_us]
        for machine in gone:
            machine.ended = True
            if machine.ready_us > now_us or machine.ready_us >= (machine.reclaimed_us or 0):
                error = OutOfCapacity(f"{machine.node} was taken back before it was there", until_us=now_us)
                self._never_came = (*self._never_came[-KEPT_REFUSALS:], NodeRefusal(node=machine.node, error=error))
        if gone:
            self._save()

    def _node(self, machine: Machine, now_us: int) -> Node:
        shape = self._goods[machine.offer].shape(now_us)
        ids = tuple(f"{machine.node}-{index}" for index in range(shape.accelerator_count))
        return Node(id=machine.node, shape=shape, accelerator_ids=ids, virtual=True, offer=machine.offer)

    def _notices(self, now_us: int) -> list[SpotNotice]:
        return [
            SpotNotice(node=machine.node, reclaim_at_us=machine.reclaimed_us)
            for machine in self._live()
            if machine.reclaimed_us is not None and self._noticed_us(machine) <= now_us
        ]

    def _noticed_us(self, machine: Machine) -> int:
        goods = self._goods[machine.offer]
        return (machine.reclaimed_us or 0) - goods.real_us(goods.options.notice_s)

    def _set_timer(self, now_us: int) -> None:
        """Have a look taken when something changes next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [at for goods in self._goods.values() for at in goods.changes_us(now_us)]
        for machine in self._live():
            due.append(machine.ready_us)
            if machine.reclaimed_us is not None:
                due += [self._noticed_us(machine), machine.reclaimed_us]
        next_us = min((at for at in due if at > now_us), default=None)
        if next_us is not None:
            self._timer = asyncio.get_running_loop().call_later((next_us - now_us) / 1e6 + 0.001, self._wake)

    # ------------------------------------------------------------- disk

    def _load(self) -> State:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State)
        except FileNotFoundError:
            return State(epoch_us=self._now_us())
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigError(f"pool {self._pool.name}: {self._path} can't be read: {error}") from None

    def _save(self) -> None:
        machines = self._state.machines
        ended = [node for node, machine in machines.items() if machine.ended]
        for node in ended[: max(0, len(ended) - KEPT_ENDED)]:
            del machines[node]
        _replace(self._path, msgspec.json.encode(self._state))


def _alike(old: Offer, new: Offer) -> bool:
    """Whether nothing but the age of the price differs."""
    return replace(old, priced_at_us=new.priced_at_us) == new


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.write_bytes(data)
    draft.replace(path)
