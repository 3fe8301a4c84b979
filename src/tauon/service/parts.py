"""What the use cases work with: the journal, the store, and whatever else `main` has joined."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from tauon.forecast.experience import Experience
from tauon.model.ids import PoolName
from tauon.model.plan import Plan
from tauon.ports.clock import Clock
from tauon.ports.files import BlobStore, SecretStore
from tauon.ports.journal import Journal
from tauon.ports.ledger import Ledger
from tauon.ports.providers import Provider
from tauon.ports.store import Store
from tauon.ports.what_if import Comparison, Question
from tauon.service.offers import OnSale
from tauon.service.replay import no_replay
from tauon.service.submit import Intake
from tauon.service.waste import WasteWatch


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the use cases work with. `wake` asks the loop for a cycle; `plan`, `closed_pools` and `experience` are its latest."""

    journal: Journal
    store: Store
    clock: Clock
    blobs: BlobStore
    secrets: SecretStore
    providers: Mapping[PoolName, Provider]
    wake: Callable[[], None]
    plan: Callable[[], Plan]
    closed_pools: Callable[[], dict[str, str]]
    intake: Intake
    experience: Callable[[], Experience]
    database: str = ""
    on_sale: Callable[[], OnSale] = OnSale
    ledger: Ledger
    play: Callable[[Question], Awaitable[Comparison]] = no_replay
    waste: WasteWatch = msgspec.field(default_factory=WasteWatch)
