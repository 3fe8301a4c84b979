"""The replicas of one service: who has least to do gets the next request, and what no replica can take yet waits."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable, Container
from typing import Protocol

from tauon.gateway.measure import Measures
from tauon.gateway.route import Address, Route, digest_of
from tauon.gateway.upstream import Upstream

# A connection that lies idle for longer may be closed by the other side at the moment when it is used.
IDLE_S = 2.0
MOST_IDLE = 64

# A replica that can't be reached is left alone for a while, each time for longer.
FIRST_REST_S, LAST_REST_S = 0.5, 10.0


class Waiter(Protocol):
    """A request that waits for a replica."""

    def take(self, replica: Replica) -> None: ...

    def give_up(self) -> None: ...


class Replica:
    """One replica as the gateway sees it. It is `leaving` once the table names it no more: it finishes what it has."""

    __slots__ = ("address", "failures", "idle", "is_leaving", "outstanding", "rests_until_s")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.outstanding = 0
        self.idle: list[Upstream] = []
        self.is_leaving = False
        self.failures = 0
        self.rests_until_s = 0.0

    def an_idle(self, now_s: float) -> Upstream | None:
        """A connection that can be used at once."""
        while self.idle:
            upstream = self.idle.pop()
            if not upstream.is_closed and now_s - upstream.idle_since_s < IDLE_S:
                return upstream
            upstream.close()
        return None

    def keep(self, upstream: Upstream, now_s: float) -> None:
        """Keep a connection for the next request."""
        if self.is_leaving or upstream.is_closed or len(self.idle) >= MOST_IDLE:
            upstream.close()
            return
        upstream.idle_since_s = now_s
        self.idle.append(upstream)

    def failed(self, now_s: float) -> None:
        """It could not be reached."""
        self.failures += 1
        self.rests_until_s = now_s + min(LAST_REST_S, FIRST_REST_S * 2 ** (self.failures - 1))

    def close_idle(self) -> None:
        while self.idle:
            self.idle.pop().close()


class Backend:
    """One service. `wanted` is called when a request comes for which there is no replica at all."""

    def __init__(self, route: Route, wanted: Callable[[str], None]) -> None:
        self.route = route
        self.measures = Measures()
        self.replicas: dict[Address, Replica] = {}
        self._waiting: OrderedDict[Waiter, asyncio.TimerHandle] = OrderedDict()
        self._wanted = wanted
        self._turn = 0
        self._loop = asyncio.get_running_loop()
        self._look: asyncio.TimerHandle | None = None
        self.put(route)

    def put(self, route: Route) -> None:
        """Take over another table: new replicas get requests at once, those no longer named finish what they have."""
        self.route = route
        for address in route.replicas:
            replica = self.replicas.get(address)
            if replica is None or replica.is_leaving:
                self.replicas[address] = replica or Replica(address)
                self.replicas[address].is_leaving = False
        for address, replica in list(self.replicas.items()):
            if address not in route.replicas:
                replica.is_leaving = True
                self._settle(replica)
        self._serve_waiting()

    def admits(self, key: str) -> bool:
        """Whether a key opens this service."""
        keys = self.route.keys
        if not keys:
            return True
        digest = digest_of(key)
        found = False
        for known in keys:  # all of them, so that the time that it takes tells nothing
            found |= hmac.compare_digest(known, digest)
        return found

    def outstanding(self, address: Address) -> int:
        """Requests that a replica has; 0 for one that has gone."""
        replica = self.replicas.get(address)
        return replica.outstanding if replica else 0

    def pick(self, tried: Container[Address] = ()) -> Replica | None:
        """The replica with the fewest requests outstanding, in turn among equals; it counts for one more from now on."""
        now_s, most = self._loop.time(), self.route.max_concurrency
        found: Replica | None = None
        self._turn += 1
        replicas = list(self.replicas.values())
        for at in range(len(replicas)):
            one = replicas[(at + self._turn) % len(replicas)]
            if one.is_leaving or one.rests_until_s > now_s or one.address in tried:
                continue
            if (most is None or one.outstanding < most) and (found is None or one.outstanding < found.outstanding):
                found = one
        if found is not None:
            found.outstanding += 1
        return found

    def hold(self, waiter: Waiter, *, since_s: float) -> bool:
        """Let a request that came at a time wait until a replica can take it; False when too many wait already, or it
        has waited long enough."""
        until_s = since_s + self.route.hold_s
        if len(self._waiting) >= self.route.hold_most or until_s <= self._loop.time():
            return False
        self._waiting[waiter] = self._loop.call_at(until_s, self._expire, waiter)
        self.measures.held += 1
        if not any(not replica.is_leaving for replica in self.replicas.values()):
            self._wanted(self.route.service)
        elif self._look is None:
            # One that rests may be reachable again, which nobody tells.
            self._look = self._loop.call_later(FIRST_REST_S, self._look_again)
        return True

    def leave(self, waiter: Waiter) -> None:
        """A request that waited does so no longer."""
        timer = self._waiting.pop(waiter, None)
        if timer is not None:
            timer.cancel()
            self.measures.held -= 1

    def release(self, replica: Replica) -> None:
        """A request has left a replica."""
        replica.outstanding -= 1
        self._settle(replica)
        if self._waiting:
            self._serve_waiting()

    def close(self) -> None:
        """Answer what waits, and let go of idle connections."""
        if self._look is not None:
            self._look.cancel()
        for waiter in list(self._waiting):
            self._expire(waiter)
        for replica in self.replicas.values():
            replica.close_idle()

    def _settle(self, replica: Replica) -> None:
        if replica.is_leaving and not replica.outstanding:
            replica.close_idle()
            self.replicas.pop(replica.address, None)

    def _expire(self, waiter: Waiter) -> None:
        self.leave(waiter)
        waiter.give_up()

    def _look_again(self) -> None:
        self._look = None
        self._serve_waiting()
        if self._waiting and self.replicas:
            self._look = self._loop.call_later(FIRST_REST_S, self._look_again)

    def _serve_waiting(self) -> None:
        while self._waiting:
            replica = self.pick()
            if replica is None:
                return
            waiter = next(iter(self._waiting))
            self.leave(waiter)
            waiter.take(replica)
