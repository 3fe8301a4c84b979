"""Whether a job can go on in another pool: what is refused, and why."""

from __future__ import annotations

from tauon.model.cluster import Cluster
from tauon.model.errors import Conflict, Infeasible, NotFound
from tauon.model.ids import PoolName
from tauon.model.job import Job
from tauon.model.migration import pinned, unpinned
from tauon.service.submit import Intake


def refuse_to_move(job: Job, to: str, cluster: Cluster, intake: Intake) -> None:
    """Raises Conflict, NotFound or Infeasible where a move makes no sense."""
    attempt = cluster.attempts.get(job.attempt) if job.attempt else None
    if attempt is None:
        raise Conflict(f"{job.id} is {job.state}: only a job that has a place can be moved to another")
    if PoolName(to) not in cluster.pools:
        raise NotFound(f"there is no pool {to!r}; `tauon pools` lists them")
    if attempt.pool == to:
        raise Conflict(f"{job.id} is in {to} already")
    allowed = unpinned(job).request.constraints.pools
    if allowed and to not in allowed:
        raise Infeasible(f"{job.id} may only be in {', '.join(allowed)}: its constraints say so")
    intake.refuse_the_impossible(pinned(job, PoolName(to), cluster.at_us).request, cluster, cluster.at_us)
