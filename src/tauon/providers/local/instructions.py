"""From the order of the port to the order of a supervisor: commands, folders, variables and limits of every worker."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from tauon.model.errors import NotFound, Rejected
from tauon.model.job import CheckpointPolicy
from tauon.model.resources import Resources
from tauon.ports.providers import ProviderContext, StartOrder
from tauon.providers.local.environment import base_environment, worker_environments
from tauon.providers.local.folders import Folders, is_safe_name
from tauon.providers.local.limits import Limits
from tauon.providers.local.options import LocalOptions
from tauon.providers.local.supervisor.order import SupervisionOrder, WorkerOrder

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


class Instructor:
    """Writes the orders of one pool."""

    def __init__(self, context: ProviderContext, options: LocalOptions, folders: Folders, limits: Limits) -> None:
        self._context = context
        self._options = options
        self._folders = folders
        self._limits = limits

    def write(self, order: StartOrder, gpu_indices: Mapping[str, int]) -> SupervisionOrder:
        """What the supervisor of this attempt needs to know. Raises Rejected, CannotStart."""
        job, attempt = order.job, order.attempt
        if not is_safe_name(attempt.id) or not is_safe_name(job.id):
            raise Rejected(f"{attempt.id!r} of job {job.id!r} can't be the name of a folder")
        try:
            document = msgspec.json.decode(job.document, type=JobDocument)
        except msgspec.DecodeError as error:
            raise Rejected(f"the document of job {job.id} can't be read: {error}") from None
        policy = job.checkpoint or CheckpointPolicy()
        if policy.signal not in SIGNALS:
            raise Rejected(f"{policy.signal} can't be the notice; use one of {', '.join(sorted(SIGNALS))}")
        checkpoint = str(self._folders.checkpoints / job.id / policy.path)
        own = {"TAUON_CHECKPOINT_DIR": checkpoint, "TAUON_INSTANCE": self._context.instance}
        base = base_environment(self._options.pass_env)
        environments = worker_environments(order, base, document.env, own, gpu_indices)
        limits = attempt.resources
        if document.resources.cpu is None:
            limits = replace(limits, cpu_milli=0)
        return SupervisionOrder(
            attempt=attempt.id,
            root=str(self._folders.root),
            setup=document.setup or "",
            run=document.run,
            workdir=self._archive(document.workdir),
            inputs={name: path.removeprefix("file://") for name, path in document.inputs.items()},
            checkpoint=checkpoint,
            checkpoint_link=policy.path if job.checkpoint else "",
            signal=policy.signal,
            notice_s=job.notice_s,
            failure_grace_s=FAILURE_GRACE_S,
            leftover_grace_s=LEFTOVER_GRACE_S,
            log_segment_bytes=(self._options.log_max_mib << 20) // LOG_SEGMENTS,
            log_segments=LOG_SEGMENTS,
            workers=[self._worker(order, rank, env, limits) for rank, env in enumerate(environments)],
        )

    def _worker(self, order: StartOrder, rank: int, env: dict[str, str], limits: Resources) -> WorkerOrder:
        attempt = order.attempt
        name = re.sub(r"[^A-Za-z0-9-]", "-", f"tauon-{self._context.instance}-{attempt.id}-{rank}")
        limit = self._limits.order(name, limits)
        return WorkerOrder(
            folder=str(self._folders.attempt(attempt.id).work(rank)),
            env=env,
            cgroups=limit.cgroups,
            oom_file=limit.oom_file,
            memory_mib=attempt.resources.memory_mib,
        )

    def _archive(self, workdir: str | None) -> str:
        if not workdir:
            return ""
        scheme, _, digest = workdir.partition(":")
        if scheme != "blob" or not digest:
            raise Rejected(f"the work folder {workdir!r} was not uploaded")
        try:
            return str(self._context.blob_path(digest))
        except NotFound:
            raise CannotStart("the uploaded folder is no longer there; submit the job again") from None
