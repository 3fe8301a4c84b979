"""The variables that a worker finds: a clean base, the job's own, its secrets, and what Tauon tells it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tauon.model.attempt import Attempt, WorkerPlacement
from tauon.model.errors import Rejected
from tauon.model.job import CheckpointPolicy, Job
from tauon.model.node import Node
from tauon.model.resources import MILLI
from tauon.ports.providers import StartOrder

# What a program needs to find its way on this machine; everything else of the server's environment stays with it.
_INHERITED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
    "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
)  # fmt: skip
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environment(also: Sequence[str]) -> dict[str, str]:
    """What jobs may have of the server's own variables: the usual ones, and those named in the pool's `pass_env`."""
    inherited = {name: os.environ[name] for name in (*_INHERITED, *also) if name in os.environ}
    return {"PATH": _PATH, "HOME": "/", "LANG": "C.UTF-8"} | inherited


def worker_environments(
    order: StartOrder,
    base: Mapping[str, str],
    env: Mapping[str, str],
    own: Mapping[str, str],
    gpu_indices: Mapping[str, int] | None,
) -> list[dict[str, str]]:
    """The variables of every worker, by rank.

    `env` is the job's, `own` is what Tauon adds besides what the order says, `gpu_indices` finds a GPU by its id; it is
    None where the engine itself says on the node which GPUs a worker has. The job's variables go before the base and the defaults; what names the worker's place goes before the job's.
    MASTER_PORT is added when the workers start, unless the job has its own. Raises Rejected.
    """
    attempt = order.attempt
    shared = {**base, **_defaults(attempt), **env, **order.secrets, **_of_attempt(order.job, attempt), **own}
    found = []
    for rank, worker in enumerate(attempt.placement):
        node = order.nodes.get(worker.node)
        if node is None:
            raise Rejected(f"worker {rank} was placed on {worker.node}, which is no node of this pool")
        found.append(shared | _of_worker(attempt, rank) | _accelerators(node, worker, gpu_indices))
    return found


def _defaults(attempt: Attempt) -> dict[str, str]:
    """What makes programs behave without being told: output at once, and no more threads than cores to run them."""
    threads = max(1, attempt.resources.cpu_milli // MILLI)
    return {"PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": str(threads), "MASTER_ADDR": "127.0.0.1"}


def _of_attempt(job: Job, attempt: Attempt) -> dict[str, str]:
    checkpoint = job.checkpoint or CheckpointPolicy()
    return {
        "TAUON_JOB_ID": job.id,
        "TAUON_JOB_NAME": job.name,
        "TAUON_QUEUE": job.queue,
        "TAUON_POOL": attempt.pool,
        "TAUON_ATTEMPT": attempt.id,
        "TAUON_ATTEMPT_NUMBER": str(attempt.number),
        "TAUON_RESTART_COUNT": str(attempt.number - 1),
        "TAUON_WORKERS": str(len(attempt.placement)),
        "TAUON_NOTICE_S": f"{job.notice_s:g}",
        "TAUON_NOTICE_SIGNAL": checkpoint.signal,
        "TAUON_CHECKPOINT_INTERVAL_S": f"{checkpoint.interval_s:g}",
        "WORLD_SIZE": str(len(attempt.placement)),
    }


def _of_worker(attempt: Attempt, rank: int) -> dict[str, str]:
    """A worker sees only its own accelerators, as if it were alone on its node: so its local rank is always 0."""
    return {
        "RANK": str(rank),
        "NODE_RANK": str(rank),
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "TAUON_RANK": str(rank),
        "TAUON_NODE": attempt.placement[rank].node,
    }


def _accelerators(node: Node, worker: WorkerPlacement, gpu_indices: Mapping[str, int] | None) -> dict[str, str]:
    if any(not 0 <= index < node.shape.accelerator_count for index in worker.accelerators):
        raise Rejected(f"{node.id} has {node.shape.accelerator_count} accelerators, not all of {worker.accelerators}")
    variables = {
        "TAUON_ACCELERATORS": ",".join(map(str, worker.accelerators)),
        "TAUON_ACCELERATOR_COUNT": str(len(worker.accelerators)),
        "TAUON_ACCELERATOR_TYPE": node.shape.accelerator if worker.accelerators else "",
        "TAUON_ACCELERATOR_SHARE": f"{worker.share_milli / MILLI:g}" if worker.accelerators else "0",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # the order in which the driver, and so Tauon, counts
        "CUDA_VISIBLE_DEVICES": "",  # nobody sees a GPU that was not given to it
    }
    if not node.virtual and worker.accelerators and gpu_indices is not None:
        ids = [node.accelerator_ids[index] for index in worker.accelerators]
        gone = [id_ for id_ in ids if id_ not in gpu_indices]
        if gone:
            raise Rejected(f"{node.id}: the driver no longer finds {', '.join(gone)}")
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(str(gpu_indices[id_]) for id_ in ids)
    return variables
