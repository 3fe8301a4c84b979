"""A stand-in for a server, to be killed: it opens a pool in a folder, starts orders and says what it has done."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.providers.local.world import LocalWorld

COUNT = 6
COUNTS = 'echo x >> "$TAUON_CHECKPOINT_DIR/runs"; echo ready; while [ ! -e {go} ]; do sleep 0.05; done'


def the_run(folder: Path) -> str:
    """A job that notes each time it is run, and ends when the file `go` is there."""
    return COUNTS.format(go=folder / "go")


async def host(folder: Path) -> None:
    """Start the same orders each time it is run."""
    world = LocalWorld(folder)
    provider = await world.open()
    print("open", flush=True)  # noqa: T201 - the test reads it
    for _ in range(COUNT):
        order = world.order(the_run(folder))
        starting = asyncio.ensure_future(provider.start([order]))
        print("starting", order.attempt.id, flush=True)  # noqa: T201
        await starting
        print("started", order.attempt.id, flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(host(Path(sys.argv[1])))
