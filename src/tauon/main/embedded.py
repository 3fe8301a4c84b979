"""A control plane at work in this process: configuration in, ports joined to adapters, the loop running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from tauon.economics.folded import FoldedLedger
from tauon.main.carrying import carrying
from tauon.main.recall import Recall
from tauon.main.replay import OwnPast
from tauon.main.watch import alarm_of, watch
from tauon.model.errors import ConfigError
from tauon.model.ids import PoolName
from tauon.model.pool import Pool
from tauon.ports.ledger import Ledger
from tauon.ports.prices import PriceSource
from tauon.ports.providers import NodeSource, OpenNodeSource, OpenProvider, Provider, ProviderContext
from tauon.providers.catalogue import CATALOGUE
from tauon.reconciler.journal import GroupJournal
from tauon.reconciler.loop import Loop
from tauon.reconciler.site import OpenPool, Site
from tauon.service.alarm import Alarm
from tauon.service.config import ServerConfig, differences
from tauon.service.local import LocalControlPlane
from tauon.service.offers import OnSale
from tauon.service.parts import Parts
from tauon.service.submit import Intake
from tauon.service.waste import WasteWatch
from tauon.store.files import FileBlobs, FileSecrets, FileTokens, private_folder
from tauon.store.sql_store import SqlStore

logger = logging.getLogger("tauon")

LEDGER_PAGE = 10_000  # events that the ledger folds at a time


class SystemClock:
    """The machine's own time."""

    def now_us(self) -> int:
        return time.time_ns() // 1000


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A control plane at work in this process."""

    control_plane_for: Callable[[str], LocalControlPlane]
    tokens: FileTokens
    loop: Loop


@contextlib.asynccontextmanager
async def control_plane(home: Path, database: str, config: ServerConfig) -> AsyncIterator[Running]:
    """Open the state in `home` and `database`, put the configuration in force, and run the loop until left.

    Raises ConfigError or StorageUnavailable, in a sentence for whoever started it. On leaving, running work goes on.
    """
    private_folder(home)
    store = SqlStore(database)
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.to_thread(store.open)
        stack.callback(store.close)
        journal = GroupJournal(store=store, clock=clock)
        stack.push_async_callback(journal.close)
        pools, queues = config.pool_nouns(), config.queue_nouns()
        facts = differences(journal.cluster, pools, queues)
        if facts:
            await journal.durable(journal.append(facts))
        blobs = FileBlobs(home / "blobs")
        secrets = FileSecrets(home / "secrets.json")
        waker = _Waker()
        providers: dict[PoolName, Provider] = {}
        sources: dict[PoolName, NodeSource] = {}
        for pool in pools.values():
            opened = _open(pool, home, store.instance, waker, blobs)
            providers[pool.name] = opened = carrying(opened, config.checkpoints, home / "carried" / pool.name, waker)
            stack.push_async_callback(opened.close)
            if pool.nodes_from:
                sources[pool.name] = source = _open_nodes(pool, home, store.instance, waker, blobs)
                stack.push_async_callback(source.close)
        opened_pools = [OpenPool(name, sources.get(name, provider), provider) for name, provider in providers.items()]
        site = Site(journal=journal, clock=clock, pools=opened_pools, secrets=secrets, log=logger.warning)
        loop = Loop(site)
        waker.target = loop.wake
        parts = Parts(
            journal=journal,
            store=store,
            clock=clock,
            blobs=blobs,
            secrets=secrets,
            providers=providers,
            wake=loop.wake,
            plan=lambda: site.plan,
            closed_pools=lambda: {name: pool.closed for name, pool in site.pools.items() if pool.closed},
            experience=lambda: site.experience,
            intake=Intake(
                store=store, blobs=blobs, secrets=secrets, offers=lambda: [pool.offers for pool in site.pools.values()]
            ),
            database=_without_password(database),
            on_sale=_market(site, _catalogues(config)),
            ledger=_ledger(home, store, stack),
            play=OwnPast(database).play,
            waste=WasteWatch(),
        )
        await _begin(loop, parts, alarm_of(config.alerts, parts, home), stack)
        stack.push_async_callback(Recall(site, store).give_up)
        yield Running(
            control_plane_for=lambda user: LocalControlPlane(parts, user),
            tokens=FileTokens(home / "tokens.json"),
            loop=loop,
        )


def _open(pool: Pool, home: Path, instance: str, wake: Callable[[], None], blobs: FileBlobs) -> Provider:
    """The provider of a pool, on a folder of its own. Raises ConfigError."""
    folder = private_folder(home / "pools" / pool.name)
    context = ProviderContext(pool=pool, folder=folder, instance=instance, wake=wake, blob_path=blobs.path)
    factory: OpenProvider = _factory(pool, pool.provider, "tauon.providers")
    return factory(context)


def _open_nodes(pool: Pool, home: Path, instance: str, wake: Callable[[], None], blobs: FileBlobs) -> NodeSource:
    """Where a pool's nodes are from, where that is another provider than the one that runs its jobs."""
    folder = private_folder(home / "nodes" / pool.name)
    context = ProviderContext(pool=pool, folder=folder, instance=instance, wake=wake, blob_path=blobs.path)
    factory: OpenNodeSource = _factory(pool, pool.nodes_from, "tauon.node_sources")
    return factory(context)


def _ledger(home: Path, store: SqlStore, stack: contextlib.AsyncExitStack) -> Ledger:
    """The ledger on disk where its extra is installed, else in memory, from the journal, at the first question."""
    try:
        from tauon.store.ledger import DuckLedger
    except ImportError:
        return FoldedLedger(lambda after: store.events(after=after, limit=LEDGER_PAGE))
    ledger = DuckLedger(
        home / "ledger" / "ledger.duckdb", store.instance, lambda after: store.events(after=after, limit=LEDGER_PAGE)
    )
    stack.callback(ledger.close)
    return ledger


def _catalogues(config: ServerConfig) -> list[PriceSource]:
    """The price lists, read once, so that what is wrong with one is said at the start. Raises ConfigError."""
    found: list[PriceSource] = [CATALOGUE(Path(path).expanduser()) for path in config.catalogue]
    for one in found:
        one.offers()
    return found


def _market(site: Site, catalogues: Sequence[PriceSource]) -> Callable[[], OnSale]:
    """What is on sale whenever it is asked for."""

    def on_sale() -> OnSale:
        pools = site.pools.values()
        return OnSale(
            markets=[*(pool.offers for pool in pools), *(source.offers() for source in catalogues)],
            sold_out={offer: until for pool in pools for offer, until in pool.sold_out.items()},
            seen=site.journal.cluster.machines.exposure,
            now_us=site.now_us(),
        )

    return on_sale


async def _begin(loop: Loop, parts: Parts, alarm: Alarm | None, stack: contextlib.AsyncExitStack) -> None:
    """Let the loop run, and return after its first cycle: from then on the pools' nodes are known."""
    task = asyncio.create_task(loop.run(), name="loop")
    stack.push_async_callback(_stop, loop, task)
    ready = asyncio.create_task(loop.ready.wait())
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    stack.push_async_callback(_cancelled, asyncio.create_task(watch(parts, alarm), name="watch"))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class _Waker:
    """Lets providers be opened before the loop that they wake."""

    target: Callable[[], None] | None = None

    def __call__(self) -> None:
        if self.target is not None:
            self.target()


async def _stop(loop: Loop, task: asyncio.Task[None]) -> None:
    loop.close()
    await task


def _factory(pool: Pool, name: str, group: str) -> Any:
    """What opens the provider of this name, found by its entry point in a group. Raises ConfigError."""
    found = {point.name: point for point in entry_points(group=group)}
    point = found.get(name)
    if point is None:
        what = "provider of nodes" if group == "tauon.node_sources" else "provider"
        raise ConfigError(f"pool {pool.name}: there is no {what} {name!r}; there are: {', '.join(sorted(found))}")
    try:
        return point.load()
    except ImportError as error:
        raise ConfigError(
            f"pool {pool.name}: provider {name} needs a package that is not there ({error.name}); "
            f"install it with: pip install 'tauon[{name}]'"
        ) from error


def _without_password(database: str) -> str:
    head, sign, tail = database.rpartition("@")
    if not sign or "://" not in head:
        return database
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}"
