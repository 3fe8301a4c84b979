"""Which server to talk to, and with which token: found in the environment, the login file, or beside a local server."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import platformdirs

from tauon.model.errors import ConfigError, InvalidRequest, Unavailable

SERVER_VARIABLE = "TAUON_SERVER"
TOKEN_VARIABLE = "TAUON_TOKEN"  # noqa: S105 - the name of a variable


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The address of a server (`http://host:port`) and the token that it knows us by."""

    url: str
    token: str = ""


def default_home() -> Path:
    """Where a local server keeps its state: `~/.local/share/tauon` on Linux."""
    return platformdirs.user_data_path("tauon", appauthor=False)


def login_file() -> Path:
    """Where `tauon login` keeps what it was told: `~/.config/tauon/login.json` on Linux."""
    return platformdirs.user_config_path("tauon", appauthor=False) / "login.json"


def server_file(home: Path) -> Path:
    """Where a running local server leaves its address."""
    return home / "server.json"


def checked_url(text: str) -> str:
    """The address of a server without a trailing slash. Raises InvalidRequest."""
    parts = urlsplit(text.strip())
    try:
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.query or parts.fragment or parts.username is not None:
        raise InvalidRequest(f"{text!r} is no address of a server; write it like http://gpu-box:8286")
    return text.strip().rstrip("/")


def checked_token(text: str) -> str:
    """A token without the white space around it. Raises InvalidRequest when it can't be one."""
    token = text.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidRequest("that is no token: one is a single word of visible ASCII characters")
    return token


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_loopback_url(url: str) -> bool:
    """The same for the host in a URL."""
    return is_loopback(urlsplit(url).hostname or "")


def discover(home: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Connection:
    """The server to use. With `home` only the one that keeps its state there; otherwise the first that is named by
    TAUON_SERVER (and TAUON_TOKEN), the login file, or the file of the local server in the default home.

    Raises Unavailable when none is named anywhere.
    """
    if home is not None:
        return _local(home)
    environment = os.environ if environment is None else environment
    named = environment.get(SERVER_VARIABLE, "")
    token = checked_token(environment.get(TOKEN_VARIABLE, ""))
    if named:
        url = checked_url(named)
        return Connection(url=url, token=token or _known_token(url))
    found = read_connection(login_file())
    if found is None:
        found = _local(default_home())
    return Connection(url=found.url, token=token or found.token)


def _local(home: Path) -> Connection:
    found = read_connection(server_file(home))
    if found is None:
        raise Unavailable(f"no server runs in {home}; start one with `tauon up`, or name one in {SERVER_VARIABLE}")
    return found


def _known_token(url: str) -> str:
    """The token that one of the files has for this address."""
    for path in (login_file(), server_file(default_home())):
        found = read_connection(path)
        if found is not None and found.url == url:
            return found.token
    return ""


def read_connection(path: Path) -> Connection | None:
    """What such a file says; None when it is not there. Raises ConfigError when it can't be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Connection)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(
            f"{path} can't be read ({error}); delete it, then log in or start the server again"
        ) from error


def write_connection(path: Path, connection: Connection) -> None:
    """Write such a file for the owner's eyes only; a reader never sees half of it. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(connection))
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror}") from error


def remove_connection(path: Path) -> None:
    """Delete such a file, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
