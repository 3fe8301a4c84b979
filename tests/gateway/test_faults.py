"""Replicas fail, leave and sleep, and clients give up: nothing that may be sent again is lost, the rest is said."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.gateway.test_gateway import played
from tests.gateway.town import Caller, Replica, Town


def test_what_a_replica_breaks_off_is_sent_to_another_where_that_does_no_harm() -> None:
    async def play(town: Town) -> None:
        reply = await town.ask("GET", "/chat/break")
        assert reply.status == 502
        assert sorted(len(replica.seen) for replica in town.replicas) == [1, 1]
        assert town.measures.retries == 1

    played(play, replicas=2, hold_s=0.0)


def test_what_may_have_been_carried_out_is_not_sent_again_and_that_is_said() -> None:
    async def play(town: Town) -> None:
        reply = await town.ask("POST", "/chat/break", b"pay")
        assert reply.status == 502
        assert "not sent again" in json.loads(reply.body)["error"]["message"]
        assert sum(len(replica.seen) for replica in town.replicas) == 1
        keyed = await town.ask("POST", "/chat/break", b"pay", Idempotency_Key="once")
        assert keyed.status == 502
        assert sum(len(replica.seen) for replica in town.replicas) == 3

    played(play, replicas=2, hold_s=0.0)


def test_a_replica_that_is_not_there_costs_no_request() -> None:
    async def play(town: Town) -> None:
        gone = town.replicas[0]
        await gone.kill()
        for _ in range(10):
            assert (await town.ask("POST", "/chat/x", b"body")).replica == "r2"

    played(play, replicas=2)


def test_a_reply_that_breaks_off_is_not_taken_for_whole() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        caller.send("GET", "/chat/halfway")
        status, headers = await caller.head()
        assert (status, headers["content-length"]) == (200, "100")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await caller.reader.readexactly(100)
        assert town.measures.lost == 1

    played(play)


def test_what_answers_no_http_is_said_to_be_broken() -> None:
    async def play(town: Town) -> None:
        reply = await town.ask("POST", "/chat/nonsense", b"x")
        assert reply.status == 502
        assert "does not speak HTTP" in reply.text

    played(play)


def test_requests_are_held_while_a_service_wakes() -> None:
    async def play(town: Town) -> None:
        callers = [await town.caller() for _ in range(5)]
        for number, caller in enumerate(callers):
            caller.send("POST", f"/chat/{number}", b"body")
        await town.until(lambda: town.measures.held == 5)
        assert set(town.woken) == {"chat"}
        await town.another("r1")
        town.route()
        for number, caller in enumerate(callers):
            assert (await caller.reply()).text == f"r1 POST /{number} 4"

    played(play, replicas=0)


def test_no_more_are_held_than_may_wait_and_none_for_longer_than_it_may() -> None:
    async def play(town: Town) -> None:
        first = await town.caller()
        first.send("GET", "/chat/x")
        await town.until(lambda: town.measures.held == 1)
        second = await town.ask("GET", "/chat/x")
        assert (second.status, int(second.headers["retry-after"]) >= 1) == (503, True)
        assert "being woken" in second.text
        assert (await first.reply()).status == 503
        assert town.measures.replies[503] == 2

    played(play, replicas=0, hold_most=1, hold_s=0.3)


def test_a_replica_gets_no_more_at_a_time_than_it_may() -> None:
    async def play(town: Town) -> None:
        callers = [await town.caller() for _ in range(5)]
        for caller in callers:
            caller.send("GET", "/chat/gated")
        await town.until(lambda: town.measures.held == 3 and town.replicas[0].under_way == 2)
        town.replicas[0].gate.set()
        for caller in callers:
            assert (await caller.reply()).status == 200

    played(play, max_concurrency=2)


def test_a_client_that_gives_up_leaves_nothing_behind() -> None:
    async def play(town: Town) -> None:
        waits, runs = await town.caller(), await town.caller()
        runs.send("GET", "/chat/gated")
        await town.until(lambda: town.replicas[0].under_way == 1)
        waits.send("GET", "/chat/gated")
        await town.until(lambda: town.measures.held == 1)
        waits.close()
        await town.until(lambda: town.measures.held == 0)
        runs.close()
        await town.until(lambda: town.measures.in_flight == 0)
        assert town.measures.replies[499] == 2
        town.replicas[0].gate.set()
        assert (await town.ask("GET", "/chat/x")).status == 200

    played(play, max_concurrency=1)


def test_a_replica_that_leaves_finishes_what_it_has_and_gets_no_more() -> None:
    async def play(town: Town) -> None:
        leaving, staying = town.replicas
        callers = [await town.caller() for _ in range(4)]
        for caller in callers:
            caller.send("GET", "/chat/gated")
        await town.until(lambda: leaving.under_way == staying.under_way == 2)
        town.route(staying)
        assert town.gateway.outstanding("chat", leaving.address) == 2
        for _ in range(6):
            assert (await town.ask("GET", "/chat/x")).replica == staying.name
        for replica in town.replicas:
            replica.gate.set()
        assert sorted([(await caller.reply()).replica for caller in callers]) == ["r1", "r1", "r2", "r2"]
        await town.until(lambda: town.gateway.outstanding("chat", leaving.address) == 0)

    played(play, replicas=2)


def test_a_replica_that_comes_back_before_it_has_left_is_used_again() -> None:
    async def play(town: Town) -> None:
        replica = town.replicas[0]
        caller = await town.caller()
        caller.send("GET", "/chat/gated")
        await town.until(lambda: replica.under_way == 1)
        other = await town.another("r2")
        town.route(other)
        town.route(replica)
        assert (await town.ask("GET", "/chat/x")).replica == "r1"
        replica.gate.set()
        assert (await caller.reply()).status == 200

    played(play)


def test_no_request_is_lost_while_replicas_are_killed_leave_and_come_under_load() -> None:
    async def ask_on(caller: Caller, requests: int, seen: list[int]) -> None:
        for number in range(requests):
            reply = await caller.ask("GET", f"/chat/{number}")
            seen.append(reply.status)

    async def play(town: Town) -> None:
        seen: list[int] = []
        load = [asyncio.create_task(ask_on(await town.caller(), 60, seen)) for _ in range(8)]
        await town.until(lambda: len(seen) > 60)
        await town.replicas[0].kill()
        await town.until(lambda: len(seen) > 160)
        fourth: Replica = await town.another("r4")
        town.route(*town.replicas[2:])
        await town.until(lambda: len(seen) > 300)
        town.route(fourth)
        await asyncio.gather(*load)
        assert seen == [200] * 480
        assert fourth.seen

    played(play, replicas=3)


def test_a_gateway_that_closes_lets_what_is_under_way_end() -> None:
    async def play(town: Town) -> None:
        runs, idle = await town.caller(), await town.caller()
        assert (await idle.ask("GET", "/chat/x")).status == 200
        runs.send("GET", "/chat/gated")
        await town.until(lambda: town.replicas[0].under_way == 1)
        closing = asyncio.create_task(town.gateway.close())
        assert await idle.reader.read() == b""
        town.replicas[0].gate.set()
        assert (await runs.reply()).status == 200
        await closing
        assert await runs.reader.read() == b""

    played(play)


def test_a_service_that_is_taken_out_is_there_no_more() -> None:
    async def play(town: Town) -> None:
        town.gateway.remove("chat")
        town.gateway.remove("never-was")
        assert (await town.ask("GET", "/chat/x")).status == 404

    played(play)


def test_who_asks_for_another_protocol_and_gets_a_reply_is_not_taken_for_a_tunnel() -> None:
    async def play(town: Town) -> None:
        caller = await town.caller()
        reply = await caller.ask("GET", "/chat/x", Connection="Upgrade", Upgrade="websocket")
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert await caller.reader.read() == b""

    played(play)


def test_a_replica_that_changes_the_protocol_unasked_is_broken() -> None:
    async def play(town: Town) -> None:
        assert (await town.ask("POST", "/chat/unasked", b"x")).status == 502
        assert (await town.ask("GET", "/chat/x")).status == 200

    played(play)


def test_a_connection_on_which_nothing_comes_is_closed_and_one_at_work_is_not() -> None:
    async def play(town: Town) -> None:
        silent, dripping, working = [await town.caller() for _ in range(3)]
        dripping.writer.write(b"GET /chat/x HTTP/1.1\r\nHost:")
        working.send("GET", "/chat/gated")
        await town.until(lambda: town.replicas[0].under_way == 1)
        assert await silent.reader.read() == b""
        assert await dripping.reader.read() == b""
        town.replicas[0].gate.set()
        assert (await working.reply()).status == 200

    played(play, idle_s=0.3)
