"""What must fit into the memory of one accelerator: weights, optimiser, activations, caches; and by how much it does not."""

from __future__ import annotations

import msgspec

from tauon.economics.tuning.chips import Chip, Precision
from tauon.economics.tuning.roofline import Run
from tauon.economics.tuning.transformer import Transformer

GIB = 2**30
RUNTIME_BYTES = 3.5e9  # what a runtime, its graphs and its workspace take
COLLECTIVES_BYTES = 0.4e9  # the buffers of collective communication, where there is any
USABLE = 0.92  # of the memory; the rest goes to fragmentation and the driver
ADAM_BYTES = 16.0  # weight and gradient in 2 bytes each, master weight and two moments in 4 (mixed precision, Adam)
FULL_BYTES = 16.0  # all in 4 bytes: weight, gradient, two moments


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is divided: tensor, pipeline and data parallel; `sharded` spreads the optimiser over the data parallel."""

    tp: int = 1
    pp: int = 1
    dp: int = 1
    sharded: bool = True

    @property
    def gpus(self) -> int:
        return self.tp * self.pp * self.dp


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of one accelerator by what takes them, and how many there are to be had."""

    weights: float
    optimiser: float
    activations: float
    cache: float
    runtime: float
    usable: float

    @property
    def total(self) -> float:
        return self.weights + self.optimiser + self.activations + self.cache + self.runtime

    @property
    def fits(self) -> bool:
        return self.total <= self.usable

    @property
    def lacking_gib(self) -> float:
        """GiB that it is too large by; negative is what is left."""
        return (self.total - self.usable) / GIB


def _runtime(layout: Layout) -> float:
    return RUNTIME_BYTES + (COLLECTIVES_BYTES if layout.gpus > 1 else 0.0)


def serving_memory(
    model: Transformer, chip: Chip, layout: Layout, precision: Precision, *, batch: int, context: int
) -> Memory:
    """Weights and the cache of `batch` sequences of `context` tokens, divided by the tensor and pipeline parallel."""
    split = layout.tp * layout.pp
    heads = max(1.0, model.kv_heads / layout.tp) / model.kv_heads * layout.tp  # heads that can't be divided are copied
    return Memory(
        weights=model.parameters * precision.bytes / split,
        optimiser=0.0,
        activations=0.0,
        cache=batch * context * model.kv_bytes_per_token(precision.cache_bytes) * heads / split,
        runtime=_runtime(layout),
        usable=chip.memory_gib * GIB * USABLE,
    )


def training_memory(model: Transformer, chip: Chip, layout: Layout, precision: Precision, run: Run) -> Memory:
    """Mixed-precision Adam: 16 bytes a parameter, sharded over the data parallel (ZeRO-3, Rajbhandari et al. 2020).

    Activations of a layer take 34 s b h bytes without attention scores, which flash attention never writes, and 2 s b h
    with full recomputation (Korthikanti et al. 2022); a pipeline holds as many micro-batches as it has stages.
    """
    own = model.parameters / (layout.tp * layout.pp)
    shards = layout.dp if layout.sharded else 1
    each = FULL_BYTES if precision in (Precision.FP32, Precision.TF32) else ADAM_BYTES
    weight_bytes = min(each / 2, 2 * precision.bytes) / 2
    layers = model.layers / layout.pp
    tokens = run.sequence * run.micro_batch
    per_layer = (2 if run.recompute else 34) * tokens * model.hidden
    in_flight = layout.pp
    logits = tokens * model.vocabulary * 4 / layout.tp if layout.pp == 1 else 0.0
    one_layer = 34 * tokens * model.hidden / layout.tp if run.recompute else 0.0
    return Memory(
        weights=own * weight_bytes / shards,
        optimiser=own * (each - weight_bytes) / shards,
        activations=per_layer * layers * in_flight / layout.tp + logits + one_layer,
        cache=0.0,
        runtime=_runtime(layout),
        usable=chip.memory_gib * GIB * USABLE,
    )
