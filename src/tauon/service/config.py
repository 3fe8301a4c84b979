"""The server's configuration: which pools and queues there are, as people write them, and putting it into force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tauon.model.accelerator import canonical_type
from tauon.model.cluster import Cluster
from tauon.model.errors import ConfigError
from tauon.model.event import Fact, NodeTerminated, PoolConfigured, PoolRemoved, QueueConfigured, QueueRemoved
from tauon.model.ids import PoolName, QueueName
from tauon.model.job_spec import NAME, QUEUE
from tauon.model.money import usd_per_h_to_micro
from tauon.model.pool import Pool
from tauon.model.queue import DEFAULT_QUEUE, Queue
from tauon.model.resources import CapacityType


def _price(value: object) -> object:
    text = str(value) if not isinstance(value, bool) else "yes or no"
    usd_per_h_to_micro(text)
    return text


Price = Annotated[str, BeforeValidator(_price)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PoolSettings(_Settings):
    """One pool."""

    name: Annotated[str, Field(pattern=NAME)]
    """Its name."""
    provider: str = "local"
    """The provider that serves it."""
    region: str = ""
    """Where it is."""
    residency: list[str] = []
    """Residency labels, such as eu."""
    capacity_type: CapacityType = CapacityType.OWNED
    """owned, reserved, on-demand or spot."""
    prices_usd_per_h: dict[str, Price] = {}
    """Dollars an hour for one accelerator of each type, for `cpu` (one core) and `memory_gib` (one GiB)."""
    options: dict[str, Any] = {}
    """The provider's own settings."""


class QueueSettings(_Settings):
    """One queue."""

    name: Annotated[str, Field(pattern=QUEUE)]
    """Its path, such as research/vision."""
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """Its share among its siblings."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """The priority of workloads that name none."""


class ServerConfig(_Settings):
    """The whole configuration file."""

    pools: list[PoolSettings] = [PoolSettings(name="local")]
    """The pools; one of local processes when left out."""
    queues: list[QueueSettings] = []
    """The queues; `default` is always there."""

    @field_validator("pools", "queues")
    @classmethod
    def _unique(cls, value: list[Any]) -> list[Any]:
        names = [one.name for one in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}")
        return value

    @model_validator(mode="after")
    def _tree(self) -> ServerConfig:
        if not self.pools:
            raise ValueError("pools: there must be at least one")
        return self

    def pool_nouns(self) -> dict[PoolName, Pool]:
        """The pools as the rest of the program knows them."""
        return {
            PoolName(one.name): Pool(
                name=PoolName(one.name),
                provider=one.provider,
                region=one.region,
                residency=tuple(one.residency),
                capacity_type=one.capacity_type,
                prices_usd_per_h={canonical_type(part): price for part, price in one.prices_usd_per_h.items()},
                options=one.options,
            )
            for one in self.pools
        }

    def queue_nouns(self) -> dict[QueueName, Queue]:
        """The queues, `default` among them."""
        queues = {DEFAULT_QUEUE: Queue(name=DEFAULT_QUEUE)}
        for one in self.queues:
            queues[QueueName(one.name)] = Queue(name=QueueName(one.name), weight=one.weight, priority=one.priority)
        return queues


def differences(cluster: Cluster, pools: Mapping[PoolName, Pool], queues: Mapping[QueueName, Queue]) -> list[Fact]:
    """The facts that bring the state from the configuration it knows to this one.

    Raises ConfigError when that would orphan work: a removed pool that still has nodes with work, a removed queue in
    which jobs wait.
    """
    facts: list[Fact] = []
    facts += [PoolConfigured(pool=pool) for name, pool in pools.items() if cluster.pools.get(name) != pool]
    facts += [QueueConfigured(queue=queue) for name, queue in queues.items() if cluster.queues.get(name) != queue]
    busy_pools = {attempt.pool for attempt in cluster.attempts.values()}
    busy_queues = {job.queue for job in cluster.jobs.values()}
    for pool in [name for name in cluster.pools if name not in pools]:
        if pool in busy_pools:
            raise ConfigError(f"pool {pool} still runs work: keep it in the configuration until that has ended")
        gone = [node.id for node in cluster.nodes.values() if node.pool == pool]
        facts += [NodeTerminated(node_id=node, reason="its pool left the configuration") for node in gone]
        facts.append(PoolRemoved(name=pool))
    for queue in [name for name in cluster.queues if name not in queues]:
        if queue in busy_queues:
            raise ConfigError(f"jobs are in queue {queue}: keep it in the configuration until they have ended")
        facts.append(QueueRemoved(name=queue))
    return facts
