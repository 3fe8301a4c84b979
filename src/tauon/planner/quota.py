"""What each queue is entitled to and limited to, counted along with the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from tauon.model.attempt import Attempt
from tauon.model.cluster import Cluster
from tauon.model.holdings import spending
from tauon.model.ids import AttemptId, QueueName
from tauon.model.live import Kind
from tauon.model.money import Money, hourly
from tauon.model.queue import path
from tauon.model.resources import MILLI, Request
from tauon.model.terrain import Terrain
from tauon.model.tree import Level
from tauon.model.waiting import LineKey
from tauon.planner.fit import Choice, Fit, choices
from tauon.planner.spent import spent_out

# A workload within its queue's own guarantee stands above one within the guarantee of a queue further up only, and
# that above one which borrows.
GUARANTEED = 1 << 16
BORROWING = 0


class Claim(NamedTuple):
    """What a workload would hold, or holds, of a queue's quota."""

    queue: QueueName
    priority: int
    accelerator: str
    milli: int
    atoms_per_h: int


class Limit(NamedTuple):
    """A limit that a claim would exceed: whose it is, in words. One that is spent is not less so when others stop."""

    queue: QueueName
    text: str
    is_spent: bool = False


Rooms = tuple[tuple[int, int], ...]  # standings, and how much more is covered with each, in thousandths


class _Book:
    """Amounts by queue, each with all below it."""

    def __init__(self) -> None:
        self.atoms: dict[QueueName, int] = {}
        self._held: dict[tuple[QueueName, str], int] = {}
        self._by_priority: dict[tuple[QueueName, str], dict[int, int]] = {}

    def add(self, claim: Claim, sign: int) -> None:
        milli, atoms = sign * claim.milli, sign * claim.atoms_per_h
        for name in path(claim.queue):
            if atoms:
                self.atoms[name] = self.atoms.get(name, 0) + atoms
            if milli:
                key = (name, claim.accelerator)
                self._held[key] = self._held.get(key, 0) + milli
                by_priority = self._by_priority.get(key)
                if by_priority is None:
                    by_priority = self._by_priority[key] = {}
                by_priority[claim.priority] = by_priority.get(claim.priority, 0) + milli

    def held(self, name: QueueName, accelerator: str) -> int:
        return self._held.get((name, accelerator), 0)

    def held_from(self, name: QueueName, accelerator: str, priority: int) -> int:
        """What workloads of at least this priority hold."""
        found = 0
        for p, milli in self._by_priority.get((name, accelerator), _NONE).items():
            if p >= priority:
                found += milli
        return found


_NONE: dict[int, int] = {}


class Quotas:
    """Three books, as the plan goes on. `all` is what is held, also by what is being stopped: a start must stay within
    the limits with it. `firm` is what will be held: without that, and with what is reserved. `sure` is `firm` without
    what is reserved by borrowers: the next plan gives them their turn only after those with a guarantee."""

    def __init__(self, cluster: Cluster, stopping: Iterable[AttemptId] = (), at_us: int | None = None) -> None:
        self.tree = cluster.tree
        self.is_needed = self.tree.has_guarantees or self.tree.has_limits
        self._cluster = cluster
        self._spent = spent_out(cluster, cluster.at_us if at_us is None else at_us) if self.tree.has_budgets else {}
        self._all, self._firm, self._sure = _Book(), _Book(), _Book()
        # Each book costs at every start, so those that nobody will ask are not kept.
        limits, guarantees = self.tree.has_limits, self.tree.has_guarantees
        self._kept = (self._all, self._firm) * limits + (self._sure,) * guarantees
        self._future = self._kept[limits:]
        # What was worked out, by topmost queue and type: until something changes there.
        self._rooms: dict[tuple[QueueName, str], dict[tuple[QueueName, int], Rooms]] = {}
        self._alone: dict[tuple[QueueName, str], dict[Kind, int]] = {}
        if not self.is_needed:
            return
        holdings = cluster.holdings
        for queue, types in holdings.by_type.items():
            for accelerator, by_priority in types.items():
                for priority, milli in by_priority.items():
                    self._put(Claim(queue, priority, accelerator, milli, 0), +1)
        for queue, atoms in holdings.spending.items():
            self._put(Claim(queue, 0, "", 0, atoms), +1)
        for attempt_id in stopping:
            self.stop(cluster.attempts[attempt_id])

    def _put(self, claim: Claim, sign: int) -> None:
        self._forget(claim)
        for book in self._kept:
            book.add(claim, sign)

    def _forget(self, claim: Claim) -> None:
        below = (path(claim.queue)[0], claim.accelerator)
        self._rooms.pop(below, None)
        self._alone.pop(below, None)

    # ---------------------------------------------------------------- claims

    def claim_of(self, attempt: Attempt) -> Claim:
        """What an attempt holds."""
        job = self._cluster.jobs[attempt.job]
        atoms = spending(attempt, self._cluster.nodes) if self.tree.limits_money else 0
        return Claim(job.queue, job.priority, attempt.accelerator, attempt.accelerator_milli, atoms)

    def start(self, claim: Claim) -> None:
        """It holds this from now on."""
        if self.is_needed:
            self._put(claim, +1)

    def reserve(self, key: LineKey, fit: Fit, standing: int) -> None:
        """It gets this place as soon as others are gone."""
        if self.is_needed:
            nodes = self._cluster.nodes
            atoms = sum(hourly(nodes[worker.node].shape.rates, fit.resources).atoms for worker in fit.placement)
            milli = fit.resources.accelerator_milli * len(fit.placement)
            claim = Claim(key.queue, key.priority, fit.accelerator, milli, atoms)
            self._forget(claim)
            self._firm.add(claim, +1)
            if standing != BORROWING:
                self._sure.add(claim, +1)

    def stop(self, attempt: Attempt, sign: int = -1) -> None:
        """It is being stopped; with `sign` +1, it is not after all."""
        if self.is_needed:
            claim = self.claim_of(attempt)
            self._forget(claim)
            for book in self._future:
                book.add(claim, sign)

    # ---------------------------------------------------------------- entitlement

    def standing(self, claim: Claim) -> int:
        """How well a claim on top of what stays is covered by guarantees: GUARANTEED, or the depth of the lowest queue
        above that covers it, or BORROWING. Workloads of lower priority take nothing away from it."""
        return self._standing(claim, claim.milli)

    def standing_of(self, claim: Claim) -> int:
        """The same for one that is counted already."""
        return self._standing(claim, 0)

    def gives_way(self, kind: Kind, rank: tuple[int, int]) -> bool:
        """Whether work of a kind has to give way, any one alone, to a claim of this standing and priority: whether it
        would have a weaker one once it is stopped. Among borrowers a higher priority is needed."""
        standing, priority = rank
        if kind.priority >= priority and (standing == BORROWING or not self.tree.has_guarantees):
            return False
        if not self.tree.has_guarantees:
            return True
        kept = self._alone.setdefault((path(kind.queue)[0], kind.accelerator), {})
        theirs = kept.get(kind)
        if theirs is None:
            claim = Claim(kind.queue, kind.priority, kind.accelerator, kind.accelerator_milli, 0)
            self._sure.add(claim, -1)
            theirs = kept[kind] = self._standing(claim, claim.milli)
            self._sure.add(claim, +1)
        return (theirs, kind.priority) < rank

    def rooms(self, queue: QueueName, priority: int, accelerator: str) -> Rooms:
        """How much more each guarantee over a queue covers at a priority, with the standing that this gives, the
        lowest in the tree first. Kept until something changes below the same topmost queue."""
        kept = self._rooms.setdefault((path(queue)[0], accelerator), {})
        rooms = kept.get((queue, priority))
        if rooms is None:
            rooms = kept[queue, priority] = tuple(
                [
                    (_standing_in(level), level.milli - self._covered(level, accelerator, priority))
                    for level in self.tree.levels(queue, accelerator)
                ]
            )
        return rooms

    def best_standing(self, key: LineKey, terrain: Terrain, below: int = GUARANTEED + 1) -> int | None:
        """The best standing below a bound with which a job of a line could be served in any way; None if in none."""
        best = None
        for accelerator, milli in _wants(key.request, terrain):
            standing = self.standing_for(key, accelerator, milli)
            if standing < below and (best is None or standing > best):
                best = standing
        return best

    def standing_for(self, key: LineKey, accelerator: str, milli: int) -> int:
        """The standing of a line's job that would claim so much of a type."""
        for standing, room in self.rooms(key.queue, key.priority, accelerator):
            if milli <= room:
                return standing
        return BORROWING

    def _standing(self, claim: Claim, more: int) -> int:
        if not self.tree.has_guarantees or not claim.accelerator:
            return BORROWING
        for level in self.tree.levels(claim.queue, claim.accelerator):
            if self._covered(level, claim.accelerator, claim.priority) + more <= level.milli:
                return _standing_in(level)
        return BORROWING

    def _covered(self, level: Level, type_: str, priority: int) -> int:
        """What is used of a queue's guarantee: by the guarantees below it, and by no lower priority."""
        sure = self._sure
        used = sure.held_from(level.queue, type_, priority)
        for child, milli in level.below:
            ours = min(sure.held(child, type_), milli)
            used += max(0, ours - sure.held_from(child, type_, priority))
        return used

    # ---------------------------------------------------------------- limits

    def exceeded(self, claim: Claim) -> Limit | None:
        """The first limit that this claim would exceed now."""
        return self._exceeded(claim, self._all)

    def exceeded_later(self, claim: Claim) -> Limit | None:
        """The first limit that it would exceed even when all that is being stopped is gone."""
        return self._exceeded(claim, self._firm)

    def _exceeded(self, claim: Claim, book: _Book) -> Limit | None:
        if not self.tree.has_limits:
            return None
        for name in path(claim.queue):
            if name in self._spent:
                return Limit(name, self._spent[name], is_spent=True)
            most = self.tree.limit(name, claim.accelerator) if claim.accelerator else None
            held = book.held(name, claim.accelerator)
            if most is not None and held + claim.milli > most:
                return Limit(name, self._text(name, claim, held, most))
            most_micro_usd = self.tree.queue(name).max_micro_usd_per_h
            if most_micro_usd is not None:
                atoms = book.atoms.get(name, 0) + claim.atoms_per_h
                if atoms > Money.of_micro_usd(most_micro_usd).atoms:
                    return Limit(name, _money_text(name, claim, book.atoms.get(name, 0), most_micro_usd))
        return None

    def _text(self, name: QueueName, claim: Claim, held: int, most: int) -> str:
        type_ = claim.accelerator
        what = "maximum" if type_ in self.tree.queue(name).maximum else "guarantee, which it may not exceed,"
        return (
            f"queue {name} is at its {what} of {most / MILLI:g} {type_}: it holds {held / MILLI:g}, and this needs "
            f"{claim.milli / MILLI:g}"
        )


def _money_text(name: QueueName, claim: Claim, held_atoms: int, most_micro_usd: int) -> str:
    return (
        f"queue {name} may spend {Money.of_micro_usd(most_micro_usd)} an hour: it spends {Money(held_atoms)}, and this "
        f"would cost {Money(claim.atoms_per_h)}"
    )


def _standing_in(level: Level) -> int:
    return GUARANTEED if level.is_own else level.depth


def _milli(way: Choice, key: LineKey) -> int:
    return way.resources.accelerator_milli * key.request.workers


@lru_cache(maxsize=1 << 15)
def _dearest(way: Choice) -> int:
    return max((hourly(shape.rates, way.resources).atoms for shape in way.shapes), default=0)


def claim_for(queue: QueueName, priority: int, way: Choice, workers: int) -> Claim:
    """What a gang would hold if it were served in this way; at the price of its dearest shape."""
    atoms = _dearest(way) * workers
    return Claim(queue, priority, way.accelerator, way.resources.accelerator_milli * workers, atoms)


def claims(queue: QueueName, priority: int, ways: Iterable[Choice], workers: int) -> Iterator[tuple[Choice, Claim]]:
    """Each way with what it would claim."""
    for way in ways:
        yield way, claim_for(queue, priority, way, workers)


@lru_cache(maxsize=1 << 15)
def _wants(request: Request, terrain: Terrain) -> tuple[tuple[str, int], ...]:
    """What a gang would claim in each way, by type and in thousandths."""
    found = ((way.accelerator, way.resources.accelerator_milli * request.workers) for way in choices(request, terrain))
    return tuple(dict.fromkeys(found))


class Permitted(NamedTuple):
    """The ways in which a line may be served: now, and once what is being stopped is gone; and a limit in the way."""

    now: tuple[Choice, ...]
    later: tuple[Choice, ...]
    limit: Limit | None


def permitted(quotas: Quotas, key: LineKey, terrain: Terrain, standing: int) -> Permitted:
    """What of the ways to serve a line has at least this standing and exceeds no limit."""
    ways = choices(key.request, terrain)
    if not quotas.tree.has_limits:
        if standing != BORROWING and quotas.tree.has_guarantees:
            ways = tuple(way for way in ways if quotas.standing_for(key, way.accelerator, _milli(way, key)) >= standing)
        return Permitted(ways, ways, None)
    now: list[Choice] = []
    later: list[Choice] = []
    limit: Limit | None = None
    for way, claim in claims(key.queue, key.priority, ways, key.request.workers):
        if standing != BORROWING and quotas.standing(claim) < standing:
            continue
        over_later = quotas.exceeded_later(claim)
        over_now = over_later or quotas.exceeded(claim)
        limit = limit or over_now
        if over_now is None:
            now.append(way)
        if over_later is None:
            later.append(way)
    return Permitted(tuple(now), tuple(later), limit)
