"""Commands about jobs that are there: list, show, follow, explain, cancel."""

from __future__ import annotations

import click

from tauon.cli.command import Call, command
from tauon.cli.complete import job_ids, queue_names
from tauon.cli.options import JobOption, JobsOption, ListOptions, LogOptions, MigrateOptions

STATES = ("queued", "starting", "running", "preempting", "succeeded", "failed", "cancelled")


@command("ps", ListOptions, reads=True)
@click.argument("text", default="", metavar="[TEXT]")
@click.option("-a", "--all", is_flag=True, help="Those that have ended, too.")
@click.option("-s", "--state", multiple=True, type=click.Choice(STATES), help="Only this state; may be repeated.")
@click.option("-q", "--queue", default="", help="Only this queue.", shell_complete=queue_names)
@click.option("-u", "--user", default="", help="Only this user's.")
@click.option("-l", "--label", multiple=True, metavar="KEY=VALUE", help="Only with this label; may be repeated.")
@click.option(
    "-n", "--limit", default=100, show_default=True, type=click.IntRange(min=0), help="At most so many; 0: all."
)
@click.option("-w", "--watch", is_flag=True, help="Keep the list up to date.")
def ps(call: Call, options: ListOptions) -> int:
    """List jobs: those that wait or run, or all of them.

    TEXT is looked for in id and name. TIME is how long a job has waited, has run, or ran.
    """
    from tauon.cli.actions.jobs import list_jobs
    from tauon.cli.invocation import ask

    return ask(call, list_jobs, options)


@command("show", JobOption, reads=True)
@click.argument("job", shell_complete=job_ids)
def show(call: Call, options: JobOption) -> int:
    """Show one job: its attempts, why each ended, what it cost.

    JOB is an id, or a name: the live job of that name, else the latest.
    """
    from tauon.cli.actions.jobs import show_job
    from tauon.cli.invocation import ask

    return ask(call, show_job, options)


@command("explain", JobOption, reads=True)
@click.argument("job", shell_complete=job_ids)
def explain(call: Call, options: JobOption) -> int:
    """Say why a job is where it is.

    For a job that waits: what is missing in each pool, for whom it waits, and what can be done.
    """
    from tauon.cli.actions.jobs import explain_job
    from tauon.cli.invocation import ask

    return ask(call, explain_job, options)


@command("cancel", JobsOption, reads=True)
@click.argument("jobs", nargs=-1, required=True, metavar="JOB...", shell_complete=job_ids)
def cancel(call: Call, options: JobsOption) -> int:
    """Cancel jobs.

    A job that waits is cancelled at once; one that runs is given notice first, to save its work.
    """
    from tauon.cli.actions.jobs import cancel_jobs
    from tauon.cli.invocation import ask

    return ask(call, cancel_jobs, options)


@command("migrate", MigrateOptions, reads=True)
@click.argument("job", metavar="JOB", shell_complete=job_ids)
@click.option("--to", required=True, metavar="POOL", help="Where it is to go on.")
def migrate(call: Call, options: MigrateOptions) -> int:
    """Let a job go on in another pool.

    It runs on until there is room for it there, bought if need be; then it is given notice, saves its work, and goes on
    from its checkpoint. Afterwards it may be anywhere again.
    """
    from tauon.cli.actions.jobs import migrate_job
    from tauon.cli.invocation import ask

    return ask(call, migrate_job, options)


@command("logs", LogOptions, reads=True)
@click.argument("job", shell_complete=job_ids)
@click.option("-f", "--follow", is_flag=True, help="Go on until the job ends, from attempt to attempt.")
@click.option("--rank", type=click.IntRange(min=0), help="Only this worker; else all, each line with its rank.")
@click.option("--attempt", type=click.IntRange(min=1), help="This attempt, from 1; else the latest.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only so many lines from the end (of each worker).")
def logs(call: Call, options: LogOptions) -> int:
    """Print what a job writes.

    With --follow it waits for a job that has not started, and goes on when it is moved or tried again.
    """
    from tauon.cli.actions.logs import print_logs
    from tauon.cli.invocation import ask

    return ask(call, print_logs, options)
