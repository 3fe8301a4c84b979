"""One turn of the loop: observe, decide, record, apply. The same under a real clock and a virtual one."""

from __future__ import annotations

from tauon.model.plan import Plan
from tauon.model.snapshot import Snapshot
from tauon.planner.decide import decide
from tauon.reconciler.apply import apply
from tauon.reconciler.observe import observe
from tauon.reconciler.record import record
from tauon.reconciler.site import Site


async def cycle(site: Site) -> Plan:
    """Look at the world, journal what differs, decide, journal the intents, then have them carried out.

    Effects come only after what they rest on is durable. Raises StorageUnavailable when the journal can't be written.
    """
    site.keep_up()
    site.learn()
    await observe(site)
    snapshot = take_snapshot(site)
    plan = decide(snapshot)
    site.decided_seq = record(site, plan)
    site.plan = plan
    await site.journal.durable(site.decided_seq)
    await apply(site)
    return plan


def take_snapshot(site: Site) -> Snapshot:
    """The view of this moment that the decision is made from."""
    return Snapshot(
        at_us=site.now_us(),
        cluster=site.journal.cluster,
        capabilities={pool.name: pool.jobs.capabilities() for pool in site.pools.values()},
        closed_pools={pool.name: pool.closed for pool in site.pools.values() if pool.closed},
        previous=site.plan,
        outlook=site.outlook,
        packing=site.packing,
        offers={pool.name: pool.offers for pool in site.pools.values() if pool.offers},
        sold_out={offer: until for pool in site.pools.values() for offer, until in pool.sold_out.items()},
    )
