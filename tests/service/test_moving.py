"""What can be moved to another pool, and what is refused with a reason."""

from __future__ import annotations

import pytest

from tauon.model.cluster import Cluster
from tauon.model.errors import Conflict, Infeasible, NotFound, TauonError
from tauon.model.event import JobSubmitted, NodeReady, PoolConfigured
from tauon.model.ids import PoolName
from tauon.model.job import Job
from tauon.model.resources import Constraints
from tauon.reconciler.memory_store import MemoryStore
from tauon.service.moving import refuse_to_move
from tauon.service.submit import Intake
from tauon.simulator.nothing import NoBlobs, NoSecrets
from tests.builders import a_cluster, a_house, a_job, a_node, a_pool, a_request, a_run, an_attempt

JOB = a_job(request=a_request(gpus=8))
BOUND = a_job(request=a_request(gpus=8, constraints=Constraints(pools=("lab",))))
AT_HOME = a_job(request=a_request(gpus=8, constraints=Constraints(residency=("eu",))))


def a_world(job: Job) -> Cluster:
    """A job that runs in `lab`, a pool `west` that could hold it, and one, `small`, that could not."""
    west = a_node("w1", pool=PoolName("west"))
    small = a_node("s1", pool=PoolName("small"), gpus=1)
    pools = [PoolConfigured(pool=a_pool(name)) for name in ("west", "small")]
    return a_cluster(*a_house(), *pools, NodeReady(node=west), NodeReady(node=small), *a_run(job, an_attempt(job)))


def tried(job: Job, to: str) -> None:
    cluster = a_world(job)
    intake = Intake(store=MemoryStore(), blobs=NoBlobs(), secrets=NoSecrets())
    refuse_to_move(next(iter(cluster.jobs.values())), to, cluster, intake)


def test_a_job_that_runs_may_go_where_it_fits() -> None:
    tried(JOB, "west")


@pytest.mark.parametrize(
    ("job", "to", "error", "said"),
    [
        (JOB, "lab", Conflict, "is in lab already"),
        (JOB, "nowhere", NotFound, "no pool 'nowhere'"),
        (JOB, "small", Infeasible, "fits nowhere"),
        (BOUND, "west", Infeasible, "may only be in lab"),
        (AT_HOME, "west", Infeasible, "fits nowhere"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(job: Job, to: str, error: type[TauonError], said: str) -> None:
    with pytest.raises(error, match=said):
        tried(job, to)


def test_a_job_that_waits_is_not_moved() -> None:
    cluster = a_cluster(*a_house(), JobSubmitted(job=JOB))
    intake = Intake(store=MemoryStore(), blobs=NoBlobs(), secrets=NoSecrets())
    with pytest.raises(Conflict, match="is queued: only a job that has a place"):
        refuse_to_move(cluster.jobs[JOB.id], "lab", cluster, intake)
