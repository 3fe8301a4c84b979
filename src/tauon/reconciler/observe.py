"""Ask each pool what is there, and journal what differs from what is known; what is unknown is never ignored."""

from __future__ import annotations

from tauon.model.attempt import Attempt, AttemptState, Outcome, StopCause
from tauon.model.errors import ProviderError
from tauon.model.event import AttemptEnded, AttemptRunning, AttemptStopRequested, Fact, NodeDraining, NodeLost, NodeReady
from tauon.model.node import Node, NodeState
from tauon.planner.settle import outcome_of_exit, outcome_of_loss, settle
from tauon.ports.providers import AttemptObserved, AttemptsObserved, Ending, Phase
from tauon.reconciler.site import RESYNC_US, OpenPool, Site


async def observe(site: Site) -> None:
    """Look at every pool. One that can't answer is closed for new work, and nothing of it is taken for lost."""
    for pool in site.pools.values():
        now_us = site.clock.now_us()
        if now_us >= pool.full_look_at_us:
            pool.cursor = ""
        try:
            nodes = (await pool.nodes.observe_nodes()).nodes
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
        if nodes is not pool.seen_nodes or seen.is_full:
            _compare_nodes(site, pool, nodes)
            pool.seen_nodes = nodes
        _compare_attempts(site, pool, seen)
        if seen.is_full:
            pool.full_look_at_us = now_us + RESYNC_US


def _compare_nodes(site: Site, pool: OpenPool, nodes: tuple[Node, ...]) -> None:
    journal = site.journal
    there = {node.id: node for node in nodes}
    for node in nodes:
        known = journal.cluster.nodes.get(node.id)
        if known is None or (known.shape, known.labels, known.accelerator_ids) != (
            node.shape,
            node.labels,
            node.accelerator_ids,
        ):
            journal.append([NodeReady(node=node)])
        elif known.state is NodeState.DRAINING and known.message.startswith(VANISHED):
            journal.append([NodeReady(node=node)])
    for known in list(journal.cluster.nodes.values()):
        if known.pool == pool.name and known.id not in there:
            lose_node(site, known)


VANISHED = "vanished: "


def lose_node(site: Site, node: Node) -> None:
    """End what ran on a node that is gone; gangs that also run elsewhere are stopped there first."""
    journal = site.journal
    reason = f"{VANISHED}its provider does not list it any more"
    if node.state is not NodeState.DRAINING:
        journal.append([NodeDraining(node_id=node.id, reason=reason)])
    for attempt_id in journal.cluster.attempts_on(node.id):
        attempt = journal.cluster.attempts[attempt_id]
        if all(worker.node == node.id for worker in attempt.placement):
            _end(site, attempt, Outcome.LOST, (), f"its node {node.id} vanished")
        elif attempt.state is not AttemptState.STOPPING:
            message = f"part of its gang was on {node.id}, which vanished"
            journal.append(
                [AttemptStopRequested(attempt_id=attempt_id, cause=StopCause.NODE_LOST, notice_s=0.0, reason=message)]
            )
            site.owe(attempt_id, attempt.pool, AttemptState.STOPPING)
    if not journal.cluster.attempts_on(node.id):
        journal.append([NodeLost(node_id=node.id, reason=reason.removeprefix(VANISHED))])


def _compare_attempts(site: Site, pool: OpenPool, seen: AttemptsObserved) -> None:
    cluster = site.journal.cluster
    for one in seen.attempts:
        attempt = cluster.attempts.get(one.id)
        if attempt is None:
            if one.phase is Phase.ENDED:
                pool.forgets[one.id] = None
            else:
                pool.condemned.setdefault(one.id, 0)
        else:
            pool.starts.pop(one.id, None)
            _follow(site, attempt, one)
    if seen.is_full:
        listed = {one.id for one in seen.attempts}
        for attempt in [a for a in cluster.attempts.values() if a.pool == pool.name and a.id not in listed]:
            _missing(site, attempt)


def _follow(site: Site, attempt: Attempt, one: AttemptObserved) -> None:
    match one.phase:
        case Phase.RUNNING if attempt.running_at_us is None:
            site.journal.append([AttemptRunning(attempt_id=attempt.id)])
        case Phase.ENDED:
            job = site.journal.cluster.jobs[attempt.job]
            match one.ending:
                case Ending.EXITED:
                    outcome = outcome_of_exit(job, attempt, one.exit_codes)
                case Ending.NOT_STARTED if attempt.stop is None:
                    outcome = Outcome.START_FAILED
                case _:
                    outcome = outcome_of_loss(attempt)
            _end(site, attempt, outcome, one.exit_codes, one.message)
        case _:
            pass


def _missing(site: Site, attempt: Attempt) -> None:
    """A full look does not list an attempt: it was never taken, or it vanished."""
    if attempt.state is AttemptState.STARTING:
        site.owe(attempt.id, attempt.pool, AttemptState.STARTING)
    else:
        _end(site, attempt, outcome_of_loss(attempt), (), "its engine does not know it any more")


def _end(site: Site, attempt: Attempt, outcome: Outcome, exit_codes: tuple[int | None, ...], message: str) -> None:
    """Journal the end of an attempt and what follows for its job, together."""
    journal = site.journal
    job = journal.cluster.jobs[attempt.job]
    text = message or (attempt.stop and job.message) or ""
    facts: list[Fact] = [
        AttemptEnded(attempt_id=attempt.id, outcome=outcome, exit_codes=exit_codes, message=text),
        *settle(journal.cluster, job, outcome, text, site.clock.now_us()),
    ]
    journal.append(facts)
    site.settle_orders(attempt.id, attempt.pool)


def refuse(site: Site, attempt: Attempt, message: str) -> None:
    """An attempt that its engine will not start ends as such."""
    outcome = outcome_of_loss(attempt) if attempt.stop is not None else Outcome.START_FAILED
    _end(site, attempt, outcome, (), message)

