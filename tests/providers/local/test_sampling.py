"""What attempts use is measured over all their processes, those that have ended included."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tauon.model.ids import AttemptId
from tauon.providers.local.sampling import ProcessSampler
from tauon.supervision.node.identity import boot_id, identify

ATTEMPT = AttemptId("j1-1")
BUSY = "import os, time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nblock = b'x' * 30_000_000\n"


def test_a_busy_child_is_seen_in_its_supervisors_sample() -> None:
    me = identify(os.getpid(), boot_id())
    assert me is not None
    sampler = ProcessSampler()
    sampler.sample([(ATTEMPT, me)])
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    command = [sys.executable, "-I", "-S", "-c", BUSY + "print('done', flush=True)\ninput()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        sampler.sample([(ATTEMPT, me)])
        elapsed_s = time.clock_gettime(time.CLOCK_BOOTTIME) - before
        [use] = sampler.newest
        assert use.memory_mib >= 30
        assert 0.25 / elapsed_s <= use.cpu_cores <= os.cpu_count() + 1  # type: ignore[operator]
        child.communicate(b"\n")
    sampler.sample([(ATTEMPT, me)])  # the child's time is in its parent's now: nothing falls below zero
    assert sampler.newest[0].cpu_cores >= 0


def test_an_attempt_that_is_over_has_no_sample() -> None:
    me = identify(os.getpid(), boot_id())
    assert me is not None
    sampler = ProcessSampler()
    sampler.sample([(ATTEMPT, me._replace(started=1))])
    assert sampler.newest == []
    sampler.sample([(ATTEMPT, me)])
    sampler.sample([])
    assert not sampler.newest
