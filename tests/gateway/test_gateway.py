"""Requests go through whole, to the replica with least to do, and come back as they were answered."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tauon.gateway.route import Route, digest_of
from tests.gateway.town import Town, a_town


def played(play: Callable[[Town], Awaitable[None]], replicas: int = 1, **fields: Any) -> None:
    """Play a scene in a town of its own."""

    async def whole() -> None:
        async with a_town(replicas, **fields) as town:
            await play(town)

    asyncio.run(whole())


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_a_request_goes_through_and_its_answer_comes_back(method: str) -> None:
    async def play(town: Town) -> None:
        reply = await town.ask(method, "/chat/v1/x?a=b%20c", b"body", X_Mine="7", Accept="text/plain")
        assert (reply.status, reply.text) == (200, f"r1 {method} /v1/x 4")
        assert reply.headers["content-type"] == "text/plain"
        [(seen_method, target, headers, body)] = town.replicas[0].seen
        assert (seen_method, target, body) == (method, "/v1/x?a=b%20c", b"body")
        assert headers["x-mine"] == "7"
        assert headers["host"] == "gateway"
        assert headers["x-forwarded-for"] == "127.0.0.1"

    played(play)


def test_a_service_is_found_by_its_host_or_by_its_path() -> None:
    async def play(town: Town) -> None:
        town.gateway.put(Route(service="other", replicas=()))
        caller = await town.caller()
        caller.writer.write(b"GET /v1/models HTTP/1.1\r\nHost: chat.example.org:8080\r\n\r\n")
        assert (await caller.reply()).text == "r1 GET /v1/models 0"
        assert (await caller.ask("GET", "/chat")).text == "r1 GET / 0"
        missing = await caller.ask("GET", "/nobody/x")
        assert missing.status == 404
        assert "chat, other" in json.loads(missing.body)["error"]["message"]

    played(play)


def test_what_belongs_to_one_connection_stays_there() -> None:
    async def play(town: Town) -> None:
        await town.ask(
            "GET", "/chat/x", Connection="keep-alive, X-Hop", X_Hop="secret", TE="trailers", X_Forwarded_For="10.0.0.1"
        )
        headers = town.replicas[0].seen[0][2]
        assert not {"connection", "x-hop", "te", "keep-alive"} & set(headers)
        assert headers["x-forwarded-for"] == "10.0.0.1, 127.0.0.1"

    played(play)


def test_many_requests_on_one_connection_are_answered_in_order() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        for number in range(12):
            caller.send("POST", f"/chat/{number}", b"x" * number)
        for number in range(12):
            assert (await caller.reply()).text == f"r1 POST /{number} {number}" if number else await caller.reply()

    played(play)


def test_a_body_in_chunks_goes_through_in_chunks() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        caller.writer.write(b"POST /chat/up HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n")
        for chunk in (b"abc", b"defgh"):
            caller.writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await caller.writer.drain()
        caller.writer.write(b"0\r\n\r\n")
        assert (await caller.reply()).text == "r1 POST /up 8"
        assert town.replicas[0].seen[0][3] == b"abcdefgh"
        assert (await caller.ask("GET", "/chat/again")).status == 200

    played(play)


def test_who_asks_first_whether_to_send_is_told_to() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        caller.writer.write(b"POST /chat/up HTTP/1.1\r\nHost: g\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert (await caller.head())[0] == 100
        caller.writer.write(b"abc")
        assert (await caller.reply()).text == "r1 POST /up 3"

    played(play)


def test_large_bodies_pass_both_ways_without_being_held() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        sent = asyncio.create_task(caller.ask("PUT", "/chat/large", b"y" * 8_000_000))
        reply = await sent
        assert len(reply.body) == 5_000_000
        assert len(town.replicas[0].seen[0][3]) == 8_000_000

    played(play)


def test_events_arrive_as_they_are_sent() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        caller.send("GET", "/chat/events")
        status, headers = await caller.head()
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        size = int(await caller.reader.readline(), 16)
        assert await caller.reader.readexactly(size) == b"data: one\n\n"  # the second is not even made yet
        town.replicas[0].gate.set()
        await caller.reader.readuntil(b"0\r\n\r\n")
        assert town.measures.tokens["completion"] == 5
        assert (await caller.ask("GET", "/chat/again")).status == 200

    played(play)


def test_a_reply_that_ends_by_closing_is_seen_to_be_whole() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        assert (await caller.ask("GET", "/chat/until-closed")).text == "all of it"
        assert (await caller.ask("GET", "/chat/again")).status == 200

    played(play)


def test_a_head_has_no_body() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        head = await caller.ask("HEAD", "/chat/x")
        assert int(head.headers["content-length"]) > 0
        assert (await caller.ask("GET", "/chat/x")).text == "r1 GET /x 0"

    played(play)


def test_old_clients_get_a_reply_that_ends_by_closing() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        town.replicas[0].gate.set()
        caller.writer.write(b"GET /chat/events HTTP/1.0\r\nHost: g\r\n\r\n")
        whole = await caller.reader.read()
        assert b"Transfer-Encoding" not in whole
        assert whole.endswith(b'{"completion_tokens": 5}}\n\n')

    played(play)


def test_another_protocol_passes_both_ways() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        caller.send("GET", "/chat/upgrade", Connection="Upgrade", Upgrade="echo")
        status, headers = await caller.head()
        assert (status, headers["upgrade"]) == (101, "echo")
        assert await caller.reader.readexactly(6) == b"hello "
        for word in (b"one", b"two"):
            caller.writer.write(word)
            assert await caller.reader.readexactly(3) == word.upper()
        await town.replicas[0].kill()
        assert await caller.reader.read() == b""

    played(play)


def test_a_client_that_leaves_a_tunnel_ends_it() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        caller.send("GET", "/chat/upgrade", Connection="Upgrade", Upgrade="echo")
        await caller.head()
        caller.close()
        await town.until(lambda: town.replicas[0].under_way == 0 and town.measures.in_flight == 0)

    played(play)


def test_the_replica_with_least_to_do_gets_the_next_request() -> None:
    async def play(town: Town) -> None:
        busy, *others = town.replicas
        held = [await town.caller() for _ in range(6)]
        for caller in held:
            caller.send("GET", "/chat/gated")
        await town.until(lambda: sum(len(replica.seen) for replica in town.replicas) == 6)
        assert [replica.under_way for replica in town.replicas] == [2, 2, 2]
        for replica in others:
            replica.gate.set()
        await town.until(lambda: all(replica.under_way == 0 for replica in others))
        await town.until(lambda: town.measures.in_flight == 2)
        answered = Counter([(await town.ask("GET", "/chat/x")).replica for _ in range(10)])
        assert busy.name not in answered
        busy.gate.set()
        for caller in held:
            await caller.reply()

    played(play, replicas=3)


def test_what_is_no_request_is_refused_and_others_go_on() -> None:
    async def play(town: Town) -> None:
        for nonsense in (b"hello there\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"):
            caller = await town.caller()
            caller.writer.write(nonsense)
            assert (await caller.head())[0] == 400
        smuggled = await town.caller()
        smuggled.writer.write(
            b"POST /chat/x HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET"
        )
        assert (await smuggled.head())[0] == 400
        long = await town.caller()
        long.writer.write(b"GET /chat/x HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 900) for n in range(100)))
        assert (await long.head())[0] == 431
        tunnel = await town.caller()
        tunnel.writer.write(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
        assert (await tunnel.head())[0] in (404, 405)
        assert (await town.ask("GET", "/chat/x")).status == 200

    played(play)


def test_a_service_with_keys_opens_to_them_alone_and_the_replica_never_sees_them() -> None:
    async def play(town: Town) -> None:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"X_API_Key": ""}):
            refused = await town.ask("POST", "/chat/x", b"body", **given)
            assert refused.status == 401
            assert "API key" in json.loads(refused.body)["error"]["message"]
        for given in ({"Authorization": "Bearer k-1"}, {"X_API_Key": "k-2"}):
            assert (await town.ask("POST", "/chat/x", b"body", **given)).status == 200
        for _, _, headers, _ in town.replicas[0].seen:
            assert not {"authorization", "x-api-key"} & set(headers)
        assert len(town.replicas[0].seen) == 2

    played(play, keys=frozenset({digest_of("k-1"), digest_of("k-2")}))


def test_what_passes_is_counted() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        for target in ("/chat/x", "/chat/usage", "/chat/usage"):
            assert (await caller.ask("POST", target, b"{}")).status == 200
        measures = town.measures
        assert (measures.arrivals, measures.in_flight, measures.replies[200]) == (3, 0, 3)
        assert measures.tokens == {"prompt": 22, "completion": 14}
        assert measures.latency.count == measures.to_first_byte.count == 3
        told = (await caller.ask("GET", "/-/metrics")).text
        assert 'tauon_gateway_arrivals_total{service="chat"} 3' in told
        assert 'tauon_gateway_tokens_total{service="chat",kind="completion"} 14' in told
        assert 'tauon_gateway_latency_seconds_bucket{service="chat",le="+Inf"} 3' in told
        assert (await caller.ask("GET", "/-/health")).text == "ok\n"
        assert (await caller.ask("GET", "/-/other")).status == 404

    played(play)
