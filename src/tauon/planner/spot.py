"""When work with a deadline runs on capacity that can be taken away, when it waits for some, and when it must not.

Slack is the time until the deadline less the work that is left. Waiting uses it up, and so does every change of place:
its machine boots and its checkpoint is read. On-demand capacity uses none, so what is really spent is slack, and it
buys cheap hours best when it is kept for the whole way: the rule waits for spot only with what slack is there beyond a
reserve, a share of all the time left. Three things follow that simpler rules miss (Uniform Progress of "Can't Be Late",
NSDI'24, and waiting as long as can be):

- the reserve is what later stays on spot will cost, not a line of progress to keep up with;
- whoever runs on demand never leaves it to wait: that costs a change and buys nothing;
- from on demand to spot only once it has been there for as long as the change takes, for short stays are the most
  frequent and cost two changes.
"""

from __future__ import annotations

import enum
import math
from typing import NamedTuple

from tauon.model.job import Job
from tauon.model.snapshot import Snapshot

# The share of the time left that is kept in reserve, for a change that takes an hour; it grows with its square root.
# Fitted on changes of 0.05 to 0.4 h (best shares 0.07, 0.12, 0.15, 0.20); saving is flat around it.
RESERVE_SHARE = 1 / 3
MOST_RESERVE = 0.5


class Where(enum.Enum):
    """What to do next with a job that has a deadline."""

    SPOT = "spot"
    ON_DEMAND = "on-demand"
    WAIT = "wait"


class View(NamedTuple):
    """What the rule looks at; all times in seconds.

    `left_s` until the deadline, `work_s` of running, `change_s` that a change of place costs, `on` where it runs now,
    `settling_s` what of the last change is still to come, `spot_seen_s` for how long spot has been there without a
    break (None: it is not), `look_s` until the rule is asked again at the latest.
    """

    left_s: float
    work_s: float
    change_s: float
    on: Where = Where.WAIT
    settling_s: float = 0.0
    spot_seen_s: float | None = None
    look_s: float = 0.0


def choose(view: View) -> Where:
    """Where to be until the next look; never late while on-demand capacity can be had."""
    on_demand = view.on is Where.ON_DEMAND
    slack_s = view.left_s - view.work_s - (view.settling_s if on_demand else view.change_s)
    if view.spot_seen_s is not None and _bears_spot(view, slack_s):
        if not on_demand:
            return Where.SPOT
        if view.spot_seen_s >= view.change_s and slack_s >= 2 * view.change_s:
            return Where.SPOT
    if on_demand:
        return Where.ON_DEMAND
    return Where.WAIT if slack_s - view.look_s > reserve_share(view.change_s) * view.left_s else Where.ON_DEMAND


def _bears_spot(view: View, slack_s: float) -> bool:
    """Whether on-demand capacity would still be in time if spot were lost just before the next look."""
    lost_s = view.settling_s if view.on is Where.SPOT else view.change_s
    again_s = view.change_s - view.settling_s if view.on is Where.ON_DEMAND else 0.0
    return slack_s - again_s >= min(lost_s, view.look_s)


def reserve_share(change_s: float) -> float:
    """The share of the time left that is kept for changes to come."""
    return min(MOST_RESERVE, RESERVE_SHARE * math.sqrt(change_s / 3600))


def waits_until_s(work_s: float, change_s: float) -> float:
    """How long before its deadline a job that waits for spot stops doing so."""
    return (work_s + change_s) / (1 - reserve_share(change_s))


class Prospect(NamedTuple):
    """How a job with a deadline stands: where it should be bought a place, and until when (microseconds) that holds."""

    where: Where
    until_us: int | None = None


def prospect(job: Job, snapshot: Snapshot, *, boot_s: float, has_spot: bool) -> Prospect | None:
    """How a waiting job stands, if it has a deadline and somebody knows how long it takes; a time limit will do.

    `boot_s` is how long a machine takes, `has_spot` whether spot can be had now. None: it may go anywhere.
    """
    if job.deadline_us is None:
        return None
    work_us = snapshot.outlook.remaining_us(job, 0)
    if work_us is None:
        if job.timeout_s is None:
            return None
        work_us = round(job.timeout_s * 1e6)
    work_s = work_us / 1e6
    seen_s = math.inf if has_spot else None
    left_s = (job.deadline_us - snapshot.at_us) / 1e6
    where = choose(View(left_s=left_s, work_s=work_s, change_s=boot_s, spot_seen_s=seen_s))
    if where is Where.ON_DEMAND:
        return Prospect(where)
    return Prospect(where, max(snapshot.at_us + 1, job.deadline_us - round(waits_until_s(work_s, boot_s) * 1e6)))
