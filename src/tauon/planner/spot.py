"""When work with a deadline may be on capacity that can be taken away: only while there is time to do it elsewhere."""

from __future__ import annotations

from typing import NamedTuple

from tauon.model.job import Job
from tauon.model.offer import Offer
from tauon.model.resources import CapacityType
from tauon.model.snapshot import Snapshot


class Prospect(NamedTuple):
    """How much time a job has: until its deadline, and how long it is predicted to run; None where that is not known."""

    left_us: int | None
    remaining_us: int | None

    @classmethod
    def of(cls, job: Job, snapshot: Snapshot) -> Prospect:
        """As seen from a snapshot; a time limit stands in for a prediction."""
        left = None if job.deadline_us is None else job.deadline_us - snapshot.at_us
        remaining = snapshot.outlook.remaining_us(job, 0)
        if remaining is None and job.timeout_s is not None:
            remaining = round(job.timeout_s * 1e6)
        return cls(left, remaining)


def may_use(prospect: Prospect, offer: Offer) -> bool:
    """Whether a job may go there. One without a deadline may go anywhere; with one, to spot only while on-demand
    capacity bought after a loss would still be in time."""
    if prospect.left_us is None or prospect.remaining_us is None or offer.shape.capacity_type is not CapacityType.SPOT:
        return True
    boot_us = round(offer.boot_s * 1e6)
    return prospect.remaining_us + 2 * boot_us < prospect.left_us
