"""A gateway and real replicas on loopback: each replica does with a request what its path asks for, and counts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from tauon.gateway.gateway import Gateway
from tauon.gateway.route import Address, Route

Served = Callable[["Replica", str, str, dict[str, str], bytes, asyncio.StreamWriter], Any]


class Replica:
    """An HTTP server of a few lines. `gate` holds `/gated` back until it is set; `name` is in every answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.gate = asyncio.Event()
        self.under_way = 0
        self.arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.address = Address("127.0.0.1", 0)

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def kill(self) -> None:
        """End at once, whatever is under way."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def until_seen(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.seen) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await _body(reader, headers)
        self.under_way += 1
        try:
            async with self.arrived:
                self.seen.append((method, target, headers, body))
                self.arrived.notify_all()
            return await self._answer(method, target.partition("?")[0], headers, body, (reader, writer))
        finally:
            self.under_way -= 1

    async def _answer(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> bool:
        reader, writer = streams
        if path == "/gated":
            await self.gate.wait()
        if path == "/break":
            return False
        if path == "/halfway":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            await writer.drain()
            return False
        if path == "/until-closed":
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
            return False
        if path == "/nonsense":
            writer.write(b"I speak no HTTP\r\n\r\n")
            return False
        if path == "/events":
            return await self._events(writer)
        if path == "/unasked":
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
            return False
        if path == "/upgrade" and headers.get("upgrade") == "echo":
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ")
            while data := await reader.read(1000):
                writer.write(data.upper())
            return False
        if path == "/usage":
            answer = b'{"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        else:
            answer = b"x" * 5_000_000 if path == "/large" else f"{self.name} {method} {path} {len(body)}".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(answer) + (b"" if method == "HEAD" else answer))
        await writer.drain()
        return True

    async def _events(self, writer: asyncio.StreamWriter) -> bool:
        """Two events, the second only after the gate was opened."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, event in enumerate((b"data: one\n\n", b'data: {"usage": {"completion_tokens": 5}}\n\n')):
            if number:
                await self.gate.wait()
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        return True


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


class Reply:
    """What came back."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def replica(self) -> str:
        """Which replica answered."""
        return self.text.split(" ")[0]


class Caller:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: gateway"]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        return int(first.split(" ")[1]), {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }

    async def reply(self, *, to: str = "GET") -> Reply:
        status, headers = await self.head()
        if to == "HEAD":
            return Reply(status, headers, b"")
        return Reply(status, headers, await _body(self.reader, headers))

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
        self.send(method, target, body, **headers)
        return await self.reply(to=method)

    def close(self) -> None:
        self.writer.close()


class Town:
    """A gateway with one service, `chat`, and its replicas."""

    def __init__(self, idle_s: float = 75.0) -> None:
        self.woken: list[str] = []
        self.gateway = Gateway(wanted=self.woken.append, idle_s=idle_s)
        self.replicas: list[Replica] = []
        self.port = 0
        self._callers: list[Caller] = []

    async def open(self, replicas: int, **fields: Any) -> None:
        self.port = await self.gateway.open("127.0.0.1", 0)
        for number in range(replicas):
            await self.another(f"r{number + 1}")
        self.route(**fields)

    async def another(self, name: str) -> Replica:
        """One more replica, not yet in the table."""
        replica = Replica(name)
        await replica.open()
        self.replicas.append(replica)
        return replica

    def route(self, *replicas: Replica, **fields: Any) -> None:
        """Put a table with these replicas, or all."""
        addresses = tuple(replica.address for replica in (replicas or self.replicas))
        self.gateway.put(Route(**({"service": "chat", "replicas": addresses} | fields)))

    async def caller(self) -> Caller:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", self.port))
        self._callers.append(caller)
        return caller

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Reply:
        """On a connection of its own."""
        return await (await self.caller()).ask(method, target, body, **headers)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let the loop go on until something holds."""
        while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)

    @property
    def measures(self) -> Any:
        return self.gateway.measures["chat"]

    async def close(self) -> None:
        for caller in self._callers:
            caller.close()
        for replica in self.replicas:
            await replica.kill()
        await self.gateway.close(within_s=1.0)


@contextlib.asynccontextmanager
async def a_town(replicas: int = 1, *, idle_s: float = 75.0, **fields: Any) -> AsyncIterator[Town]:
    """A town that is torn down in the end, with nothing left in flight."""
    town = Town(idle_s)
    await town.open(replicas, **fields)
    try:
        async with asyncio.timeout(60):
            yield town
    finally:
        await town.close()
    left = {name: measures.in_flight for name, measures in town.gateway.measures.items()}
    assert not any(left.values()), f"requests left in flight: {left}"
    assert not any(measures.held for measures in town.gateway.measures.values())
