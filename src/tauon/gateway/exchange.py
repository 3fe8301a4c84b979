"""One request on its way: through the check, to a replica, to another one if that fails, and its reply back."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tauon.gateway.backend import Backend, Replica
from tauon.gateway.heads import RequestHead, ResponseHead, answer
from tauon.gateway.measure import TAIL
from tauon.gateway.route import Address
from tauon.gateway.upstream import Upstream

# A body up to this size is kept until the reply begins, so that the request can be sent to another replica.
KEPT_BODY = 1 << 20
MOST_TRIES = 4
CONNECT_S = 5.0
_OWN_KEY = frozenset({b"authorization", b"x-api-key"})
_NOTHING: frozenset[bytes] = frozenset()
_TOLD_USAGE = (b"application/json", b"text/event-stream")


class Client(Protocol):
    """The connection that a request came by."""

    name: str

    def write(self, data: bytes) -> None: ...

    def ended(self, *, closes: bool) -> None:
        """The reply is whole; the next request may be answered."""
        ...

    def abort(self) -> None:
        """Break the connection off, so that a reply that is not whole is not taken for one."""
        ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Exchange:
    """Implements `backend.Waiter` and `upstream.Hearer`. The client's side calls `begin`, `body`, `body_ended`,
    `client_gone`, and `client_congested` and `client_relieved` as the client takes the reply."""

    def __init__(self, client: Client, backend: Backend, head: RequestHead, target: bytes) -> None:
        self._client = client
        self._backend = backend
        self.head = head
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._kept: list[bytes] | None = []
        self._kept_size = 0
        self._tried: set[Address] = set()
        self._replica: Replica | None = None
        self._upstream: Upstream | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._reply: ResponseHead | None = None
        self._is_sent = False  # whether a replica may have seen any of it
        self._is_fresh = True  # whether its connection was made for it
        self._is_tunnel = False
        self._is_over = False
        self._rechunks = False
        self._closes = not head.keeps_alive
        self._tail: bytes | None = None
        self._is_whole = not head.has_body  # whether all of the request has come

    # ------------------------------------------------------------------ the client's side

    def begin(self) -> None:
        """Find a replica."""
        measures = self._backend.measures
        measures.arrivals += 1
        measures.in_flight += 1
        if not self._backend.admits(self.head.bearer if self._backend.route.keys else ""):
            self._refuse(401, f"this needs an API key of the service {self._backend.route.service}")
            return
        self._go()

    def body(self, data: bytes) -> None:
        """More of the request's body."""
        if self._is_over or not data:
            return
        framed = b"%x\r\n%s\r\n" % (len(data), data) if self.head.is_chunked else data
        self._pass_on(framed)

    def body_ended(self) -> None:
        self._is_whole = True
        if self.head.is_chunked and not self._is_over:
            self._pass_on(b"0\r\n\r\n")

    def tunnel(self, data: bytes) -> None:
        """What the client sends once both speak another protocol."""
        self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        if self._kept is not None:
            self._kept.append(data)
            self._kept_size += len(data)
            if self._kept_size > KEPT_BODY and self._upstream is not None:
                self._kept = None  # too much to send it twice
        if self._upstream is not None:
            self._upstream.write(data)
        if self._upstream.is_congested if self._upstream is not None else self._kept_size > KEPT_BODY:
            self._client.pause()

    def client_gone(self) -> None:
        """Nobody waits for the reply any more."""
        if self._is_over:
            return
        self._backend.leave(self)
        if self._upstream is not None:
            self._upstream.abort()
        self._finish(499)

    def client_congested(self) -> None:
        if self._upstream is not None:
            self._upstream.pause()

    def client_relieved(self) -> None:
        if self._upstream is not None:
            self._upstream.resume()

    # ------------------------------------------------------------------ on the way to a replica

    def _go(self) -> None:
        replica = self._backend.pick(self._tried)
        if replica is not None:
            self.take(replica)
        else:
            self._wait()

    def _wait(self) -> None:
        if not self._backend.hold(self, since_s=self._began_s):
            self.give_up()

    def take(self, replica: Replica) -> None:
        """Go to this replica, which counts it already."""
        self._replica = replica
        upstream = replica.an_idle(self._loop.time())
        if upstream is not None:
            self._is_fresh = False
            self._send(upstream)
        else:
            self._is_fresh = True
            self._connecting = self._loop.create_task(self._connect(replica))

    def give_up(self) -> None:
        """No replica can take it."""
        route = self._backend.route
        there = any(not replica.is_leaving for replica in self._backend.replicas.values())
        why = "all its replicas are busy or don't answer" if there else "it has no replica now, and one is being woken"
        self._refuse(503, f"the service {route.service} can't answer: {why}", retry_after_s=max(1.0, route.hold_s / 4))

    async def _connect(self, replica: Replica) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, upstream = await self._loop.create_connection(Upstream, replica.address.host, replica.address.port)
        except (OSError, TimeoutError) as error:
            if not self._is_over:
                replica.failed(self._loop.time())
                self._leave_replica()
                self._try_again(f"{replica.address} can't be reached: {error}")
            return
        replica.failures = 0
        if self._is_over:
            upstream.close()
        else:
            self._send(upstream)

    def _send(self, upstream: Upstream) -> None:
        self._upstream = upstream
        drop = _OWN_KEY if self._backend.route.keys else _NOTHING
        data = self.head.forwarded(self._target, self._client.name, drop=drop)
        if self._kept:
            data += b"".join(self._kept)
        if self._kept_size > KEPT_BODY:
            self._kept = None
        self._is_sent = True
        upstream.send(self, self.head.method, data)
        if not upstream.is_congested:
            self._client.resume()

    def _try_again(self, reason: str) -> None:
        """Go to another replica if that can do no harm, else say what happened."""
        was_sent, may_repeat = self._is_sent, not self._is_sent or self.head.is_repeatable
        if may_repeat and self._kept is not None and len(self._tried) < MOST_TRIES:
            self._is_sent = False
            replica = self._backend.pick(self._tried)
            if replica is not None:
                self._backend.measures.retries += 1
                self.take(replica)
                return
            if not was_sent:
                # None can be reached at the moment; one may come back, or come.
                self._tried.clear()
                self._wait()
                return
        harm = "" if may_repeat else " It was not sent again, for it may have been carried out already."
        self._refuse(502, f"the service {self._backend.route.service} broke off: {reason}.{harm}")

    def _leave_replica(self) -> None:
        replica, self._replica, self._upstream = self._replica, None, None
        if replica is not None:
            self._tried.add(replica.address)
            self._backend.release(replica)

    # ------------------------------------------------------------------ what the replica tells

    def reply_began(self, head: ResponseHead) -> None:
        self._reply, self._kept = head, None
        # What would have followed on this connection is another protocol, which the replica does not want to speak.
        self._closes = self._closes or bool(self.head.upgrade)
        self._backend.measures.to_first_byte.add(self._loop.time() - self._began_s)
        framing = b""
        if head.has_body(self.head.method) and head.length is None:
            # Where the replica ends by closing, or by chunks, the client gets chunks, which it can see the end of.
            self._rechunks = not self.head.is_http_10
            self._closes = self._closes or self.head.is_http_10
            framing = b"Transfer-Encoding: chunked" if self._rechunks else b""
        if head.content_type.startswith(_TOLD_USAGE):
            self._tail = b""
        self._client.write(head.relayed(framing=framing, closes=self._closes))

    def reply_went_on(self, data: bytes) -> None:
        if self._tail is not None:
            self._tail = data[-TAIL:] if len(data) >= TAIL else (self._tail + data)[-TAIL:]
        self._client.write(b"%x\r\n%s\r\n" % (len(data), data) if self._rechunks else data)

    def reply_ended(self, *, is_reusable: bool) -> None:
        upstream, reply = self._upstream, self._reply
        if self._is_tunnel:
            self._finish(101)
            self._client.abort()
            return
        assert reply is not None
        if self._rechunks:
            self._client.write(b"0\r\n\r\n")
        if self._tail:
            self._backend.measures.count_tokens(self._tail)
        if upstream is not None and self._replica is not None:
            if is_reusable and self._is_whole:
                self._replica.keep(upstream, self._loop.time())
            else:
                upstream.close()
        self._finish(reply.status)
        self._client.ended(closes=self._closes)

    def switched(self, head: ResponseHead) -> None:
        if not self.head.upgrade:
            if self._upstream is not None:
                self._upstream.abort()
            self.broke_off("it changed to another protocol unasked")
            return
        self._is_tunnel, self._reply, self._kept = True, head, None
        self._backend.measures.to_first_byte.add(self._loop.time() - self._began_s)
        self._client.write(head.switching())

    def broke_off(self, reason: str) -> None:
        replica, is_begun = self._replica, self._reply is not None
        if is_begun:
            self._backend.measures.lost += 1
            self._finish(502)
            self._client.abort()
            return
        stale = not self._is_fresh and replica is not None
        self._leave_replica()
        if stale and replica is not None and self.head.is_repeatable:
            self._tried.discard(replica.address)  # a connection that lay idle says nothing of the replica
            replica.close_idle()
        self._try_again(reason)

    def may_write(self) -> None:
        self._client.resume()

    # ------------------------------------------------------------------ the end

    def _refuse(self, status: int, message: str, *, retry_after_s: float | None = None) -> None:
        # What the client still sends of its body has no reader any more.
        closes = self._closes or self.head.has_body
        self._finish(status)
        self._client.write(answer(status, message, retry_after_s=retry_after_s, closes=closes))
        self._client.ended(closes=closes)

    def _finish(self, status: int) -> None:
        self._is_over = True
        measures = self._backend.measures
        measures.in_flight -= 1
        measures.replies[status] += 1
        measures.latency.add(self._loop.time() - self._began_s)
        replica, self._replica, self._upstream = self._replica, None, None
        if replica is not None:
            self._backend.release(replica)
