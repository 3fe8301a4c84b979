"""A real server under a real load: it is started in a process of its own, and asked over kept-alive connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.postgres import PostgresServer, find_binaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server: where it is, and its process."""

    url: str
    token: str
    pid: int


@contextlib.contextmanager
def server(home: Path, *flags: str) -> Iterator[Server]:
    """`tauon up` on a fresh home, stopped at the end."""
    command = [sys.executable, "-m", "tauon.main", "--home", str(home), "up", "--port", "0", "--log-level", "warning"]
    process = subprocess.Popen([*command, *flags], stdin=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + 60
        while not (home / "server.json").exists():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError("the server did not start")
            time.sleep(0.05)
        found = json.loads((home / "server.json").read_text())
        yield Server(url=found["url"], token=found["token"], pid=process.pid)
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def postgres() -> Iterator[str | None]:
    """The URL of a PostgreSQL of our own; None where there is none to start."""
    binaries = find_binaries()
    if binaries is None:
        yield None
        return
    running = PostgresServer(binaries)
    try:
        running.start()
        yield running.url
    finally:
        running.remove()


def submits_per_s(of: Server, *, clients: int, seconds: float) -> float:
    """Durable single submits a second by this many clients, each waiting for its answer before it asks again."""
    body = json.dumps({"run": "sleep 3600", "resources": {"accelerators": "H100:1"}}).encode()
    return asyncio.run(_many(of, clients, seconds, _request(of, "/v1/jobs", body)))


def bulk_per_s(of: Server, *, batches: int, size: int) -> float:
    """Durable submits a second in requests of `size` jobs each, one after the other."""
    job = {"run": "sleep 3600", "resources": {"accelerators": "H100:1"}}
    body = json.dumps({"jobs": [job] * size}).encode()

    async def run() -> float:
        reader, writer = await _connect(of)
        began_s = time.perf_counter()
        for _ in range(batches):
            await _ask(reader, writer, _request(of, "/v1/jobs/bulk", body))
        writer.close()
        return batches * size / (time.perf_counter() - began_s)

    return asyncio.run(run())


def _request(of: Server, path: str, body: bytes) -> bytes:
    host = urlsplit(of.url).netloc
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {of.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _connect(of: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(of.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
        raise RuntimeError(head.decode())
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return await reader.readexactly(int(length.partition(b":")[2]))


async def _many(of: Server, clients: int, seconds: float, request: bytes) -> float:
    counts = [0] * clients
    end_s = time.perf_counter() + seconds

    async def client(number: int) -> None:
        reader, writer = await _connect(of)
        while time.perf_counter() < end_s:
            await _ask(reader, writer, request)
            counts[number] += 1
        writer.close()

    began_s = time.perf_counter()
    await asyncio.gather(*(client(n) for n in range(clients)))
    return sum(counts) / (time.perf_counter() - began_s)


def cpu_s(pid: int) -> float:
    """User and system time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
