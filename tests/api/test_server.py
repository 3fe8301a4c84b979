"""The server starts where it is told to, says so, and goes down quickly without cutting anybody off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tauon.api.app import make_app
from tauon.api.server import serving
from tauon.api.sync_client import Client
from tauon.model.errors import ConfigError
from tauon.model.job_spec import JobSpec
from tauon.service.views import ServerInfo, Submitted
from tests.api.plane import MemoryPlane
from tests.api.servers import TOKEN, Served


async def served_at(host: str, port: int) -> str:
    """The address of a server that was up for a moment."""
    plane = MemoryPlane()
    async with serving(make_app(lambda _: plane, lambda _: "ada"), host=host, port=port) as url:
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{url}/healthz")).status_code == 200
        return url


@pytest.mark.anyio
@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "[::1]")])
async def test_it_says_where_it_answers(host: str, shown: str) -> None:
    if host == "::1" and not has_ipv6():
        pytest.skip("no IPv6 here")
    url = await served_at(host, 0)
    name, _, port = url.removeprefix("http://").rpartition(":")
    assert name in (shown, "[::1]")
    assert int(port) > 0
    assert await served_at(host, int(port)) == url  # the port is free again at once


def has_ipv6() -> bool:
    with contextlib.suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


@pytest.mark.anyio
async def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127.0.0.1:{port}: another program .* has that port"):
            await served_at("127.0.0.1", port)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("192.0.2.1", 0, "this machine does not have that address"),
        ("no.such.host.invalid", 0, "choose a host of this machine"),
        ("127.0.0.1", 99999, "a port is a number from 1 to 65535"),
    ],
)
async def test_an_address_that_can_not_be_had_is_told(host: str, port: int, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        await served_at(host, port)


def test_open_streams_end_within_a_second() -> None:
    server = Served(MemoryPlane())
    server.do(server.plane.happen("a"))
    server.do(server.plane.write(b"one"))
    headers = {"authorization": f"Bearer {TOKEN}"}
    paths = ["/v1/events/stream", "/v1/jobs/j1/logs/stream?follow=true"] * 10
    with (
        contextlib.ExitStack() as stack,
        httpx.Client(base_url=server.url, headers=headers, limits=httpx.Limits(max_connections=None)) as http,
    ):
        streams = [stack.enter_context(http.stream("GET", path)).iter_raw() for path in paths]
        for stream in streams:
            next(stream)
        began = time.monotonic()
        server.stop()
        for stream in streams:
            list(stream)  # ends in good order: anything else raises
        assert time.monotonic() - began < 1.5
    assert server.plane.open_streams == 0


def test_a_request_at_work_is_finished() -> None:
    plane = SlowPlane()
    server = Served(plane)
    with Client(server.url, TOKEN) as client, ThreadPoolExecutor() as pool:
        submitted = pool.submit(client.submit, {"run": "true", "name": "last"})
        assert plane.begun.wait(10)
        server.loop.call_soon_threadsafe(server.loop.call_later, 0.3, plane.go_on.set)
        server.stop()
        assert submitted.result(10) == Submitted(id="j1", name="last")


class SlowPlane(MemoryPlane):
    """Takes its time to submit."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.go_on = asyncio.Event()

    async def submit(self, spec: JobSpec, *, key: str = "") -> Submitted:
        self.begun.set()
        await self.go_on.wait()
        return await super().submit(spec, key=key)


class LostPlane(MemoryPlane):
    """Has nothing to say."""

    async def info(self) -> ServerInfo:
        await asyncio.Event().wait()
        raise AssertionError


def test_a_request_that_never_ends_does_not_hold_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauon.api.server._GRACE_S", 0.2)
    server = Served(LostPlane())
    with (
        ThreadPoolExecutor() as pool,
        httpx.Client(base_url=server.url, headers={"authorization": f"Bearer {TOKEN}"}) as http,
    ):
        answer = pool.submit(http.get, "/v1/info")
        while not server.do(requests_at_work()):
            pass
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 3
        with contextlib.suppress(httpx.TransportError):
            assert answer.result(10).status_code == 500


async def requests_at_work() -> bool:
    return any("run_asgi" in repr(task.get_coro()) for task in asyncio.all_tasks())
