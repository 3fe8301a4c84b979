"""What must be there before the first command runs: the worker's folder, its uploaded files, inputs and checkpoints."""

from __future__ import annotations

import shutil
import tarfile
from contextlib import suppress
from pathlib import Path

from tauon.supervision.node.order import SupervisionOrder


class PreparationFailed(Exception):
    """Why the folders of an attempt can't be made as its job wants them; for people."""


def prepare(order: SupervisionOrder) -> None:
    """Make the folder of every worker, fresh for this attempt. Raises PreparationFailed, OSError."""
    checkpoint = Path(order["checkpoint"])
    checkpoint.mkdir(mode=0o700, parents=True, exist_ok=True)
    for worker in order["workers"]:
        folder = Path(worker["folder"])
        folder.mkdir(parents=True)
        if order["workdir"]:
            _unpack(Path(order["workdir"]), folder)
        if order["inputs"]:
            _link_inputs(order["inputs"], folder / "inputs")
        if order["checkpoint_link"]:
            _link_checkpoint(folder / order["checkpoint_link"], checkpoint)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive, "r:*") as files:
            files.extractall(folder, filter="data")
    except FileNotFoundError:
        raise PreparationFailed("the uploaded folder is no longer there; submit the job again") from None
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise PreparationFailed(f"the uploaded folder can't be unpacked: {error}") from None


def _link_inputs(inputs: dict[str, str], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, target in inputs.items():
        if not Path(target).exists():
            raise PreparationFailed(f"the input {name!r} is not there: {target} does not exist on this machine")
        link = folder / name
        if link.is_symlink() or link.exists():
            raise PreparationFailed(f"the uploaded folder has its own inputs/{name}; give the input another name")
        link.symlink_to(target)


def _link_checkpoint(link: Path, checkpoint: Path) -> None:
    """Let the path in the work folder be the job's checkpoint folder, so that programs need not know of it.

    What was uploaded under that path is where the first attempt begins; later ones go on from their own checkpoint.
    """
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir() and not link.is_symlink():
        if not any(checkpoint.iterdir()):
            shutil.copytree(link, checkpoint, dirs_exist_ok=True, symlinks=True)
        shutil.rmtree(link)
    else:
        with suppress(FileNotFoundError):
            link.unlink()
    link.symlink_to(checkpoint)
