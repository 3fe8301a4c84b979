"""The settings of a local pool, as its configuration gives them under `options`."""

from __future__ import annotations

import msgspec

from tauon.model.accelerator import canonical_type
from tauon.model.errors import ConfigError
from tauon.model.pool import Pool


class VirtualGpus(msgspec.Struct, frozen=True):
    """Accelerators of one pretended node, that are only counted."""

    type: str
    count: int


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be set; docs/how-to/local-provider.md explains each. Amounts left out are measured."""

    virtual_gpus: str | list[str] = []
    cpu: float | None = None
    memory_gib: float | None = None
    disk_gib: float | None = None
    limit_cpu: bool = True
    limit_memory: bool = True
    pass_env: list[str] = []
    log_max_mib: int = 64
    logs_keep_days: float = 30.0
    logs_keep_mib: int = 4096
    checkpoints_keep_days: float = 30.0

    @property
    def pretended(self) -> tuple[VirtualGpus, ...]:
        """One entry for each node to pretend; none when the real accelerators count. Raises ValueError."""
        texts = [self.virtual_gpus] if isinstance(self.virtual_gpus, str) else self.virtual_gpus
        return tuple(_virtual(text) for text in texts if text)


def read_options(pool: Pool) -> LocalOptions:
    """The pool's options, checked. Raises ConfigError."""
    try:
        options = msgspec.convert(pool.options, LocalOptions)
        list(options.pretended)
    except (msgspec.ValidationError, ValueError) as error:
        known = ", ".join(LocalOptions.__struct_fields__)
        raise ConfigError(f"pool {pool.name}: options: {error} (the local provider has {known})") from None
    if options.log_max_mib < 1:
        raise ConfigError(f"pool {pool.name}: options: log_max_mib must be 1 or more")
    return options


def _virtual(text: str) -> VirtualGpus:
    type_, _, count = text.partition(":")
    if not type_.strip() or not (count or "1").strip().isdigit() or not 1 <= int(count or 1) <= 1024:
        raise ValueError(f"virtual_gpus: {text!r} is not a type and a number such as H100:8")
    return VirtualGpus(canonical_type(type_.strip()), int(count or 1))
