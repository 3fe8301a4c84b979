"""Tuning: shapes as published, memory that adds up, times that behave as physics does, and choices that keep their goals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tauon.economics.tuning.calibrate import Correction, Point, error, fitted
from tauon.economics.tuning.chips import CHIPS, Precision, chip_named
from tauon.economics.tuning.known import MODELS, known
from tauon.economics.tuning.memory import GIB, Layout, serving_memory, training_memory
from tauon.economics.tuning.roofline import UNTUNED, Constants, Load, Run, decode, serving, step_s, training
from tauon.economics.tuning.search import Goal, Place, tune_serving, tune_training
from tauon.economics.tuning.transformer import read_config
from tauon.model.accelerator import BF16_TFLOPS, MEMORY_GIB
from tauon.model.errors import Infeasible, InvalidSpec, NotFound

QWEN = MODELS["Qwen3-32B"]
SMALL = MODELS["Llama-3.1-8B"]


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("Llama-3.1-8B", 8.03),
        ("Llama-3.1-70B", 70.6),
        ("Llama-3.1-405B", 405.9),
        ("Mistral-7B-v0.3", 7.25),
        ("Mixtral-8x7B", 46.7),
        ("Qwen3-8B", 8.19),
        ("Qwen3-32B", 32.8),
    ],
)
def test_parameters_are_those_that_are_published(name: str, billions: float) -> None:
    assert MODELS[name].parameters / 1e9 == pytest.approx(billions, rel=0.005)
    assert known(f"maker/{name.lower()}") is MODELS[name]


def test_only_the_active_experts_count_for_a_token() -> None:
    assert MODELS["Mixtral-8x7B"].active_parameters / 1e9 == pytest.approx(12.8, rel=0.02)


def a_config(**fields: Any) -> dict[str, Any]:
    defaults = {
        "model_type": "qwen3",
        "num_hidden_layers": 64,
        "hidden_size": 5120,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "intermediate_size": 25600,
        "vocab_size": 151936,
        "tie_word_embeddings": False,
    }
    return {key: value for key, value in (defaults | fields).items() if value is not ...}


def test_a_configuration_file_gives_the_same_shape() -> None:
    assert replace(read_config(json.loads(json.dumps(a_config())), "x"), name=QWEN.name) == QWEN
    nested = {"model_type": "sees_too", "text_config": a_config()}
    assert replace(read_config(nested, "x"), name=QWEN.name) == QWEN


def test_old_and_expert_configurations_are_read_too() -> None:
    gpt2 = read_config(
        {
            "model_type": "gpt2",
            "n_layer": 12,
            "n_embd": 768,
            "n_head": 12,
            "vocab_size": 50257,
            "tie_word_embeddings": True,
        },
        "gpt2",
    )
    assert gpt2.parameters / 1e6 == pytest.approx(124, rel=0.01)
    experts = read_config(a_config(num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768), "x")
    assert (experts.experts, experts.active, experts.intermediate) == (128, 8, 768)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hidden_size": ...}, "has the field hidden_size, and this has not"),
        ({"num_hidden_layers": "many"}, "num_hidden_layers is a whole number above 0, not 'many'"),
        ({"vocab_size": -1}, "vocab_size is a whole number above 0"),
        ({"num_attention_heads": True}, "num_attention_heads is a whole number"),
    ],
)
def test_a_wrong_configuration_is_named_with_its_field(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSpec, match=said):
        read_config(a_config(**fields), "m")


def test_the_data_sheet_agrees_with_the_types_that_tauon_knows() -> None:
    for name, chip in CHIPS.items():
        assert chip.source
        assert chip.memory_gib == MEMORY_GIB.get(name, chip.memory_gib)
        assert chip.peak(Precision.BF16) == BF16_TFLOPS.get(name, chip.peak(Precision.BF16))
        assert chip.achieved_bf16 is None or chip.achieved_bf16 <= (chip.peak(Precision.BF16) or 0)
    assert chip_named("h100-80gb").name == "H100"
    with pytest.raises(NotFound, match="no data sheet of 'Z9'"):
        chip_named("Z9")


def test_memory_of_a_replica_is_weights_and_cache() -> None:
    found = serving_memory(QWEN, CHIPS["H100"], Layout(), Precision.BF16, batch=8, context=2500)
    assert found.weights == QWEN.parameters * 2
    assert found.cache == 8 * 2500 * 2 * 64 * 8 * 128 * 2
    assert found.fits == (found.total <= 80 * GIB * 0.92)
    half = serving_memory(QWEN, CHIPS["H100"], Layout(tp=2), Precision.BF16, batch=8, context=2500)
    assert half.weights == found.weights / 2


def test_memory_of_a_training_is_16_bytes_a_parameter_until_it_is_sharded() -> None:
    run = Run(sequence=4096, micro_batch=1, recompute=True)
    alone = training_memory(SMALL, CHIPS["H100"], Layout(), Precision.BF16, run)
    assert alone.weights + alone.optimiser == pytest.approx(16 * SMALL.parameters)
    assert not alone.fits
    shared = training_memory(SMALL, CHIPS["H100"], Layout(dp=8), Precision.BF16, run)
    assert shared.weights + shared.optimiser == pytest.approx(2 * SMALL.parameters)
    assert shared.fits
    full = training_memory(SMALL, CHIPS["H100"], Layout(dp=8), Precision.BF16, replace(run, recompute=False))
    assert full.activations > shared.activations


@given(st.integers(1, 256), st.integers(1, 32000), st.sampled_from([1, 2, 4, 8]))
def test_more_work_never_takes_less_time(batch: int, context: int, tp: int) -> None:
    chip = CHIPS["H100"]
    one = step_s(QWEN, chip, tp, decode(batch, context, Precision.BF16))
    assert step_s(QWEN, chip, tp, decode(batch + 1, context, Precision.BF16)) >= one
    assert step_s(QWEN, chip, tp, decode(batch, context + 1000, Precision.BF16)) >= one
    assert step_s(QWEN, CHIPS["H200"], tp, decode(batch, context, Precision.BF16)) <= one
    assert step_s(QWEN, chip, tp, decode(batch, context, Precision.FP8)) <= one


def test_one_token_of_one_sequence_takes_the_time_to_read_the_weights() -> None:
    perfect = Constants(compute=1, memory=1, link=1, layer_us=0, latency_us=0)
    found = step_s(QWEN, CHIPS["H100"], 1, decode(1, 1, Precision.BF16), perfect)
    assert found == pytest.approx(QWEN.active_parameters * 2 / 3350e9, rel=1e-3)


def test_a_training_without_loss_takes_six_operations_a_parameter_and_token() -> None:
    run = Run(sequence=1, micro_batch=1, batch=1024)
    found = training(SMALL, CHIPS["H100"], (1, 1, 1), Precision.BF16, run, share=1.0)
    assert found.tokens_per_s == pytest.approx(989e12 / (6 * SMALL.active_parameters), rel=0.01)
    assert found.utilisation == pytest.approx(1, rel=0.01)
    piped = training(SMALL, CHIPS["H100"], (1, 4, 1), Precision.BF16, replace(run, batch=12), share=1.0)
    assert piped.utilisation == pytest.approx(12 / 15, rel=0.01)


PLACES = (Place(accelerator="H100", usd_per_h=2.5), Place(accelerator="A100", usd_per_h=1.5, pool="lab"))


def test_choices_fit_keep_the_goal_and_are_the_cheapest_first() -> None:
    goal = Goal(first_token_s=1.0, per_token_s=0.04)
    found = tune_serving(QWEN, PLACES, Load(), goal)
    prices = [choice.usd_per_mtoken for choice in found.choices]
    assert prices == sorted(prices)
    for choice in found.choices:
        assert choice.memory_share <= 1
        assert choice.per_token_s is not None
        assert choice.per_token_s <= 0.04
        assert choice.usd_per_mtoken == pytest.approx(choice.usd_per_h / 3600 / choice.tokens_per_s * 1e6)
    tighter = tune_serving(QWEN, PLACES, Load(), replace(goal, per_token_s=0.02))
    assert tighter.choices[0].usd_per_mtoken >= found.choices[0].usd_per_mtoken


def test_a_precision_is_only_offered_where_the_chip_has_it() -> None:
    found = tune_serving(SMALL, PLACES, Load(), Goal())
    assert Precision.FP8 not in {c.precision for c in found.choices if c.accelerator == "A100"}
    assert Precision.FP8 in {c.precision for c in found.choices if c.accelerator == "H100"}
    only = [replace(place, precisions=(Precision.BF16,)) for place in PLACES]
    assert {c.precision for c in tune_serving(SMALL, only, Load(), Goal()).choices} == {Precision.BF16}


def test_a_training_is_done_by_its_deadline() -> None:
    goal = Goal(tokens=1e10, deadline_h=24)
    found = tune_training(SMALL, PLACES, Run(), goal)
    assert all(choice.hours is not None and choice.hours <= 24 for choice in found.choices)
    assert all(choice.gpus == choice.tp * choice.pp * choice.dp <= 64 for choice in found.choices)


@pytest.mark.parametrize(
    ("model", "place", "goal", "said"),
    [
        (
            "Llama-3.1-405B",
            Place(accelerator="L4", usd_per_h=1, most=8),
            Goal(),
            r"fits nowhere: .* each lacks 5\.3 GiB",
        ),
        ("Qwen3-32B", PLACES[0], Goal(per_token_s=0.001), r"a token takes 0\.00\d+ s, and 0\.001 s are allowed"),
        ("Qwen3-32B", Place(accelerator="Abacus", usd_per_h=1), Goal(), "no accelerator with a data sheet"),
    ],
)
def test_what_can_t_be_done_says_by_how_much(model: str, place: Place, goal: Goal, said: str) -> None:
    with pytest.raises(Infeasible, match=said):
        tune_serving(MODELS[model], [place], Load(), goal)


def test_a_training_that_fits_nowhere_or_is_never_done_says_so() -> None:
    small = [Place(accelerator="T4", usd_per_h=1, most=4)]
    with pytest.raises(Infeasible, match="fits nowhere: the nearest is 4 T4"):
        tune_training(MODELS["Llama-3.1-70B"], small, Run(), Goal())
    with pytest.raises(Infeasible, match="h, and 1 h are allowed"):
        tune_training(SMALL, PLACES, Run(), Goal(tokens=1e12, deadline_h=1))


def test_constants_are_found_again_from_what_they_told() -> None:
    truth = Constants(compute=0.7, memory=0.9, link=0.35, scaling=0.95, layer_us=45, latency_us=UNTUNED.latency_us)
    points = [
        Point(
            chip=CHIPS[name],
            tp=tp,
            load=Load(batch=batch),
            per_token_s=serving(QWEN, CHIPS[name], tp, Precision.BF16, Load(batch=batch), truth).per_token_s,
        )
        for name in ("A100", "H100", "B200")
        for tp in (1, 2, 8)
        for batch in (1, 16, 64)
    ]
    before = error(QWEN, points, UNTUNED)
    assert error(QWEN, points, fitted(QWEN, points)) < min(0.02, before / 2)


def test_a_correction_follows_what_is_measured() -> None:
    correction = Correction()
    assert correction.factor == 1
    assert correction.after(1.0, 2.0).factor == pytest.approx(2)
    assert correction.after(1.0, 2.0).after(1.0, 0.5).factor == pytest.approx(1)
    for _ in range(50):
        correction = correction.after(1.0, 1.3)
    assert correction.factor == pytest.approx(1.3)


def test_measured_times_change_the_order() -> None:
    found = tune_serving(QWEN, PLACES, Load(), Goal())
    best = found.choices[0].accelerator
    slowed = tune_serving(QWEN, PLACES, Load(), Goal(), correct=lambda name: 3.0 if name == best else 1.0)
    assert slowed.choices[0].accelerator != best
