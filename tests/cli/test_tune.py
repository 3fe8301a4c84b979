"""`tauon tune`: models by name, file and job; prices given or the server's; what is wrong in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from tauon.economics.tuning.search import Tuning
from tests.api.plane import a_job_view
from tests.cli.shell import Shell
from tests.economics.test_tuning import a_config


def told(shell: Shell, *arguments: str) -> Tuning:
    ran = shell("tune", *arguments, "--output", "json")
    assert ran.code == 0, ran.err
    return msgspec.json.decode(ran.out, type=Tuning)


def test_a_model_by_name_or_by_its_configuration(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(a_config()))
    by_name = told(shell, "Qwen/Qwen3-32B", "--price", "H100=2.49:16")
    by_file = told(shell, str(tmp_path), "--price", "H100=2.49:16")
    assert by_name.choices == by_file.choices
    assert len(by_name.choices) == 10
    assert shell.plane.seen == []


def test_without_prices_the_servers_nodes_are_taken(shell: Shell) -> None:
    found = told(shell, "Llama-3.1-8B")
    assert {choice.pool for choice in found.choices} == {"lab"}
    assert shell.plane.seen == [("nodes",)]


def test_a_job_says_its_model_by_a_label(shell: Shell) -> None:
    shell.plane.has(a_job_view(1, labels={"model": "Qwen3-8B"}), a_job_view(2))
    assert told(shell, "j1", "--price", "L40S=0.9").model == "Qwen3-8B"
    ran = shell("tune", "j2", "--price", "L40S=0.9")
    assert (ran.code, "give it the label `model`" in ran.err) == (2, True)


def test_a_training_with_a_deadline(shell: Shell) -> None:
    ran = shell("tune", "Llama-3.1-8B", "--train", "--tokens", "1e10", "--deadline", "2d", "--price", "H100=2.49:64")
    assert ran.code == 0, ran.err
    assert "OF PEAK" in ran.out
    assert "ways looked at" in ran.out


def test_what_was_measured_corrects_the_times(shell: Shell) -> None:
    plain = told(shell, "Qwen3-32B", "--price", "H100=2.49", "--precision", "bf16")
    slower = told(shell, "Qwen3-32B", "--price", "H100=2.49", "--precision", "bf16", "--measured", "H100:2:100")
    assert slower.choices[0].factor > 1
    assert slower.choices[0].tokens_per_s * slower.choices[0].factor == pytest.approx(plain.choices[0].tokens_per_s)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["Nobody-1B", "--price", "H100=2"], 4, "there is no model 'Nobody-1B'"),
        (["Qwen3-8B", "--price", "H100"], 2, "--price: write TYPE=USD"),
        (["Qwen3-8B", "--price", "H100=cheap"], 2, "a price is a number"),
        (["Qwen3-8B", "--price", "Z9=2"], 4, "no data sheet of 'Z9'"),
        (["Qwen3-8B", "--price", "H100=2", "--measured", "H100"], 2, "--measured: write TYPE:GPUS"),
        (["Qwen3-8B", "--price", "H100=2", "--per-token", "soon"], 2, "--per-token"),
        (["Qwen3-8B", "--price", "H100=2", "--train", "--deadline", "1d"], 2, "--deadline needs --tokens"),
        (["Llama-3.1-405B", "--price", "L4=0.5:8"], 2, "fits nowhere"),
    ],
)
def test_what_is_wrong_is_a_sentence(shell: Shell, arguments: list[str], code: int, said: str) -> None:
    ran = shell("tune", *arguments)
    assert ran.code == code
    assert said in ran.err


def test_a_file_that_is_no_configuration(shell: Shell, tmp_path: Path) -> None:
    for text in ("{", "[]", "{}"):
        (tmp_path / "config.json").write_text(text)
        assert shell("tune", str(tmp_path), "--price", "H100=2").code == 2
