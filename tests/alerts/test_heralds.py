"""Alerts arrive by webhook, Alertmanager and e-mail, once each, and again when they could not be told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tauon.alerts.mail import Mail, MailBox
from tauon.alerts.web import Alertmanager, Webhook
from tauon.model.errors import Unavailable
from tauon.ports.alerts import Alert
from tauon.service.alarm import Alarm, alerts_of
from tests.api.plane import a_budget_view
from tests.builders import START_US

pytestmark = pytest.mark.anyio

ALERT = Alert(key="k", summary="queue a has spent 80% of its budget", labels={"queue": "a"}, is_severe=True)


class Listener:
    """A server on loopback that keeps what was posted to it, and answers with `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.status = 200
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.got.append((self.path, json.loads(body)))
                self.send_response(listener.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


async def test_a_webhook_gets_text_for_people_and_parts_for_programs(listener: Listener) -> None:
    await Webhook(f"{listener.url}/hook/secret").tell([ALERT], START_US)
    ((path, document),) = listener.got
    assert path == "/hook/secret"
    assert document["text"] == ALERT.summary
    assert document["at"] == "2026-01-01T00:00:00+00:00"
    assert document["alerts"] == [{"key": "k", "summary": ALERT.summary, "severe": True, "labels": {"queue": "a"}}]


async def test_alertmanager_gets_labels_and_an_end(listener: Listener) -> None:
    await Alertmanager(listener.url + "/").tell([ALERT], START_US)
    ((path, (alert,)),) = listener.got
    assert path == "/api/v2/alerts"
    assert alert["labels"] == {"alertname": "TauonBudget", "severity": "critical", "queue": "a"}
    assert alert["annotations"] == {"summary": ALERT.summary}
    assert alert["endsAt"] == "2026-01-01T00:05:00+00:00"


async def test_who_can_t_be_told_is_named_without_the_secret_of_the_address(listener: Listener) -> None:
    listener.status = 500
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 did not take an alert: it answered 500"):
        await Webhook(f"{listener.url}/secret").tell([ALERT], START_US)
    listener.server.server_close()
    with pytest.raises(Unavailable) as caught:
        await Webhook("http://127.0.0.1:9/secret").tell([ALERT], START_US)
    assert "secret" not in str(caught.value)


class MailServer:
    """As much of SMTP as it takes to hand over one message."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")

        say("220 box")
        is_data = False
        while line := (await reader.readline()).decode():
            self.lines.append(line.rstrip("\r\n"))
            if is_data:
                is_data = line != ".\r\n"
                if is_data:
                    continue
                say("250 taken")
            elif line.upper().startswith("DATA"):
                is_data = True
                say("354 go on")
            elif line.upper().startswith("QUIT"):
                say("221 bye")
                break
            else:
                say("250 yes")
        writer.close()


async def test_a_mail_is_handed_over() -> None:
    box = MailServer()
    server = await asyncio.start_server(box.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mail = MailBox(host="127.0.0.1", port=port, starttls=False, sender="tauon@lab", to=("ada@lab", "bob@lab"))
    async with server:
        await Mail(mail, str).tell([ALERT], START_US)
    assert f"Subject: Tauon: {ALERT.summary}" in box.lines
    assert "To: ada@lab, bob@lab" in box.lines
    assert f"- {ALERT.summary}" in box.lines


async def test_a_mail_server_that_does_not_answer_is_named() -> None:
    mail = MailBox(host="127.0.0.1", port=9, starttls=False, sender="tauon@lab", to=("ada@lab",))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1 did not take an e-mail"):
        await Mail(mail, str).tell([ALERT], START_US)


class Ear:
    """A herald that keeps what it was told, and can be deaf."""

    def __init__(self, *, wants_all: bool = False) -> None:
        self.wants_all = wants_all
        self.is_deaf = False
        self.heard: list[str] = []

    async def tell(self, alerts: list[Alert], now_us: int) -> None:
        if self.is_deaf:
            raise Unavailable("nobody hears")
        self.heard += [alert.labels["threshold"] for alert in alerts]


async def test_each_threshold_is_told_once_over_restarts_too(tmp_path: Path) -> None:
    said: list[str] = []
    ear, steady = Ear(), Ear(wants_all=True)
    view = a_budget_view()
    alarm = Alarm([ear, steady], tmp_path / "alerts.json", said.append)  # type: ignore[list-item]
    for _ in range(2):
        await alarm.sound([view], START_US)
    again = Alarm([ear, steady], tmp_path / "alerts.json", said.append)  # type: ignore[list-item]
    await again.sound([view], START_US)
    assert ear.heard == ["forecast 100%"]
    assert steady.heard == ["forecast 100%"] * 3
    higher = a_budget_view(passed=["actual 80%", "forecast 100%"], warnings=["a", "b"])
    await again.sound([higher], START_US)
    assert ear.heard == ["forecast 100%", "actual 80%"]
    assert said == []


async def test_what_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    said: list[str] = []
    ear = Ear()
    ear.is_deaf = True
    alarm = Alarm([ear], tmp_path / "alerts.json", said.append)  # type: ignore[list-item]
    await alarm.sound([a_budget_view()], START_US)
    assert said == ["nobody hears"]
    ear.is_deaf = False
    await alarm.sound([a_budget_view()], START_US)
    assert ear.heard == ["forecast 100%"]


async def test_a_new_period_begins_with_nothing_told() -> None:
    view = a_budget_view()
    later = a_budget_view(begins_at=view.begins_at.replace(year=2027))
    assert alerts_of([view])[0].key != alerts_of([later])[0].key
    assert alerts_of([a_budget_view(passed=[], warnings=[])]) == []
