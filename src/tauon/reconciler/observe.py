"""Ask each pool what is there, and journal what differs from what is known; what is unknown is never ignored."""

from __future__ import annotations

from tauon.model.attempt import Attempt, AttemptState, Outcome
from tauon.model.errors import ProviderError
from tauon.model.event import AttemptRunning
from tauon.planner.settle import outcome_of_exit, outcome_of_loss
from tauon.ports.providers import AttemptObserved, AttemptsObserved, Ending, Phase
from tauon.reconciler.ending import end
from tauon.reconciler.market import compare_offers
from tauon.reconciler.nodes import compare_nodes, take_notices
from tauon.reconciler.purchase import take_refusal
from tauon.reconciler.site import OpenPool, Site


async def observe(site: Site) -> None:
    """Look at every pool. One that can't answer is closed for new work, and nothing of it is taken for lost."""
    for pool in site.pools.values():
        now_us = site.clock.now_us()
        if now_us >= pool.full_look_at_us:
            pool.cursor = ""
        try:
            there = await pool.nodes.observe_nodes()
            offers = await pool.nodes.offers()
            seen = await pool.jobs.observe(pool.cursor)
        except ProviderError as error:
            if pool.closed != str(error):
                site.log(f"pool {pool.name} does not answer: {error}")
            pool.closed = str(error) or type(error).__name__
            continue
        if pool.closed:
            site.log(f"pool {pool.name} answers again")
        pool.closed = ""
        pool.cursor = seen.cursor
        # What ended before its node went has an outcome of its own, so attempts come first.
        _compare_attempts(site, pool, seen)
        if offers is not pool.seen_offers:
            compare_offers(site, pool, offers)
        if there.nodes is not pool.seen_nodes or seen.is_full:
            settled = compare_nodes(site, pool, there.nodes)
            pool.seen_nodes = there.nodes if settled else None
        if there.notices:
            take_notices(site, pool, there.notices)
        for refusal in there.refused:
            take_refusal(site, pool, refusal, now_us)
        if seen.is_full:
            _compare_missing(site, pool, seen)
            pool.full_look_at_us = now_us + site.resync_us


def _compare_attempts(site: Site, pool: OpenPool, seen: AttemptsObserved) -> None:
    cluster = site.journal.cluster
    for one in seen.attempts:
        attempt = cluster.attempts.get(one.id)
        if attempt is None:
            if one.phase is Phase.ENDED:
                pool.forgets[one.id] = None
            else:
                pool.condemned.setdefault(one.id, 0)
            continue
        pool.starts.pop(one.id, None)
        if seen.is_full and attempt.stop is not None and one.phase is not Phase.ENDED:
            site.owe(attempt.id, pool.name, AttemptState.STOPPING)  # an engine may have forgotten that it was told
        _follow(site, attempt, one)


def _follow(site: Site, attempt: Attempt, one: AttemptObserved) -> None:
    match one.phase:
        case Phase.RUNNING if attempt.running_at_us is None:
            site.journal.append([AttemptRunning(attempt_id=attempt.id)])
        case Phase.ENDED:
            job = site.journal.cluster.jobs[attempt.job]
            match one.ending:
                case Ending.EXITED:
                    if attempt.running_at_us is None:
                        # It ran and was over between two looks: the story is told whole all the same.
                        site.journal.append([AttemptRunning(attempt_id=attempt.id)])
                        attempt = site.journal.cluster.attempts[attempt.id]
                        job = site.journal.cluster.jobs[attempt.job]
                    outcome = outcome_of_exit(job, attempt, one.exit_codes)
                case Ending.NOT_STARTED if attempt.stop is None:
                    outcome = Outcome.START_FAILED
                case Ending.PREEMPTED if attempt.stop is None:
                    outcome = Outcome.PREEMPTED
                case _:
                    outcome = outcome_of_loss(attempt)
            end(site, attempt, outcome, exit_codes=one.exit_codes, message=one.message)
        case _:
            pass


def _compare_missing(site: Site, pool: OpenPool, seen: AttemptsObserved) -> None:
    """What a full look does not list was never taken, or it vanished."""
    listed = {one.id for one in seen.attempts}
    attempts = site.journal.cluster.attempts
    for attempt in [a for a in attempts.values() if a.pool == pool.name and a.id not in listed]:
        if attempt.state is AttemptState.STARTING:
            site.owe(attempt.id, attempt.pool, AttemptState.STARTING)
        else:
            end(site, attempt, outcome_of_loss(attempt), message="its engine does not know it any more")
