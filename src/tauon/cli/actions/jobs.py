"""List, show, explain and cancel jobs."""

from __future__ import annotations

from msgspec.structs import replace

from tauon.cli.actions.live import kept_up_to_date
from tauon.cli.options import JobOption, JobsOption, ListOptions, MigrateOptions
from tauon.cli.output import Output
from tauon.cli.render.explain import explanation
from tauon.cli.render.jobs import job_detail, job_list, submitted
from tauon.cli.screen import Screen
from tauon.model.errors import TauonError
from tauon.model.job import FINAL_STATES, JobState
from tauon.service.control_plane import ControlPlane, JobQuery
from tauon.service.views import JobView

LIVE = tuple(state for state in JobState if state not in FINAL_STATES)
_PAGE = 1000


async def list_jobs(plane: ControlPlane, output: Output, options: ListOptions) -> int:
    """`tauon ps`."""
    query = _query(options)

    async def listed() -> list[JobView]:
        jobs, _ = await _some(plane, query, options.limit)
        return jobs

    def shown(jobs: list[JobView], screen: Screen) -> str:
        return job_list(jobs, screen) or _nothing(query)

    if options.watch:
        return await kept_up_to_date(plane, output, listed, shown)
    jobs, are_more = await _some(plane, query, options.limit)
    output.show(jobs, job_list)
    if not jobs:
        output.note(_nothing(query))
    elif are_more:
        output.note(f"There are more than these {len(jobs)}: --limit 0 lists them all.")
    return 0


def _query(options: ListOptions) -> JobQuery:
    states = tuple(JobState(state) for state in options.state)
    return JobQuery(
        states=states or (() if options.all else LIVE),
        queue=options.queue,
        user=options.user,
        text=options.text,
        labels=options.label,
    )


async def _some(plane: ControlPlane, query: JobQuery, most: int) -> tuple[list[JobView], bool]:
    """The newest jobs, page by page (`most` 0: all), and whether there are more."""
    found: list[JobView] = []
    while True:
        wanted = min(_PAGE, most + 1 - len(found)) if most else _PAGE
        before = found[-1].id if found else ""
        page = await plane.jobs(replace(query, before=before, limit=wanted))
        found += page
        if len(page) < wanted or (most and len(found) > most):
            return (found[:most] if most else found), bool(most) and len(found) > most


def _nothing(query: JobQuery) -> str:
    """What to do when the list is empty."""
    if query.queue or query.user or query.text or query.labels or query.states not in (LIVE, ()):
        return "No job is like that. `tauon ps --all` lists all there ever were."
    if query.states:
        return "No job waits or runs. Start one with `tauon run -- COMMAND`; `tauon ps --all` lists those that ended."
    return "There has been no job yet. Start one with `tauon run -- COMMAND`, or watch some with `tauon demo`."


async def show_job(plane: ControlPlane, output: Output, options: JobOption) -> int:
    """`tauon show`."""
    output.show(await plane.job(options.job), job_detail)
    return 0


async def explain_job(plane: ControlPlane, output: Output, options: JobOption) -> int:
    """`tauon explain`."""
    output.show(await plane.explain(options.job), explanation)
    return 0


async def cancel_jobs(plane: ControlPlane, output: Output, options: JobsOption) -> int:
    """`tauon cancel`: each of them, whatever becomes of the others; the exit code is that of the first that failed."""
    done: list[JobView] = []
    code = 0
    for job in options.jobs:
        try:
            done.append(await plane.cancel(job))
        except TauonError as error:
            output.warn(str(error))
            code = code or error.exit_code
    output.show(done, cancelled)
    return code


async def migrate_job(plane: ControlPlane, output: Output, options: MigrateOptions) -> int:
    """`tauon migrate`."""
    moved = await plane.migrate(options.job, to=options.to)
    output.show(moved, lambda job, _: f"{job.id} ({job.name}) goes on in {options.to} once there is room for it there")
    return 0


def cancelled(jobs: list[JobView], screen: Screen) -> str:
    """What became of each job."""
    lines = []
    for job in jobs:
        if job.state is JobState.CANCELLED:
            lines.append(submitted([job], screen))
        else:
            lines.append(f"{job.id} ({job.name}) is told to stop; `tauon logs -f {job.id}` follows it to its end")
    return "\n".join(lines)
