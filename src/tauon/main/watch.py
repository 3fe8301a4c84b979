"""What is looked at about once a minute, beside the loop: accelerators that are hardly used, and budgets that run out."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tauon.alerts.mail import Mail, MailBox
from tauon.alerts.web import Alertmanager, Webhook
from tauon.ports.alerts import Herald
from tauon.service.alarm import Alarm
from tauon.service.alert_settings import AlertSettings
from tauon.service.budgets import budget_views
from tauon.service.parts import Parts

EVERY_S = 60.0
logger = logging.getLogger("tauon")


async def watch(parts: Parts, alarm: Alarm | None, every_s: float = EVERY_S) -> None:
    """Look until cancelled; a look that fails is told of, and the next one comes."""
    while True:
        try:
            await look(parts, alarm)
        except Exception:
            logger.exception("a look at waste and budgets failed; the next one is in %g s", every_s)
        await asyncio.sleep(every_s)


async def look(parts: Parts, alarm: Alarm | None) -> None:
    """One look. Without anybody to tell, budgets are not worked out."""
    now_us = parts.clock.now_us()
    parts.waste.look(parts.journal.cluster, parts.providers, now_us)
    if alarm is not None:
        await alarm.sound(await budget_views(parts.ledger, parts.journal.cluster, now_us), now_us)


def alarm_of(settings: AlertSettings, parts: Parts, home: Path) -> Alarm | None:
    """Who is to be told, or None."""
    heralds: list[Herald] = [*map(Webhook, settings.webhooks), *map(Alertmanager, settings.alertmanagers)]
    mail = settings.mail
    if mail is not None:
        box = MailBox(
            host=mail.host,
            port=mail.port,
            starttls=mail.starttls,
            sender=mail.sender,
            to=tuple(mail.to),
            user=mail.user,
        )
        secret = mail.password_secret
        heralds.append(Mail(box, lambda: parts.secrets.get(secret)))
    return Alarm(heralds, home / "alerts.json", logger.warning) if heralds else None
