"""Alerts by e-mail, over SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage

import msgspec

from tauon.model.errors import Unavailable
from tauon.ports.alerts import Alert

TIMEOUT_S = 20.0


class MailBox(msgspec.Struct, frozen=True, kw_only=True):
    """The server and the addresses. Without `user` nobody logs in; `starttls` encrypts before anything is said."""

    host: str
    port: int = 587
    starttls: bool = True
    sender: str
    to: tuple[str, ...]
    user: str = ""


class Mail:
    """Implements `ports.alerts.Herald`: one message for all that is new. `password` is asked for each time."""

    wants_all = False

    def __init__(self, box: MailBox, password: Callable[[], str]) -> None:
        self._box = box
        self._password = password

    async def tell(self, alerts: Sequence[Alert], now_us: int) -> None:  # noqa: ARG002 - a message has its own date
        await asyncio.to_thread(self._send, alerts)

    def _send(self, alerts: Sequence[Alert]) -> None:
        box = self._box
        message = EmailMessage()
        message["Subject"] = f"Tauon: {alerts[0].summary}" if len(alerts) == 1 else f"Tauon: {len(alerts)} alerts"
        message["From"], message["To"] = box.sender, ", ".join(box.to)
        message.set_content("\n".join(f"- {alert.summary}" for alert in alerts) + "\n")
        try:
            with smtplib.SMTP(box.host, box.port, timeout=TIMEOUT_S) as server:
                if box.starttls:
                    server.starttls(context=ssl.create_default_context())
                if box.user:
                    server.login(box.user, self._password())
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"{box.host} did not take an e-mail: {error}") from error
