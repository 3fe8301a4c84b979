"""`tauon run`: files, commands and flags become jobs; what is wrong is said before anyone is asked."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tauon.model.errors import Infeasible
from tauon.model.job import JobState
from tauon.model.job_spec import JobSpec
from tests.cli.shell import Shell
from tests.cli.views import a_detail, a_job_view, a_waiting_job, an_attempt_view, an_ended_attempt, an_ended_job


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestDocuments:
    def test_a_command_is_a_job_called_after_its_script(self, shell: Shell, folder: Path) -> None:
        assert shell("run", "--", "python", "train it.py", "--epochs", "3", "--name", "x").out == "j1\n"
        assert shell.submitted == [JobSpec(name="train-it", run="python 'train it.py' --epochs 3 --name x")]

    @pytest.mark.parametrize(
        ("words", "run", "name"),
        [
            (["echo a && echo b"], "echo a && echo b", "echo"),
            (["/usr/bin/env"], "/usr/bin/env", "env"),
            (["./jobs/eval.sh", "-v"], "./jobs/eval.sh -v", "eval"),
            (["___"], "___", "job"),
        ],
    )
    def test_one_word_is_a_line_of_shell(self, shell: Shell, words: list[str], run: str, name: str) -> None:
        shell("run", "--", *words)
        assert [(spec.run, spec.name) for spec in shell.submitted] == [(run, name)]

    def test_a_file_is_a_job_called_after_the_file(self, shell: Shell, folder: Path) -> None:
        (folder / "my train.yaml").write_text("run: a\nresources: {cpu: 2}\n")
        assert shell("run", "my train.yaml").code == 0
        assert [(spec.name, spec.resources.cpu) for spec in shell.submitted] == [("my-train", 2)]

    def test_several_files_and_documents_go_in_one_submit(self, shell: Shell, folder: Path) -> None:
        (folder / "a.yaml").write_text("run: a\n---\nrun: b\nname: own\n")
        (folder / "b.json").write_text('{"run": "c"}')
        assert shell("run", "a.yaml", "b.json", "--key", "k").out == "j1\nj2\nj3\n"
        assert [(spec.name, spec.run) for spec in shell.submitted] == [("a", "a"), ("own", "b"), ("b", "c")]
        assert [seen for seen in shell.plane.seen if seen[0] == "submit"] == [("submit", f"k/{i}") for i in range(3)]

    def test_standard_input_is_read_for_a_dash(self, shell: Shell) -> None:
        assert shell("run", "-", stdin="run: a\nname: piped").code == 0
        assert shell.submitted[0].name == "piped"

    def test_flags_go_over_what_the_file_says(
        self, shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FROM_HERE", "yes")
        (folder / "a.yaml").write_text("run: a\nname: x\nqueue: q\nenv: {A: '1', B: '1'}\nsecrets: [S]\nworkers: 2\n")
        flags = (
            "-n y -q research -p 5 --workers 4 -g H100:8 -g A100:8 -c 500m -m 16GiB --disk 1TiB -e A=2=3 -e FROM_HERE"
        )
        more = "--secret T -l team=vision --max-price 2.5 --timeout 2h --deadline 6h --retries 2 --depends-on j1"
        assert shell("run", "a.yaml", *flags.split(), *more.split(), "--", "other").code == 0
        (spec,) = shell.submitted
        assert spec.model_dump(exclude_unset=True) == {
            "run": "other",
            "name": "y",
            "queue": "research",
            "priority": 5,
            "workers": 4,
            "resources": {"accelerators": ["H100:8", "A100:8"], "cpu": "500m", "memory": "16GiB", "disk": "1TiB"},
            "env": {"A": "2=3", "B": "1", "FROM_HERE": "yes"},
            "secrets": ["S", "T"],
            "labels": {"team": "vision"},
            "max_price": "2.5",
            "timeout": "2h",
            "deadline": "6h",
            "retries": {"failed": 2},
            "depends_on": ["j1"],
        }

    def test_a_bare_number_of_gpus_is_of_any_type(self, shell: Shell) -> None:
        shell("run", "--gpus", "2", "--", "true")
        assert shell.submitted[0].resources.accelerators == {"count": 2}

    def test_a_workdir_is_relative_to_its_file(self, shell: Shell, folder: Path) -> None:
        (folder / "jobs").mkdir()
        (folder / "jobs" / "a.yaml").write_text("run: a\nworkdir: ../src\n")
        shell("run", "jobs/a.yaml")
        shell("run", "jobs/a.yaml", "-C", "other")
        assert [spec.workdir for spec in shell.submitted] == ["jobs/../src", "other"]

    def test_a_command_that_names_a_file_of_this_folder_is_warned(self, shell: Shell, folder: Path) -> None:
        (folder / "train.py").touch()
        assert "bring this one with -C ." in shell("run", "--", "python", "train.py").err
        assert shell("run", "-C", ".", "--", "python", "train.py").err == ""

    def test_a_dry_run_submits_nothing_and_needs_no_server(self, shell: Shell) -> None:
        ran = shell("run", "--dry-run", "-g", "H100:8", "--", "true")
        assert yaml.safe_load(ran.out) == {"name": "true", "run": "true", "resources": {"accelerators": "H100:8"}}
        assert ran.err == "1 job, nothing wrong; nothing was submitted.\n"
        assert (shell.submitted, shell.wiring.wanted) == ([], [])
        as_json = shell("run", "--dry-run", "-o", "json", "--", "true")
        assert json.loads(as_json.out) == [{"name": "true", "run": "true"}]


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ([], "say what to run: a file, or a command after `--`"),
            (["--"], "nothing stands after `--`"),
            (
                ["python", "train.py"],
                "there is no file python; to run a command, put it after `--`: tauon run -- python",
            ),
            (["trian.yaml"], "there is no file trian.yaml; did you mean train.yaml?"),
            (["sub"], "sub is a folder; give a job document in it, such as sub/job.yaml"),
            (["bad.yaml"], "bad.yaml:2:1: `acelerators` is no field of a job"),
            (["broken.yaml"], "broken.yaml:2:4: expected `,` or the `]` that closes the list"),
            (["two.yaml", "--", "true"], "one command can't be that of several jobs"),
            (["--gpus", "H100:x", "--", "true"], "--gpus: `resources.accelerators`: a number of accelerators"),
            (["--workers", "0", "--", "true"], "--workers: `workers`: expected at least 1, found 0"),
            (["--env", "NOT_SET_ANYWHERE", "--", "true"], "--env NOT_SET_ANYWHERE: it is not set here"),
            (["--label", "team", "--", "true"], "--label team: a label is written KEY=VALUE"),
            (["--timeout", "soon", "--", "true"], "--timeout: `timeout`: a duration is seconds"),
        ],
    )
    def test_what_is_wrong_is_said_before_anyone_is_asked(
        self, shell: Shell, folder: Path, arguments: list[str], said: str
    ) -> None:
        (folder / "sub").mkdir()
        (folder / "train.yaml").write_text("run: a")
        (folder / "bad.yaml").write_text("run: a\nacelerators: H100:8")
        (folder / "broken.yaml").write_text("secrets: [A\nrun: a")
        (folder / "two.yaml").write_text("run: a\n---\nrun: b")
        ran = shell("run", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("error: " + said)
        assert shell.wiring.wanted == []

    def test_all_problems_of_all_files_come_at_once(self, shell: Shell, folder: Path) -> None:
        (folder / "a.yaml").write_text("run: a\nworkers: 0\ncmd: b")
        (folder / "b.yaml").write_text("name: x")
        assert [line.split(": ")[1] for line in shell("run", "a.yaml", "b.yaml").err.splitlines()] == [
            "a.yaml:2:10",
            "a.yaml:3:1",
            "b.yaml:1:1",
        ]

    def test_what_no_pool_can_hold_is_told_by_the_server(self, shell: Shell) -> None:
        shell.plane.raises = Infeasible("H100:64 fits nowhere; the largest node has H100:8 (pool lab)")
        ran = shell("run", "-g", "H100:64", "--", "true")
        assert (ran.code, ran.err) == (2, "error: H100:64 fits nowhere; the largest node has H100:8 (pool lab)\n")


class TestStaying:
    def story(self, shell: Shell, state: JobState, message: str = "") -> None:
        """The job waits, runs, writes and ends."""
        ended = an_ended_attempt(1)
        shell.plane.has(a_waiting_job(1, name="true"))
        running = a_detail(a_job_view(1, name="true", workers=1), attempts=[an_attempt_view(1)])
        final = a_detail(an_ended_job(1, state, name="true", message=message), attempts=[ended])
        shell.plane.turns = [lambda: shell.plane.has(running), lambda: shell.plane.has(final)]
        shell.plane.outputs = {(1, 0): b"hello\nworld"}

    @pytest.mark.parametrize(
        ("state", "code"), [(JobState.SUCCEEDED, 0), (JobState.FAILED, 1), (JobState.CANCELLED, 8)]
    )
    @pytest.mark.parametrize("flag", ["--wait", "--follow"])
    def test_the_exit_code_is_the_jobs(self, shell: Shell, state: JobState, code: int, flag: str) -> None:
        self.story(shell, state, "worker 0 exited with code 3" if state is JobState.FAILED else "")
        ran = shell("run", flag, "--", "true")
        assert ran.code == code
        assert ran.out == ("hello\nworld" if flag == "--follow" else "")
        assert re.search(rf"j1 \(true\) (was )?{state}", ran.err)
        assert "It ran for 4m and cost $2.40." in ran.err
        assert ("Worker 0 exited with code 3" in ran.err) == (state is JobState.FAILED)

    def test_waiting_tells_each_state_once(self, shell: Shell) -> None:
        self.story(shell, JobState.SUCCEEDED)
        assert shell("run", "--wait", "--", "true").err.splitlines()[:3] == [
            "j1 (true) is queued",
            "j1 (true) is running, H100:8 on lab (n1: 0,1,2,3,4,5,6,7)",
            "j1 (true) succeeded",
        ]

    def test_of_several_jobs_the_first_failure_counts(self, shell: Shell, folder: Path) -> None:
        (folder / "a.yaml").write_text("run: a\n---\nrun: b\n---\nrun: c")
        failed, cancelled = an_ended_job(2, JobState.FAILED), an_ended_job(3, JobState.CANCELLED)
        shell.plane.has(an_ended_job(1), failed, cancelled)
        assert shell("run", "--wait", "a.yaml").code == 1

    def test_json_has_the_ids_first(self, shell: Shell) -> None:
        self.story(shell, JobState.SUCCEEDED)
        ran = shell("run", "--wait", "-o", "json", "--", "true")
        assert [job["id"] for job in json.loads(ran.out)] == ["j1"]
        assert ran.err == ""

    def test_a_server_that_ends_the_stream_is_no_success(self, shell: Shell) -> None:
        shell.plane.has(a_waiting_job(1))
        ran = shell("run", "--wait", "--", "true")
        assert ran.code == 7
        assert "j1 goes on without being watched" in ran.err
