"""Logs and events as they happen: nothing is lost or told twice, whatever breaks in between."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tauon.api.app import AppLimits
from tauon.api.client import AsyncClient
from tauon.api.connection import Connection
from tauon.api.sync_client import Client
from tauon.api.sync_wire import Wire
from tauon.model.errors import NotFound, StorageUnavailable, Unavailable
from tauon.ports.providers import LogChunk
from tauon.service.control_plane import LogQuery
from tests.api.servers import TOKEN, Served, served

FOLLOW = LogQuery(follow=True)
NOT_TEXT = bytes(range(256)) * 40


def until(done: object, *, limit_s: float = 10.0) -> None:
    """Look again and again until something is so."""
    assert callable(done)
    give_up = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < give_up
        threading.Event().wait(0.005)


def together(chunks: list[LogChunk]) -> bytes:
    """The bytes of chunks that follow on each other without a gap."""
    for before, after in itertools.pairwise(chunks):
        assert after.next_offset - len(after.data) == before.next_offset
    return b"".join(chunk.data for chunk in chunks)


def test_output_comes_byte_by_byte_as_it_was_written(server: Served, client: Client) -> None:
    server.plane.output = NOT_TEXT
    server.plane.output_ended = True
    assert together(list(client.logs("j1"))) == NOT_TEXT
    assert together(list(client.logs("j1", LogQuery(offset=9_000)))) == NOT_TEXT[9_000:]
    last = list(client.logs("j1", LogQuery(offset=-100)))
    assert together(last) == NOT_TEXT[-100:]
    assert last[-1].next_offset == len(NOT_TEXT)
    assert list(client.logs("j1", LogQuery(offset=len(NOT_TEXT)))) == []


def test_output_is_there_for_plain_http_too(server: Served, http: httpx.Client) -> None:
    server.plane.output = NOT_TEXT
    answer = http.get("/v1/jobs/j1/logs", params={"offset": -300})
    assert answer.content == NOT_TEXT[-300:]
    assert answer.headers["x-start-offset"] == str(len(NOT_TEXT) - 300)
    assert answer.headers["content-type"] == "application/octet-stream"
    server.plane.output = b""
    assert http.get("/v1/jobs/j1/logs").content == b""
    assert http.get("/v1/jobs/j1/logs?rank=3").status_code == 404


def test_output_is_followed_until_the_attempt_ends(server: Served, client: Client) -> None:
    plane = server.plane
    chunks = client.logs("j1", FOLLOW)
    server.do(plane.write(b"one\n"))
    assert next(chunks).data == b"one\n"
    server.do(plane.write(b"two\n"))
    assert next(chunks) == LogChunk(rank=0, data=b"two\n", next_offset=8)
    server.do(plane.end_output())
    assert list(chunks) == []
    until(lambda: plane.open_streams == 0)


def test_a_follower_who_leaves_is_forgotten(server: Served, client: Client) -> None:
    server.do(server.plane.write(b"one"))
    chunks = client.logs("j1", FOLLOW)
    next(chunks)
    assert isinstance(chunks, Iterator)
    chunks.close()  # type: ignore[attr-defined]
    until(lambda: server.plane.open_streams == 0)


def test_what_goes_wrong_on_the_way_is_told(server: Served, client: Client) -> None:
    with pytest.raises(NotFound, match="there is no job 'j7'"):
        list(client.logs("j7"))
    with pytest.raises(NotFound, match="there is no rank 3"):
        list(client.logs("j1", LogQuery(rank=3)))


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_that_breaks_goes_on_where_it_was(server: Served, seed: int) -> None:
    chance = random.Random(seed)
    relay = server.relay()
    output = chance.randbytes(40_000)
    pieces = [output[i : i + 4_000] for i in range(0, len(output), 4_000)]

    def work() -> None:
        for piece in pieces[1:]:
            server.do(server.plane.write(piece))
            if chance.random() < 0.5:
                relay.cut()
        server.do(server.plane.end_output())

    worker = threading.Thread(target=work)
    with Client(relay.url, TOKEN) as client:
        stream = client.logs("j1", FOLLOW)
        server.do(server.plane.write(pieces[0]))
        chunks = [next(stream)]  # it has come, so that there is something to cut
        worker.start()
        chunks += stream
        worker.join()
    assert together(chunks) == output
    assert relay.came > 1


def test_a_reader_who_comes_back_stays_with_his_attempt(server: Served) -> None:
    relay = server.relay()
    with Client(relay.url, TOKEN) as client:
        chunks = client.logs("j1", FOLLOW)
        server.do(server.plane.write(b"one"))
        next(chunks)
        server.plane.attempts = 2
        relay.cut()
        server.do(server.plane.write(b"two"))
        assert next(chunks).data == b"two"
    asked = [what[2].attempt for what in server.plane.seen if what[0] == "logs"]
    assert asked == [1, 1]


def test_events_come_as_they_happen_and_after_a_break(server: Served) -> None:
    plane = server.plane
    relay = server.relay()
    server.do(plane.happen("a", "b", "c"))
    with Client(relay.url, TOKEN) as client:
        events = client.watch(after=1)
        assert [next(events).text, next(events).text] == ["b", "c"]
        relay.cut()
        server.do(plane.happen("d", "e"))
        assert [next(events) for _ in range(2)] == plane.journal[3:]
        server.do(plane.happen("f"))
        assert next(events).seq == 6


def test_the_last_events_stay_the_same_after_a_break(server: Served) -> None:
    """Counted from the end once only: what happened while the connection was broken is not skipped."""
    plane = server.plane
    relay = server.relay()
    server.do(plane.happen("a", "b"))
    with Client(relay.url, TOKEN) as client:
        events = client.watch(after=-1)
        assert next(events).text == "b"
        relay.cut()
        server.do(plane.happen("c", "d", "e"))
        assert [next(events).text for _ in range(3)] == ["c", "d", "e"]


def test_a_watcher_outlives_the_server(server: Served) -> None:
    first = Served(server.plane)
    server.do(server.plane.happen("a"))
    with Client(first.url, TOKEN) as client:
        events = client.watch()
        assert next(events).text == "a"
        port = first.port
        first.stop()
        server.plane.changed = asyncio.Condition()
        server.do(server.plane.happen("b"))
        second = Served(server.plane, port=port)
        assert next(events).text == "b"
        second.stop()


@pytest.mark.anyio
async def test_the_awaiting_client_streams_too(server: Served) -> None:
    plane = server.plane
    plane.output, plane.output_ended = NOT_TEXT, True
    server.do(plane.happen("a", "b"))
    async with AsyncClient(server.url, TOKEN) as client:
        assert together([chunk async for chunk in client.logs("j1")]) == NOT_TEXT
        async with contextlib.aclosing(client.watch()) as events:  # type: ignore[type-var]
            assert (await anext(events)).text == "a"


def test_an_error_in_the_middle_is_told_at_the_end(server: Served, client: Client) -> None:
    plane = server.plane
    server.do(plane.happen("a"))
    events = client.watch()
    assert next(events).text == "a"
    plane.raises = NotFound("the journal is gone")
    server.do(plane.happen("b"))
    with pytest.raises(NotFound, match="the journal is gone"):
        next(events)


def test_a_passing_error_is_outlived(server: Served, client: Client) -> None:
    plane = server.plane
    server.do(plane.happen("a"))
    events = client.watch()
    next(events)
    plane.raises = StorageUnavailable("the disk is busy")
    server.do(plane.happen("b"))
    assert next(events).text == "b"


def test_silence_is_filled_with_heartbeats() -> None:
    with served(limits=AppLimits(heartbeat_s=0.02)) as server, httpx.Client(base_url=server.url) as http:
        headers = {"authorization": f"Bearer {TOKEN}"}
        with http.stream("GET", "/v1/events/stream", headers=headers) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            pieces = answer.iter_raw()
            seen = b""
            while seen.count(b":\n\n") < 4:
                seen += next(pieces)
            server.do(server.plane.happen("a"))
            while b'"text":"a"' not in seen:
                seen += next(pieces)
    assert b"\nid: 1\n" in seen.replace(b":\n\n", b"\n")


def test_a_busy_journal_costs_few_sendings(server: Served, http: httpx.Client) -> None:
    pieces = 0
    seen = b""
    with http.stream("GET", "/v1/events/stream") as answer:
        stream = answer.iter_raw()
        next(stream)
        for _ in range(50):
            server.do(server.plane.happen(*"abcdefghij"))
        while b"id: 500\n" not in seen:
            seen += next(stream)
            pieces += 1
    assert seen.count(b"id: ") == 500 + 1
    assert pieces < 100


def test_there_are_only_so_many_streams() -> None:
    with served(limits=AppLimits(streams=1)) as server:
        server.do(server.plane.happen("a"))
        wire = Wire(Connection(url=server.url, token=TOKEN), patience_s=0.1)
        with Client(server.url, TOKEN) as client, contextlib.closing(wire):
            events = client.watch()
            next(events)
            with pytest.raises(Unavailable, match="streams are open"):
                list(wire.frames("/v1/events/stream", {}))


def test_a_slow_reader_does_not_make_the_server_hoard(server: Served, http: httpx.Client) -> None:
    server.plane.output = b"x" * 50_000_000
    with http.stream("GET", "/v1/jobs/j1/logs/stream") as answer:
        next(answer.iter_raw(1000))
        before = -1
        while server.plane.given_bytes != before:  # until all buffers on the way are full
            before = server.plane.given_bytes
            threading.Event().wait(0.1)
        assert 0 < before < 20_000_000
    until(lambda: server.plane.open_streams == 0)
