"""From the order of the port to the order of a supervisor: what is the same on whatever machine it runs."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from tauon.model.errors import NotFound, Rejected
from tauon.model.job import CheckpointPolicy, Job
from tauon.ports.providers import ProviderContext, StartOrder
from tauon.supervision.node.folders import Folders, is_safe_name
from tauon.supervision.node.order import SupervisionOrder, WorkerOrder

SIGNALS = frozenset({"SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2"})
LOG_SEGMENTS = 8
FAILURE_GRACE_S = 5.0  # between the failure of one worker and the kill of the others
LEFTOVER_GRACE_S = 2.0  # between a worker's end and the kill of what it left running


class CannotStart(Exception):
    """Why this attempt can't be started here, although the order itself is right; for people."""


class ResourcesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the document says of resources: only whether cores were named, for a default is no limit."""

    cpu: int | float | str | None = None


class JobDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the job's document that a machine needs."""

    run: str
    setup: str | None = None
    env: dict[str, str] = {}
    workdir: str | None = None
    inputs: dict[str, str] = {}
    resources: ResourcesDocument = ResourcesDocument()


def read_document(order: StartOrder) -> JobDocument:
    """The document of an order whose ids can be names of folders and whose notice can be given. Raises Rejected."""
    job, attempt = order.job, order.attempt
    if not is_safe_name(attempt.id) or not is_safe_name(job.id):
        raise Rejected(f"{attempt.id!r} of job {job.id!r} can't be the name of a folder")
    signal = policy_of(order).signal
    if signal not in SIGNALS:
        raise Rejected(f"{signal} can't be the notice; use one of {', '.join(sorted(SIGNALS))}")
    try:
        return msgspec.json.decode(job.document, type=JobDocument)
    except msgspec.DecodeError as error:
        raise Rejected(f"the document of job {job.id} can't be read: {error}") from None


def policy_of(order: StartOrder) -> CheckpointPolicy:
    """How the job saves its work; one that does not say has a folder for it all the same."""
    return order.job.checkpoint or CheckpointPolicy()


def checkpoint_of(order: StartOrder, folders: Folders) -> str:
    """The folder that all attempts of the job share."""
    return str(checkpoint_folder(order.job, folders))


def checkpoint_folder(job: Job, folders: Folders) -> Path:
    """The same of a job alone."""
    return folders.checkpoints / job.id / (job.checkpoint or CheckpointPolicy()).path


def archive_of(document: JobDocument, context: ProviderContext) -> str:
    """The path of the uploaded folder, or an empty string. Raises Rejected, CannotStart."""
    if not document.workdir:
        return ""
    scheme, _, digest = document.workdir.partition(":")
    if scheme != "blob" or not digest:
        raise Rejected(f"the work folder {document.workdir!r} was not uploaded")
    try:
        return str(context.blob_path(digest))
    except NotFound:
        raise CannotStart("the uploaded folder is no longer there; submit the job again") from None


class Place(NamedTuple):
    """What an order depends on besides the job: the workers' folders and variables, where they find the uploaded folder,
    how much output is kept of each, and the commands that reach other machines."""

    workers: list[WorkerOrder]
    archive: str
    log_max_mib: int
    launch: list[list[str]]


def supervision_order(order: StartOrder, document: JobDocument, folders: Folders, place: Place) -> SupervisionOrder:
    """What the supervisor of this attempt needs to know."""
    job, attempt = order.job, order.attempt
    return SupervisionOrder(
        attempt=attempt.id,
        root=str(folders.root),
        setup=document.setup or "",
        run=document.run,
        workdir=place.archive,
        inputs={name: path.removeprefix("file://") for name, path in document.inputs.items()},
        checkpoint=checkpoint_of(order, folders),
        checkpoint_link=policy_of(order).path if job.checkpoint else "",
        signal=policy_of(order).signal,
        notice_s=job.notice_s,
        failure_grace_s=FAILURE_GRACE_S,
        leftover_grace_s=LEFTOVER_GRACE_S,
        log_segment_bytes=(place.log_max_mib << 20) // LOG_SEGMENTS,
        log_segments=LOG_SEGMENTS,
        workers=place.workers,
        launch=place.launch,
    )
