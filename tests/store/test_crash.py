"""Kill -9 at any moment: what was acknowledged is there afterwards, and the rows are what a replay gives."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tauon.store.sql_store import SqlStore
from tauon.store.verify import verify
from tests.store.databases import on_both

ROUNDS = 6
MOST_ACKNOWLEDGED = 300


@on_both
def test_nothing_that_was_acknowledged_is_lost(address: str) -> None:
    choose, events = random.Random(7), 0
    for seed in range(ROUNDS):
        acknowledged = run_and_kill(address, seed, after=choose.randrange(1, MOST_ACKNOWLEDGED))
        found = verify(address, progress=lambda _done, _all: None)
        assert found.differences == ()
        assert found.events >= acknowledged >= 1
        events = found.events
    store = SqlStore(address)
    store.open()
    assert store.load().seq == events
    store.close()


def run_and_kill(address: str, seed: int, *, after: int) -> int:
    """Let things happen until so many were acknowledged, then kill; returns the last that was."""
    root = Path(__file__).parents[2]
    paths = os.pathsep.join([str(root), *filter(None, sys.path)])
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.writer", address, str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        cwd=root,
    )
    with writer:
        assert writer.stdout is not None
        seen = [int(line) for line, _ in zip(writer.stdout, range(after), strict=False)]
        writer.kill()
        # The last line may have been cut short.
        seen += [int(line) for line in writer.stdout if line.endswith("\n")]
    assert writer.returncode == -9, "it ended before it was killed"
    assert len(seen) >= after
    return max(seen)
