"""The page: how soon it shows, how heavy it is, how smooth, how live, and what many open pages cost the server.

The browser's part is `web/browser/bench.ts`, driven in the system's Chromium; it needs Node and `make web`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.report import Report, median, say

WEB = Path(__file__).parents[1] / "web"
PAGES = 200
EVENTS_PER_S = 100.0
MEASURED_S = 20.0
# What the view "Now" asks for again when something has happened, at most once a second.
ASKED = ("/v1/overview", "/v1/queues")


class World:
    """A server over a made-up state."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        told = json.loads(process.stdout.readline())
        self.url, self.token = told["url"], told["token"]

    def happen(self, per_s: float) -> None:
        """Let so many events a second happen from now on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{per_s}\n")
        self.process.stdin.flush()

    def cpu_s(self) -> float:
        """Processor time so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


@contextlib.contextmanager
def world(nodes: int, jobs: int) -> Iterator[World]:
    """A server with so many nodes of 8 accelerators and so many jobs."""
    say(f"making a server with {nodes * 8:,} accelerators and {jobs:,} jobs")
    command = [sys.executable, "-m", "benchmarks.web_world", str(nodes), str(jobs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield World(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)


def browse(what: str, server: World) -> dict[str, float]:
    """One part of the browser's measurements."""
    environment = os.environ | {"TAUON_URL": server.url, "TAUON_TOKEN": server.token}
    command = ["npx", "tsx", "browser/bench.ts", what]
    done = subprocess.run(command, cwd=WEB, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


class OpenPage:
    """Asks what an open page asks: the stream of events, and what they made old, at most once a second."""

    def __init__(self, server: World) -> None:
        host, port = server.url.removeprefix("http://").split(":")
        self._where = (host, int(port))
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {server.token}\r\n"
        self.events = 0
        self.position = 0
        self.answers = 0

    async def stay(self) -> None:
        """Until it is cancelled."""
        reader, writer = await asyncio.open_connection(*self._where)
        asker = await asyncio.open_connection(*self._where)
        writer.write(f"GET /v1/events/live?after=-1 HTTP/1.1\r\n{self._head}\r\n".encode())
        last_s = 0.0
        try:
            while data := await reader.read(1 << 16):
                came = data.count(b"\ndata: {") + data.startswith(b"data: {")
                self.events += came
                at = data.rfind(b"id: ")
                if at >= 0:
                    self.position = int(data[at + 4 : data.index(b"\n", at)])
                if came and time.monotonic() - last_s >= 1:
                    last_s = time.monotonic()
                    for path in ASKED:
                        await self._ask(*asker, path)
        finally:
            writer.close()
            asker[1].close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
        writer.write(f"GET {path} HTTP/1.1\r\nX-Tauon-Page: {self.position}\r\n{self._head}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        self.answers += 1


async def stay_open(server: World, count: int) -> tuple[float, float]:
    """The server's processor (%) with so many pages open, and events that each page got a second."""
    pages = [OpenPage(server) for _ in range(count)]
    tasks = [asyncio.create_task(page.stay()) for page in pages]
    await asyncio.sleep(5)
    began_s, before_s, events = time.monotonic(), server.cpu_s(), sum(page.events for page in pages)
    await asyncio.sleep(MEASURED_S)
    took_s = time.monotonic() - began_s
    used_s, came = server.cpu_s() - before_s, sum(page.events for page in pages) - events
    for task in tasks:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return 100 * used_s / took_s, came / took_s / max(1, count)


def main() -> int:
    """Run it; returns 1 where the page is not built or can't be driven."""
    if not (WEB / "node_modules").is_dir():
        say("the page is built with Node: run `make web` first")
        return 1
    report = Report("web")
    with world(1250, 10_000) as server:
        firsts = [browse("first", server) for _ in range(5)]
        report.at_most("first_view_s", median([one["first_view_s"] for one in firsts]), "s", 1.0)
        report.at_most("js_gzip_kib", firsts[0]["js_gzip_kib"], "KiB", 400)
        server.happen(10)
        live = browse("live", server)
        report.at_most("event_to_page_p99_ms", live["p99_ms"], "ms", 300)
        report.told("event_to_page_p50_ms", live["p50_ms"], "ms")
        server.happen(EVENTS_PER_S)
        alone_pct, _ = asyncio.run(stay_open(server, 0))
        pct, rate = asyncio.run(stay_open(server, PAGES))
        report.at_most("pages_200_cpu_pct", pct - alone_pct, "% of a core", 25)
        report.told("no_pages_cpu_pct", alone_pct, "% of a core")
        report.told("events_to_each_page_per_s", rate, "1/s")
    with world(12_500, 100_000) as server:
        smooth = browse("smooth", server)
        report.at_most("long_task_ms", max(smooth["table_ms"], smooth["fleet_ms"]), "ms", 100)
        report.told("long_task_table_ms", smooth["table_ms"], "ms")
        report.told("long_task_fleet_ms", smooth["fleet_ms"], "ms")
        report.told("frames_table_p99_ms", smooth["table_frame_p99_ms"], "ms")
        report.told("frames_fleet_p99_ms", smooth["fleet_frame_p99_ms"], "ms")
    report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
