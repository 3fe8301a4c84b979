"""Who is told of budgets, as people write it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tauon.service.queue_settings import STRICT

Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class MailSettings(BaseModel):
    """Alerts by e-mail."""

    model_config = STRICT

    host: str
    """The SMTP server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port."""
    starttls: bool = True
    """Whether the connection is encrypted before anything is said."""
    sender: Address
    """From whom."""
    to: Annotated[list[Address], Field(min_length=1)]
    """To whom."""
    user: str = ""
    """Who logs in; left out, nobody does."""
    password_secret: str = ""
    """The name of the stored secret that is the password."""


class AlertSettings(BaseModel):
    """Who is told when a threshold of a budget is passed."""

    model_config = STRICT

    webhooks: list[Url] = []
    """Addresses to which a JSON document is posted."""
    alertmanagers: list[Url] = []
    """Addresses of Prometheus' Alertmanager, such as http://alerts:9093."""
    mail: MailSettings | None = None
    """E-mail."""
