"""The policies that a world can be played under: what a queue's settings can be set to, and the baselines among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from tauon.model.errors import InvalidRequest
from tauon.model.job import Job
from tauon.model.job_spec import JobSpec
from tauon.model.outlook import Pace
from tauon.model.packing import PackingRule
from tauon.model.queue import DEFAULT_QUEUE, Queue, QueueOrder
from tauon.simulator.labour import Labour
from tauon.simulator.scenario import Happening, Scenario, Submit


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`queue` None: queues as the world has them. Else all work stands in this one, so that nothing but its order
    decides. `packing` is how nodes are compared; only Tauon's own rule moves work together. `knows` tells the planner
    how long each job will still take, as no real one could."""

    name: str
    queue: Queue | None = None
    packing: PackingRule = PackingRule.LEAST_STRANDED
    knows: bool = False

    @property
    def packs(self) -> PackingRule:
        """An order alone goes with the plainest packing there is."""
        return self.packing if self.queue is None else PackingRule.BEST_FIT


def _alone(order: QueueOrder, *, strict: bool = False, take_turns: bool = False) -> Queue:
    """A queue that does nothing for what waits long, as the rules of the literature don't."""
    return Queue(name=DEFAULT_QUEUE, order=order, strict=strict, take_turns=take_turns, patience_s=None, min_run_s=0.0)


PATIENCE_S = 60 * 24 * 3600.0
_TURNAROUND = Queue(
    name=DEFAULT_QUEUE, order=QueueOrder.TURNAROUND, take_turns=True, min_run_s=60.0, patience_s=PATIENCE_S
)
_LEAST_SERVED = replace(_TURNAROUND, order=QueueOrder.LEAST_SERVED)
_TIRESIAS = replace(_alone(QueueOrder.LEAST_SERVED, take_turns=True), levels_accelerator_s=(3_250.0, 7_200.0))

_ALL = (
    Policy(name="tauon"),
    Policy(name="tauon-known", knows=True),
    # What a queue can be set to, alone.
    Policy(name="turnaround", queue=_TURNAROUND),
    Policy(name="turnaround-known", queue=_TURNAROUND, knows=True),
    Policy(name="least-served", queue=_LEAST_SERVED),
    # The rules of others: in order of arrival, each waiting for the one before, or with what fits going past it;
    Policy(name="fifo", queue=_alone(QueueOrder.FIFO, strict=True)),
    Policy(name="backfill", queue=_alone(QueueOrder.FIFO)),
    # the shortest first, likewise; the shortest remaining time, that times the width, with preemption;
    Policy(name="sjf", queue=_alone(QueueOrder.SHORTEST, strict=True), knows=True),
    Policy(name="sjf-backfill", queue=_alone(QueueOrder.SHORTEST), knows=True),
    Policy(name="srtf", queue=_alone(QueueOrder.SHORTEST, take_turns=True), knows=True),
    Policy(name="srsf", queue=_alone(QueueOrder.SMALLEST, take_turns=True), knows=True),
    # the least attained service (Tiresias), which needs to know nothing.
    Policy(name="tiresias", queue=_TIRESIAS),
    # Queues as the world has them, with the packing of others.
    Policy(name="best-fit", packing=PackingRule.BEST_FIT),
    Policy(name="dot-product", packing=PackingRule.DOT_PRODUCT),
    Policy(name="fgd", packing=PackingRule.FGD),
)

POLICIES: Mapping[str, Policy] = {policy.name: policy for policy in _ALL}


def policy_named(name: str) -> Policy:
    """Raises InvalidRequest, saying which there are."""
    found = POLICIES.get(name)
    if found is None:
        raise InvalidRequest(f"there is no policy {name!r}; there are: {', '.join(POLICIES)}")
    return found


def under(policy: Policy, scenario: Scenario) -> Scenario:
    """The scenario with a policy's queues."""
    if policy.queue is None:
        return scenario
    return replace(scenario, queues=(policy.queue,), happenings=_in_one_queue(scenario))


def _in_one_queue(scenario: Scenario) -> Iterator[Happening]:
    moved: dict[int, tuple[JobSpec, JobSpec]] = {}  # by identity; the first keeps it from being used again
    for happening in scenario.happenings:
        if isinstance(happening, Submit) and happening.spec.queue is not None:
            known = moved.get(id(happening.spec))
            if known is None:
                known = moved[id(happening.spec)] = (
                    happening.spec,
                    happening.spec.model_copy(update={"queue": None}),
                )
            happening = replace(happening, spec=known[1])
        yield happening


class Knowledge:
    """Implements `model.outlook.Outlook` by the truth, as no real one could."""

    def __init__(self, labour: Labour) -> None:
        self._labour = labour

    def remaining_us(self, job: Job, ran_us: int) -> int:
        """What is left of its work, the restart that it began with or would begin with included."""
        work = self._labour.work(job.id)
        restart_us = round(work.restart_s * 1e6) if self._labour.runs(job.id) > bool(ran_us) else 0
        left_us = round(work.duration_s * 1e6) - self._labour.saved_us(job.id) + restart_us - ran_us
        return left_us if left_us > 0 else 0

    def pace(self, job: Job, ran_us: int) -> Pace:
        return Pace(1e6 / max(1, self.remaining_us(job, ran_us)))
