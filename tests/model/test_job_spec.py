"""The job document as a value: what is kept, what is filled in, and what can't be meant."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tauon.model.job_spec import JobSpec


def a_spec(**document: object) -> JobSpec:
    return JobSpec.model_validate({"run": "true"} | document)


def test_the_least_that_is_a_job() -> None:
    spec = a_spec()
    assert (spec.name, spec.workers, spec.queue, spec.priority) == ("job", 1, None, None)
    assert spec.model_dump(exclude_defaults=True) == {"run": "true"}


def test_what_was_written_is_kept_as_it_was() -> None:
    written = {
        "resources": {"accelerators": ["H100:8", {"A100": 8}], "memory": "64GiB", "cpu": "500m"},
        "checkpoint": {"interval": "10m"},
        "timeout": "1h30m",
        "max_price": "2.49",
    }
    spec = a_spec(**written)
    kept = spec.model_dump(exclude_defaults=True, exclude={"run"})
    assert kept == written
    assert JobSpec.model_validate_json(spec.model_dump_json()) == spec


def test_values_of_variables_become_text() -> None:
    assert a_spec(env={"A": 1, "B": True, "C": 0.5, "D": "x"}).env == {"A": "1", "B": "true", "C": "0.5", "D": "x"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"run": ""}, "at least 1 character"),
        ({"colour": "red"}, "Extra inputs are not permitted"),
        ({"workers": 0}, "greater than or equal to 1"),
        ({"workers": "1..8"}, "an elastic job"),
        ({"name": "-x"}, "should match pattern"),
        ({"queue": "a//b"}, "should match pattern"),
        ({"priority": 1001}, "less than or equal to 1000"),
        ({"resources": {"accelerators": "H100:1.5"}}, "a whole number, or a share below one"),
        ({"resources": {"memory": "much"}}, "an amount of memory"),
        ({"resources": {"cpu": "-1"}}, "cores are a number"),
        ({"timeout": "soon"}, "a duration is seconds"),
        ({"deadline": "2026-01-01T00:00:00"}, "ISO 8601 with its zone"),
        ({"max_price": "-1"}, "a price is a number of dollars"),
        ({"checkpoint": {"path": "/tmp"}}, "a folder below the job's own"),
        ({"checkpoint": {"path": "a/../../b"}}, "a folder below the job's own"),
        ({"checkpoint": {"notice_s": 3601}}, "less than or equal to 3600"),
        ({"retries": {"failed": 101}}, "less than or equal to 100"),
        ({"env": {"1A": "x"}}, "can't be the name of an environment variable"),
        ({"env": {"TAUON_JOB": "x"}}, "are set by Tauon itself"),
        ({"env": {"A": ["x"]}}, "a variable's value is text"),
        ({"secrets": ["A-B"]}, "can't be the name of an environment variable"),
        ({"env": {"A": "x"}, "secrets": ["A"]}, "given both in env and as a secret"),
        ({"labels": {"a b": "x"}}, "labels are up to 63 letters"),
        ({"labels": {"a": "x y"}}, "labels are up to 63 letters"),
        ({"inputs": {"a/b": "/x"}}, "can't be the name of an input"),
        ({"inputs": {"a": "s3://bucket/x"}}, "no URLs"),
        ({"inputs": {"a": "x"}}, "an absolute path"),
        ({"constraints": {"capacity_types": ["cheap"]}}, "Input should be"),
    ],
)
def test_what_can_not_be_meant_is_refused(document: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        a_spec(**document)
