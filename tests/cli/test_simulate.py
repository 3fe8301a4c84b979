"""`tauon simulate` from end to end in one process: table, JSON, the page, and its errors."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.shell import Shell
from tests.house.source import ROOT

TRACE = str(ROOT / "examples" / "traces" / "philly.csv")


def test_the_table_has_the_figures(shell: Shell) -> None:
    ran = shell("simulate", TRACE)
    assert ran.code == 0
    assert ran.out.startswith("philly.csv (philly): 60 jobs on 4 nodes with 32 accelerators\n")
    for figure in ("completion, average", "queueing, p99", "makespan", "utilisation", "preemptions"):
        assert figure in ran.out


def test_json_has_all_of_it(shell: Shell) -> None:
    found = shell("simulate", TRACE, "--until", "1h", "--seed", "3", "-o", "json").json()
    assert (found["seed"], found["jobs"], found["nodes"]) == (3, 60, 4)
    (outcome,) = found["outcomes"]
    assert outcome["score"]["makespan_s"] == 3600
    assert outcome["score"]["unfinished"] > 0
    assert len(outcome["curve"]["at_s"]) == len(outcome["curve"]["held"]) > 200


def test_what_is_left_out_or_refused_is_told(shell: Shell) -> None:
    ran = shell("simulate", str(ROOT / "examples" / "traces" / "helios.csv"), "--nodes", "A100:8x1")
    assert "Left out, 10: never started (first at " in ran.out
    assert re.search(r"Refused, \d+: 2 x \(", ran.out)


def test_the_page_needs_nothing_from_anywhere(shell: Shell, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    ran = shell("simulate", TRACE, "--html", str(page))
    assert ran.code == 0
    assert f"The report is {page}." in ran.err
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert text.count("<svg") == 8
    assert not re.search(r"(src|href)=|https?:|url\(|@import|<script", text)


def test_a_page_that_can_not_be_written(shell: Shell, tmp_path: Path) -> None:
    ran = shell("simulate", TRACE, "--html", str(tmp_path / "no" / "r.html"))
    assert (ran.code, "can't write" in ran.err) == (2, True)


def test_errors_are_sentences(shell: Shell) -> None:
    for arguments, expected in (
        (["none.csv"], "there is no file none.csv"),
        ([TRACE, "--nodes", "many"], "--nodes many: expected TYPE:GPUSxNODES"),
        ([TRACE, "--until", "soon"], "--until: a duration is seconds"),
        ([TRACE, "--policy", "none"], "there is no policy 'none'; there are: "),
        ([TRACE.replace("philly", "acme")], "does not tell which nodes there were: say --nodes"),
    ):
        ran = shell("simulate", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert expected in ran.err
