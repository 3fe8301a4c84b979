"""Let work go on where it is better: what somebody wants moved, and what saves more there than the move costs."""

from __future__ import annotations

from typing import NamedTuple

from tauon.model.accelerator import relative_throughput
from tauon.model.attempt import Attempt, AttemptState, StopCause
from tauon.model.ids import PoolName
from tauon.model.job import Job, JobState
from tauon.model.money import HOUR_US, hourly
from tauon.model.offer import Offer
from tauon.model.resources import CapacityType
from tauon.planner.acquire import cheapest_purchase
from tauon.planner.draft import Draft
from tauon.planner.fit import choices, find

AGAIN_US = 3600 * 1_000_000  # a job is not moved again before
PATIENCE_US = 900 * 1_000_000  # for how long a move waits for room before it is given up
LEAST_SHARE = 0.1  # of what the rest of the work costs where it is: what a move must save at least
LOOKED_AT = 16  # jobs that are weighed in one plan


class Move(NamedTuple):
    """What a move would bring: money is micro-dollars an hour, the saving micro-dollars in all."""

    pool: PoolName
    now_per_h: float
    then_per_h: float
    left_us: int
    saving: float

    @property
    def reason(self) -> str:
        left_h = self.left_us / HOUR_US
        return (
            f"${self.then_per_h / 1e6:.2f} an hour for its work there instead of ${self.now_per_h / 1e6:.2f} here saves "
            f"about ${self.saving / 1e6:.2f} over the {left_h:.2g} h that it still takes, the move paid for"
        )


def migrate(draft: Draft) -> None:
    """Stop what is to move and has room there; give up what waited in vain; then weigh what runs on bought nodes."""
    cluster = draft.snapshot.cluster
    for job_id in cluster.live.moving:
        _go_on(draft, cluster.jobs[job_id])
    if draft.snapshot.offers and cluster.bought and not cluster.live.moving:
        _weigh(draft)


def _go_on(draft: Draft, job: Job) -> None:
    """One step of a move that is under way."""
    snapshot = draft.snapshot
    given_up_us = job.moved_at_us + PATIENCE_US
    attempt = snapshot.cluster.attempts.get(job.attempt) if job.attempt else None
    if attempt is not None and (attempt.id in draft.stopping or attempt.pool in job.request.constraints.pools):
        return
    if snapshot.at_us >= given_up_us:
        draft.migrate(job.id, PoolName(""), "there was no room for it")
        return
    draft.look_again_at(given_up_us)
    if attempt is None or job.state is JobState.QUEUED:
        return
    fit = find(job.request, choices(job.request, draft.terrain), draft.free)
    if fit is not None:
        draft.stop(attempt, StopCause.MIGRATED, job.notice_s, f"it goes on in {fit.pool}")
        draft.reserve(job.id, fit.placement, fit.resources)


def _weigh(draft: Draft) -> None:
    """The move that saves the most, one at a time, so that a price that moves does not move everybody at once."""
    cluster = draft.snapshot.cluster
    best: tuple[float, Job, Move] | None = None
    weighed = 0
    for node_id in cluster.bought:
        for attempt in cluster.live.on_node(node_id):
            if weighed >= LOOKED_AT:
                break
            job = cluster.jobs[attempt.job]
            if not _may_move(draft, job, attempt):
                continue
            weighed += 1
            move = weigh(draft, job, attempt)
            if move is not None and (best is None or move.saving > best[0]):
                best = move.saving, job, move
    if best is not None:
        _, job, move = best
        draft.migrate(job.id, move.pool, move.reason)


def _may_move(draft: Draft, job: Job, attempt: Attempt) -> bool:
    """Only what saves its work, runs, and has not moved of late."""
    at_us = draft.snapshot.at_us
    is_free = attempt.state is AttemptState.RUNNING and attempt.id not in draft.stopping
    return is_free and job.checkpoint is not None and (not job.moved_at_us or at_us >= job.moved_at_us + AGAIN_US)


def weigh(draft: Draft, job: Job, attempt: Attempt) -> Move | None:
    """What moving a job to the cheapest place would save; None when it is not worth it.

    Compared is the price of its work: of all nodes that it holds alone, of its part of the others, by their speed. The
    move costs twice the time until the new nodes are there, at their price: one boot, and as much again to settle.
    """
    snapshot = draft.snapshot
    purchase = cheapest_purchase(draft, job)
    if purchase is None:
        return None
    offer = purchase.lots[0][0].offer
    if offer.shape.pool == attempt.pool or not _bears(job, offer):
        return None
    ran_us = snapshot.at_us - (attempt.running_at_us or snapshot.at_us)
    left_us = snapshot.outlook.remaining_us(job, ran_us)
    left_us = ran_us if left_us is None else left_us  # what is not known is taken to last as long as it has
    now = _price_now(draft, attempt) / _speed(attempt.accelerator)
    then = purchase.micro_usd_per_h / _speed(offer.shape.accelerator)
    cost = 2 * purchase.boot_s / 3600 * purchase.micro_usd_per_h
    saving = (now - then) * left_us / HOUR_US - cost
    if saving <= LEAST_SHARE * now * left_us / HOUR_US:
        return None
    return Move(offer.shape.pool, now, then, left_us, saving)


def _bears(job: Job, offer: Offer) -> bool:
    """Work with a deadline is not moved to what can be taken away: that is decided when it is placed."""
    return job.deadline_us is None or offer.shape.capacity_type is not CapacityType.SPOT


def _price_now(draft: Draft, attempt: Attempt) -> float:
    """Micro-dollars an hour: all of the nodes that nobody else is on, its part of the others."""
    cluster = draft.snapshot.cluster
    total = 0.0
    for node_id in dict.fromkeys(worker.node for worker in attempt.placement):
        shape = cluster.nodes[node_id].shape
        if len(cluster.attempts_on(node_id)) == 1:
            total += hourly(shape.rates, shape.capacity).micro_usd
        else:
            workers = sum(worker.node == node_id for worker in attempt.placement)
            total += hourly(shape.rates, attempt.resources * workers).micro_usd
    return total


def _speed(accelerator: str) -> float:
    return relative_throughput(accelerator) or 1.0
