"""Job documents: what is read from YAML and JSON, and that whatever is wrong is said at its place, all of it at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tauon.model.errors import InvalidSpec
from tauon.model.job_spec import JobSpec
from tauon.service.documents import document_of, parse_specs, read_documents, spec_of, to_specs


def problems(text: str | bytes, source: str = "train.yaml") -> list[str]:
    with pytest.raises(InvalidSpec) as caught:
        parse_specs(text, source=source)
    return str(caught.value).split("\n")


def the_spec(text: str | bytes) -> JobSpec:
    (spec,) = parse_specs(text, source="train.yaml")
    return spec


class TestReading:
    def test_a_file_may_hold_several_jobs(self) -> None:
        specs = parse_specs("run: a\n---\nrun: b\n---\n# nothing more\n")
        assert [spec.run for spec in specs] == ["a", "b"]

    def test_json_may_be_indented_with_tabs_and_escape_anything(self) -> None:
        assert the_spec('{\n\t"run": "echo \\ud83d\\ude00 \\/ \\u0041"\n}').run == "echo 😀 / A"

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self) -> None:
        assert the_spec("\ufeffrun: a".encode()).run == "a"

    def test_the_surprises_of_yaml_1_1_are_gone(self) -> None:
        text = """
            run: yes
            name: 2024
            queue: no
            timeout: 12_0
            env: {VERSION: 1.10, ANSWER: yes, MODE: 0777, TIME: 12:30, EMPTY: , DAY: 2024-01-01, ON: True}
            labels: {release: 3.10}
            """.replace("12_0", "120")
        spec = the_spec(text)
        assert (spec.run, spec.name, spec.queue, spec.timeout) == ("yes", "2024", "no", 120)
        assert spec.env == {
            "VERSION": "1.10",
            "ANSWER": "yes",
            "MODE": "0777",
            "TIME": "12:30",
            "EMPTY": "",
            "DAY": "2024-01-01",
            "ON": "True",
        }
        assert spec.labels == {"release": "3.10"}

    def test_a_section_whose_lines_are_all_commented_out_is_as_if_left_out(self) -> None:
        spec = the_spec("run: a\nresources:\n  # accelerators: H100:8\nenv:\nretries:\n  failed:\n")
        assert (spec.resources, spec.env, spec.retries.failed) == (JobSpec(run="a").resources, {}, 0)

    def test_anchors_and_merge_keys_work_and_own_keys_win(self) -> None:
        text = (
            "env: &base {A: '1', B: '2'}\nrun: a\n---\n"
            "labels: &more {x: 1}\nrun: b\nresources:\n  <<: [{cpu: 4, memory: 8}, {cpu: 2, disk: 1}]\n  cpu: 3\n"
        )
        _, second = parse_specs(text)
        assert (second.resources.cpu, second.resources.memory, second.resources.disk) == (3, 8, 1)

    @pytest.mark.parametrize(("written", "read"), [("0x10", 16), ("0o10", 8), ("010", 10), ("+2", 2), ("3.0", 3)])
    def test_numbers_follow_the_core_schema(self, written: str, read: int) -> None:
        assert the_spec(f"run: a\nworkers: {written}").workers == read


class TestProblems:
    def test_all_problems_of_all_documents_come_at_once_each_at_its_place(self) -> None:
        text = "acelerators: H100:8\nrun: x\nresources:\n  cpu: many\n  memroy: 4\n---\nworkers: 0\n---\nrun: 'x\n"
        assert problems(text) == [
            "train.yaml:1:1: `acelerators` is no field of a job; `accelerators` belongs under `resources`",
            "train.yaml:4:8: `resources.cpu`: cores are a number such as 4, 0.5 or 500m, not 'many'",
            "train.yaml:5:3: `memroy` is no field of `resources`; did you mean `memory`?",
            "train.yaml:7:1: `run` is missing: shell commands that are the job",
            "train.yaml:7:10: `workers`: expected at least 1, found 0",
            "train.yaml:9:6: the text ends inside quotes; the closing quote is missing (in `run: 'x`)",
        ]

    @pytest.mark.parametrize(
        ("text", "place", "said"),
        [
            ("", "train.yaml:", "there is no job here"),
            ("# only a comment", "train.yaml:", "there is no job here"),
            ("just text", "train.yaml:1:1:", "a job is a mapping of fields"),
            ("- run: a", "train.yaml:1:1:", "a job is a mapping of fields"),
            ("name: x\n\trun: y", "train.yaml:2:1:", "a tab stands here; YAML is indented with spaces"),
            ("run: a: b", "train.yaml:1:7:", "quote the value"),
            ("run: x\n  name: y", "train.yaml:2:7:", "indent as the line above"),
            ("run: x\nname\nenv:", "train.yaml:2:1:", "a colon followed by a space is missing (in `name`)"),
            ("resources:\n    cpu: 1\n  memory: 2\nrun: a", "train.yaml:3:3:", "indented differently"),
            ("secrets: [A, B\nrun: a", "train.yaml:2:4:", "expected `,` or the `]`"),
            ("run: a\nrun: b", "train.yaml:2:1:", "`run` is given twice; the first is on line 1"),
            ("run: *gone", "train.yaml:1:6:", "no anchor"),
            ("run: !!python/object:os.system x", "train.yaml:1:6:", "tags such as `python/object:os.system`"),
            ("run: a\n? [b]\n: c", "train.yaml:2:3:", "a key is plain text; quote a value that begins with `{`"),
            ("run: a\x00b", "train.yaml:1:7:", "an unprintable character"),
            (b"run: caf\xe9", "train.yaml:", "byte 9 is not UTF-8"),
            ('{"run": "\\ud800"}', "train.yaml:1:9:", "half a character"),
            ("run: [a]", "train.yaml:1:6:", "`run`: expected text, found a list"),
            ("run: ''", "train.yaml:1:6:", "not empty"),
            ("run: a\nworkers: four", "train.yaml:2:10:", "expected a whole number, found 'four'"),
            ("run: a\nworkers: 1..4", "train.yaml:2:10:", "elastic"),
            ("run: a\npriority: 9999", "train.yaml:2:11:", "expected at most 1000, found 9999"),
            ("run: a\nname: my job", "train.yaml:2:7:", "did you mean `my-job`?"),
            ("run: a\nqueue: a//b", "train.yaml:2:8:", "a queue is a name such as"),
            ("run: a\nmax_price: cheap", "train.yaml:2:12:", "a price is a number of dollars"),
            ("run: a\ndeadline: 2024-01-01", "train.yaml:2:11:", "ISO 8601 with its zone"),
            ("run: a\nsecrets: A", "train.yaml:2:10:", "expected a list such as [a, b], found 'A'"),
            ("run: a\nresources: H100:8", "train.yaml:2:12:", "expected a mapping of names to values"),
            ("run: a\nresources: {accelerators: {H100: 3.5}}", "train.yaml:2:27:", "a share below one"),
            ("run: a\ncheckpoint: {signal: SIGTRM}", "train.yaml:2:22:", "did you mean `SIGTERM`?"),
            ("run: a\nconstraints: {capacity_types: [on_demand]}", "train.yaml:2:32:", "did you mean `on-demand`?"),
            ("run: a\nenv: {A: null}", "train.yaml:2:6:", "A: a variable's value is text"),
            ("run: a\nenv: {A: x}\nsecrets: [A]", "train.yaml:1:1:", "given both in env and as a secret"),
        ],
    )
    def test_a_problem_names_its_place_and_what_was_expected(self, text: str | bytes, place: str, said: str) -> None:
        (problem,) = problems(text)
        assert problem.startswith(place)
        assert said in problem

    @pytest.mark.parametrize(
        ("field", "said"),
        [
            ("nmae", "did you mean `name`?"),
            ("depends-on", "did you mean `depends_on`?"),
            ("command", "did you mean `run`?"),
            ("gpus", "did you mean `resources.accelerators`?"),
            ("interval", "`interval` belongs under `checkpoint`"),
            ("capacity_type", "`capacity_types` belongs under `constraints`"),
            ("image", "container images can't be used yet"),
            ("zzz", "there are name, queue, priority"),
        ],
    )
    def test_an_unknown_field_is_answered_with_the_one_that_was_meant(self, field: str, said: str) -> None:
        (problem,) = problems(f"run: a\n{field}: 1")
        assert said in problem

    def test_a_field_of_the_job_inside_a_section_is_sent_back(self) -> None:
        (problem,) = problems("run: a\nresources:\n  workers: 2")
        assert problem == "train.yaml:3:3: `workers` is no field of `resources`; `workers` belongs to the job itself"

    def test_too_many_problems_are_counted(self) -> None:
        found = problems("run: a\n" + "".join(f"zz{i}: 1\n" for i in range(30)))
        assert len(found) == 21
        assert found[-1] == "and 10 more"

    def test_without_a_source_the_place_is_in_words(self) -> None:
        (problem,) = problems("run: [", source="")
        assert problem.startswith("line 1, column 7: ")


class TestBombs:
    def test_aliases_cannot_blow_a_document_up(self) -> None:
        levels = "\n".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 9))
        found = problems(f"run: a\nl0: &l0 [x]\n{levels}\n")
        assert any("aliases included" in problem for problem in found)

    def test_merge_keys_cannot_blow_a_document_up(self) -> None:
        levels = "\n".join(f"l{i}: &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * 9)}]}}" for i in range(1, 9))
        found = problems(f"run: a\nl0: &l0 {{x: 1}}\n{levels}\n")
        assert any("aliases included" in problem for problem in found)

    @pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {<<: *a}", "a: &a {b: *a}"])
    def test_an_alias_to_itself_ends(self, text: str) -> None:
        assert any("aliases included" in problem for problem in problems(f"run: a\n{text}"))

    @pytest.mark.parametrize("text", ["[" * 2000, "{a: " * 2000, "run: " + "9" * 5000, "- " * 2000])
    def test_depth_and_length_are_bounded(self, text: str) -> None:
        assert problems(text)

    def test_a_large_file_is_refused_before_it_is_read(self) -> None:
        (problem,) = problems("run: " + "a" * (1 << 20))
        assert "more than 1 MiB" in problem


class TestObjectsAndFlags:
    def test_an_object_is_named_by_its_fields(self) -> None:
        with pytest.raises(InvalidSpec, match=r"^`constraints\.pools\[1\]`: expected text, found 3$"):
            spec_of({"run": "a", "constraints": {"pools": ["lab", 3]}})

    @pytest.mark.parametrize("value", [None, 3, "run: a", [], [{"run": "a"}]])
    def test_what_is_no_object_is_refused(self, value: object) -> None:
        with pytest.raises(InvalidSpec, match="a job is a mapping of fields"):
            spec_of(value)

    def test_a_flag_goes_over_the_document(self) -> None:
        (document,) = read_documents("run: a\nresources: {cpu: 2}\nname: x")
        document.put(("resources", "accelerators"), "H100:8", "--gpus")
        document.put(("name",), "y", "--name")
        document.put(("env", "A"), "1", "--env")
        (spec,) = to_specs([document])
        assert (spec.resources.cpu, spec.resources.accelerators, spec.name) == (2, "H100:8", "y")
        assert spec.env == {"A": "1"}

    def test_a_wrong_flag_is_named_instead_of_a_line(self) -> None:
        (document,) = read_documents("run: a\nworkers: 2", source="a.yaml")
        document.put(("workers",), 0, "--workers")
        with pytest.raises(InvalidSpec, match=r"^--workers: `workers`: expected at least 1, found 0$"):
            to_specs([document])

    def test_flags_alone_make_a_job(self) -> None:
        document = document_of({})
        document.put(("run",), "true", "the command")
        assert to_specs([document]) == [JobSpec(run="true")]


fields = st.sampled_from([*JobSpec.model_fields, "acelerators", "gpus", "<<", "cpu", "x", "&a", "*a", "- ", "? "])
scraps = st.sampled_from(
    [": ", "\n", "  ", "\t", "- ", "{", "}", "[", "]", '"', "'", "&a ", "*a", "<<", "!!int ", "---\n", "#"]
)
yaml_like = st.lists(st.one_of(fields, scraps, st.text(max_size=5)), max_size=40).map("".join)
values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["9" * 400, "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def refused_or_read(read: Callable[[], object]) -> str:
    """What is said against it, or that it was read; nothing else may come out."""
    try:
        read()
    except InvalidSpec as error:
        return str(error)
    return "read"


@given(st.one_of(st.text(), yaml_like, st.binary()))
@example("run: !!float x")
@example("timeout: 0x")
@example("? a\n? [b]\n: c")
@example("%YAML 9.9\n---\nrun: a")
@example('"\\U7fffffff"')
@settings(deadline=None, max_examples=300)
def test_any_text_is_a_job_or_an_invalid_spec(text: str | bytes) -> None:
    assert refused_or_read(lambda: parse_specs(text))


@given(st.dictionaries(fields, values, max_size=5))
@example({"run": "a", "max_price": "abc"})
@example({"run": "a", "resources": {"memory": "9" * 400}})
@example({"run": "a", "resources": {"accelerators": {"memory_gib": "²"}}})
@example({"run": "a", "deadline": "0001-01-01T00:00:00+23:59"})
@settings(deadline=None, max_examples=300)
def test_any_object_is_a_job_or_an_invalid_spec(value: dict[str, Any]) -> None:
    assert refused_or_read(lambda: spec_of(value))
    assert refused_or_read(lambda: parse_specs(json.dumps(value)))


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1))
@settings(deadline=None)
def test_a_command_comes_through_json_unchanged(command: str) -> None:
    assert the_spec(json.dumps({"run": command})).run == command
