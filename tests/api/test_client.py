"""The client says what is wrong when there is no right answer, tries again where that is safe, and has two equal faces."""

from __future__ import annotations

import inspect
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tauon.api.client import AsyncClient
from tauon.api.connection import Connection
from tauon.api.sync_client import Client
from tauon.api.sync_wire import Call, Wire
from tauon.model.errors import (
    AccessDenied,
    InvalidRequest,
    NotFound,
    StorageUnavailable,
    TauonError,
    Unavailable,
)
from tauon.model.job import JobState
from tauon.service.control_plane import ControlPlane
from tauon.service.views import ServerInfo
from tests.api.plane import a_job_view
from tests.api.servers import TOKEN, Served

ROOT = Path(__file__).parents[2]
INFO = Call("GET", "/v1/info")


def the_same_protocol(client: AsyncClient) -> ControlPlane:
    """Checked by mypy: the client is a control plane."""
    return client


def wire_to(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> closing[Wire]:
    """A wire to a server that is made up."""
    return closing(Wire(Connection(url="http://gpu-box"), transport=httpx.MockTransport(answer), **settings))


def test_the_generated_client_is_fresh() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_client.py"))
    assert script["outdated"]() == [], "run python scripts/generate_client.py"


def test_both_faces_offer_the_whole_control_plane() -> None:
    protocol = {name for name in vars(ControlPlane) if not name.startswith("_")}
    for face in (Client, AsyncClient):
        offered = {name for name, member in inspect.getmembers(face) if not name.startswith("_") and callable(member)}
        assert offered == protocol | {"close", "sign_in_link", "upload", "wait"}


def test_both_are_there_by_their_short_names() -> None:
    import tauon  # noqa: PLC0415 - what a user writes

    assert (tauon.Client, tauon.AsyncClient) == (Client, AsyncClient)
    with pytest.raises(AttributeError, match="Clint"):
        _ = tauon.Clint  # type: ignore[attr-defined]


def test_the_client_loads_neither_server_nor_terminal() -> None:
    """What every command waits for at its start."""
    ask = "import sys, tauon.api.client; print(*{'litestar', 'uvicorn', 'rich', 'pygments', 'yaml'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_where_no_server_is_it_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", TOKEN) as client:
        began = time.monotonic()
        with pytest.raises(
            Unavailable, match=rf"no server answers at http://127.0.0.1:{port}: start one with `tauon up`"
        ):
            client.info()
        with pytest.raises(Unavailable, match="no server answers"):
            next(client.watch())
        assert time.monotonic() - began < 8


def test_a_server_that_says_nothing_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with (
            closing(Wire(Connection(url=f"http://127.0.0.1:{port}"), timeout_s=0.05)) as wire,
            pytest.raises(Unavailable, match="did not answer in time"),
        ):
            wire.ask(INFO, ServerInfo)


def test_a_wrong_token_is_told(server: Served) -> None:
    with Client(server.url, "wrong") as client:
        with pytest.raises(AccessDenied, match="not \\(or no longer\\) valid here; run `tauon login`"):
            client.info()
        with pytest.raises(AccessDenied, match="tauon login"):
            next(client.watch())
        with pytest.raises(AccessDenied):
            client.has_blob("0" * 64)
    with Client(server.url) as client, pytest.raises(AccessDenied, match="TAUON_TOKEN"):
        client.info()


@pytest.mark.parametrize(
    ("server_", "token"), [("gpu-box", ""), ("ftp://gpu-box", ""), ("http://gpu-box", "a\r\nb: c")]
)
def test_what_can_be_no_address_or_token_is_refused(server_: str, token: str) -> None:
    with pytest.raises(InvalidRequest):
        Client(server_, token)


@pytest.mark.parametrize("fault", [503, httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ReadTimeout("")])
def test_what_is_safe_to_repeat_is_repeated(fault: int | httpx.TransportError) -> None:
    came: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request.headers.get("idempotency-key", ""))
        if len(came) > 2:
            return httpx.Response(200, json={"a": 1})
        if isinstance(fault, int):
            return httpx.Response(fault)
        raise fault

    with wire_to(answer) as wire:
        assert wire.ask(Call("POST", "/x", headers={"idempotency-key": "k"}), dict) == {"a": 1}
    assert came == ["k", "k", "k"]


def test_what_could_do_harm_twice_is_not_repeated() -> None:
    came: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        came.append(request.url.path)
        raise httpx.ReadError("reset")

    with wire_to(answer) as wire, pytest.raises(Unavailable, match=r"the connection to http://gpu-box broke \(reset\)"):
        wire.tell(Call("DELETE", "/v1/secrets/A", tries=1))
    assert len(came) == 1


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (httpx.Response(200, text="<html>"), TauonError, "does not understand"),
        (httpx.Response(200, json={"version": 1}), TauonError, "same version"),
        (httpx.Response(404, text="nginx"), NotFound, "HTTP 404"),
        (httpx.Response(502, text="bad gateway"), Unavailable, "can't answer now"),
        (httpx.Response(403, text="no"), AccessDenied, "does not accept this token"),
        (httpx.Response(418, text="tea"), TauonError, "is the address right"),
        (httpx.Response(302, headers={"location": "http://evil.example/"}), TauonError, "does not understand"),
        (httpx.Response(500, json={"code": "from_the_future", "message": "m", "details": {"x": 1}}), TauonError, "^m$"),
        (httpx.Response(502, json={"code": "not_ready", "message": "m"}), TauonError, "^m$"),
    ],
)
def test_what_is_no_tauon_server_is_told(answer: httpx.Response, error: type[TauonError], said: str) -> None:
    with wire_to(lambda _: answer) as wire, pytest.raises(error, match=said):
        wire.ask(INFO, ServerInfo)


def test_a_stream_that_keeps_breaking_is_given_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=b":\n\nid: 1\ndata: {}\n\n" if "last-event-id" not in request.headers else b""
        )

    with wire_to(answer, patience_s=0.3) as wire:
        frames: Iterator[object] = wire.frames("/v1/events/stream", {})
        next(frames)
        with pytest.raises(Unavailable, match="ended the stream"):
            next(frames)


def test_a_full_disk_is_outlived(server: Served, client: Client) -> None:
    server.plane.raises = StorageUnavailable("the disk is full")
    assert client.info().user == "ada"


def test_waiting_ends_with_the_job(server: Served, client: Client) -> None:
    with pytest.raises(TimeoutError, match=r"j1 is still running after 0\.05 s"):
        client.wait("j1", timeout_s=0.05)
    server.plane.found["j1"] = a_job_view(state=JobState.SUCCEEDED)
    assert client.wait("j1").job.state is JobState.SUCCEEDED


@pytest.mark.anyio
async def test_the_awaiting_face_does_the_same(server: Served) -> None:
    async with AsyncClient(server.url, TOKEN) as client:
        assert (await client.info()).user == "ada"
        assert (await client.submit({"run": "true"}, key="k")).existing is False
        assert (await client.submit({"run": "true"}, key="k")).existing is True
        with pytest.raises(NotFound):
            await client.job("j9")
        with pytest.raises(TimeoutError):
            await client.wait("j1", timeout_s=0)
