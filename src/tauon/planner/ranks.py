"""What workloads of one queue are compared by, for each order that a queue can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from tauon.model.attempt import Attempt
from tauon.model.ids import JobId, QueueName
from tauon.model.job import Job
from tauon.model.outlook import Pace
from tauon.model.queue import Queue, QueueOrder
from tauon.model.resources import MILLI, Request
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import place_of

Rank = tuple[float, int]  # the smaller goes first
LAST = 1e18  # what nothing is known of goes after what something is known of
FIRST = -1e18

JUST_US = 2_000_000

MARGIN_US = 15 * 60 * 1_000_000  # how long before it must be running at the latest a deadline goes before all else


@lru_cache(maxsize=1 << 15)
def width(request: Request) -> float:
    """How much a workload takes while it runs: accelerators, or cores where it has none."""
    most = max((a.milli for a in request.accelerators), default=0) or request.cpu_milli or 1
    return most * request.workers / MILLI


class Ranking:
    """The order of one queue's workloads at one moment. `ran_us` is for how long a workload's attempt has run by now;
    0 for what waits."""

    def __init__(self, queue: Queue, snapshot: Snapshot) -> None:
        self.queue = queue
        self._snapshot = snapshot
        self._outlook = snapshot.outlook
        self._key: Callable[[Job, int], float] = {
            QueueOrder.FIFO: self._due,
            QueueOrder.SHORTEST: self._shortest,
            QueueOrder.SMALLEST: self._smallest,
            QueueOrder.LEAST_SERVED: self._least_served,
            QueueOrder.TURNAROUND: self._turnaround,
        }[queue.order]
        self._promised = snapshot.previous.promised if snapshot.previous is not None else frozenset()
        self._paces: dict[JobId, Pace] = {}
        self._overdue: JobId | None = None
        if queue.order is not QueueOrder.FIFO and queue.patience_s is not None:
            self._overdue = self._longest_overdue(round(queue.patience_s * 1e6))

    def rank(self, job: Job, ran_us: int) -> Rank:
        """What it is compared by."""
        if job.id in self._promised:
            return 3 * FIRST, job.number
        if job.id == self._overdue:
            return 2 * FIRST, job.number
        if job.deadline_us is not None and self.queue.order is not QueueOrder.FIFO:
            laxity_us = self._laxity_us(job, ran_us)
            if laxity_us is not None:
                return FIRST + laxity_us, job.number
        if self.queue.order is QueueOrder.LEAST_SERVED and job.served_us + ran_us:
            return self._key(job, ran_us), self._in_level(job, ran_us)
        return self._key(job, ran_us), job.number

    def _in_level(self, job: Job, ran_us: int) -> int:
        """Where it stands among those of its level: what runs first, but behind all who wait at the moment when it
        comes down from the level above; then who was stopped last, so that few are half done; then who came down."""
        each, served_us = width(job.request), job.served_us + ran_us
        levels = (round(level * 1e6 / each) for level in self.queue.levels_accelerator_s)
        since_us = served_us - max((us for us in levels if us <= served_us), default=-JUST_US)
        has_just_come = since_us < JUST_US
        if ran_us:
            now_us = self._snapshot.at_us
            return now_us if has_just_come and since_us < ran_us else -(2**60) + now_us - since_us
        return job.queued_at_us if has_just_come else -job.queued_at_us

    def _laxity_us(self, job: Job, ran_us: int) -> int | None:
        """How long it could still wait and meet its deadline, where that is near; None where it is not."""
        if job.deadline_us is None:
            return None
        remaining_us = self._outlook.remaining_us(job, ran_us) or 0
        laxity_us = job.deadline_us - self._snapshot.at_us - remaining_us
        return laxity_us if laxity_us < max(MARGIN_US, remaining_us // 2) else None

    def worth(self, job: Job, ran_us: int) -> float:
        """What it is worth while it runs: completions per second.

        The sum over all that runs is what `turnaround` makes as large as it can; for each workload, Gittins' index.
        """
        if job.id == self._overdue:
            return -2 * FIRST
        if job.deadline_us is not None and self._laxity_us(job, ran_us) is not None:
            return -FIRST
        return self.pace(job, ran_us).per_s

    def pace(self, job: Job, ran_us: int) -> Pace:
        """What the outlook says, asked once for each workload."""
        found = self._paces.get(job.id)
        if found is None:
            found = self._paces[job.id] = self._outlook.pace(job, ran_us)
        return found

    def changes_us(self, job: Job, ran_us: int) -> int | None:
        """In how many microseconds of running it will rank worse; None when never by running."""
        match self.queue.order:
            case QueueOrder.TURNAROUND:
                until_us = self.pace(job, ran_us).until_ran_us
                return None if until_us is None else until_us - ran_us
            case QueueOrder.LEAST_SERVED:
                each, served_us = width(job.request), job.served_us + ran_us
                ends = (round(level * 1e6 / each) for level in self.queue.levels_accelerator_s)
                return min((end_us - served_us for end_us in ends if end_us > served_us), default=None)
            case _:
                return None

    # ---------------------------------------------------------------- the orders

    def _due(self, job: Job, ran_us: int) -> float:
        """Least laxity: when it is due, less the time that it is predicted to take.

        Without a deadline it is due when patience ends, and then how long it takes is no reason to go first.
        """
        takes_us = 0 if job.deadline_us is None else self._outlook.remaining_us(job, ran_us)
        return place_of(job).due_us - (takes_us or 0)

    def _shortest(self, job: Job, ran_us: int) -> float:
        remaining_us = self._outlook.remaining_us(job, ran_us)
        return LAST if remaining_us is None else remaining_us

    def _smallest(self, job: Job, ran_us: int) -> float:
        return self._shortest(job, ran_us) * width(job.request)

    def _least_served(self, job: Job, ran_us: int) -> float:
        """The level that it has come to: equals are not stopped for each other in turn (as in Tiresias, NSDI'19)."""
        served_s = (job.served_us + ran_us) * 1e-6 * width(job.request)
        return sum(served_s >= level for level in self.queue.levels_accelerator_s)

    def _turnaround(self, job: Job, ran_us: int) -> float:
        return -self.pace(job, ran_us).per_s / width(job.request)

    # ---------------------------------------------------------------- patience

    def _longest_overdue(self, patience_us: int) -> JobId | None:
        """The first that was submitted among those that have waited for longer than the queue's patience.

        It goes before all else, and one at a time: so everyone's turn comes, and the order stays what it is meant to
        be for the rest. It stays the first while it runs, for what was waited is not forgotten.
        """
        before_us = self._snapshot.at_us - patience_us
        oldest = next(iter(self._snapshot.cluster.jobs.values()), None)  # they are kept in the order of submission
        if oldest is None or oldest.submitted_at_us >= before_us:
            return None
        overdue = [job for job, ran_us in self._old(before_us) if self._waited_us(job, ran_us) > patience_us]
        return min(overdue, key=lambda job: job.number).id if overdue else None

    def _old(self, before_us: int) -> Iterator[tuple[Job, int]]:
        """What is in the queue and was submitted before then."""
        cluster, now_us = self._snapshot.cluster, self._snapshot.at_us
        for key, line in cluster.waiting.lines.items():
            if key.queue == self.queue.name:
                jobs = (cluster.jobs[place.job] for place in line)
                yield from ((job, 0) for job in jobs if job.submitted_at_us < before_us)
        for attempt in cluster.attempts.values():
            job = cluster.jobs[attempt.job]
            if job.queue == self.queue.name and job.submitted_at_us < before_us:
                yield job, ran_us(attempt, now_us)

    def _waited_us(self, job: Job, ran_us: int) -> int:
        return self._snapshot.at_us - job.submitted_at_us - job.served_us - ran_us


class Rankings:
    """The rankings of the queues at one moment, each made when it is first asked for."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._made: dict[QueueName, Ranking] = {}

    def of(self, queue: Queue) -> Ranking:
        found = self._made.get(queue.name)
        if found is None:
            found = self._made[queue.name] = Ranking(queue, self._snapshot)
        return found


def ran_us(attempt: Attempt, now_us: int) -> int:
    """For how long an attempt has run by now: 0 only for one that does not run yet."""
    return 0 if attempt.running_at_us is None else max(1, now_us - attempt.running_at_us)
