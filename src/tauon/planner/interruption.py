"""How often capacity of an offer is taken away, and how much dearer that makes the work of a job there."""

from __future__ import annotations

import math

from tauon.model.fleet import Exposure
from tauon.model.job import Job
from tauon.model.offer import Offer
from tauon.model.resources import CapacityType

# What is said or assumed of an offer counts as much as so many hours of its nodes seen by ourselves.
PRIOR_H = 10.0
SPOT_PER_H_UNKNOWN = 0.2  # between what traces of scarce (1.4) and of plentiful (0.1) spot show
WORK_S_UNKNOWN = 3600.0
MOST_EXPONENT = 20.0


def rate_per_h(offer: Offer, seen: Exposure | None) -> float:
    """How often an hour a node is taken away: the mean of the gamma posterior after what was seen of it."""
    unknown = SPOT_PER_H_UNKNOWN if offer.shape.capacity_type is CapacityType.SPOT else 0.0
    prior = unknown if offer.interruptions_per_h is None else offer.interruptions_per_h
    if seen is None:
        return prior
    return (prior * PRIOR_H + seen.interruptions) / (PRIOR_H + seen.node_us / 3.6e9)


def overhead(job: Job, rate: float, *, boot_s: float, work_s: float | None) -> float:
    """By what factor the expected cost of a job is higher than that of its work alone, at this rate for its gang.

    A job that checkpoints does half an interval again, or nothing where it saves at the notice, and boots again. One that
    does not starts from the beginning: (e^(rt) - 1) / (rt) for work t at rate r (the expected time to a run of length t
    without an event of a Poisson process).
    """
    if rate <= 0:
        return 1.0
    if job.checkpoint is not None:
        return 1.0 + rate * (job.checkpoint.interval_s / 2 + boot_s) / 3600
    exponent = min(MOST_EXPONENT, rate * (WORK_S_UNKNOWN if work_s is None else work_s) / 3600)
    return (math.exp(exponent) - 1) / exponent * (1.0 + rate * boot_s / 3600) if exponent > 1e-9 else 1.0
