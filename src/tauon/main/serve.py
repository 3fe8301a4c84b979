"""`tauon up`: the control plane and its API in one process, in the foreground, until a signal comes."""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import re
import secrets
import signal
from pathlib import Path

from tauon.api.app import make_app
from tauon.api.connection import (
    Connection,
    default_home,
    is_loopback,
    read_connection,
    remove_connection,
    server_file,
    write_connection,
)
from tauon.api.server import DEFAULT_HOST, DEFAULT_PORT, serving
from tauon.api.session import Sessions
from tauon.cli.options import ServeOptions
from tauon.main.embedded import Running, control_plane
from tauon.model.errors import ConfigError
from tauon.service.config import PoolSettings, ServerConfig
from tauon.service.config_file import read_config
from tauon.store.files import private_folder, write_private

logger = logging.getLogger("tauon")
_VIRTUAL = re.compile(r"[A-Za-z][A-Za-z0-9._-]*(:[1-9][0-9]*)?")
_KEY_BYTES = 32
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


def serve(options: ServeOptions) -> int:
    """Serve until SIGINT or SIGTERM; returns the exit code. Raises ConfigError, StorageUnavailable."""
    logging.basicConfig(level=options.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    home = private_folder((options.home or default_home()).expanduser().resolve())
    asyncio.run(_serve(home, configuration(home, options), options))
    return 0


def configuration(home: Path, options: ServeOptions) -> ServerConfig:
    """The configuration named by a flag, else `tauon.yaml` in the home, else one local pool; flags put on top."""
    path = options.config or home / "tauon.yaml"
    config = read_config(path) if options.config or path.exists() else ServerConfig()
    if not options.virtual_gpus:
        return config
    for text in options.virtual_gpus:
        if not _VIRTUAL.fullmatch(text):
            raise ConfigError(f"--virtual-gpus takes a type and a number such as H100:8, not {text!r}")
    pools = list(config.pools)
    at = next((i for i, pool in enumerate(pools) if pool.provider == "local"), None)
    if at is None:
        pools.append(PoolSettings(name="local"))
        at = len(pools) - 1
    settings = pools[at].options | {"virtual_gpus": list(options.virtual_gpus)}
    pools[at] = pools[at].model_copy(update={"options": settings})
    return config.model_copy(update={"pools": pools})


async def _serve(home: Path, config: ServerConfig, options: ServeOptions) -> None:
    host = options.host or DEFAULT_HOST
    port = DEFAULT_PORT if options.port is None else options.port
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with control_plane(home, options.database or str(home / "tauon.db"), config) as running:
        hosts = LOOPBACK_NAMES if is_loopback(host) else None
        sessions = Sessions(_session_key(home), lambda digest: running.tokens.users().get(digest))
        app = make_app(running.control_plane_for, running.tokens.authenticate, hosts=hosts, sessions=sessions)
        async with serving(app, host=host, port=port) as url:
            mine = Connection(url=url, token=_own_token(home, running))
            write_connection(server_file(home), mine)
            logger.info("Tauon serves at %s (state in %s). Ctrl-C stops the server; running jobs go on.", url, home)
            if not is_loopback(host):
                logger.warning("%s is reachable from other machines without encryption: put TLS in front of it", url)
            await stopped.wait()
            logger.info("stopping; running jobs go on and are found again at the next start")
        found = read_connection(server_file(home))
        if found is not None and found.url == url:
            remove_connection(server_file(home))


def _session_key(home: Path) -> bytes:
    """What signs the sessions of the page; kept in the home, so that a restart signs nobody out."""
    path = home / "session.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) < _KEY_BYTES:
        key = secrets.token_bytes(_KEY_BYTES)
        write_private(path, key)
    return key


def _own_token(home: Path, running: Running) -> str:
    """The login of whoever runs the server; kept in the home, so that it stays the same over restarts."""
    kept = read_connection(home / "owner.json")
    if kept is not None and running.tokens.authenticate(kept.token):
        return kept.token
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid-{os.getuid()}"
    token = running.tokens.create(user)
    write_connection(home / "owner.json", Connection(url="", token=token))
    return token
