"""Routes for jobs: submit, find, cancel, explain."""

from __future__ import annotations

import msgspec
from litestar import get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath

from tauon.api.edge import KIB, Caller, body_of, document_of, idempotency_key, job_name, query_of
from tauon.api.specs import BulkSubmit, read_spec, read_specs
from tauon.model.job_spec import JobSpec
from tauon.service.control_plane import JobQuery
from tauon.service.page_views import Draft, JobCount, Preview
from tauon.service.views import Explanation, JobDetail, JobView, Submitted

SPEC_LIMIT_BYTES = 1024 * KIB
BULK_LIMIT_BYTES = 64 * 1024 * KIB


@get("/v1/jobs", opt={"query": JobQuery})
async def jobs(request: Caller) -> list[JobView]:
    """Jobs, newest first unless another order is asked for; the next page begins `before` the last id of this one."""
    return await request.auth.jobs(query_of(request, JobQuery))


@post("/v1/jobs", opt={"body": JobSpec})
async def submit(request: Caller) -> Submitted:
    """Take a job; it is durable when this answers. The same Idempotency-Key again gives the same job."""
    key = idempotency_key(request)
    spec = read_spec(await body_of(request, limit_bytes=SPEC_LIMIT_BYTES))
    return await request.auth.submit(spec, key=key)


@post("/v1/jobs/bulk", opt={"body": BulkSubmit})
async def submit_many(request: Caller) -> list[Submitted]:
    """Take many jobs in one transaction: all or none."""
    key = idempotency_key(request)
    specs = await read_specs(await body_of(request, limit_bytes=BULK_LIMIT_BYTES))
    return await request.auth.submit_many(specs, key=key)


@get("/v1/jobs/count", opt={"query": JobQuery})
async def count_jobs(request: Caller) -> JobCount:
    """How many jobs a listing has in all, its limit and offset aside."""
    return await request.auth.count_jobs(query_of(request, JobQuery))


@post("/v1/jobs/preview", status_code=200, opt={"body": Draft})
async def preview(request: Caller) -> Preview:
    """What a job document would become, and where it could go: nothing is submitted."""
    return await request.auth.preview((await document_of(request, Draft)).text)


@get("/v1/jobs/{job:str}")
async def job(request: Caller, job: FromPath[str]) -> JobDetail:
    """Everything about one job, by id or name."""
    return await request.auth.job(job_name(job))


@post("/v1/jobs/{job:str}/cancel", status_code=200)
async def cancel(request: Caller, job: FromPath[str]) -> JobView:
    """Cancel a job: at once when it waits, with notice when it runs. Cancelling twice is no error."""
    return await request.auth.cancel(job_name(job))


class MigrateQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job is to go on."""

    to: str


@post("/v1/jobs/{job:str}/migrate", status_code=200, opt={"query": MigrateQuery})
async def migrate(request: Caller, job: FromPath[str]) -> JobView:
    """Let a job that runs go on in another pool, once there is room for it there."""
    return await request.auth.migrate(job_name(job), to=query_of(request, MigrateQuery).to)


@get("/v1/jobs/{job:str}/explain")
async def explain(request: Caller, job: FromPath[str]) -> Explanation:
    """Why a job is where it is."""
    return await request.auth.explain(job_name(job))


ROUTES: list[BaseRouteHandler] = [jobs, count_jobs, preview, submit, submit_many, job, cancel, migrate, explain]
