"""Jobs as a list, and one job with the story of its attempts."""

from __future__ import annotations

from collections.abc import Sequence

from tauon.cli.render.table import Cell, Column, Styled, facts, printable, table, wrapped
from tauon.cli.render.words import between, clock, count, duration, hours, moment, sentence, since, usd
from tauon.cli.screen import Screen
from tauon.model.attempt import Outcome
from tauon.model.job import JobState
from tauon.service.views import AttemptView, JobDetail, JobView, RunTimeView

STATE_STYLES = {
    JobState.QUEUED: "yellow",
    JobState.STARTING: "cyan",
    JobState.RUNNING: "green",
    JobState.PREEMPTING: "magenta",
    JobState.SUCCEEDED: "",
    JobState.FAILED: "red",
    JobState.CANCELLED: "dim",
}
_OUTCOME_STYLES = {Outcome.SUCCEEDED: "green", Outcome.PREEMPTED: "magenta", Outcome.CANCELLED: "dim"}

_COLUMNS = (
    Column("JOB"),
    Column("NAME", least=14),
    Column("STATE"),
    Column("QUEUE", drop=3, least=10),
    Column("ASKS FOR", drop=2, least=20),
    Column("TIME", is_right=True),
    Column("WHERE", drop=4, least=10, is_optional=True),
    Column("USER", drop=6, least=8),
    Column("PRIORITY", drop=7, is_right=True, is_optional=True),
    Column("TRIES", drop=8, is_right=True, is_optional=True),
    Column("ENDED", drop=5, is_right=True, is_optional=True),
    Column("WHY", drop=9, least=24, is_optional=True),
)


def job_list(jobs: Sequence[JobView], screen: Screen) -> str:
    """A line for each job. TIME is how long it has waited, or has run, or ran."""
    return table(_COLUMNS, [_row(job, screen) for job in jobs], screen) if jobs else ""


def _row(job: JobView, screen: Screen) -> list[Cell]:
    return [
        job.id,
        job.name,
        state(job.state),
        job.queue,
        job.request,
        time_of(job, screen),
        place(job),
        job.user,
        str(job.priority) if job.priority else "",
        str(job.attempts) if job.attempts > 1 else "",
        since(job.ended_at, screen) if job.ended_at else "",
        job.message,
    ]


def place(job: JobView) -> str:
    """Where a job sits, in a few words: its node, or its pool and how many nodes there."""
    if len(job.nodes) == 1:
        node = job.nodes[0]
        return node if node.startswith(job.pool) else f"{job.pool} {node}"
    return f"{job.pool} ({count(len(job.nodes), 'node')})" if job.nodes else job.where


def state(value: JobState) -> Styled:
    """A job's state in its colour."""
    return Styled(value.value, STATE_STYLES[value])


def time_of(job: JobView, screen: Screen) -> str:
    """How long a job has waited, has run, or ran."""
    if job.started_at is None or job.state is JobState.QUEUED:
        return between(job.submitted_at, job.ended_at or screen.now)
    return between(job.started_at, job.ended_at or screen.now)


def submitted(jobs: Sequence[JobView], screen: Screen) -> str:
    """The states of a few jobs, one a line."""
    return "\n".join(
        f"{job.id} ({job.name}) is {screen.style(job.state.value, STATE_STYLES[job.state])}" for job in jobs
    )


def job_detail(detail: JobDetail, screen: Screen) -> str:
    """Everything about one job that a person asks for: where it is, its attempts and why each ended, its cost."""
    job = detail.job
    title = f"{screen.style(job.id, 'bold')} {printable(job.name)}: {screen.style(job.state.value, STATE_STYLES[job.state])}"
    lines = [title + _for_how_long(job, screen)]
    if job.message:
        lines.append(wrapped(sentence(job.message), screen))
    lines += ["", facts(_facts(detail, screen), screen)]
    if detail.attempts:
        lines += ["", screen.style("Attempts", "bold"), _attempts(detail.attempts, screen)]
    lines += ["", screen.style("Runs", "bold"), *_commands(detail.spec)]
    return "\n".join(lines)


def _for_how_long(job: JobView, screen: Screen) -> str:
    if job.state.is_final:
        ended = f", {since(job.ended_at, screen)}" if job.ended_at else ""
        return f" after {time_of(job, screen)}{ended}"
    return f" for {time_of(job, screen)}"


def _facts(detail: JobDetail, screen: Screen) -> list[tuple[str, str]]:
    job = detail.job
    started = f"{moment(job.started_at, screen)}, after waiting {duration(detail.waited_s)}" if job.started_at else ""
    spent = f"{usd(detail.cost_usd)} for {hours([detail.accelerator_hours])[0]} accelerator-hours"
    return [
        ("Queue", job.queue + (f", priority {job.priority}" if job.priority else "")),
        ("User", job.user),
        ("Asks for", job.request),
        ("Holds", job.where),
        ("Submitted", moment(job.submitted_at, screen)),
        ("Started", started),
        ("Ended", moment(job.ended_at, screen)),
        ("Takes", run_time(detail.run_time, job.state)),
        ("Interrupted", _interruptions(job)),
        ("Cost", spent if detail.accelerator_hours else usd(detail.cost_usd)),
        ("Labels", ", ".join(f"{key}={value}" for key, value in job.labels.items())),
    ]


def run_time(found: RunTimeView | None, state: JobState) -> str:
    """How long a job is predicted to take, and on what that rests."""
    if found is None:
        return ""
    more = " more" if state is JobState.RUNNING else ""
    like_it = f"{count(found.jobs, 'job')} like it" if found.jobs else "jobs of its queue"
    band = f"{duration(found.low_s)} to {duration(found.high_s)} in four of five cases"
    told = f"about {duration(found.middle_s)}{more}; {band}, going by {like_it}"
    if found.error_ratio is None:
        return told
    return f"{told}; of late such a guess was typically {found.error_ratio:.1f} times too long or too short"


def _interruptions(job: JobView) -> str:
    parts = []
    if job.preemptions:
        parts.append(f"preempted {_times(job.preemptions)}")
    if job.retries:
        parts.append(f"tried again {_times(job.retries)}")
    return ", ".join(parts)


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


_ATTEMPT_COLUMNS = (
    Column("#", is_right=True),
    Column("STATE"),
    Column("POOL", drop=1),
    Column("WORKERS", drop=2, least=12),
    Column("PLACED", is_right=True),
    Column("RAN", is_right=True),
    Column("WHY IT ENDED", is_optional=True),
)


def _attempts(attempts: Sequence[AttemptView], screen: Screen) -> str:
    """A line for each attempt; on a terminal the reason for its end stands below, for it must not be cut."""
    rows: list[list[Cell]] = [
        [
            str(attempt.number),
            _attempt_state(attempt),
            attempt.pool,
            _workers(attempt.workers),
            clock(attempt.placed_at, screen),
            between(attempt.running_at, attempt.ended_at or screen.now),
            "" if screen.is_terminal else _why(attempt),
        ]
        for attempt in attempts
    ]
    title, *lines = table(_ATTEMPT_COLUMNS, rows, screen).split("\n")
    if not screen.is_terminal:
        return "\n".join([title, *lines])
    indent = " " * (len(str(attempts[-1].number)) + 2)
    whole = [title]
    for line, attempt in zip(lines, attempts, strict=True):
        whole.append(line)
        if _why(attempt):
            whole.append(screen.style(wrapped(_why(attempt), screen, indent=indent), "dim"))
    return "\n".join(whole)


def _attempt_state(attempt: AttemptView) -> Styled:
    if attempt.outcome is None:
        return Styled(attempt.state, "green" if attempt.state == "running" else "cyan")
    return Styled(attempt.outcome.value, _OUTCOME_STYLES.get(attempt.outcome, "red"))


def _workers(workers: Sequence[str]) -> str:
    if len(workers) <= 4:
        return " ".join(workers)
    return f"{workers[0]} and {len(workers) - 1} more"


def _why(attempt: AttemptView) -> str:
    if attempt.message:
        return attempt.message
    codes = [code for code in attempt.exit_codes if code]
    if codes:
        return exit_code_text(codes[0]) + (f" (and {count(len(codes) - 1, 'other worker')})" if len(codes) > 1 else "")
    return attempt.stop_cause


def exit_code_text(code: int) -> str:
    """What an exit code tells; a death by signal N is -N."""
    if code >= 0:
        return f"exit code {code}"
    import signal

    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _commands(spec: dict[str, object]) -> list[str]:
    text = "\n".join(str(spec[part]).rstrip() for part in ("setup", "run") if spec.get(part))
    return [f"  {printable(line)}" for line in text.replace("\t", "    ").splitlines()]
