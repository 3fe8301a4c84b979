"""What a store has of the live state at one moment: enough to go on without folding the whole journal."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tauon.model.attempt import Attempt
from tauon.model.job import Job
from tauon.model.node import Node
from tauon.model.pool import Pool
from tauon.model.queue import Queue


class StoredState(msgspec.Struct, frozen=True, kw_only=True):
    """The position and time of the last event, the highest number given to a job, and the nouns that have not ended.

    Jobs are in the order of their numbers, attempts in the order in which they were placed.
    """

    seq: int = 0
    at_us: int = 0
    jobs_submitted: int = 0
    pools: Sequence[Pool] = ()
    queues: Sequence[Queue] = ()
    nodes: Sequence[Node] = ()
    jobs: Sequence[Job] = ()
    attempts: Sequence[Attempt] = ()
