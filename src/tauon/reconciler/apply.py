"""Carry out what is owed: give each pool its orders, and take its refusals for what they are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tauon.model.attempt import StopCause
from tauon.model.errors import NotFound, NotReady, ProviderError
from tauon.model.ids import AttemptId
from tauon.ports.providers import Refusal, StartOrder, StopOrder
from tauon.reconciler.ending import refuse
from tauon.reconciler.purchase import give_node_orders
from tauon.reconciler.site import OpenPool, Site

RETRY_US = 1_000_000


class _Names(msgspec.Struct):
    """The one field of a job document that the loop needs: which secrets to hand over."""

    secrets: list[str] = []


_names = msgspec.json.Decoder(_Names)


async def apply(site: Site) -> None:
    """Give every order that is due. Each is idempotent: one that is repeated after a crash does no harm."""
    for pool in site.pools.values():
        now_us = site.clock.now_us()
        ended = list(pool.forgets)  # in the journal by now; what ends while orders are given is not there yet
        try:
            if pool.launches or pool.terminations:
                await give_node_orders(site, pool, now_us)
            if pool.stops or pool.condemned:
                await _stop(site, pool, now_us)
            if pool.starts and not pool.closed:
                await _start(site, pool, now_us)
            for attempt in ended:
                await pool.jobs.forget(attempt)
                pool.forgets.pop(attempt, None)
        except ProviderError as error:
            pool.closed = str(error) or type(error).__name__
            pool.full_look_at_us = 0
            site.log(f"pool {pool.name} did not take its orders: {error}")


async def _start(site: Site, pool: OpenPool, now_us: int) -> None:
    orders = []
    for attempt_id in [a for a, not_before in pool.starts.items() if not_before <= now_us]:
        order = _start_order(site, pool, attempt_id)
        if order is not None:
            orders.append(order)
    if not orders:
        return
    refused = {r.attempt: r for r in await pool.jobs.start(orders)}
    for order in orders:
        refusal = refused.get(order.attempt.id)
        if refusal is None:
            pool.starts.pop(order.attempt.id, None)
        else:
            _refused(site, pool, refusal, now_us)


def _start_order(site: Site, pool: OpenPool, attempt_id: AttemptId) -> StartOrder | None:
    cluster = site.journal.cluster
    attempt = cluster.attempts.get(attempt_id)
    if attempt is None or attempt.stop is not None:
        pool.starts.pop(attempt_id, None)
        return None
    job = cluster.jobs[attempt.job]
    try:
        secrets = {name: site.secrets.get(name) for name in _names.decode(job.document).secrets}
    except NotFound as error:
        refuse(site, attempt, str(error))
        return None
    nodes = {worker.node: cluster.nodes[worker.node] for worker in attempt.placement}
    return StartOrder(job=job, attempt=attempt, nodes=nodes, secrets=secrets)


def _refused(site: Site, pool: OpenPool, refusal: Refusal, now_us: int) -> None:
    if isinstance(refusal.error, NotReady):
        pool.starts[refusal.attempt] = now_us + round(refusal.error.retry_after_s * 1e6)
        return
    pool.starts.pop(refusal.attempt, None)
    attempt = site.journal.cluster.attempts.get(refusal.attempt)
    if attempt is not None:
        refuse(site, attempt, str(refusal.error))


def _stop_orders(site: Site, pool: OpenPool, now_us: int) -> list[StopOrder]:
    cluster = site.journal.cluster
    orders = [
        StopOrder(attempt=a, cause=StopCause.CANCELLED, requested_at_us=now_us)
        for a, not_before in pool.condemned.items()
        if not_before <= now_us
    ]
    for attempt_id in [a for a, not_before in pool.stops.items() if not_before <= now_us]:
        attempt = cluster.attempts.get(attempt_id)
        if attempt is None or attempt.stop is None:
            del pool.stops[attempt_id]
            continue
        checkpoint = cluster.jobs[attempt.job].checkpoint
        orders.append(
            StopOrder(
                attempt=attempt_id,
                cause=attempt.stop.cause,
                signal=checkpoint.signal if checkpoint else "SIGTERM",
                notice_s=attempt.stop.notice_s,
                requested_at_us=attempt.stop.requested_at_us,
            )
        )
    return orders


async def _stop(site: Site, pool: OpenPool, now_us: int) -> None:
    orders = _stop_orders(site, pool, now_us)
    refused: Sequence[Refusal] = await pool.jobs.stop(orders) if orders else ()
    again = {r.attempt for r in refused}
    for order in orders:
        for owed in (pool.stops, pool.condemned):
            if order.attempt not in owed:
                continue
            if order.attempt in again:
                owed[order.attempt] = now_us + RETRY_US
            else:
                del owed[order.attempt]
    # What its engine never took shows up as missing only in a full look: have one soon.
    unsure = [o.attempt for o in orders if o.attempt in pool.unsure and o.attempt not in again]
    for attempt_id in unsure:
        del pool.unsure[attempt_id]
    if unsure:
        pool.full_look_at_us = 0
