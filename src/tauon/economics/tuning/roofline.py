"""How long a step takes: the slower of arithmetic and memory, divided over accelerators that must talk to each other.

The roofline of Williams, Waterman and Patterson (2009), with a ring all-reduce twice in each layer.
"""

from __future__ import annotations

import math

import msgspec

from tauon.economics.tuning.chips import Chip, Precision
from tauon.economics.tuning.transformer import Transformer

NODE_LINK_GB_S = 100.0  # 400 Gbit/s for each accelerator, both directions


class Constants(msgspec.Struct, frozen=True, kw_only=True):
    """What share of the data sheet is reached, and what does not shrink with it.

    `compute`, `memory`, `link`: shares of the peaks. `scaling`: the exponent of what tensor parallelism gains on one step.
    `layer_us`: microseconds of launching the kernels of a layer. `latency_us`: of one all-reduce, however small.
    """

    compute: float = 0.80
    memory: float = 0.85
    link: float = 0.40
    scaling: float = 1.0
    layer_us: float = 30.0
    latency_us: float = 10.0


# Before anything was measured. compute: the best matrix product over the data sheet (H100 795 of 989, A100 271 of 312, B200
# 1745 of 2250); memory: what stream benchmarks reach of HBM; link: 80 % of one direction. The rest are round numbers.
UNTUNED = Constants()


def step_s(model: Transformer, chip: Chip, tp: int, work: Work, constants: Constants = UNTUNED) -> float:
    """Seconds of one forward pass over `work`, by `tp` accelerators of one node.

    Arithmetic: 2 operations for each active parameter and token, and 4 for each token and each token that it attends to, per
    head and its width. Memory: all weights that take part once, and the cache of all sequences.
    """
    peak = chip.peak(work.precision.multiplied_in) or chip.peak(Precision.FP32) or 1.0
    attended = 4 * model.layers * model.heads * model.head_dim * work.attended
    operations = 2 * model.active_parameters * work.tokens + attended
    weights = _weights_read(model, work.tokens) * work.precision.bytes
    bytes_moved = weights + work.cached * model.kv_bytes_per_token(work.precision.cache_bytes)
    arithmetic_s = operations / (peak * 1e12 * constants.compute)
    memory_s = bytes_moved / (chip.memory_gb_s * 1e9 * constants.memory)
    alone_s = max(arithmetic_s, memory_s) / math.pow(tp, constants.scaling)
    return alone_s + _talk_s(model, chip, tp, work, constants) + model.layers * constants.layer_us * 1e-6


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What one pass does: new tokens, the pairs of tokens that attend, tokens whose cache is read; and the precision."""

    tokens: float
    attended: float
    cached: float
    precision: Precision = Precision.BF16


def decode(batch: int, context: float, precision: Precision) -> Work:
    """One token more for each sequence."""
    return Work(tokens=batch, attended=batch * context, cached=batch * context, precision=precision)


def prefill(prompt: int, precision: Precision) -> Work:
    """The whole prompt of one sequence: each token attends to those before it."""
    return Work(tokens=prompt, attended=prompt * prompt / 2, cached=0, precision=precision)


def _weights_read(model: Transformer, tokens: float) -> float:
    """Parameters that a pass reads: of experts, those that some token was sent to (each token picks at random)."""
    if model.experts <= 1:
        return model.active_parameters
    idle = math.pow(1 - model.active / model.experts, max(1.0, tokens))
    one = 3 * model.hidden * model.intermediate * model.layers
    return model.active_parameters + one * (model.experts * (1 - idle) - model.active)


def _talk_s(model: Transformer, chip: Chip, tp: int, work: Work, constants: Constants) -> float:
    """Two ring all-reduces a layer of the hidden states of all new tokens, in two bytes each."""
    if tp == 1:
        return 0.0
    amount = 2 * (tp - 1) / tp * work.tokens * model.hidden * 2
    each_s = amount / (chip.link_gb_s * 1e9 * constants.link) + constants.latency_us * 1e-6
    return 2 * model.layers * each_s


class Serving(msgspec.Struct, frozen=True, kw_only=True):
    """How a replica serves: seconds to the first token and for each one after it, tokens a second of all sequences."""

    first_token_s: float
    per_token_s: float
    tokens_per_s: float


def serving(
    model: Transformer, chip: Chip, tp: int, precision: Precision, load: Load, constants: Constants = UNTUNED
) -> Serving:
    """A replica in steady state with continuous batching: while a sequence is written, prompts of others are read in.

    Time per output token = decode step + (batch x prefill step) / output length.
    """
    context = load.prompt + load.output / 2
    one = step_s(model, chip, tp, decode(load.batch, context, precision), constants)
    first = step_s(model, chip, tp, prefill(load.prompt, precision), constants)
    per_token_s = one + load.batch * first / load.output
    return Serving(first_token_s=first + one, per_token_s=per_token_s, tokens_per_s=load.batch / per_token_s)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica is asked: tokens of a prompt and of an answer, and sequences at once."""

    prompt: int = 2000
    output: int = 500
    batch: int = 8


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """How a training runs: seconds of an optimiser step, tokens a second in all, and the share of the peak that it reaches."""

    step_s: float
    tokens_per_s: float
    utilisation: float


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained on: sequence length, sequences of one micro-batch, sequences of an optimiser step, recomputation."""

    sequence: int = 4096
    micro_batch: int = 1
    batch: int = 256
    recompute: bool = False


MODEL_FLOPS_SHARE = 0.55  # of the peak: what well-tuned training of large models reaches (Megatron-LM, MosaicML tables)
NORM = 4.0  # how well communication hides behind arithmetic: p of a p-norm; infinity would hide all, 1 nothing


def training(
    model: Transformer,
    chip: Chip,
    layout: tuple[int, int, int],
    precision: Precision,
    run: Run,
    share: float = MODEL_FLOPS_SHARE,
) -> Training:
    """An optimiser step on `layout` = (tensor, pipeline, data) parallel.

    6 operations for each active parameter and token, 8 with recomputation; the pipeline's bubble is (p - 1) / (m + p - 1) of the time
    (Narayanan et al. 2021). Communication: two all-reduces a layer and direction for tensors, gather and scatter of the sharded
    weights for data; it overlaps as a p-norm (the form of Pollux, OSDI'21).
    """
    tp, pp, dp = layout
    gpus = tp * pp * dp
    tokens = run.batch * run.sequence
    peak = chip.peak(precision) or 1.0
    per_token: float = (8 if run.recompute else 6) * model.active_parameters
    per_token += (4 if run.recompute else 3) * 4 * model.layers * model.heads * model.head_dim * run.sequence / 2
    arithmetic_s = per_token * tokens / (gpus * peak * 1e12 * share)
    micro_batches = max(1, run.batch // (dp * run.micro_batch))
    bubble = (pp - 1) / (micro_batches + pp - 1)
    own_tokens = tokens / dp
    tensor_bytes = 4 * 2 * (tp - 1) / tp * own_tokens * model.hidden * 2 * model.layers / pp if tp > 1 else 0.0
    tensor_s = tensor_bytes / (chip.link_gb_s * 1e9 * UNTUNED.link)
    data_bytes = 3 * 2 * (dp - 1) / dp * model.parameters / (tp * pp) if dp > 1 else 0.0
    link = chip.link_gb_s if gpus <= chip.node else NODE_LINK_GB_S
    data_s = data_bytes / (link * 1e9 * UNTUNED.link)
    work_s = arithmetic_s / (1 - bubble) + tensor_s
    step = math.pow(math.pow(work_s, NORM) + math.pow(data_s, NORM), 1 / NORM)
    useful = 6 * model.active_parameters * tokens / (gpus * peak * 1e12)
    return Training(step_s=step, tokens_per_s=tokens / step, utilisation=useful / step)
