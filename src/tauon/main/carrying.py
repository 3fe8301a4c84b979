"""Checkpoints that travel: each pool's provider wrapped, if the configuration says where what jobs save is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tauon.checkpoints.archive import Archive
from tauon.checkpoints.carrier import Carrier
from tauon.checkpoints.places import place_at
from tauon.model.job import Job
from tauon.ports.providers import Provider
from tauon.service.config import CheckpointSettings


def carrying(
    provider: Provider, settings: CheckpointSettings | None, memory: Path, wake: Callable[[], None]
) -> Provider:
    """The provider, carrying its jobs' checkpoints to where the settings say. Raises ConfigError."""
    if settings is None:
        return provider
    labels = frozenset(settings.residency)

    def is_allowed(job: Job) -> bool:
        wanted = job.request.constraints.residency
        return not wanted or not labels.isdisjoint(wanted)

    archive = Archive(place_at(settings.url), keep=settings.keep)
    return Carrier(provider, archive, memory=memory, wake=wake, is_allowed=is_allowed)
