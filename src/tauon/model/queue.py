"""Where workloads wait: a tree of named queues, a path with slashes naming each."""

from __future__ import annotations

import msgspec

from tauon.model.ids import QueueName

DEFAULT_QUEUE = QueueName("default")


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the queue tree; `research/vision` is a child of `research`.

    `weight` is the share among its siblings; `priority` is what a workload gets that names none.
    """

    name: QueueName
    weight: float = 1.0
    priority: int = 0

    @property
    def parent(self) -> QueueName | None:
        head, _, _ = self.name.rpartition("/")
        return QueueName(head) if head else None
