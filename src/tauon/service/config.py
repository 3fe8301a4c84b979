"""The server's configuration: which pools and queues there are, as people write them, and putting it into force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec.structs import replace
from pydantic import BaseModel, Field, field_validator, model_validator

from tauon.model.accelerator import canonical_type
from tauon.model.cluster import Cluster
from tauon.model.errors import ConfigError
from tauon.model.event import Fact, NodeTerminated, PoolConfigured, PoolRemoved, QueueConfigured, QueueRemoved
from tauon.model.ids import PoolName, QueueName
from tauon.model.job_spec import NAME, Duration
from tauon.model.pool import Pool
from tauon.model.quantity import parse_duration_s
from tauon.model.queue import HALF_LIFE_S, Queue
from tauon.model.resources import CapacityType
from tauon.service.alert_settings import AlertSettings
from tauon.service.queue_settings import (
    STRICT,
    HalfLife,
    Price,
    QueueSettings,
    check_tree,
    listed_twice,
    queue_nouns,
)


class PoolSettings(BaseModel):
    """One pool."""

    model_config = STRICT

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
    nodes_from: str = ""
    """Another provider for the nodes alone, which are bought and given back as they are needed: `sandbox`."""
    node_options: dict[str, Any] = {}
    """That provider's own settings."""
    limits: dict[str, Annotated[int, Field(ge=0)]] = {}
    """The most that may be bought: accelerators of each type, and `nodes`."""
    max_usd_per_h: Price | None = None
    """The most that all bought nodes of the pool together may cost, in dollars an hour."""
    keep_idle: Duration = 60
    """For how long a bought node may be idle before it is given back."""
    start_timeout: Duration = 3600
    """How long a job's engine may take to get it to run before it is stopped and tried elsewhere."""


class CheckpointSettings(BaseModel):
    """Where what jobs save is kept, so that they can go on in any pool."""

    model_config = STRICT

    url: str
    """A folder that every pool's server reaches, or an address that fsspec knows such as s3://bucket/prefix."""
    residency: list[str] = []
    """Residency labels of that place: a job that has residency itself is only kept there if one of them is its own."""
    keep: Annotated[int, Field(ge=2, le=100)] = 3
    """How many whole checkpoints of each job are kept; the one before is used when the newest is damaged."""


class ServerConfig(BaseModel):
    """The whole configuration file."""

    model_config = STRICT

    pools: list[PoolSettings] = [PoolSettings(name="local")]
    """The pools; one of local processes when left out."""
    checkpoints: CheckpointSettings | None = None
    """Where what jobs save is kept; left out, it stays in its pool."""
    catalogue: list[str] = []
    """Price lists to compare with: CSV files of gpuhunt's format, folders or zip archives of them."""
    queues: list[QueueSettings] = []
    """The queues; `default` is always there."""
    alerts: AlertSettings = AlertSettings()
    """Who is told when a threshold of a budget is passed."""
    half_life: HalfLife = HALF_LIFE_S
    """How fast what a queue used in the past stops counting against it: after this long it counts half."""

    @field_validator("pools", "queues")
    @classmethod
    def _unique(cls, value: list[Any]) -> list[Any]:
        twice = listed_twice(one.name for one in value)
        if twice:
            raise ValueError(twice)
        return value

    @model_validator(mode="after")
    def _tree(self) -> ServerConfig:
        if not self.pools:
            raise ValueError("pools: there must be at least one")
        check_tree(self.queues)
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
                nodes_from=one.nodes_from,
                node_options=one.node_options,
                limits={canonical_type(what): most for what, most in one.limits.items()},
                max_usd_per_h=one.max_usd_per_h,
                keep_idle_s=parse_duration_s(one.keep_idle),
                start_timeout_s=parse_duration_s(one.start_timeout),
            )
            for one in self.pools
        }

    def queue_nouns(self) -> dict[QueueName, Queue]:
        """The queues, `default` among them."""
        return queue_nouns(self.queues, self.half_life)


def differences(cluster: Cluster, pools: Mapping[PoolName, Pool], queues: Mapping[QueueName, Queue]) -> list[Fact]:
    """The facts that bring the state from the configuration it knows to this one.

    Raises ConfigError when that would orphan work: a removed pool that still has nodes with work, a removed queue in
    which jobs wait.
    """
    facts: list[Fact] = []
    facts += [PoolConfigured(pool=pool) for name, pool in pools.items() if cluster.pools.get(name) != pool]
    facts += [
        QueueConfigured(queue=queue) for name, queue in queues.items() if _differs(cluster.queues.get(name), queue)
    ]
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


def _differs(known: Queue | None, queue: Queue) -> bool:
    return known is None or replace(known, past=queue.past, spent=queue.spent) != queue
