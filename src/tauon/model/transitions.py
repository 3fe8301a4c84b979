"""The three state machines, read from their literal tables: what is not listed can't happen."""

from __future__ import annotations

from tauon.model.attempt import ATTEMPT_TRANSITIONS, AttemptState
from tauon.model.errors import InvariantViolated
from tauon.model.ids import AttemptId, JobId, NodeId
from tauon.model.job import JOB_TRANSITIONS, JobState
from tauon.model.node import NODE_TRANSITIONS, NodeState


def next_job_state(state: JobState | None, event: str, job: JobId) -> JobState:
    """The state after an event, or InvariantViolated."""
    after = JOB_TRANSITIONS.get((state, event))
    if after is None:
        raise InvariantViolated(f"{job} is {state or 'unknown'}: {event} can't happen to it")
    return after


def next_attempt_state(state: AttemptState | None, event: str, attempt: AttemptId) -> AttemptState:
    """The state after an event, or InvariantViolated."""
    after = ATTEMPT_TRANSITIONS.get((state, event))
    if after is None:
        raise InvariantViolated(f"attempt {attempt} is {state or 'unknown'}: {event} can't happen to it")
    return after


def next_node_state(state: NodeState | None, event: str, node: NodeId) -> NodeState:
    """The state after an event, or InvariantViolated."""
    after = NODE_TRANSITIONS.get((state, event))
    if after is None:
        raise InvariantViolated(f"node {node} is {state or 'unknown'}: {event} can't happen to it")
    return after
