"""Budgets as the planner keeps to them: what is spent lets nothing start, and what runs stops where it was told to."""

from __future__ import annotations

from tauon.model.attempt import StopCause
from tauon.model.ids import QueueName
from tauon.model.queue import path
from tauon.planner.draft import Draft
from tauon.planner.spent import budgets


def keep_to_budgets(draft: Draft) -> None:
    """Stop what runs on a budget that is spent, where that is wanted; and note when the next one is, or begins anew."""
    cluster, now_us = draft.snapshot.cluster, draft.snapshot.at_us
    if not cluster.tree.has_budgets:
        return
    for queue, budget, spent, rate in budgets(cluster, now_us):
        if not budget.hard:
            continue
        if budget.is_spent(spent):
            if cluster.waiting.lines:
                draft.look_again_at(budget.period.end_us(now_us))
            if budget.stop:
                _stop_all(draft, queue.name, f"queue {queue.name} has spent its budget: {budget.text(spent)}")
        elif budget.stop:
            left_us = budget.left_us(spent, *rate)
            if left_us is not None:
                draft.look_again_at(min(now_us + left_us, budget.period.end_us(now_us)))


def _stop_all(draft: Draft, queue: QueueName, reason: str) -> None:
    cluster = draft.snapshot.cluster
    for attempt in cluster.attempts.values():
        job = cluster.jobs[attempt.job]
        if attempt.id not in draft.stopping and queue in path(job.queue):
            draft.stop(attempt, StopCause.PREEMPTED, job.notice_s, reason)
