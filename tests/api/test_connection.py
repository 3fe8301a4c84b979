"""The server is found where people and programs leave word of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tauon.api.connection import (
    Connection,
    checked_url,
    default_home,
    discover,
    is_loopback_url,
    login_file,
    read_connection,
    remove_connection,
    server_file,
    write_connection,
)
from tauon.model.errors import ConfigError, InvalidRequest, Unavailable

BOX = Connection(url="http://gpu-box:8286", token="a")
HERE = Connection(url="http://127.0.0.1:8286", token="b")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's real files are read or written."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_environment_goes_first() -> None:
    write_connection(login_file(), BOX)
    found = discover(environment={"TAUON_SERVER": "https://other/", "TAUON_TOKEN": " c\n"})
    assert found == Connection(url="https://other", token="c")


def test_a_known_server_needs_no_second_token() -> None:
    write_connection(login_file(), BOX)
    write_connection(server_file(default_home()), HERE)
    assert discover(environment={"TAUON_SERVER": BOX.url}) == BOX
    assert discover(environment={"TAUON_SERVER": HERE.url + "/"}) == HERE
    assert discover(environment={"TAUON_SERVER": "http://elsewhere"}).token == ""


def test_the_login_goes_before_the_local_server() -> None:
    write_connection(server_file(default_home()), HERE)
    assert discover(environment={}) == HERE
    write_connection(login_file(), BOX)
    assert discover(environment={}) == BOX
    assert discover(environment={"TAUON_TOKEN": "c"}) == Connection(url=BOX.url, token="c")
    remove_connection(login_file())
    remove_connection(login_file())
    assert discover(environment={}) == HERE


def test_a_home_that_is_named_is_the_only_one_looked_at(tmp_path: Path) -> None:
    write_connection(login_file(), BOX)
    write_connection(server_file(tmp_path / "lab"), HERE)
    assert discover(tmp_path / "lab", environment={"TAUON_SERVER": "http://other"}) == HERE
    with pytest.raises(Unavailable, match=r"no server runs in .*elsewhere; start one with `tauon up`"):
        discover(tmp_path / "elsewhere")


def test_without_any_word_it_says_what_to_do() -> None:
    with pytest.raises(Unavailable, match="TAUON_SERVER"):
        discover(environment={})


def test_the_files_are_for_the_owner_only() -> None:
    for path in (login_file(), server_file(default_home())):
        write_connection(path, BOX)
        write_connection(path, HERE)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert read_connection(path) == HERE
        assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"token": "x"}', b"\xff"])
def test_a_broken_file_is_told(content: bytes) -> None:
    login_file().parent.mkdir(parents=True)
    login_file().write_bytes(content)
    with pytest.raises(ConfigError, match=r"login.json can't be read .*delete it"):
        discover(environment={})


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't be written"):
        write_connection(tmp_path / "file" / "login.json", BOX)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu-box",
        "gpu-box:8286",
        "http://",
        "http://:80",
        "http://x:99999",
        "ftp://x",
        "http://u:p@x",
        "http://x/?a=b",
    ],
)
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(InvalidRequest, match="write it like http://gpu-box:8286"):
        checked_url(text)


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.9", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1", False),
        ("http://localhost.evil.example", False),
        ("http://[::]:1", False),
    ],
)
def test_which_addresses_stay_on_this_machine(url: str, is_here: bool) -> None:
    assert is_loopback_url(url) is is_here
