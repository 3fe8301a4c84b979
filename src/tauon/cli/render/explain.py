"""Why a job is where it is, as a person would answer."""

from __future__ import annotations

from tauon.cli.render.jobs import STATE_STYLES, run_time
from tauon.cli.render.table import wrapped
from tauon.cli.render.words import count, duration, sentence
from tauon.cli.screen import Screen
from tauon.model.job import JobState
from tauon.model.plan import WaitCode
from tauon.service.views import Explanation

_NEXT = {
    WaitCode.CAPACITY: "It starts as soon as enough is free. A higher --priority goes first; `tauon top` shows who holds what.",
    WaitCode.BEHIND: "It starts when its turn comes. A higher --priority or a --deadline goes first.",
    WaitCode.NO_NODE: "It can't start on what is there now: ask for less, or add a node.",
    WaitCode.RESERVED: "Nothing is to be done: smaller jobs behind a large one must not keep it waiting for ever.",
    WaitCode.PREEMPTING: "Nothing is to be done: it starts when the work before it has saved its state and stopped.",
    WaitCode.RECLAIMING: "Nothing is to be done: its queue gets back what it is guaranteed when the borrowers may be stopped.",
    WaitCode.BUDGET: "It starts when the budget begins anew, or is made larger. `tauon budgets` shows when that is.",
    WaitCode.QUOTA: "It starts when work of its queue ends. `tauon queues` shows the maximum and who is near it.",
    WaitCode.DEPENDENCY: "It starts when they have succeeded, and fails if one of them fails.",
    WaitCode.BACKOFF: "Nothing is to be done: it is tried again by itself.",
    WaitCode.ACQUIRING: "It starts when they are there. `tauon nodes` lists what is on order.",
    WaitCode.JUST_IN: "Ask again in a moment.",
}


def explanation(answer: Explanation, screen: Screen) -> str:
    """The answer, whom the job waits for, what each pool lacks, and what can be done about it."""
    state = screen.style(answer.state.value, STATE_STYLES[answer.state])
    lines = [f"{screen.style(answer.job, 'bold')} is {state}.", wrapped(sentence(answer.message), screen)]
    if answer.waits_for and not all(job in answer.message for job in answer.waits_for):
        lines.append(wrapped(f"It waits for {_listed(answer.waits_for)}.", screen))
    if answer.ahead and answer.code is not WaitCode.BEHIND:
        lines.append(f"{count(answer.ahead, 'equal job')} came first.")
    if answer.starts_in_s is not None or answer.start_unknown:
        lines.append(wrapped(_start(answer), screen))
    if answer.run_time is not None:
        lines.append(wrapped(f"It takes {run_time(answer.run_time, answer.state)}.", screen))
    if answer.pools:
        width = max(len(pool.pool) for pool in answer.pools) + 4
        lacks = [wrapped(sentence(pool.message or "nothing"), screen, indent=" " * width) for pool in answer.pools]
        lines += ["", screen.style("What each pool lacks", "bold")]
        lines += [f"  {pool.pool:<{width - 2}}{text[width:]}" for pool, text in zip(answer.pools, lacks, strict=True)]
    advice = _NEXT.get(answer.code, "") if answer.code else ""
    if answer.state is JobState.FAILED:
        advice = f"`tauon logs {answer.job}` has its output, `tauon show {answer.job}` its attempts."
    if advice:
        lines += ["", wrapped(advice, screen)]
    return "\n".join(lines)


def _start(answer: Explanation) -> str:
    """When a job will start, in a sentence."""
    if answer.starts_in_s is None:
        return f"When it will start can't be said: {answer.start_unknown}."
    when = f"in about {duration(answer.starts_in_s)}"
    if answer.starts_after:
        when += f", when {_listed(answer.starts_after)} {'has' if len(answer.starts_after) == 1 else 'have'} ended"
    return f"It is expected to start {when}, if nothing more urgent comes."


def _listed(jobs: list[str]) -> str:
    if len(jobs) > 6:
        return f"{', '.join(jobs[:5])} and {len(jobs) - 5} more"
    return ", ".join(jobs[:-1]) + (" and " if len(jobs) > 1 else "") + jobs[-1]
