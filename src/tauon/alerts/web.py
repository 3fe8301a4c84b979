"""Alerts by HTTP: a plain webhook, and Alertmanager's own API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tauon.model.errors import Unavailable
from tauon.ports.alerts import Alert

TIMEOUT_S = 10.0
LASTS_S = 300.0  # Alertmanager takes an alert for resolved when nobody has repeated it for this long


class Webhook:
    """Implements `ports.alerts.Herald`: one POST of a JSON document for all that is new.

    `text` is what chat services show; `alerts` has the parts for programs.
    """

    wants_all = False

    def __init__(self, url: str) -> None:
        self._url = url

    async def tell(self, alerts: Sequence[Alert], now_us: int) -> None:
        document = {
            "text": "\n".join(alert.summary for alert in alerts),
            "at": _time(now_us),
            "alerts": [{"key": a.key, "summary": a.summary, "severe": a.is_severe, "labels": a.labels} for a in alerts],
        }
        await _post(self._url, document)


class Alertmanager:
    """Implements `ports.alerts.Herald` by Alertmanager's API v2; it groups, silences and routes by itself."""

    wants_all = True

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/api/v2/alerts"

    async def tell(self, alerts: Sequence[Alert], now_us: int) -> None:
        ends = now_us + round(LASTS_S * 1e6)
        await _post(
            self._url,
            [
                {
                    "labels": {"alertname": "TauonBudget", "severity": _severity(alert), **alert.labels},
                    "annotations": {"summary": alert.summary},
                    "endsAt": _time(ends),
                }
                for alert in alerts
            ],
        )


def _severity(alert: Alert) -> str:
    return "critical" if alert.is_severe else "warning"


def _time(at_us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).isoformat()


async def _post(url: str, document: Any) -> None:
    host = httpx.URL(url).host  # the rest of a webhook's address is often its secret
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            response = await client.post(url, json=document)
    except httpx.HTTPError as error:
        raise Unavailable(f"{host} could not be told of an alert: {error}") from error
    if response.status_code >= 300:
        raise Unavailable(f"{host} did not take an alert: it answered {response.status_code}")
