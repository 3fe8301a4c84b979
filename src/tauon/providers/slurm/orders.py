"""Writing down what a batch job needs before it is submitted: the attempt's folder, its order and its script."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from tauon.ports.providers import ProviderContext, StartOrder
from tauon.providers.slurm.nodes import ADDRESS, HOSTNAME
from tauon.providers.slurm.options import SlurmOptions
from tauon.providers.slurm.submission import batch_script, launch_of, mark, parts_of
from tauon.supervision.environment import worker_environments
from tauon.supervision.instructions import (
    CannotStart,
    JobDocument,
    Place,
    archive_of,
    checkpoint_of,
    read_document,
    supervision_order,
)
from tauon.supervision.node.folders import AttemptFolder, Folders, replace_file
from tauon.supervision.node.order import WorkerOrder

SCRIPT = "batch.sh"
OUTPUT = "batch.log"
UPLOAD = "upload.tar"


class Scribe:
    """Writes what the batch jobs of one pool read. `program` is the supervisor's first file in the shared folder."""

    def __init__(self, context: ProviderContext, options: SlurmOptions, folders: Folders, program: Path) -> None:
        self._context = context
        self._options = options
        self._folders = folders
        self._program = program

    def write(self, order: StartOrder) -> Path:
        """Make the attempt's folder and everything in it, readable by us alone; returns the script.

        Raises Rejected, CannotStart, OSError.
        """
        document = read_document(order)
        parts = parts_of(order)
        folder = self._folders.attempt(order.attempt.id)
        archive = archive_of(document, self._context)
        folder.path.mkdir(mode=0o700, exist_ok=True)
        if archive:
            archive = str(_deliver(Path(archive), folder))
        data = msgspec.json.encode(self._supervision(order, document, archive, launch_of(parts)))
        replace_file(folder.order, data)
        paths = {
            "program": self._program,
            "order": folder.order,
            "output": folder.path / OUTPUT,
            "folder": self._folders.root,
        }
        comment = mark(self._context.instance, self._context.pool.name, order.attempt.id)
        os.close(_for_us(folder.path / OUTPUT))  # Slurm would make it readable by others
        script = folder.path / SCRIPT
        text = batch_script(order, parts, self._options, paths, comment)
        with open(_for_us(script), "w", encoding="utf-8") as file:
            file.write(text)
        return script

    def _supervision(self, order: StartOrder, document: JobDocument, archive: str, launch: list[list[str]]) -> object:
        own = {
            "TAUON_CHECKPOINT_DIR": checkpoint_of(order, self._folders),
            "TAUON_INSTANCE": self._context.instance,
        }
        hosts = {worker.node for worker in order.attempt.placement}
        if len(hosts) > 1:
            own["MASTER_ADDR"] = order.nodes[order.attempt.placement[0].node].labels[ADDRESS]
        environments = worker_environments(order, {}, document.env, own, None)
        folder = self._folders.attempt(order.attempt.id)
        workers = [
            WorkerOrder(
                folder=str(folder.work(rank)),
                env=_without_place(env),
                cgroups=[],
                oom_file="",
                memory_mib=0,
                accelerators=len(worker.accelerators),
                host=order.nodes[worker.node].labels[HOSTNAME],
            )
            for rank, (worker, env) in enumerate(zip(order.attempt.placement, environments, strict=True))
        ]
        place = Place(workers, archive, self._options.log_max_mib, launch)
        return supervision_order(order, document, self._folders, place)


def _for_us(path: Path) -> int:
    """An open file that others can't read."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _without_place(env: dict[str, str]) -> dict[str, str]:
    """Slurm chooses the accelerators on a node, so which these are is known there only."""
    return {name: value for name, value in env.items() if name not in ("CUDA_VISIBLE_DEVICES", "TAUON_ACCELERATORS")}


def _deliver(archive: Path, folder: AttemptFolder) -> Path:
    """The uploaded folder where the nodes find it: it may lie on a disk that only the server has."""
    target = folder.path / UPLOAD
    with suppress(FileExistsError):
        try:
            os.link(archive, target)
        except FileExistsError:
            raise
        except FileNotFoundError:
            raise CannotStart("the uploaded folder is no longer there; submit the job again") from None
        except OSError:  # another file system
            shutil.copyfile(archive, target)
    return target
