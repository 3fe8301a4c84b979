"""The shell completes commands, flags, and the ids of what is there; it gives up quietly when nobody answers."""

import pytest

from tauon.model.errors import Unavailable
from tests.cli.shell import Shell
from tests.cli.views import a_job_view, a_waiting_job


def completed(shell: Shell, monkeypatch: pytest.MonkeyPatch, words: str) -> list[str]:
    monkeypatch.setenv("_TAUON_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    ran = shell()
    assert (ran.code, ran.err) == (0, "")
    return [line.partition(",")[2] for line in ran.out.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tauon ex", ["explain"]),
        ("tauon nodes ", ["list", "drain", "undrain"]),
        ("tauon ps --sta", ["--state"]),
        ("tauon ps --state suc", ["succeeded"]),
        ("tauon show ", ["j2", "j1", "eval", "train"]),
        ("tauon cancel j1 tr", ["train"]),
        ("tauon run --depends-on j", ["j2", "j1"]),
        ("tauon nodes drain n", ["n1"]),
        ("tauon run -q res", ["research/vision"]),
        ("tauon secret delete T", ["TOKEN"]),
    ],
)
def test_words_that_could_stand_here(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, words: str, expected: list[str]
) -> None:
    shell.plane.has(a_waiting_job(2, name="eval"), a_job_view(1, name="train"))
    shell.plane.kept["TOKEN"] = "x"
    assert completed(shell, monkeypatch, words) == expected


def test_the_server_that_is_named_is_the_one_asked(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    completed(shell, monkeypatch, "tauon --server http://a show ")
    assert shell.wiring.wanted == [(None, "http://a")]


@pytest.mark.parametrize("delay_s", [0.0, 60.0])
def test_nothing_is_said_when_nobody_answers(shell: Shell, monkeypatch: pytest.MonkeyPatch, delay_s: float) -> None:
    monkeypatch.setattr("tauon.cli.complete._PATIENCE_S", 0.05)
    shell.wiring.delay_s = delay_s
    shell.wiring.refusal = None if delay_s else Unavailable("no")
    assert completed(shell, monkeypatch, "tauon show ") == []
