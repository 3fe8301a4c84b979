"""The decision: one pure function from what is to what shall be done, an ordered list of small steps."""

from __future__ import annotations

from tauon.model.plan import Plan
from tauon.model.snapshot import Snapshot
from tauon.planner.acquire import acquire
from tauon.planner.budgets import keep_to_budgets
from tauon.planner.check import check
from tauon.planner.consolidate import consolidate, settle_in
from tauon.planner.draft import Draft
from tauon.planner.evacuate import evacuate
from tauon.planner.migrate import migrate
from tauon.planner.place import place
from tauon.planner.release import release
from tauon.planner.stop import stop_unwanted

# Each reads the snapshot and the plan so far, and adds to the plan.
STEPS = (
    stop_unwanted,  # what somebody cancelled, what ran out of time
    keep_to_budgets,  # what runs on money that is spent; when the next look is due
    evacuate,  # what runs where it will be taken away
    settle_in,  # what was moved goes on where a place was kept for it
    place,  # in order of urgency: start what fits; make room for what may preempt; else say why it waits
    migrate,  # what goes on elsewhere once there is room for it, and what would be cheaper there
    consolidate,  # move running work together, where that lets waiting work in or empties a bought node
    acquire,  # buy nodes for what fits nowhere
    release,  # give back what was bought and nobody needs
    check,  # the plan's own invariants, in production too
)


def decide(snapshot: Snapshot) -> Plan:
    """What shall be done now, with a reason for each action and for everything left waiting."""
    draft = Draft(snapshot)
    for step in STEPS:
        step(draft)
    return draft.plan()
