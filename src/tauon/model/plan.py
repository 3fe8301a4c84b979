"""What was decided from one snapshot: actions in the imperative, and a reason for each and for all that still waits."""

from __future__ import annotations

import enum

import msgspec

from tauon.model.attempt import Attempt, StopCause
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName
from tauon.model.node import Node
from tauon.model.terrain import Terrain
from tauon.model.waiting import LineKey


class WaitCode(enum.StrEnum):
    """The kinds of reason for which a workload waits."""

    CAPACITY = "capacity"  # what it asks for is there, but taken
    PREEMPTING = "preempting"  # it gets the place of work that is being stopped
    RECLAIMING = "reclaiming"  # it gets back what its queue is guaranteed, once the borrowers have run their least
    QUOTA = "quota"  # its queue, or one above it, is at its maximum
    BUDGET = "budget"  # its queue, or one above it, has spent its budget
    RESERVED = "reserved"  # what is free is kept for a workload before it in line
    ACQUIRING = "acquiring"  # nodes for it have been ordered
    NO_NODE = "no-node"  # no node that is there now could ever hold it
    DEPENDENCY = "dependency"  # other jobs must succeed first
    BACKOFF = "backoff"  # it waits before a retry
    BEHIND = "behind"  # an equal workload before it in line waits too
    JUST_IN = "just-in"  # not yet looked at


class WaitReason(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a workload waits: the kind, a sentence, for whom (job ids, at most a few), and why no node is bought for it."""

    code: WaitCode
    message: str
    waits_for: tuple[JobId, ...] = ()
    obstacle: str = ""


class StartAttempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Run a job on a placement."""

    attempt: Attempt
    reason: str = ""


class StopAttempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Take a placement away, with notice (seconds) before the kill; `moves_to` is where its job shall go on, if known."""

    attempt: AttemptId
    cause: StopCause
    notice_s: float
    reason: str
    moves_to: NodeId = NodeId("")


class MigrateJob(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let a job go on in another pool; to none: in whichever is best."""

    job: JobId
    pool: PoolName
    reason: str


class LaunchNode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Buy a node: its id is that of the request, its `offer` says as what."""

    node: Node
    reason: str


class ReleaseNode(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Give an idle node back."""

    node: NodeId
    reason: str


Action = StartAttempt | StopAttempt | MigrateJob | LaunchNode | ReleaseNode


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The actions decided at a position of the journal, in order; and for each line of equal workloads left waiting,
    why its first one waits. `terrain` is what it was decided on, `promised` are those for whose turn something is being
    stopped: they go first in the next plan, else those that were stopped could take their place again."""

    seq: int
    at_us: int
    actions: tuple[Action, ...] = ()
    waiting: dict[LineKey, WaitReason] = {}
    terrain: Terrain = Terrain()
    promised: frozenset[JobId] = frozenset()
    next_look_us: int | None = None  # when something falls due even if nothing happens
