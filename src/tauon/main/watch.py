"""What is looked at about once a minute, beside the loop: accelerators that are held and hardly used."""

from __future__ import annotations

import asyncio
import logging

from tauon.service.parts import Parts

EVERY_S = 60.0
logger = logging.getLogger("tauon")


async def watch(parts: Parts, every_s: float = EVERY_S) -> None:
    """Look until cancelled; a look that fails is told of, and the next one comes."""
    while True:
        try:
            parts.waste.look(parts.journal.cluster, parts.providers, parts.clock.now_us())
        except Exception:
            logger.exception("a look at what is wasted failed; the next one is in %g s", every_s)
        await asyncio.sleep(every_s)
