"""An independent referee: it reads the journal line by line and knows nothing of how decisions are made or folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from tauon.model.attempt import Attempt, Outcome, StopCause
from tauon.model.event import (
    AttemptEnded,
    AttemptPlaced,
    AttemptRunning,
    AttemptStopRequested,
    Event,
    Fact,
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobRequeued,
    JobSubmitted,
    JobSucceeded,
    NodeDraining,
    NodeLost,
    NodeReady,
    NodeTerminated,
)
from tauon.model.job import Job
from tauon.model.money import ATOMS_PER_MICRO_USD, HOUR_US
from tauon.model.node import Node, NodeShape
from tauon.model.resources import AcceleratorRequest, Resources

Span = tuple[int, int | None]


@dataclass(slots=True)
class Room:
    """A node's accelerators in thousandths, and its other amounts, as they are left."""

    shape: NodeShape
    free: list[int]
    cpu: int
    memory: int
    disk: int

    @classmethod
    def of(cls, shape: NodeShape) -> Room:
        return cls(shape, [1000] * shape.accelerator_count, shape.cpu_milli, shape.memory_mib, shape.disk_mib)

    def seats(self, want: Resources) -> int:
        """How many workers of this size have room, counted by seating them."""
        free, cpu, memory, disk, count = sorted(self.free), self.cpu, self.memory, self.disk, 0
        while count < 1000 and cpu >= want.cpu_milli and memory >= want.memory_mib and disk >= want.disk_mib:
            if want.accelerator_milli >= 1000:
                whole = [i for i, f in enumerate(free) if f == 1000][: want.accelerator_milli // 1000]
                if len(whole) * 1000 < want.accelerator_milli:
                    break
                for i in whole:
                    free[i] = 0
            elif want.accelerator_milli:
                fitting = [i for i, f in enumerate(free) if f >= want.accelerator_milli]
                if not fitting:
                    break
                free[fitting[0]] -= want.accelerator_milli
            cpu, memory, disk = cpu - want.cpu_milli, memory - want.memory_mib, disk - want.disk_mib
            count += 1
        return count

    def change(self, attempt: Attempt, rank: int, sign: int) -> None:
        worker, held = attempt.placement[rank], attempt.resources
        for index in worker.accelerators:
            self.free[index] += sign * worker.share_milli
        self.cpu += sign * held.cpu_milli
        self.memory += sign * held.memory_mib
        self.disk += sign * held.disk_mib

    def check(self, where: str) -> None:
        assert all(0 <= f <= 1000 for f in self.free), f"{where}: an accelerator is given twice: {self.free}"
        assert min(self.cpu, self.memory, self.disk) >= 0, f"{where}: more is given than there is"


@dataclass(slots=True)
class Book:
    """What the referee knows of one job."""

    job: Job
    ended: Fact | None = None
    live: str = ""
    attempts: int = 0
    not_before_us: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    cancel_requested: bool = False


@dataclass
class Referee:
    """Feed it every event; it raises AssertionError at the first that must not be."""

    jobs: dict[str, Book] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    live: dict[str, Attempt] = field(default_factory=dict)
    stopping: dict[str, StopCause] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    placed: Counter[str] = field(default_factory=Counter)
    work_atoms: Counter[str] = field(default_factory=Counter)
    capacity_atoms: int = 0
    seq: int = 0
    at_us: int = 0
    owed: str = ""  # the job whose fate must be the very next fact

    def read(self, events: Iterable[Event]) -> Referee:
        for event in events:
            self.see(event)
        return self

    def see(self, event: Event) -> None:
        assert event.seq == self.seq + 1, "the journal has a gap"
        assert event.at_us >= self.at_us, "time goes back"
        self._meter(event.at_us - self.at_us)
        self.seq, self.at_us = event.seq, event.at_us
        if self.owed:
            fact = event.fact
            assert isinstance(fact, JobSucceeded | JobFailed | JobCancelled | JobRequeued), f"{fact} follows an end"
            assert fact.job_id == self.owed, f"the fate of {self.owed} is not told at once"
            self.owed = ""
        self._see(event.fact)

    def _see(self, fact: Fact) -> None:
        match fact:
            case NodeReady(node=node):
                self._node_ready(node)
            case NodeDraining(node_id=node_id):
                self.closed.add(node_id)
            case NodeLost(node_id=node_id) | NodeTerminated(node_id=node_id):
                assert not self._on(node_id), f"{node_id} goes while something is on it"
                del self.nodes[node_id], self.rooms[node_id]
                self.closed.discard(node_id)
            case JobSubmitted(job=job):
                assert job.id not in self.jobs, f"{job.id} was submitted twice"
                self.jobs[job.id] = Book(job)
            case JobCancelRequested(job_id=job_id):
                self.jobs[job_id].cancel_requested = True
            case JobRequeued():
                book = self.jobs[fact.job_id]
                assert not book.live
                assert book.ended is None
                book.not_before_us = fact.not_before_us
            case JobSucceeded(job_id=job_id) | JobFailed(job_id=job_id) | JobCancelled(job_id=job_id):
                self._job_ended(self.jobs[job_id], fact)
            case AttemptPlaced(attempt=attempt):
                self._placed(attempt)
            case AttemptRunning(attempt_id=attempt_id):
                assert attempt_id not in self.running, f"{attempt_id} runs twice"
                self.running.add(attempt_id)
            case AttemptStopRequested():
                self._stop_requested(fact)
            case AttemptEnded():
                self._attempt_ended(fact)
            case _:
                pass

    def _on(self, node: str) -> list[Attempt]:
        return [a for a in self.live.values() if any(w.node == node for w in a.placement)]

    def _node_ready(self, node: Node) -> None:
        self.nodes[node.id] = node
        self.closed.discard(node.id)
        room = self.rooms[node.id] = Room.of(node.shape)
        for attempt in self._on(node.id):
            for rank, worker in enumerate(attempt.placement):
                if worker.node == node.id:
                    room.change(attempt, rank, -1)
        room.check(node.id)

    def _placed(self, attempt: Attempt) -> None:
        book = self.jobs[attempt.job]
        job, request = book.job, book.job.request
        assert book.ended is None, f"{job.id} starts after its end"
        assert not book.live, f"{job.id} starts while {book.live} lives"
        assert book.not_before_us <= self.at_us, f"{job.id} starts before its time"
        assert attempt.number == book.attempts + 1
        assert attempt.id == f"{job.id}-{attempt.number}"
        for before in job.depends_on:
            assert isinstance(self.jobs[before].ended, JobSucceeded), f"{job.id} starts before {before} has succeeded"
        assert len(attempt.placement) == request.workers, f"{attempt.id} is not a whole gang"
        shapes = [self.nodes[worker.node].shape for worker in attempt.placement]
        assert len({(s.pool, s.accelerator if request.accelerators else "") for s in shapes}) == 1
        assert attempt.pool == shapes[0].pool
        assert any(attempt.resources == request.resources(i) for i in range(max(1, len(request.accelerators))))
        assert not request.accelerators or any(self._serves(a, attempt, shapes) for a in request.accelerators)
        for rank, worker in enumerate(attempt.placement):
            assert worker.node not in self.closed, f"{attempt.id} is placed on {worker.node}, which takes no work"
            self._allowed(job, shapes[rank])
            assert len(set(worker.accelerators)) == len(worker.accelerators)
            given = len(worker.accelerators) * worker.share_milli
            assert given == attempt.resources.accelerator_milli, f"{attempt.id} gets {given}"
            self.rooms[worker.node].change(attempt, rank, -1)
            self.rooms[worker.node].check(f"{attempt.id} on {worker.node}")
        book.live, book.attempts = attempt.id, attempt.number
        self.live[attempt.id] = attempt
        self.placed[job.id] += 1

    def _serves(self, wanted: AcceleratorRequest, attempt: Attempt, shapes: list[NodeShape]) -> bool:
        return wanted.milli == attempt.resources.accelerator_milli and all(
            wanted.accepts(s.accelerator, s.accelerator_memory_gib) for s in shapes
        )

    def _allowed(self, job: Job, shape: NodeShape) -> None:
        limits = job.request.constraints
        assert not limits.pools or shape.pool in limits.pools
        assert not limits.regions or shape.region in limits.regions
        assert not limits.capacity_types or shape.capacity_type in limits.capacity_types
        most = job.request.max_price_micro_usd
        rates = shape.rates
        price = rates.accelerator_micro_usd if job.request.accelerators else rates.cpu_micro_usd
        assert most is None or price <= most, f"{job.id} pays more than it would"

    def _stop_requested(self, fact: AttemptStopRequested) -> None:
        assert fact.attempt_id in self.live
        assert fact.attempt_id not in self.stopping, f"{fact.attempt_id} is stopped twice"
        victim = self.jobs[self.live[fact.attempt_id].job]
        match fact.cause:
            case StopCause.PREEMPTED:
                # The journal says for whom; that job waits, and has a higher priority or takes a turn.
                winner = self.jobs[fact.reason.split()[2]]
                assert not winner.live
                assert winner.ended is None
                if "its turn in queue" in fact.reason:
                    assert winner.job.queue == victim.job.queue
                    assert winner.job.priority >= victim.job.priority, f"{fact.reason}: over a higher priority"
                    assert victim.job.checkpoint is not None, f"{fact.reason}: it loses its work"
                else:
                    assert winner.job.priority > victim.job.priority, f"{fact.reason}: not by priority"
            case StopCause.CANCELLED:
                assert victim.cancel_requested
            case _:
                pass
        self.stopping[fact.attempt_id] = fact.cause

    def _attempt_ended(self, fact: AttemptEnded) -> None:
        attempt = self.live.pop(fact.attempt_id)
        book = self.jobs[attempt.job]
        assert book.live == attempt.id
        book.live = ""
        book.outcomes.append(fact.outcome)
        self.stopping.pop(attempt.id, None)
        self.running.discard(attempt.id)
        for rank, worker in enumerate(attempt.placement):
            if worker.node in self.rooms:
                self.rooms[worker.node].change(attempt, rank, +1)
                self.rooms[worker.node].check(worker.node)
        self.owed = attempt.job

    def _job_ended(self, book: Book, fact: Fact) -> None:
        assert book.ended is None, f"{book.job.id} ends twice"
        assert not book.live, f"{book.job.id} ends while it runs"
        book.ended = fact
        retries = book.job.retries
        lives = Counter(book.outcomes)
        assert lives[Outcome.FAILED] <= retries.failed + 1
        assert lives[Outcome.LOST] <= retries.lost + 1
        assert lives[Outcome.START_FAILED] <= retries.start + 1
        assert lives[Outcome.TIMED_OUT] <= retries.timeout + 1

    def _meter(self, span_us: int) -> None:
        """Add up what everything costs while nothing happens."""
        if span_us:
            for node in self.nodes.values():
                self.capacity_atoms += _atoms(node.shape, node.shape.capacity, span_us)
            for attempt in self.live.values():
                for worker in attempt.placement:
                    shape = self.nodes[worker.node].shape
                    self.work_atoms[attempt.job] += _atoms(shape, attempt.resources, span_us)

    # ---------------------------------------------------------------- what waits

    def waiting(self) -> Iterator[Book]:
        """Jobs that could start now, if there were a place."""
        for book in self.jobs.values():
            if book.ended is None and not book.live and book.not_before_us <= self.at_us:
                ends = [self.jobs[before].ended for before in book.job.depends_on]
                if all(isinstance(end, JobSucceeded) for end in ends):
                    yield book

    def could_hold(self, job: Job, rooms: dict[str, Room]) -> bool:
        """Whether the gang would fit into these rooms, tried out one alternative, pool and type at a time."""
        request = job.request
        for number in range(max(1, len(request.accelerators))):
            wanted = request.accelerators[number] if request.accelerators else None
            seats: Counter[tuple[str, str]] = Counter()
            for name, room in rooms.items():
                if name in self.closed or (
                    wanted and not wanted.accepts(room.shape.accelerator, room.shape.accelerator_memory_gib)
                ):
                    continue
                try:
                    self._allowed(job, room.shape)
                except AssertionError:
                    continue
                seats[room.shape.pool, room.shape.accelerator if wanted else ""] += room.seats(
                    request.resources(number)
                )
            if any(count >= request.workers for count in seats.values()):
                return True
        return False

    def rooms_without(self, gone: Iterable[str]) -> dict[str, Room]:
        """What would be free if some live attempts were gone."""
        rooms = {
            name: Room(room.shape, list(room.free), room.cpu, room.memory, room.disk)
            for name, room in self.rooms.items()
        }
        for attempt_id in gone:
            attempt = self.live[attempt_id]
            for rank, worker in enumerate(attempt.placement):
                rooms[worker.node].change(attempt, rank, +1)
        return rooms

    def idle_rooms(self) -> dict[str, Room]:
        return {name: Room.of(node.shape) for name, node in self.nodes.items()}


def _atoms(shape: NodeShape, held: Resources, span_us: int) -> int:
    rates = shape.rates
    micro_usd_per_h = (
        Fraction(held.accelerator_milli, 1000) * rates.accelerator_micro_usd
        + Fraction(held.cpu_milli, 1000) * rates.cpu_micro_usd
        + Fraction(held.memory_mib, 1024) * rates.memory_gib_micro_usd
    )
    atoms = micro_usd_per_h * Fraction(span_us, HOUR_US) * ATOMS_PER_MICRO_USD
    assert atoms.denominator == 1, "an amount of money is no whole number of atoms"
    return int(atoms)
