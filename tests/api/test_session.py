"""The page signs in by a cookie that ends when it should, acts for nobody else, and lets no other site act."""

from __future__ import annotations

import httpx
import pytest

from tauon.api.session import LINK_S, SESSION_S, Sessions, cookie_value, digest_of
from tauon.model.errors import AccessDenied
from tests.api.servers import TOKEN, Served

PAGE = {"x-tauon-page": "1"}
BEARER = {"authorization": f"Bearer {TOKEN}"}


class Desk:
    """Sessions with a clock that is set and tokens that can be taken away."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.users = {digest_of("t"): "ada"}
        self.sessions = Sessions(b"k" * 32, self.users.get, now_s=lambda: self.now_s)


def test_a_session_is_that_of_its_token() -> None:
    desk = Desk()
    assert desk.sessions.user(desk.sessions.open(digest_of("t"))) == "ada"


def test_it_ends_with_its_time() -> None:
    desk = Desk()
    session = desk.sessions.open(digest_of("t"))
    desk.now_s += SESSION_S - 1
    assert desk.sessions.user(session) == "ada"
    desk.now_s += 1
    with pytest.raises(AccessDenied, match="the session is over; sign in again"):
        desk.sessions.user(session)


def test_it_ends_with_its_token() -> None:
    desk = Desk()
    session = desk.sessions.open(digest_of("t"))
    desk.users.clear()
    with pytest.raises(AccessDenied, match="not valid any more"):
        desk.sessions.user(session)


def test_nobody_else_can_make_one() -> None:
    desk = Desk()
    session = desk.sessions.open(digest_of("t"))
    other = Sessions(b"x" * 32, desk.users.get, now_s=lambda: desk.now_s)
    digest, until, signature = session.split(".")
    forged = [
        other.open(digest_of("t")),
        f"{digest}.{int(until) + 1}.{signature}",
        f"{digest}.{until}.",
        "",
        "a.b",
        "é.1.x",
    ]
    for one in forged:
        with pytest.raises(AccessDenied):
            desk.sessions.user(one)
    assert other.cookie != desk.sessions.cookie


def test_a_link_signs_in_once_and_soon() -> None:
    desk = Desk()
    code = desk.sessions.make_link(digest_of("t"))
    assert desk.sessions.redeem(code) == digest_of("t")
    with pytest.raises(AccessDenied, match="has been used or is too old"):
        desk.sessions.redeem(code)
    late = desk.sessions.make_link(digest_of("t"))
    desk.now_s += LINK_S
    with pytest.raises(AccessDenied, match="has been used or is too old"):
        desk.sessions.redeem(late)


def test_links_that_nobody_uses_do_not_pile_up() -> None:
    desk = Desk()
    for _ in range(1000):
        desk.sessions.make_link(digest_of("t"))
    with pytest.raises(AccessDenied, match="too many"):
        desk.sessions.make_link(digest_of("t"))
    desk.now_s += LINK_S
    assert desk.sessions.make_link(digest_of("t"))


def test_a_cookie_is_found_among_others() -> None:
    assert cookie_value("a=1; tauon_x=v.w=; b", "tauon_x") == "v.w="
    assert cookie_value("xtauon_x=1", "tauon_x") == ""


@pytest.fixture
def browser(server: Served) -> httpx.Client:
    """Something that keeps cookies and has no token."""
    return httpx.Client(base_url=server.url, trust_env=False)


def test_signing_in_and_out(server: Served, browser: httpx.Client) -> None:
    with browser:
        assert browser.get("/v1/info").status_code == 401
        answer = browser.post("/v1/session", headers=BEARER)
        assert (answer.status_code, answer.json()["user"]) == (200, "ada")
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert TOKEN not in cookie
        assert browser.get("/v1/info").json()["user"] == "ada"
        assert browser.delete("/v1/session", headers=PAGE).status_code == 204
        assert browser.get("/v1/info").status_code == 401


def test_behind_tls_the_cookie_stays_there(server: Served, browser: httpx.Client) -> None:
    with browser:
        answer = browser.post("/v1/session", headers=BEARER | {"origin": "https://tauon.example.com"})
        assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_a_wrong_token_opens_nothing(server: Served, browser: httpx.Client) -> None:
    with browser:
        for authorization in ("Bearer wrong", "Code wrong", ""):
            answer = browser.post("/v1/session", headers={"authorization": authorization} | PAGE)
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers


def test_another_site_can_do_nothing_with_it(server: Served, browser: httpx.Client) -> None:
    """A form or script of another site sends the cookie along where browsers are lax, but never this header."""
    with browser:
        browser.post("/v1/session", headers=BEARER)
        refused = browser.post("/v1/jobs/j1/cancel")
        assert refused.status_code == 401
        assert "only through the page itself" in refused.json()["message"]
        assert server.plane.seen[-1][0] == "info"
        assert browser.post("/v1/jobs/j1/cancel", headers=PAGE).status_code == 200


def test_a_link_of_a_token_signs_in(server: Served, browser: httpx.Client) -> None:
    with browser:
        made = browser.post("/v1/session/link", headers=BEARER).json()
        assert made["within_s"] == LINK_S
        code = {"authorization": f"Code {made['code']}"}
        assert browser.post("/v1/session", headers=code).json()["user"] == "ada"
        assert browser.post("/v1/session", headers=code).status_code == 401
        assert browser.get("/v1/info").status_code == 200


def test_a_session_makes_no_sessions(server: Served, browser: httpx.Client) -> None:
    with browser:
        browser.post("/v1/session", headers=BEARER)
        for path in ("/v1/session", "/v1/session/link"):
            refused = browser.post(path, headers=PAGE)
            assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")
