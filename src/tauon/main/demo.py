"""`tauon demo`: an embedded control plane in a folder of its own, and the demo's jobs on it."""

from __future__ import annotations

import asyncio
import getpass
import logging
import tempfile
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from tauon.cli.demo.run import run_demo
from tauon.cli.options import DemoOptions
from tauon.cli.screen import Screen, standard_screen
from tauon.main.embedded import control_plane
from tauon.model.errors import ConfigError
from tauon.service.config import ServerConfig
from tauon.service.config_file import read_config

INTERRUPTED = 130


def demo(options: DemoOptions) -> int:
    """Run the demo; returns 0 if all that was to come true did. Ctrl-C cancels its jobs first."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s")
    _need_the_jobs_packages()
    with as_file(files("tauon.cli.demo") / "server.yaml") as path:
        config = read_config(path)
    screen = standard_screen(plain=options.plain)
    if options.home is not None:
        home = options.home.expanduser().resolve()
        return _run(home, config, screen)
    if options.keep:
        return _run(Path(tempfile.mkdtemp(prefix="tauon-demo-")), config, screen)
    with tempfile.TemporaryDirectory(prefix="tauon-demo-", ignore_cleanup_errors=True) as folder:
        return _run(Path(folder), config, screen)


def _need_the_jobs_packages() -> None:
    missing = [name for name in ("numpy", "sklearn") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"the demo's jobs compute with {' and '.join(missing)}: pip install 'tauon[demo]'")


def _run(home: Path, config: ServerConfig, screen: Screen) -> int:
    async def run() -> int:
        async with control_plane(home, str(home / "tauon.db"), config) as running:
            return await run_demo(running.control_plane_for(getpass.getuser()), screen=screen)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        return INTERRUPTED
