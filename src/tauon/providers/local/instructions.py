"""From the order of the port to the order of a supervisor on this machine: variables and limits of every worker."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from tauon.model.resources import Resources
from tauon.ports.providers import ProviderContext, StartOrder
from tauon.providers.local.limits import Limits
from tauon.providers.local.options import LocalOptions
from tauon.supervision.environment import base_environment, worker_environments
from tauon.supervision.instructions import Place, archive_of, checkpoint_of, read_document, supervision_order
from tauon.supervision.node.folders import Folders
from tauon.supervision.node.order import SupervisionOrder, WorkerOrder


class Instructor:
    """Writes the orders of one pool."""

    def __init__(self, context: ProviderContext, options: LocalOptions, folders: Folders, limits: Limits) -> None:
        self._context = context
        self._options = options
        self._folders = folders
        self._limits = limits

    def write(self, order: StartOrder, gpu_indices: Mapping[str, int]) -> SupervisionOrder:
        """What the supervisor of this attempt needs to know. Raises Rejected, CannotStart."""
        document = read_document(order)
        own = {
            "TAUON_CHECKPOINT_DIR": checkpoint_of(order, self._folders),
            "TAUON_INSTANCE": self._context.instance,
        }
        base = base_environment(self._options.pass_env)
        environments = worker_environments(order, base, document.env, own, gpu_indices)
        limits = order.attempt.resources
        if document.resources.cpu is None:
            limits = replace(limits, cpu_milli=0)
        workers = [self._worker(order, rank, env, limits) for rank, env in enumerate(environments)]
        place = Place(workers, archive_of(document, self._context), self._options.log_max_mib, launch=[])
        return supervision_order(order, document, self._folders, place)

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
            accelerators=0,
            host="",
        )
