"""After a start: what the journal taught before is learnt again, beside the work that goes on meanwhile."""

from __future__ import annotations

import asyncio
import logging
import threading

from tauon.forecast.experience import Experience
from tauon.model.errors import TauonError
from tauon.ports.store import Store
from tauon.reconciler.site import Site

# So much of the journal is read again. What lies further back has mostly faded.
RECALLED_EVENTS = 300_000
PAGE = 1_000

logger = logging.getLogger("tauon")


class Recall:
    """Learning from the journal in a thread, after which the site goes on from there; it may be given up."""

    def __init__(self, site: Site, store: Store) -> None:
        self._closing = threading.Event()
        self.done = asyncio.create_task(_recall(site, store, self._closing), name="recall")

    async def give_up(self) -> None:
        """End it if it is not done."""
        self._closing.set()
        await self.done


async def _recall(site: Site, store: Store, closing: threading.Event) -> None:
    try:
        experience = await asyncio.to_thread(recalled, store, site.experience.seq, closing)
    except TauonError as error:
        logger.warning("what the journal tells of earlier run times could not be read: %s", error)
        return
    if not closing.is_set():
        site.remember(experience)


def recalled(store: Store, until: int, closing: threading.Event) -> Experience:
    """What the journal teaches up to a position. Raises StorageUnavailable."""
    experience = Experience()
    after = max(0, until - RECALLED_EVENTS)
    while after < until and not closing.is_set():
        page = store.events(after=after, limit=min(PAGE, until - after))
        if not page:
            break
        for event in page:
            experience.replay(event)
        after = page[-1].seq
    experience.replayed()
    return experience
