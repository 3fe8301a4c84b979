"""How long a job still runs, as it is shown: what jobs like it took."""

from __future__ import annotations

from tauon.forecast.experience import Experience
from tauon.model.cluster import Cluster
from tauon.model.job import Job
from tauon.service.views import RunTimeView


def run_time(job: Job, cluster: Cluster, experience: Experience, now_us: int) -> RunTimeView | None:
    """None for a job that has ended, and where too little is known."""
    if job.state.is_final:
        return None
    attempt = cluster.attempts.get(job.attempt) if job.attempt else None
    began_us = attempt.running_at_us if attempt else None
    band = experience.band(job, 0 if began_us is None else max(0, now_us - began_us))
    if band is None:
        return None
    errors = experience.errors
    return RunTimeView(
        low_s=band.low_s,
        middle_s=band.middle_s,
        high_s=band.high_s,
        jobs=band.jobs,
        error_ratio=errors.ratio if errors else None,
        coverage=errors.coverage if errors else None,
        skill=errors.skill if errors else None,
    )
