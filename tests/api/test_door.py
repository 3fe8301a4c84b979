"""Nobody comes in who should not, and nobody is told more than they need."""

from __future__ import annotations

import contextlib
import socket

import httpx
import pytest

from tests.api.servers import TOKEN, Served


def raw(server: Served, request: bytes) -> bytes:
    """What the server answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65536):
            answer += data
            if b"connection: close" not in request.lower() and b"\r\n\r\n" in answer:
                break
    return answer


@pytest.mark.parametrize("path", ["/v1/info", "/v1/jobs", "/v1/secrets", "/v1/openapi.json", "/nowhere", "/"])
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic dTpw", "Bearer", TOKEN, f"Token {TOKEN}"])
def test_without_the_right_token_nothing_is_told(server: Served, path: str, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}
    answer = httpx.get(server.url + path, headers=headers, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["code"] == "access_denied"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert server.plane.seen == []


def test_a_token_that_is_no_text_is_refused(server: Served) -> None:
    answer = raw(
        server,
        b"GET /v1/info HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer \xff\xfe\r\nconnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 401 ")


def test_the_health_check_asks_for_no_token(server: Served) -> None:
    answer = httpx.get(f"{server.url}/healthz", trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:8286", 200),
        ("localhost.", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8286", 200),
        ("[::1]", 200),
        ("evil.example", 401),
        ("evil.example:8286", 401),
        ("localhost.evil.example", 401),
        ("evil.example@localhost.evil", 401),
        ("", 401),
    ],
)
def test_only_names_of_this_machine_reach_a_local_server(server: Served, host: str, status: int) -> None:
    request = f"GET /v1/info HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n\r\n"
    assert raw(server, request.encode()).split(b" ")[1] == str(status).encode()


def test_two_host_headers_are_refused(server: Served) -> None:
    answer = raw(server, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"401")


def test_every_answer_is_closed_to_browsers_of_other_sites(server: Served, http: httpx.Client) -> None:
    answers = [
        http.get("/v1/info", headers={"origin": "http://evil.example"}),
        http.get("/nowhere", headers={"origin": "http://evil.example"}),
        http.options("/v1/jobs", headers={"origin": "http://evil.example", "access-control-request-method": "POST"}),
        httpx.get(f"{server.url}/v1/info", trust_env=False),
    ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


@pytest.mark.parametrize(
    "request_",
    [
        b"BLAH\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        b"GET /v1/info\x00 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_is_turned_away(server: Served, request_: bytes) -> None:
    assert raw(server, request_).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 401 "))
    assert server.plane.seen == []


def test_a_head_that_does_not_end_is_cut_off(server: Served) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(100):
                connection.sendall(b"x" * 65536)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(65536).startswith((b"HTTP/1.1 400 ", b""))
            while connection.recv(65536):
                pass


def test_a_head_that_does_not_come_is_not_waited_for(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tauon.api.server._HEAD_S", 0.1)
    for begun in (b"", b"GET / HT", b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HT"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(begun)
            answer = b""
            while data := connection.recv(65536):
                answer += data
            assert answer.count(b"HTTP/1.1 200 ") == begun.count(b"healthz")
