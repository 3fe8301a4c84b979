"""What attempts and GPUs use, sampled by the watching thread while there is something to sample."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from tauon.model.ids import AttemptId
from tauon.model.node import Node
from tauon.ports.providers import AcceleratorUse, ProcessUse
from tauon.providers.local.nvml import Nvml
from tauon.supervision.node.identity import Identity, descendants, process_table

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MIB = 1 << 20


class ProcessSampler:
    """Cores and memory of whatever came from an attempt's supervisor, from one pass over the process table."""

    def __init__(self) -> None:
        self.newest: Sequence[ProcessUse] = ()
        self._before: dict[AttemptId, tuple[float, int]] = {}

    def sample(self, live: Iterable[tuple[AttemptId, Identity]]) -> None:
        """Take a sample. An attempt's first one covers its time since its supervisor started."""
        live = list(live)
        if not live:
            self.newest, self._before = (), {}
            return
        table = process_table()
        rows = {row.pid: row for row in table}
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        found, seen = [], {}
        for attempt, supervisor in live:
            root = rows.get(supervisor.pid)
            if root is None or root.started != supervisor.started:
                continue
            below = descendants(root.pid, table)
            # The time of those that ended is in their parent's, so that the sum never falls.
            ticks = root.ticks + sum(row.ticks for row in below)
            then, ticks_then = self._before.get(attempt, (root.started / _TICKS_PER_S, 0))
            seen[attempt] = (now, ticks)
            cores = max(0, ticks - ticks_then) / _TICKS_PER_S / max(now - then, 1 / _TICKS_PER_S)
            memory_mib = sum(row.resident_pages for row in below) * _PAGE // _MIB
            found.append(ProcessUse(attempt=attempt, cpu_cores=round(cores, 3), memory_mib=memory_mib))
        self.newest, self._before = found, seen


class GpuSampler:
    """Utilisation, memory, power and temperature of every real GPU."""

    def __init__(self, nvml: Nvml) -> None:
        self.newest: Sequence[AcceleratorUse] = ()
        self._nvml = nvml

    def sample(self, nodes: Iterable[Node]) -> None:
        found = []
        for node in nodes:
            if node.virtual:
                continue
            for index, uuid in enumerate(node.accelerator_ids):
                use = self._nvml.sample(uuid)
                if use is not None:
                    found.append(AcceleratorUse(node=node.id, index=index, **use._asdict()))
        self.newest = found
