"""A preview says what a submit would say, and takes nothing."""

from __future__ import annotations

from decimal import Decimal

from tauon.model.cluster import Cluster
from tauon.model.errors import Infeasible
from tauon.model.event import JobSubmitted
from tauon.model.job import Job
from tauon.model.job_spec import JobSpec
from tauon.service.page_views import Preview
from tauon.service.preview import preview
from tauon.service.submit import request_of
from tests.builders import START_US, a_cluster, a_house, a_job, a_run, an_attempt

TEXT = "name: fine\nrun: python train.py\nworkers: 2\nresources: {accelerators: H100:4, cpu: 2, memory: 4GiB}\n"


def look(text: str, cluster: Cluster) -> Preview:
    def take(spec: JobSpec) -> Job:
        if spec.workers > 100:
            raise Infeasible("it fits nowhere")
        return a_job(9, request=request_of(spec), name=spec.name)

    return preview(text, take, cluster, START_US)


def test_it_says_where_and_at_what_price() -> None:
    found = look(TEXT, a_cluster(*a_house()))
    assert (found.problem, found.name, found.workers, found.ahead) == ("", "fine", 2, 0)
    assert found.spec["run"] == "python train.py"
    (place,) = found.places
    assert (place.pool, place.accelerator, place.has_room) == ("lab", "H100", True)
    assert place.usd_per_h == Decimal("16.152")  # 2 x (4 x 2 + 2 x 0.03 + 4 x 0.004)


def test_it_says_that_there_is_no_room_and_who_came_first() -> None:
    job = a_job(1, gpus=5)
    waiting = look(TEXT, a_cluster(*a_house()))
    request = request_of(JobSpec.model_validate(waiting.spec))
    cluster = a_cluster(*a_house(), *a_run(job, an_attempt(job)), JobSubmitted(job=a_job(2, request=request)))
    found = look(TEXT, cluster)
    assert (found.ahead, found.places[0].has_room) == (1, False)
    assert "3 H100 free in all" in found.places[0].message
    assert len(cluster.jobs) == 2


def test_it_says_all_that_is_wrong_and_where() -> None:
    found = look("run: true\nworker: 2\nresources: {cpus: 1}\n", a_cluster(*a_house()))
    assert found.problem.splitlines()[0].startswith("line 2, column 1: `worker` is no field")
    assert len(found.problem.splitlines()) == 2
    assert found.spec == {}


def test_what_a_submit_would_refuse_is_refused() -> None:
    found = look("run: 'true'\nworkers: 101\n", a_cluster(*a_house()))
    assert found.problem == "it fits nowhere"
    assert "one at a time" in look("run: a\n---\nrun: b\n", a_cluster(*a_house())).problem
    assert "there is no job here" in look("", a_cluster()).problem
