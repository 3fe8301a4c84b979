"""The page's files: served to whoever asks, compressed, kept where that is safe, and nothing outside their folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tauon.api.page import Page
from tests.api.plane import MemoryPlane
from tests.api.servers import Served

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
INDEX = '<!doctype html><script src="/assets/a-1.js" nonce="__NONCE__"></script>'
SCRIPT = "export const a = 1;\n" * 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "page_files"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "a-1.js").write_text(SCRIPT)
    (folder / "mark.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("not for you")
    return folder


@pytest.fixture
def http(folder: Path) -> Iterator[httpx.Client]:
    server = Served(MemoryPlane(), page=Page(folder))
    try:
        with httpx.Client(base_url=server.url, trust_env=False) as http:
            yield http
    finally:
        server.stop()


def test_every_address_of_the_page_is_the_page(http: httpx.Client) -> None:
    for path in ("/", "/work/j12", "/nodes/n.1", "/no/such/thing"):
        answer = http.get(path, headers=HTML)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"


def test_only_its_own_scripts_run(http: httpx.Client) -> None:
    first, second = (http.get("/", headers=HTML) for _ in range(2))
    policy = first.headers["content-security-policy"]
    nonces = re.findall(r"'nonce-([^']+)'", policy)
    assert len(nonces) == 1
    assert f'nonce="{nonces[0]}"' in first.text
    assert nonces[0] not in second.text
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy
    assert first.headers["x-content-type-options"] == "nosniff"


def test_what_is_named_by_its_content_is_kept(http: httpx.Client) -> None:
    answer = http.get("/assets/a-1.js")
    assert answer.text == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    plain = http.get("/assets/a-1.js", headers={"accept-encoding": "identity"})
    assert plain.text == SCRIPT
    assert "content-encoding" not in plain.headers


def test_what_is_not_is_asked_for_again(http: httpx.Client) -> None:
    answer = http.get("/mark.svg")
    assert answer.headers["cache-control"] == "no-cache"
    again = http.get("/mark.svg", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_head_has_no_body(http: httpx.Client) -> None:
    answer = http.head("/mark.svg")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "6")


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//etc/passwd"]
)
def test_nothing_outside_is_given(folder: Path, path: str) -> None:
    assert not Page(folder).has("GET", path.replace("%2e", ".").replace("%2f", "/"), b"*/*")


def test_a_link_to_outside_is_not_followed(folder: Path) -> None:
    (folder / "out.txt").symlink_to(folder.parent / "secret.txt")
    assert not Page(folder).has("GET", "/out.txt", b"*/*")


def test_the_api_is_not_the_page(http: httpx.Client) -> None:
    for path in ("/v1/info", "/v1/nowhere"):
        answer = http.get(path, headers=HTML)
        assert answer.status_code == 401
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert http.get("/nowhere").status_code == 401
    assert http.post("/", headers=HTML).status_code == 401


def test_a_checkout_without_its_page_says_how_to_build_it(tmp_path: Path) -> None:
    server = Served(MemoryPlane(), page=Page(tmp_path))
    try:
        answer = httpx.get(server.url, headers=HTML, trust_env=False)
        assert answer.status_code == 200
        assert "make web" in answer.text
    finally:
        server.stop()
