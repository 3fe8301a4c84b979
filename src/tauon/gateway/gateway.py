"""The gateway: one address for all services, with a table of routes that is given to it and may change at any time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from tauon.gateway.backend import Backend
from tauon.gateway.door import Door
from tauon.gateway.exchange import Exchange
from tauon.gateway.heads import RequestHead, answer, reply
from tauon.gateway.measure import Measures, exposition
from tauon.gateway.route import Address, Route

# Its own pages, which no service can be named like.
OWN = b"/-/"

# A connection on which nothing comes for so long is closed.
IDLE_S = 75.0
SWEEP_S = 5.0


class Gateway:
    """Made within a running loop. `wanted` is called with the name of a service for which a request has come and which
    has no replica: whoever runs the services should wake it."""

    def __init__(self, *, wanted: Callable[[str], None] = lambda _: None, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._backends: dict[str, Backend] = {}
        self._doors: set[Door] = set()
        self._gone = asyncio.Event()
        self._wanted = wanted
        self._server: asyncio.Server | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def put(self, route: Route) -> None:
        """Add a service, or change how it is reached; what is under way goes on as it began."""
        backend = self._backends.get(route.service)
        if backend is None:
            self._backends[route.service] = Backend(route, self._wanted)
        else:
            backend.put(route)

    def remove(self, service: str) -> None:
        """Take a service out of the table; what it has is finished."""
        backend = self._backends.pop(service, None)
        if backend is not None:
            backend.close()

    def outstanding(self, service: str, address: Address) -> int:
        """Requests that a replica still has: one that leaves may be stopped at 0."""
        backend = self._backends.get(service)
        return backend.outstanding(address) if backend else 0

    @property
    def measures(self) -> Mapping[str, Measures]:
        return {name: backend.measures for name, backend in self._backends.items()}

    async def open(self, host: str, port: int) -> int:
        """Listen; returns the port, which is a free one where 0 was asked for. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._a_door, host, port, backlog=1024)
        self._sweeping = loop.call_later(min(SWEEP_S, self._idle_s), self._sweep)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self, *, within_s: float = 30.0) -> None:
        """Take no more, let what is under way end, and after a while break off what has not."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._server is not None:
            self._server.close()
        for door in list(self._doors):
            door.is_closing = True
            if door.is_idle:
                door.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._doors:
                    self._gone.clear()
                    await self._gone.wait()
        for backend in self._backends.values():
            backend.close()
        for door in list(self._doors):
            door.abort()

    def _a_door(self) -> Door:
        door = Door(self._receive, self._door_gone)
        self._doors.add(door)
        return door

    def _door_gone(self, door: Door) -> None:
        self._doors.discard(door)
        self._gone.set()

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        for door in list(self._doors):
            if door.is_waited_for and now_s - door.used_s > self._idle_s:
                door.close()
        self._sweeping = loop.call_later(min(SWEEP_S, self._idle_s), self._sweep)

    def _receive(self, door: Door, head: RequestHead) -> Exchange | bytes:
        """The exchange that a request becomes, or the answer to it."""
        if head.target.startswith(OWN):
            return self._own(head)
        host = head.by_name.get(b"host", b"").split(b":")[0].split(b".")[0]
        backend, target = self._backends.get(host.decode("latin-1")), head.target
        if backend is None:
            first, slash, rest = head.target[1:].partition(b"/")
            name, mark, query = first.partition(b"?")
            backend = self._backends.get(name.decode("latin-1"))
            target = slash + rest if slash else b"/" + mark + query
        if backend is None:
            # Whether a body follows or not, nobody will read it.
            known = ", ".join(sorted(self._backends)) or "none"
            return answer(404, f"there is no service for this address; there are: {known}", closes=head.has_body)
        return Exchange(door, backend, head, target)

    def _own(self, head: RequestHead) -> bytes:
        if head.target == OWN + b"metrics":
            return reply(200, exposition(self.measures).encode(), b"text/plain; version=0.0.4")
        if head.target == OWN + b"health":
            return reply(200, b"ok\n", b"text/plain")
        return answer(404, "the gateway's own pages are /-/metrics and /-/health", closes=head.has_body)
