"""A program that lets things happen until it is killed, and says which of them it was told are durable.

`python -m tests.store.writer ADDRESS SEED`
"""

from __future__ import annotations

import asyncio
import random
import sys

from tauon.reconciler.journal import GroupJournal
from tauon.store.sql_store import SqlStore
from tests.histories import History

AT_ONCE = 8


class Ticking:
    """A microsecond passes with every look."""

    def __init__(self, start_us: int) -> None:
        self.time_us = start_us

    def now_us(self) -> int:
        self.time_us += 1
        return self.time_us


async def write(address: str, seed: int) -> None:
    store = SqlStore(address)
    store.open()
    journal = GroupJournal(store=store, clock=Ticking(0))
    choose = random.Random(seed)

    async def client() -> None:
        while True:
            history = History(journal.cluster)
            facts = history.facts(choose.randrange(10**6))
            if facts:
                seq = journal.append(facts)
                await journal.durable(seq)
                sys.stdout.write(f"{seq}\n")
                sys.stdout.flush()
            else:
                await asyncio.sleep(0)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2])))
