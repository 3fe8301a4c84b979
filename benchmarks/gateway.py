"""What the embedded gateway costs: requests for each second of processor time, the time that it adds, and what is lost.

The gateway runs in a process of its own, as it does in a server; the replicas and the load in others. Latency is
measured at a given rate that the gateway can bear, for at full load it is the length of the line and nothing else.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httptools

from benchmarks.report import Report, median, quantile, say
from tauon.gateway.gateway import Gateway
from tauon.gateway.route import Address, Route

CONNECTIONS = 32
REQUESTS = 24_000
RATE_PER_S = 640.0
RATE_S, ROUNDS = 3.0, 7
ASK = b"GET /chat/v1/models HTTP/1.1\r\nHost: gateway\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 256\r\n\r\n" + b"x" * 256


class _Answering(asyncio.Protocol):
    """A replica that says the same to everything."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._transport.write(ANSWER)


async def _serve_replica(pipe: Connection) -> None:
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0, backlog=1024)
    pipe.send(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(pipe.recv)


async def _serve_gateway(pipe: Connection) -> None:
    gateway = Gateway()
    pipe.send(await gateway.open("127.0.0.1", 0))
    while (replicas := await asyncio.to_thread(pipe.recv)) is not None:
        gateway.put(Route(service="chat", replicas=tuple(Address("127.0.0.1", port) for port in replicas)))
        pipe.send("put")


def _run(serve: Callable[[Connection], Any], pipe: Connection) -> None:
    asyncio.run(serve(pipe))


class _Process:
    """A server in a process of its own."""

    def __init__(self, serve: Callable[[Connection], Any]) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(target=_run, args=(serve, theirs), daemon=True)
        self._process.start()
        self.port: int = self.pipe.recv()

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


async def _ask(port: int, count: int, *, every_s: float = 0.0, offset_s: float = 0.0) -> tuple[list[float], int]:
    """So many requests on one connection, one after the other or at a pace; their times, and how many failed."""
    times: list[float] = []
    failed = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due_s = time.perf_counter() + offset_s
    for _ in range(count):
        if every_s:
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            due_s += every_s
        began = time.perf_counter()
        try:
            writer.write(ASK)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            failed += not head.startswith(b"HTTP/1.1 200")
        except (OSError, asyncio.IncompleteReadError):
            failed += 1
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times.append(time.perf_counter() - began)
    writer.close()
    return times, failed


async def _load(port: int, count: int, rate_per_s: float = 0.0) -> tuple[list[float], int]:
    """All connections at once."""
    every_s = CONNECTIONS / rate_per_s if rate_per_s else 0.0
    jobs = (
        _ask(port, count // CONNECTIONS, every_s=every_s, offset_s=every_s * number / CONNECTIONS)
        for number in range(CONNECTIONS)
    )
    found = await asyncio.gather(*jobs)
    return [one for times, _ in found for one in times], sum(failed for _, failed in found)


async def _lost(gateway: _Process, replicas: list[_Process]) -> int:
    """Requests that failed while a replica was killed, one left and one came."""
    load = asyncio.create_task(_load(gateway.port, 12_000))
    await asyncio.sleep(1.0)
    replicas[0].kill()
    await asyncio.sleep(1.0)
    new = await asyncio.to_thread(_Process, _serve_replica)
    gateway.pipe.send([replicas[2].port, new.port])  # one has come, and one leaves while it is at work
    _, failed = await load
    new.kill()
    return failed


def _latency(report: Report, gateway: _Process, replica: _Process) -> None:
    """What the gateway adds, as the median over rounds: each with and without it, so that both meet the same machine."""
    rounds = []
    for _ in range(ROUNDS):
        direct, _ = asyncio.run(_load(replica.port, int(RATE_PER_S * RATE_S), RATE_PER_S))
        through, _ = asyncio.run(_load(gateway.port, int(RATE_PER_S * RATE_S), RATE_PER_S))
        rounds.append((direct, through))
    for name, q, most in (("p50", 0.5, 2.0), ("p99", 0.99, 20.0)):
        without_ms = median([quantile(direct, q) * 1e3 for direct, _ in rounds])
        added_ms = median([(quantile(through, q) - quantile(direct, q)) * 1e3 for direct, through in rounds])
        report.at_most(f"added_{name}_ms", added_ms, "ms", most, f"{without_ms:.2f} ms without it")


def main() -> int:
    """Run it."""
    report = Report("gateway")
    replicas = [_Process(_serve_replica) for _ in range(3)]
    gateway = _Process(_serve_gateway)
    gateway.pipe.send([one.port for one in replicas])
    gateway.pipe.recv()
    asyncio.run(_load(gateway.port, 2_000))
    per_cpu_s = []
    for _ in range(3):
        before = gateway.cpu_s()
        _, failed = asyncio.run(_load(gateway.port, REQUESTS))
        assert not failed
        per_cpu_s.append(REQUESTS / (gateway.cpu_s() - before))
        say(f"{per_cpu_s[-1]:,.0f} requests per second of processor time")
    peers = "aiohttp as a proxy 3,500-3,900 here, Starlette and httpx 300-800, nginx 57,000, HAProxy 21,000 elsewhere"
    report.at_least("req_per_cpu_s", quantile(per_cpu_s, 0.5), "req/s", 4_000, peers)
    _latency(report, gateway, replicas[0])
    report.at_most("lost", asyncio.run(_lost(gateway, replicas)), "requests", 0)
    report.write()
    for one in (gateway, *replicas):
        one.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
