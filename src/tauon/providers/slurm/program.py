"""The supervisor's program in the pool's shared folder, where the nodes find it without Tauon being installed there."""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
from pathlib import Path

import tauon.supervision.node.batch as batch

_SOURCE = Path(batch.__file__).resolve().parent


def install(folder: Path) -> Path:
    """Put the present program beside those that running attempts still use; returns its first file. Raises OSError.

    The folder is named by what is in it, so that another version has a folder of its own and a copy is never changed.
    """
    sources = sorted(_SOURCE.glob("*.py"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    target = folder / "program" / digest.hexdigest()[:16] / "supervision" / "node"
    if not target.exists():
        draft = folder / "program" / f".{digest.hexdigest()[:16]}-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        (draft / "supervision" / "node").mkdir(mode=0o700, parents=True)
        for source in sources:
            shutil.copyfile(source, draft / "supervision" / "node" / source.name)
        compileall.compile_dir(draft, quiet=2, stripdir=draft)  # of use where the nodes have the server's Python
        try:
            draft.rename(target.parents[1])
        except OSError:  # another server was faster
            shutil.rmtree(draft, ignore_errors=True)
            if not target.exists():
                raise
    return target / Path(batch.__file__).name
