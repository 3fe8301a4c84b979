"""The top floor: the only room that knows every other; it joins ports to adapters and hands the result to the shell."""

from importlib import import_module
from typing import Any

from tauon.cli.app import run as run_shell


def run() -> int:
    """The command `tauon`."""
    return run_shell(_wiring)


def _wiring() -> Any:
    # Loaded once a command needs it: `tauon --help` needs nothing but the command tree.
    return import_module("tauon.main.wiring").Joined()
