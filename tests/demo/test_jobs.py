"""The demo's programs on their own: they compute what they say, and go on from where they were stopped."""

from __future__ import annotations

import csv
import signal
from pathlib import Path

import pytest

from tauon.cli.demo.mix import FOLDER, NAMES, Mix, document
from tests.demo.programs import Program, number_in, read_until

FINAL_LOSS = r"^final loss ([0-9.e-]+)$"
ACCURACY = r"^test accuracy ([0-9.]+)"


def a_training(folder: Path, steps: int) -> Program:
    folder.mkdir(exist_ok=True)
    return Program("train", folder, workers=2, STEPS=steps)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Program, str]:
    """A training run that nobody disturbed, and what it wrote."""
    program = a_training(tmp_path_factory.mktemp("undisturbed"), 600)
    codes, written = program.run()
    assert codes == [0, 0], written
    return program, written


def test_training_reports_an_accuracy_worth_having(undisturbed: tuple[Program, str]) -> None:
    assert number_in(ACCURACY, undisturbed[1]) > 0.93


@pytest.mark.parametrize(("number", "rank"), [(signal.SIGTERM, 1), (signal.SIGKILL, 0)])
def test_disturbed_training_comes_to_the_same_result(
    undisturbed: tuple[Program, str], tmp_path: Path, number: signal.Signals, rank: int
) -> None:
    program = a_training(tmp_path, 600)
    with program.attempt() as workers:
        read_until(workers[0], "saved at step")
        workers[rank].send_signal(number)
        for worker in workers:
            worker.communicate(timeout=60)
        assert all(worker.returncode for worker in workers)
    codes, written = program.run()
    assert codes == [0, 0], written
    assert 0 < number_in(r"^resumed at step ([0-9]+)$", written) < 600
    assert number_in(FINAL_LOSS, written) == number_in(FINAL_LOSS, undisturbed[1])


def test_one_worker_and_two_train_the_same_network(undisturbed: tuple[Program, str], tmp_path: Path) -> None:
    codes, written = Program("train", tmp_path, STEPS=600).run()
    assert codes == [0], written
    assert number_in(FINAL_LOSS, written) == pytest.approx(number_in(FINAL_LOSS, undisturbed[1]), rel=1e-6)


def test_evaluation_finds_what_training_reported(undisturbed: tuple[Program, str], tmp_path: Path) -> None:
    trained, written = undisturbed
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "results").symlink_to(trained.results)
    codes, evaluated = Program("evaluate", tmp_path).run()
    assert codes == [0], evaluated
    assert number_in(ACCURACY, evaluated) == number_in(ACCURACY, written)


def test_a_search_repeats_nothing_after_a_notice_and_one_trial_at_most_after_a_kill(tmp_path: Path) -> None:
    program = Program("search", tmp_path, TRIALS=5)
    with program.attempt() as (worker,):
        read_until(worker, "saved after trial 1 ")
        worker.terminate()
        rest, _ = worker.communicate(timeout=60)
        assert worker.returncode == 1
    stopped = number_in(r"^told to stop after trial ([0-9]+)$", rest)
    with program.attempt() as (worker,):
        assert read_until(worker, "resumed at trial") == f"resumed at trial {stopped:.0f}\n"
        read_until(worker, "saved after trial")
        worker.kill()
        worker.wait(timeout=60)
    codes, written = program.run()
    assert codes == [0], written
    assert number_in(r"^resumed at trial ([0-9]+)$", written) > stopped
    assert number_in(r"^5 trials, ([0-9]+) of them done twice$", written) <= 1


def test_orders_add_up(tmp_path: Path) -> None:
    program = Program("orders", tmp_path, ROWS=150_000)
    codes, written = program.run()
    assert codes == [0], written
    with (program.results / "orders.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 5
    assert sum(int(row["orders"]) for row in table) == 150_000
    total = sum(int(row["total_cents"]) for row in table) / 100
    assert f"150,000 rows, {total:,.2f} in all" in written


def test_the_incident_is_found(tmp_path: Path) -> None:
    codes, written = Program("incident", tmp_path, MACHINES=5_000).run()
    assert codes == [0], written
    assert "found 12 of 12 broken machines among 5,000" in written


def test_a_download_fails_once_and_goes_on_with_the_missing_parts(tmp_path: Path) -> None:
    program = Program("download", tmp_path)
    codes, written = program.run()
    assert codes == [1]
    assert "failed: connection reset" in written
    codes, written = program.run()
    assert codes == [0], written
    assert "5,000,000 bytes complete, 3 of 5 parts fetched in this attempt" in written


def test_every_document_is_a_job_that_brings_its_program() -> None:
    for name in NAMES:
        text = document(name).read_text(encoding="utf-8")
        assert f"name: {name}\n" in text
        assert f"run: python {name}.py\n" in text
        assert (FOLDER / f"{name}.py").exists()


def test_the_mix_scales_what_the_jobs_do_and_labels_them(tmp_path: Path) -> None:
    mix = Mix(tmp_path, token="abc", scale=0.1)
    specs = {name: mix.spec(name) for name in NAMES}
    assert specs["train"].env["STEPS"] == "240"
    assert all(spec.labels == {"demo": "abc"} and (spec.workdir or "").startswith("blob:") for spec in specs.values())
    assert mix.spec("evaluate", depends_on=["j2"]).depends_on == ["j2"]
