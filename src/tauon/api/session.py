"""Sign-in of the page: a token is given once, and from then on a cookie that no script can read speaks for its user.

A session is a signed statement (whose token, until when) and is kept nowhere: it outlives a restart of the server, and
ends when its time is over or the token that it was opened with is revoked or replaced.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from tauon.model.errors import AccessDenied

SESSION_S = 7 * 24 * 3600
LINK_S = 120
_MOST_LINKS = 1000


class Sessions:
    """Opens sessions and reads them. `user_of` gives the user of a token's SHA-256 (hex) as long as the token is valid.

    `key` signs; who has it can be anybody. `now_s` is the time in seconds since the epoch.
    """

    def __init__(
        self, key: bytes, user_of: Callable[[str], str | None], *, now_s: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._user_of = user_of
        self._now_s = now_s
        self._links: dict[str, tuple[str, float]] = {}
        # Browsers give a host's cookies to all its ports: two servers on one machine must not share a name.
        self.cookie = f"tauon_{hashlib.sha256(b'name' + key).hexdigest()[:12]}"

    def open(self, digest: str) -> str:
        """A session for the token with this digest, as the value of the cookie."""
        statement = f"{digest}.{int(self._now_s()) + SESSION_S}"
        return f"{statement}.{self._signature(statement)}"

    def user(self, session: str) -> str:
        """Whose session this is. Raises AccessDenied when it is none, is over, or its token is not valid any more."""
        statement, _, signature = session.rpartition(".")
        digest, _, until = statement.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(statement).encode()):
            raise AccessDenied("this session is not of this server; sign in again")
        if int(until) <= self._now_s():
            raise AccessDenied("the session is over; sign in again")
        user = self._user_of(digest)
        if user is None:
            raise AccessDenied("the token of this session is not valid any more; sign in with another")
        return user

    def make_link(self, digest: str) -> str:
        """A code that opens one session for the token with this digest, once and within `LINK_S` seconds."""
        now_s = self._now_s()
        self._links = {code: link for code, link in self._links.items() if link[1] > now_s}
        if len(self._links) >= _MOST_LINKS:
            raise AccessDenied("too many sign-in links are waiting to be used; try again in two minutes")
        code = secrets.token_urlsafe(24)
        self._links[code] = (digest, now_s + LINK_S)
        return code

    def redeem(self, code: str) -> str:
        """The digest of the token that a code stands for; it is used up. Raises AccessDenied."""
        digest, until_s = self._links.pop(code, ("", 0.0))
        if until_s <= self._now_s():
            raise AccessDenied("this sign-in link has been used or is too old; make another with `tauon page`")
        return digest

    def _signature(self, statement: str) -> str:
        made = hmac.new(self._key, statement.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def digest_of(token: str) -> str:
    """The SHA-256 of a token, by which it is known."""
    return hashlib.sha256(token.encode()).hexdigest()


def cookie_value(header: str, name: str) -> str:
    """A cookie's value in a Cookie header; empty when it is not there."""
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
