"""Make room for a workload by stopping lower-priority ones, so that as little work as possible is lost."""

from __future__ import annotations

from tauon.model.attempt import Attempt, StopCause
from tauon.model.capacity import CapacityFork
from tauon.model.job import Job
from tauon.model.plan import WaitCode, WaitReason
from tauon.planner.draft import Draft
from tauon.planner.fit import Choice, find


def make_room(draft: Draft, job: Job, ways: list[Choice]) -> WaitReason | None:
    """Stop the cheapest set of lower-priority attempts that lets the gang fit; None when there is no such set.

    Greedy by cost until it fits, then what turns out not to be needed is spared, dearest first.
    """
    victims = _candidates(draft, job, ways)
    if not victims:
        return None
    chosen: list[Attempt] = []
    trial = _Trial(draft)
    for victim in victims:
        chosen.append(victim)
        trial.free(victim)
        if find(job.request, ways, trial.view) is not None:
            break
    else:
        return None
    for victim in reversed(chosen[:-1]):
        trial.keep(victim)
        if find(job.request, ways, trial.view) is None:
            trial.free(victim)
        else:
            chosen.remove(victim)
    for victim in chosen:
        victim_job = draft.snapshot.cluster.jobs[victim.job]
        draft.stop(
            victim,
            StopCause.PREEMPTED,
            victim_job.notice_s,
            f"preempted by {job.id} ({job.name}): priority {job.priority} over {victim_job.priority}",
        )
    fit = find(job.request, ways, draft.future)
    if fit is not None:
        draft.reserve(fit.placement, fit.resources)
    names = ", ".join(v.job for v in chosen[:3])
    return WaitReason(
        code=WaitCode.PREEMPTING,
        message=f"it preempts {names}{' and others' if len(chosen) > 3 else ''}, which may save their work first",
        waits_for=tuple(v.job for v in chosen[:8]),
    )


class _Trial:
    """A what-if view in which attempts can be freed and put back."""

    def __init__(self, draft: Draft) -> None:
        self.view: CapacityFork = draft.future.fork()

    def free(self, attempt: Attempt) -> None:
        for worker in attempt.placement:
            self.view.change(worker, attempt.resources, +1)

    def keep(self, attempt: Attempt) -> None:
        for worker in attempt.placement:
            self.view.change(worker, attempt.resources, -1)


def _candidates(draft: Draft, job: Job, ways: list[Choice]) -> list[Attempt]:
    """Lower-priority attempts in the places that would do, cheapest to lose first."""
    cluster = draft.snapshot.cluster
    places = {(way.pool, way.accelerator) for way in ways}
    plain = {way.pool for way in ways if not way.accelerator}
    found: list[tuple[int, int, int, Attempt]] = []
    for priority, attempts in cluster.attempts_by_priority.items():
        if priority >= job.priority:
            continue
        for attempt_id in attempts:
            attempt = cluster.attempts[attempt_id]
            if attempt_id in draft.stopping:
                continue
            if (attempt.pool, attempt.accelerator) in places or attempt.pool in plain:
                found.append((priority, lost_work(attempt, cluster.jobs[attempt.job], draft), -attempt.placed_at_us, attempt))
    found.sort(key=lambda item: item[:3] + (item[3].id,))
    return [item[3] for item in found]


def lost_work(attempt: Attempt, job: Job, draft: Draft) -> int:
    """What stopping an attempt now would lose, in accelerator-milli-microseconds (core-milli where it has none).

    A job that checkpoints loses what it did since its last regular save, at most one interval; one that saves at
    notice loses next to nothing; one that never saves loses everything since it started.
    """
    if attempt.running_at_us is None:
        return 0
    ran_us = draft.snapshot.at_us - attempt.running_at_us
    if job.checkpoint is not None:
        interval_us = round(job.checkpoint.interval_s * 1e6)
        ran_us = min(ran_us, ran_us % interval_us) if interval_us else 0
    return ran_us * (attempt.accelerator_milli or attempt.resources.cpu_milli * len(attempt.placement))
