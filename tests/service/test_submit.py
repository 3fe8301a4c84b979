"""From a document to a job: what is refused is refused in a sentence, what equal requests share is shared."""

from __future__ import annotations

import pytest

from tauon.model.errors import Infeasible, InvalidRequest, InvalidSpec
from tauon.model.event import QueueConfigured
from tauon.model.ids import QueueName
from tauon.model.job import Job
from tauon.model.job_spec import JobSpec
from tauon.model.queue import Queue
from tauon.reconciler.memory_store import MemoryStore
from tauon.service.submit import Intake
from tauon.simulator.nothing import NoBlobs, NoSecrets
from tests.builders import START_US, a_cluster, a_house


def taken(number: int = 1, **document: object) -> Job:
    """The job that a document becomes on a cluster with one node of eight."""
    cluster = a_cluster(*a_house(), QueueConfigured(queue=Queue(name=QueueName("urgent"), priority=7)))
    intake = Intake(store=MemoryStore(), blobs=NoBlobs(), secrets=NoSecrets())
    spec = JobSpec.model_validate({"run": "true"} | document)
    return intake.job(spec, cluster=cluster, number=number, user="ada", key="", now_us=START_US)


def test_a_queue_gives_its_priority_to_jobs_that_name_none() -> None:
    assert taken(queue="urgent").priority == 7
    assert taken(queue="urgent", priority=3).priority == 3


def test_an_unknown_queue_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(InvalidSpec, match="there is no queue 'research'; there are: default, urgent"):
        taken(queue="research")


def test_what_no_node_could_hold_is_refused_with_the_largest_that_fits() -> None:
    with pytest.raises(Infeasible, match="fits nowhere; the largest that would is 1 x"):
        taken(workers=2, resources={"accelerators": "H100:8"})


def test_a_missing_secret_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidSpec, match="none is stored as TOKEN; store it with `tauon secret set`"):
        taken(secrets=["TOKEN"])


def test_text_that_no_program_could_be_given_is_refused() -> None:
    with pytest.raises(InvalidSpec, match="NUL"):
        taken(env={"A": "x\0y"})
    with pytest.raises(InvalidSpec, match="Unicode"):
        taken(env={"A": "\ud800"})
    assert taken(env={"A": "\\u0000"}).document.count("u0000") == 1


def test_a_job_that_can_never_start_because_another_failed_is_refused() -> None:
    cluster = a_cluster(*a_house())
    store = MemoryStore()
    intake = Intake(store=store, blobs=NoBlobs(), secrets=NoSecrets())
    spec = JobSpec.model_validate({"run": "true", "depends_on": ["j99"]})
    with pytest.raises(InvalidRequest, match="there is no job j99"):
        intake.job(spec, cluster=cluster, number=1, user="ada", key="", now_us=START_US)


def test_equal_requests_are_one_value() -> None:
    cluster = a_cluster(*a_house())
    intake = Intake(store=MemoryStore(), blobs=NoBlobs(), secrets=NoSecrets())
    spec = JobSpec.model_validate({"run": "true", "resources": {"accelerators": "H100:1"}})
    one, two = (intake.job(spec, cluster=cluster, number=n, user="a", key="", now_us=START_US) for n in (1, 2))
    assert one.request is two.request
