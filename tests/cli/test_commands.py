"""Commands ask the control plane for the right thing and show its answer as text, JSON and YAML."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tauon.cli.actions.server import Versions
from tauon.cli.options import DemoOptions, LoginOptions, ServeOptions, VerifyOptions
from tauon.cli.wiring import PageLink, VerifyReport
from tauon.model.errors import Unavailable
from tauon.model.job import FINAL_STATES, JobState
from tauon.service.control_plane import CostQuery, JobQuery, UsageQuery
from tauon.service.offer_views import OfferView
from tauon.service.views import (
    BudgetView,
    CostReport,
    EventView,
    Explanation,
    JobDetail,
    JobView,
    NodeView,
    PoolView,
    QueueView,
    ServerInfo,
    Top,
    UsageReport,
    WasteView,
)
from tests.cli.shell import Shell
from tests.cli.views import a_job_view, a_waiting_job, an_ended_job, an_event

READING: list[tuple[list[str], Any]] = [
    (["ps"], list[JobView]),
    (["show", "j1"], JobDetail),
    (["explain", "j1"], Explanation),
    (["cancel", "j1"], list[JobView]),
    (["migrate", "j1", "--to", "sky"], JobView),
    (["top"], Top),
    (["nodes"], list[NodeView]),
    (["nodes", "list"], list[NodeView]),
    (["nodes", "drain", "n1"], list[NodeView]),
    (["nodes", "undrain", "n1"], list[NodeView]),
    (["pools"], list[PoolView]),
    (["offers", "H100:8", "--spot"], list[OfferView]),
    (["queues"], list[QueueView]),
    (["usage"], UsageReport),
    (["budgets"], list[BudgetView]),
    (["waste"], list[WasteView]),
    (["cost"], CostReport),
    (["cost", "show", "--by", "region"], CostReport),
    (["secret", "list"], list[str]),
    (["admin", "verify"], VerifyReport),
    (["version"], Versions),
    (["login", "http://gpu-box:8286"], ServerInfo),
    (["page"], PageLink),
]


@pytest.fixture
def house(shell: Shell) -> Shell:
    """A shell before a control plane with one running job."""
    shell.plane.has(a_job_view(1))
    shell.plane.journal.append(an_event(1, text="ada submitted j1"))
    return shell


class TestFormats:
    @pytest.mark.parametrize(
        ("command", "type_"), READING, ids=lambda value: " ".join(value) if type(value) is list else ""
    )
    def test_json_is_the_answer_and_yaml_the_same_data(self, house: Shell, command: list[str], type_: Any) -> None:
        as_json = house(*command, "-o", "json", stdin="token")
        house.plane.has(a_job_view(1))
        as_yaml = house(*command, "--output", "yaml", stdin="token")
        as_text = house(*command, stdin="token") if command[0] != "cancel" else as_json
        assert (as_json.code, as_yaml.code, as_text.code) == (0, 0, 0)
        again = msgspec.json.encode(msgspec.json.decode(as_json.out, type=type_))
        assert json.loads(again) == as_json.json()
        assert yaml.safe_load(as_yaml.out) == as_json.json()
        assert as_json.err == as_yaml.err == ""

    def test_the_format_may_stand_before_the_command_too(self, house: Shell) -> None:
        assert house("-o", "json", "ps").json() == house("ps", "-o", "json").json()
        assert house("-o", "json", "ps", "-o", "table").out.startswith("JOB")

    def test_events_are_json_one_to_a_line(self, house: Shell) -> None:
        house.plane.journal.append(an_event(2, text="j1 runs"))
        lines = house("events", "-o", "json").out.splitlines()
        assert [msgspec.json.decode(line, type=EventView).seq for line in lines] == [1, 2]
        assert [one["seq"] for one in yaml.safe_load_all(house("events", "-o", "yaml").out)] == [1, 2]

    def test_money_and_times_keep_their_exact_text(self, house: Shell) -> None:
        detail = house("show", "j1", "-o", "json").json()
        assert detail["cost_usd"] == "2.400000"
        assert datetime.fromisoformat(detail["job"]["submitted_at"]) == datetime(2026, 1, 1, 12, tzinfo=UTC)


class TestJobs:
    def test_the_list_has_what_lives_unless_all_is_wanted(self, shell: Shell) -> None:
        shell.plane.has(a_waiting_job(2), an_ended_job(1))
        assert [job["id"] for job in shell("ps", "-o", "json").json()] == ["j2"]
        assert [job["id"] for job in shell("ps", "-a", "-o", "json").json()] == ["j2", "j1"]
        assert [job["id"] for job in shell("ps", "-s", "succeeded", "-o", "json").json()] == ["j1"]

    def test_filters_go_to_the_server(self, shell: Shell) -> None:
        shell("ps", "train", "-q", "research", "-u", "ada", "-l", "a=1", "-l", "b=2", "-n", "7")
        query = JobQuery(
            states=tuple(state for state in JobState if state not in FINAL_STATES),
            queue="research",
            user="ada",
            text="train",
            labels=("a=1", "b=2"),
            limit=8,
        )
        assert shell.plane.seen == [("jobs", query)]

    def test_a_long_list_says_that_there_is_more(self, shell: Shell) -> None:
        shell.plane.has(*[a_waiting_job(number) for number in range(30, 0, -1)])
        ran = shell("ps", "-n", "20")
        assert len(ran.out.splitlines()) == 21
        assert ran.err == "There are more than these 20: --limit 0 lists them all.\n"
        assert shell("ps", "-n", "30").err == ""

    def test_a_list_without_limit_is_read_page_by_page(self, shell: Shell) -> None:
        shell.plane.has(*[a_waiting_job(number) for number in range(2500, 0, -1)])
        assert len(shell("ps", "-n", "0", "-o", "json").json()) == 2500
        assert [seen[1].before for seen in shell.plane.seen] == ["", "j1501", "j501"]

    @pytest.mark.parametrize(
        ("flags", "hint"),
        [
            ([], "Start one with `tauon run -- COMMAND`; `tauon ps --all` lists"),
            (["-a"], "There has been no job yet."),
            (["-u", "bob"], "No job is like that."),
        ],
    )
    def test_an_empty_list_says_what_to_do_next_beside_the_output(
        self, shell: Shell, flags: list[str], hint: str
    ) -> None:
        ran = shell("ps", *flags)
        assert (ran.code, ran.out) == (0, "")
        assert hint in ran.err
        assert shell("ps", *flags, "-o", "json").out == "[]\n"

    def test_watching_a_pipe_prints_each_news(self, shell: Shell) -> None:
        shell.plane.has(a_waiting_job(1))
        shell.plane.turns = [lambda: shell.plane.has(a_job_view(1)), lambda: shell.plane.has(an_ended_job(1))]
        shell.plane.turn_s = 0.4
        ran = shell("ps", "-w", "-a", "-o", "json")
        states = [msgspec.json.decode(line, type=list[JobView])[0].state for line in ran.out.splitlines()]
        assert (states[0], states[-1]) == (JobState.QUEUED, JobState.SUCCEEDED)
        assert (ran.code, ran.err) == (7, "error: the server ended the stream of news\n")

    def test_cancelling_goes_on_after_a_failure_whose_code_it_returns(self, shell: Shell) -> None:
        shell.plane.has(an_ended_job(1), a_waiting_job(2))
        ran = shell("cancel", "j1", "j77", "j2")
        assert ran.code == 5
        assert ran.out == "j2 (train-resnet) is cancelled\n"
        assert ran.err == (
            "error: j1 has succeeded already\nerror: there is no job 'j77'; `tauon ps --all` lists them\n"
        )

    def test_an_unknown_job_is_an_error_with_its_own_code(self, shell: Shell) -> None:
        for command in ("show", "explain", "logs"):
            ran = shell(command, "j9")
            assert (ran.out, ran.code) == ("", 4) if command != "explain" else ran.code == 0


class TestFleet:
    def test_draining_gives_the_reason_on(self, shell: Shell) -> None:
        ran = shell("nodes", "drain", "n1", "--reason", "fans")
        assert shell.plane.seen == [("drain", "n1", "fans")]
        assert ran.out == "n1 is draining; still there: j1\n"

    @pytest.mark.parametrize(("by", "code"), [("user", 0), ("label:team", 0), ("label:", 2), ("team", 2)])
    def test_the_bill_is_summed_by_what_there_is(self, shell: Shell, by: str, code: int) -> None:
        assert shell("usage", "--by", by).code == code

    @pytest.mark.parametrize(
        ("flags", "window"),
        [
            ([], (None, None)),
            (["--since", "2026-01-01T00:00:00+00:00", "--until", "2026-01-02T01:00:00+01:00"], (0, 86_400)),
        ],
    )
    def test_a_window_of_time(self, shell: Shell, flags: list[str], window: tuple[int | None, int | None]) -> None:
        shell("usage", *flags)
        begin = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
        expected = [None if second is None else int((begin + second) * 1e6) for second in window]
        assert shell.plane.seen == [("usage", UsageQuery(by="queue", from_us=expected[0], to_us=expected[1]))]

    @pytest.mark.parametrize("since", ["24h", "7d", "yesterday", "today", "2026-01-31", "2026-01-31T18:00", "90 s"])
    def test_moments_as_people_write_them(self, shell: Shell, since: str) -> None:
        assert shell("usage", "--since", since).code == 0

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (["--since", "soon"], "error: --since: write how long ago (30m, 24h, 7d)"),
            (["--until", "2026-13-01"], "error: --until: write"),
            (["--since", "1h", "--until", "2h"], "error: --since must be before --until"),
        ],
    )
    def test_a_wrong_moment_is_named_with_its_flag(self, shell: Shell, flags: list[str], said: str) -> None:
        ran = shell("usage", *flags)
        assert ran.code == 2
        assert ran.err.startswith(said)


class TestCost:
    def test_flags_arrive_as_they_were_meant(self, shell: Shell) -> None:
        shell("cost", "--by", "label:team", "--where", "pool=lab", "--where", "user=ada", "--limit", "7")
        query = CostQuery(by="label:team", where=("pool=lab", "user=ada"), limit=7)
        assert shell.plane.seen == [("cost", query)]

    def test_it_can_be_had_as_csv(self, shell: Shell) -> None:
        ran = shell("cost", "--split", "use", "--output", "csv")
        assert ran.out.splitlines() == [
            "key,name,accelerator_hours,cpu_hours,memory_gib_hours,work_usd,idle_usd,overhead_usd,cost_usd",
            "default,default,1,2,3,0.1,0.2,0.05,0.35",
        ]

    def test_a_wrong_key_is_refused(self, shell: Shell) -> None:
        ran = shell("cost", "--by", "team")
        assert ran.code == 2
        assert "one of queue, user, job, pool" in ran.err


class TestEvents:
    def events(self, shell: Shell, *flags: str) -> list[int]:
        return [
            msgspec.json.decode(line, type=EventView).seq
            for line in shell("events", "-o", "json", *flags).out.splitlines()
        ]

    def test_the_last_lines_or_all_of_them(self, shell: Shell) -> None:
        shell.plane.journal = [an_event(seq) for seq in range(1, 2501)]
        assert self.events(shell) == list(range(2451, 2501))
        assert self.events(shell, "-n", "3") == [2498, 2499, 2500]
        assert self.events(shell, "-n", "0") == list(range(1, 2501))

    def test_those_since_a_moment_are_found_by_halving(self, shell: Shell) -> None:
        shell.plane.journal = [an_event(seq) for seq in range(1, 2501)]
        assert self.events(shell, "--since", "2026-01-01T12:41:00Z") == list(range(2460, 2501))
        assert len(shell.plane.seen) < 20

    def test_following_goes_on_with_what_comes(self, shell: Shell) -> None:
        shell.plane.journal = [an_event(1)]
        shell.plane.turns = [lambda: None, lambda: None]
        assert len(self.events(shell, "-f")) == 3

    def test_nothing_is_said_to_have_happened(self, shell: Shell) -> None:
        assert shell("events", "j1").err == "Nothing has happened to j1.\n"


class TestSecrets:
    def test_a_value_comes_from_standard_input_without_its_newline(self, shell: Shell) -> None:
        assert shell("secret", "set", "TOKEN", stdin="s3cret\n").code == 0
        assert shell.plane.kept == {"TOKEN": "s3cret"}

    def test_no_value_is_no_secret(self, shell: Shell) -> None:
        assert shell("secret", "set", "TOKEN").code == 2
        assert shell.plane.kept == {}

    def test_a_value_can_be_no_argument(self, shell: Shell) -> None:
        assert shell("secret", "set", "TOKEN", "s3cret").code == 2

    def test_they_are_listed_and_deleted_by_name(self, shell: Shell) -> None:
        shell.plane.kept = {"B": "1", "A": "2"}
        assert shell("secret", "list").out == "A\nB\n"
        assert shell("secret", "delete", "A").code == 0
        assert shell("secret", "delete", "A").code == 4
        shell.plane.kept.clear()
        assert "Store one with `tauon secret set NAME`" in shell("secret", "list").err


class TestServer:
    def test_up_hands_on_what_it_was_told(self, shell: Shell) -> None:
        shell("up", "--home", "/h", "--port", "0", "--virtual-gpus", "H100:8", "--virtual-gpus", "A100:4")
        assert shell.wiring.wanted == [
            ServeOptions(home=Path("/h"), port=0, virtual_gpus=("H100:8", "A100:4"), log_level="info")
        ]

    def test_the_demo_knows_what_it_is_shown_on(self, shell: Shell) -> None:
        assert shell("demo", "--keep").code == 0
        assert shell.wiring.wanted == [DemoOptions(keep=True, plain=True)]

    def test_a_token_comes_from_standard_input_never_as_an_argument(self, shell: Shell) -> None:
        ran = shell("login", "http://gpu-box:8286", stdin="t0ken\n")
        assert shell.wiring.wanted == [LoginOptions(url="http://gpu-box:8286", token="t0ken")]
        assert ran.out == "Logged in to http://gpu-box:8286 (version 0.1.0) as ada.\n"
        assert "t0ken" not in ran.out + ran.err
        assert shell("login", "http://gpu-box:8286", stdin="\n").code == 2
        assert shell("login", "http://gpu-box:8286", "t0ken").code == 2

    def test_tokens_are_made_listed_and_revoked(self, shell: Shell) -> None:
        made = shell("admin", "login", "create", "grace", "--home", "/h")
        assert (made.code, "token-of-grace" in made.out) == (0, True)
        assert shell.wiring.wanted == [Path("/h")]
        assert shell("admin", "login", "list").out == "grace\n"
        assert shell("admin", "login", "revoke", "grace").code == 0
        assert shell("admin", "login", "revoke", "grace").code == 4

    def test_verify_fails_when_the_state_is_another(self, shell: Shell) -> None:
        assert shell("admin", "verify", "--home", "/h", "--database", "x").code == 0
        assert shell.wiring.wanted == [VerifyOptions(home=Path("/h"), database="x")]
        shell.wiring.report = VerifyReport(events=1, jobs=1, duration_s=1, differences=["j1 differs"] * 60)
        ran = shell("admin", "verify")
        assert ran.code == 1
        assert ran.out.endswith("  and 10 more\n")

    def test_the_server_and_the_home_are_the_wirings_to_find(self, shell: Shell) -> None:
        shell("--server", "http://a", "queues")
        shell("queues", "--server", "http://b", "--home", "/h")
        shell("--server", "http://a", "queues", "--server", "http://c")
        assert shell.wiring.wanted == [(None, "http://a"), (Path("/h"), "http://b"), (None, "http://c")]

    def test_a_version_is_told_even_where_no_server_answers(self, shell: Shell) -> None:
        shell.wiring.refusal = Unavailable("no server runs here")
        ran = shell("version")
        assert (ran.code, ran.out) == (0, "tauon 0.1.0\nserver: no server runs here\n")
