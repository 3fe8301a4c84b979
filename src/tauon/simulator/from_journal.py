"""A world made of a server's own journal: the same fleet, the same submits, each job lasting as long as it was seen to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace
from pydantic import ValidationError

from tauon.model.errors import InvalidRequest
from tauon.model.event import (
    AttemptEnded,
    AttemptRunning,
    Event,
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeTerminated,
    PoolConfigured,
    QueueConfigured,
)
from tauon.model.ids import AttemptId, JobId, NodeId, OfferId, PoolName, QueueName
from tauon.model.job import Job
from tauon.model.job_spec import JobSpec
from tauon.model.node import Node, NodeState
from tauon.model.past import Past
from tauon.model.pool import Pool
from tauon.model.queue import Queue
from tauon.ports.what_if import Question
from tauon.simulator.fleet import nodes_in_short, pools_of
from tauon.simulator.from_trace import skips
from tauon.simulator.scenario import NEVER_US, Cancel, Happening, NodeAppears, NodeVanishes, Submit, Work
from tauon.simulator.traces.job import Skipped
from tauon.simulator.world import START_US, World

NAME = "journal"


class _Seen:
    """What a journal tells about one job."""

    __slots__ = ("cancelled_us", "exit_code", "job", "ran_us", "running_us")

    def __init__(self, job: Job) -> None:
        self.job = job
        self.ran_us = 0
        self.running_us: int | None = None
        self.cancelled_us: int | None = None
        self.exit_code = 0


class _Reading:
    """The journal, read once."""

    def __init__(self) -> None:
        self.pools: dict[PoolName, Pool] = {}
        self.queues: dict[QueueName, Queue] = {}
        self.jobs: dict[JobId, _Seen] = {}
        self.nodes: list[tuple[int, Node | NodeId]] = []
        self.last_us = 0

    def take(self, event: Event) -> None:
        self.last_us = event.at_us
        match event.fact:
            case PoolConfigured(pool=pool):
                self.pools[pool.name] = replace(pool, provider="simulated", options={})
            case QueueConfigured(queue=queue):
                self.queues[queue.name] = replace(queue, past=Past())
            case NodeReady(node=node):
                # It is there and takes work, whoever bought it, and whoever had drained it before.
                self.nodes.append((event.at_us, replace(node, offer=OfferId(""), state=NodeState.READY, message="")))
            case NodeLost(node_id=node_id) | NodeTerminated(node_id=node_id):
                self.nodes.append((event.at_us, node_id))
            case NodeDraining():
                pass  # what ran on it went on; that it took no new work was somebody's decision of that day
            case JobSubmitted(job=job):
                self.jobs[job.id] = _Seen(job)
            case AttemptRunning(attempt_id=attempt_id):
                self._of(attempt_id).running_us = event.at_us
            case AttemptEnded(attempt_id=attempt_id):
                self._ended(self._of(attempt_id), event.at_us)
            case JobCancelRequested(job_id=job_id):
                self.jobs[job_id].cancelled_us = event.at_us
            case JobCancelled(job_id=job_id):
                seen = self.jobs[job_id]
                seen.cancelled_us = event.at_us if seen.cancelled_us is None else seen.cancelled_us
            case JobFailed(job_id=job_id):
                self.jobs[job_id].exit_code = 1
            case JobSucceeded(job_id=job_id):
                self.jobs[job_id].exit_code = 0
            case _:
                pass

    def _of(self, attempt: AttemptId) -> _Seen:
        return self.jobs[JobId(attempt.rpartition("-")[0])]

    def _ended(self, seen: _Seen, at_us: int) -> None:
        """A job with checkpoints went on where it was; one without began anew."""
        if seen.running_us is not None:
            ran_us = at_us - seen.running_us
            seen.ran_us = seen.ran_us + ran_us if seen.job.checkpoint is not None else ran_us
            seen.running_us = None


def world_of_journal(events: Iterable[Event], question: Question) -> World:
    """The world of a journal. Raises InvalidRequest where nothing in it ever ran."""
    reading = _Reading()
    for event in events:
        reading.take(event)
    if question.last_s is not None:
        since_us = reading.last_us - round(question.last_s * 1e6)
        reading.jobs = {job: seen for job, seen in reading.jobs.items() if seen.job.submitted_at_us >= since_us}
    skipped = Skipped()
    work = {job: found for job, seen in reading.jobs.items() if (found := _work(seen, reading.last_us, skipped))}
    if not work:
        raise InvalidRequest(f"{question.source}: no job in this journal has run, so there is nothing to play again")
    began_us = min(reading.jobs[job].job.submitted_at_us for job in work)
    shift_us = START_US - began_us
    nodes, changes = _nodes(reading, began_us, shift_us)
    pools = tuple(reading.pools.values())
    if question.nodes:
        nodes, changes = nodes_in_short(question.nodes), []
        pools = pools_of(nodes)
    happenings = sorted([*_submits(reading, work, shift_us), *changes], key=lambda one: one.at_us)
    return World(
        name=NAME,
        source=question.source,
        format=NAME,
        pools=pools,
        queues=tuple(reading.queues.values()),
        nodes=tuple(nodes),
        happenings=lambda: happenings,
        jobs=len(work),
        seed=question.seed or 0,
        until_us=NEVER_US if question.until_s is None else START_US + round(question.until_s * 1e6),
        skipped=skips(skipped, 0),
    )


def _work(seen: _Seen, last_us: int, skipped: Skipped) -> Work | None:
    if seen.running_us is not None:
        seen.ran_us += last_us - seen.running_us
        skipped_as = "still ran when the journal ended, so it is played as if it had ended then"
        skipped.add(skipped_as, seen.job.id)
    elif not seen.ran_us:
        skipped.add("never ran", seen.job.id)
        return None
    policy = seen.job.checkpoint
    return Work(
        duration_s=seen.ran_us / 1e6,
        exit_code=seen.exit_code,
        saves_every_s=policy.interval_s if policy else 0.0,
        save_s=0.0 if policy else None,
    )


def _submits(reading: _Reading, work: dict[JobId, Work], shift_us: int) -> Iterator[Happening]:
    """Submits in order, and cancellations of what somebody cancelled, by the positions of their submits."""
    position: dict[JobId, int] = {}
    for job_id, found in work.items():
        seen = reading.jobs[job_id]
        job = seen.job
        try:
            spec = JobSpec.model_validate(msgspec.json.decode(job.document))
        except ValidationError as error:
            raise InvalidRequest(f"{job_id} has a document that this version can't read: {error}") from error
        spec = spec.model_copy(update={"secrets": [], "workdir": None, "depends_on": []})
        before = tuple(position[one] for one in job.depends_on if one in position)
        position[job_id] = len(position)
        at_us = job.submitted_at_us + shift_us
        yield Submit(at_us=at_us, spec=spec, work=found, user=job.user, after=before)
        if seen.cancelled_us is not None:
            yield Cancel(at_us=max(at_us, seen.cancelled_us + shift_us), submit=position[job_id])


def _nodes(reading: _Reading, began_us: int, shift_us: int) -> tuple[list[Node], list[Happening]]:
    """The nodes that were there when the first job came, and how they came and went after that."""
    there: dict[NodeId, Node] = {}
    changes: list[Happening] = []
    for at_us, change in reading.nodes:
        if at_us <= began_us:
            if isinstance(change, Node):
                there[change.id] = change
            else:
                there.pop(change, None)
        elif isinstance(change, Node):
            changes.append(NodeAppears(at_us=at_us + shift_us, node=change))
        else:
            changes.append(NodeVanishes(at_us=at_us + shift_us, node=change))
    if not there:  # the first job was taken before any node was ready
        first = next((i for i, one in enumerate(changes) if isinstance(one, NodeAppears)), None)
        if first is not None and isinstance(appears := changes.pop(first), NodeAppears):
            return [appears.node], changes
    return list(there.values()), changes
