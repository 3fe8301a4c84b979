"""What was held, by whom, on what, from when to when: the lines that every bill is summed from."""

from __future__ import annotations

import msgspec

from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, QueueName
from tauon.model.money import Money, Rates
from tauon.model.resources import Resources


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An amount held over a span of time at fixed rates.

    A record without a job is a node's whole capacity (the asset); one with a job is that job's part of it.
    What is idle is the difference, so the two always add up.
    """

    node: NodeId
    pool: PoolName
    accelerator: str = ""
    job: JobId | None = None
    attempt: AttemptId | None = None
    queue: QueueName | None = None
    user: str = ""
    resources: Resources
    rates: Rates
    from_us: int
    to_us: int

    def cost(self, *, from_us: int | None = None, to_us: int | None = None) -> Money:
        """The exact cost of the part of this record that lies within the window."""
        start = self.from_us if from_us is None else max(self.from_us, from_us)
        end = self.to_us if to_us is None else min(self.to_us, to_us)
        return self.rates.cost(
            accelerator_milli=self.resources.accelerator_milli,
            cpu_milli=self.resources.cpu_milli,
            memory_mib=self.resources.memory_mib,
            duration_us=max(0, end - start),
        )
