"""The end of an attempt and what follows for its job, journalled together."""

from __future__ import annotations

from tauon.model.attempt import Attempt, Outcome
from tauon.model.event import AttemptEnded, Fact
from tauon.planner.settle import outcome_of_loss, settle
from tauon.reconciler.site import Site


def end(
    site: Site, attempt: Attempt, outcome: Outcome, *, message: str, exit_codes: tuple[int | None, ...] = ()
) -> None:
    """Journal that no process of an attempt is left."""
    journal = site.journal
    job = journal.cluster.jobs[attempt.job]
    text = message or (job.message if attempt.stop else _exit(exit_codes))
    facts: list[Fact] = [
        AttemptEnded(attempt_id=attempt.id, outcome=outcome, exit_codes=exit_codes, message=text),
        *settle(journal.cluster, job, outcome, text, site.now_us()),
    ]
    journal.append(facts)
    site.settle_orders(attempt.id, attempt.pool)


def _exit(exit_codes: tuple[int | None, ...]) -> str:
    """Which worker exited with an error, or an empty string."""
    for rank, code in enumerate(exit_codes):
        if code:
            return f"worker {rank} exited with {code}" if len(exit_codes) > 1 else f"exited with {code}"
    return ""


def refuse(site: Site, attempt: Attempt, message: str) -> None:
    """Journal that an engine will not start an attempt."""
    outcome = outcome_of_loss(attempt) if attempt.stop is not None else Outcome.START_FAILED
    end(site, attempt, outcome, message=message)
