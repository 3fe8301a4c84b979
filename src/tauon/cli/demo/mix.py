"""The demo's jobs: the documents and scripts that lie in the folder `jobs`, made ready for this machine."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tauon.cli.demo.scene import LABEL
from tauon.model.job_spec import JobSpec
from tauon.service.control_plane import ControlPlane
from tauon.service.documents import read_documents, to_specs

FOLDER = Path(__file__).with_name("jobs")
SERVER_CONFIG = Path(__file__).with_name("server.yaml")
NAMES = ("train", "search", "orders", "download", "evaluate", "incident")
AMOUNTS = ("STEPS", "TRIALS", "ROWS", "MACHINES")


def document(name: str) -> Path:
    """Where a job's document lies."""
    return FOLDER / f"{name}.yaml"


class Mix:
    """The jobs as they are submitted: `results` is a folder that all of them can reach, `scale` how much they do."""

    def __init__(self, results: Path, *, token: str, scale: float = 1.0) -> None:
        self._results = results
        self._token = token
        self._scale = scale
        self._archive = _packed(FOLDER)
        self._digest = hashlib.sha256(self._archive).hexdigest()

    async def upload(self, control_plane: ControlPlane) -> None:
        """Upload the folder with the scripts, which is the work folder of all jobs."""

        async def pieces() -> AsyncIterator[bytes]:
            yield self._archive

        if not await control_plane.has_blob(self._digest):
            await control_plane.put_blob(self._digest, pieces())

    def spec(self, name: str, *, depends_on: Sequence[str] = ()) -> JobSpec:
        """A job's document with what only this run knows put over it."""
        path = document(name)
        (found,) = read_documents(path.read_bytes(), source=path.name)
        for amount in AMOUNTS:
            if amount in found.data.get("env", {}):
                found.put(
                    ("env", amount), max(1, round(int(found.data["env"][amount]) * self._scale)), "the demo's scale"
                )
        ours = {
            ("workdir",): f"blob:{self._digest}",
            # The interpreter that runs this has the packages that the scripts import.
            ("env", "PATH"): f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            ("env", "RESULTS_DIR"): str(self._results),
            ("labels", LABEL): self._token,
        }
        if name == "evaluate":
            ours["inputs", "results"] = str(self._results)
        for field, value in ours.items():
            found.put(field, value, "the demo")
        found.put(("depends_on",), list(depends_on), "the demo")
        (spec,) = to_specs([found])
        return spec


def _packed(folder: Path) -> bytes:
    """The folder's files as a tar archive; the same files give the same bytes."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                content = path.read_bytes()
                entry = tarfile.TarInfo(path.name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()
