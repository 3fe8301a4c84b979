"""What a job document would become, and where: looked at by the same code that takes it, and then not taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tauon.model.cluster import Cluster
from tauon.model.errors import InvalidSpec, TauonError
from tauon.model.job import Job
from tauon.model.job_spec import JobSpec
from tauon.model.money import Money, hourly
from tauon.model.snapshot import Snapshot
from tauon.model.waiting import LineKey
from tauon.planner.fit import choices, find
from tauon.planner.shortage import pool_shortage
from tauon.service.documents import parse_specs
from tauon.service.page_views import Preview, PreviewPlace


def preview(text: str, take: Callable[[JobSpec], Job], cluster: Cluster, now_us: int) -> Preview:
    """The first job of a text, and where it could go. `take` makes the job or raises what a submit would raise."""
    spec: dict[str, Any] = {}
    try:
        specs = parse_specs(text)
        if len(specs) > 1:
            raise InvalidSpec(
                f"there are {len(specs)} jobs here; the page takes one at a time, `tauon run FILE` all of them"
            )
        spec = json.loads(specs[0].model_dump_json(exclude_defaults=True))
        job = take(specs[0])
    except TauonError as error:
        return Preview(problem=str(error), spec=spec)
    line = cluster.waiting.lines.get(LineKey(job.queue, job.priority, job.request))
    return Preview(
        problem="",
        spec=spec,
        name=job.name,
        queue=job.queue,
        priority=job.priority,
        request=str(job.request),
        workers=job.request.workers,
        ahead=len(line) if line else 0,
        places=list(_places(job, cluster, now_us)),
    )


def _places(job: Job, cluster: Cluster, now_us: int) -> Iterator[PreviewPlace]:
    view = cluster.capacity.fork()
    for way in choices(job.request, Snapshot(at_us=now_us, cluster=cluster).terrain):
        shape = way.shapes[0]
        each = hourly(shape.rates, way.resources)
        yield PreviewPlace(
            pool=way.pool,
            accelerator=way.accelerator,
            region=shape.region,
            capacity_type=shape.capacity_type,
            usd_per_h=Money(each.atoms * job.request.workers).usd,
            has_room=find(job.request, (way,), view) is not None,
            message=pool_shortage(job.request, way, view),
        )
