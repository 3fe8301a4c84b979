"""Every use case over HTTP answers what it answers in the process, and bad requests are told what is wrong."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from tauon.api.sync_client import Client
from tauon.model.errors import (
    AccessDenied,
    Conflict,
    Infeasible,
    InvalidRequest,
    InvalidSpec,
    InvariantViolated,
    NotFound,
    OutOfCapacity,
    StorageUnavailable,
    TauonError,
)
from tauon.model.job import JobState
from tauon.model.job_spec import JobSpec
from tauon.service.control_plane import CostQuery, DemandQuery, FocusQuery, JobQuery, LogQuery, UsageQuery, WhatIfQuery
from tauon.service.offer_views import OfferOrder, OfferQuery
from tests.api.plane import A_NODE, A_POOL, A_QUEUE, AN_OFFER
from tests.api.servers import TOKEN, Served


def test_each_question_is_answered_as_in_the_process(server: Served, client: Client) -> None:
    plane = server.plane
    assert client.info() == server.do(plane.info())
    assert client.jobs() == list(plane.found.values())
    assert client.job("j1") == server.do(plane.job("j1"))
    assert client.explain("j1") == server.do(plane.explain("j1"))
    assert client.nodes() == [A_NODE]
    assert client.pools() == [A_POOL]
    assert client.offers(OfferQuery(accelerators=("H100:8",), by=OfferOrder.PRICE)) == [AN_OFFER]
    assert client.queues() == [A_QUEUE]
    assert client.usage(UsageQuery(by="pool")) == server.do(plane.usage(UsageQuery(by="pool")))
    assert client.cost(CostQuery(by="pool")) == server.do(plane.cost(CostQuery(by="pool")))
    assert client.waste() == server.do(plane.waste())
    assert client.budgets() == server.do(plane.budgets())
    assert client.demand(DemandQuery()) == server.do(plane.demand(DemandQuery()))
    assert client.focus(FocusQuery()) == server.do(plane.focus(FocusQuery()))
    assert client.top() == server.do(plane.top())
    server.do(plane.happen("it began", "it ended"))
    assert client.events() == plane.journal


def test_queries_arrive_as_they_were_meant(server: Served, client: Client) -> None:
    query = JobQuery(
        states=(JobState.QUEUED, JobState.FAILED),
        queue="research/vision",
        user="ada",
        text="a b&c=d",
        labels=("team=vision", "x=1"),
        before="j9",
        limit=7,
    )
    client.jobs(query)
    client.usage(UsageQuery(by="label:team", from_us=1, to_us=2))
    client.events(after=-5, subject="j1", limit=3)
    assert server.plane.seen == [
        ("jobs", query),
        ("usage", UsageQuery(by="label:team", from_us=1, to_us=2)),
        ("events", -5, "j1", 3),
    ]


def test_orders_are_carried_out(server: Served, client: Client) -> None:
    assert client.migrate("j1", to="sky").id == "j1"
    assert server.plane.seen[-1] == ("migrate", "j1", "sky")
    assert client.cancel("j1").state is JobState.CANCELLED
    assert client.drain("n1", reason="fan & dust?").message == "fan & dust?"
    assert client.undrain("n1") == A_NODE
    client.put_secret("HF_TOKEN", "s€cret\n")
    assert client.secrets() == ["HF_TOKEN"]
    assert server.plane.kept == {"HF_TOKEN": "s€cret\n"}
    client.delete_secret("HF_TOKEN")
    with pytest.raises(NotFound, match="HF_TOKEN"):
        client.delete_secret("HF_TOKEN")


def test_a_submit_arrives_as_written(server: Served, client: Client) -> None:
    spec = JobSpec(name="train", run="python train.py", env={"A": "ü"}, timeout="2h", priority=3)
    assert client.submit(spec).id == "j1"
    assert client.submit({"name": "again", "run": "true", "resources": {"accelerators": "H100:8"}}).name == "again"
    assert server.plane.specs[0] == spec
    assert server.plane.specs[0].model_fields_set == spec.model_fields_set
    assert server.plane.specs[1].resources.accelerators == "H100:8"


def test_the_same_key_gives_the_same_job(server: Served, client: Client) -> None:
    first = client.submit({"run": "true"}, key="k-1")
    again = client.submit({"run": "true"}, key="k-1")
    assert (first.id, first.existing, again.id, again.existing) == ("j1", False, "j1", True)
    many = client.submit_many([{"run": "true"}, {"run": "false"}], key="k-2")
    assert [one.id for one in client.submit_many([{"run": "true"}, {"run": "false"}], key="k-2")] == [
        one.id for one in many
    ]
    assert len(server.plane.specs) == 3


def test_a_submit_has_a_key_even_when_nobody_gave_one(server: Served, client: Client) -> None:
    client.submit({"run": "true"})
    client.submit({"run": "true"})
    keys = [what[1] for what in server.plane.seen if what[0] == "submit"]
    assert len(set(keys)) == 2
    assert all(keys)


def test_many_jobs_at_once(server: Served, client: Client) -> None:
    answers = client.submit_many([JobSpec(run="true", name=f"n{i % 3}") for i in range(500)])
    assert [answer.id for answer in answers] == [f"j{i + 1}" for i in range(500)]
    assert client.submit_many([]) == []


@pytest.mark.parametrize(
    "error",
    [
        InvalidSpec("`nam` is no field"),
        Infeasible("nothing has 64 H100"),
        NotFound("no such job"),
        Conflict("it has ended"),
        AccessDenied("not yours"),
        OutOfCapacity("none left", until_us=17),
        TauonError("something else"),
    ],
)
def test_errors_are_the_same_at_the_other_end(server: Served, client: Client, error: TauonError) -> None:
    server.plane.raises = error
    with pytest.raises(type(error)) as caught:
        client.submit({"run": "true"})
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert vars(caught.value) == vars(error)


@pytest.mark.parametrize("error", [RuntimeError("the secret is hunter2"), InvariantViolated("hunter2 is wrong")])
def test_what_nobody_foresaw_is_told_to_the_log_only(
    server: Served, client: Client, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    server.plane.raises = error
    with caplog.at_level(logging.ERROR), pytest.raises(InvariantViolated) as caught:
        client.info()
    assert "hunter2" not in str(caught.value)
    number = str(caught.value).rpartition(" ")[2]
    [record] = [one for one in caplog.records if number in one.getMessage()]
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    assert client.info().user == "ada"


def test_a_full_disk_is_told_as_such_after_some_tries(server: Served, http: httpx.Client) -> None:
    server.plane.raises = StorageUnavailable("the disk is full")
    answer = http.get("/v1/info")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"code": "storage_unavailable", "message": "the disk is full"}


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", "invalid_request", "no JSON: line 1, column 1"),
        (b'{"run": "x"', "invalid_request", "no JSON: line 1, column 12"),
        (b'{"run":\n  tru}', "invalid_request", "no JSON: line 2, column 3"),
        (b"\xff\xfe{}", "invalid_request", "not UTF-8"),
        (b"[" * 100_000, "invalid_request", "nested too deeply"),
        (b"[]", "invalid_spec", "a job is a mapping"),
        (b'"x"', "invalid_spec", "a job is a mapping"),
        (b"{}", "invalid_spec", "`run` is missing"),
        (b'{"run": "x", "resources": {"acelerators": "H100:8"}}', "invalid_spec", "did you mean `accelerators`?"),
        (b'{"run": "x", "workers": 0}', "invalid_spec", "`workers`: expected at least 1"),
        (b'{"run": "x", "name": "../../etc"}', "invalid_spec", "`name`"),
        (b'{"run": "x", "env": {"PATH=x": "y"}}', "invalid_spec", "environment variable"),
    ],
)
def test_a_bad_document_is_told_what_is_wrong(
    server: Served, http: httpx.Client, body: bytes, code: str, said: str
) -> None:
    answer = http.post("/v1/jobs", content=body)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert said in answer.json()["message"]
    assert server.plane.specs == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"jobs": [{"run": "x"}, {"run": "x", "wrkers": 2}]}',
            "jobs[1]: `wrkers` is no field of a job; did you mean `workers`?",
        ),
        (b'{"jobs": []}', "between 1 and"),
        (b'[{"run": "x"}]', "not as expected"),
        (b'{"jobs": [{"run": "x"}], "job": 1}', "not as expected"),
    ],
)
def test_one_bad_document_refuses_all(server: Served, http: httpx.Client, body: bytes, said: str) -> None:
    answer = http.post("/v1/jobs/bulk", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert server.plane.specs == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/v1/jobs?stats=queued", "unknown query parameter 'stats'; did you mean 'states'?"),
        ("/v1/jobs?states=waiting", "states"),
        ("/v1/jobs?limit=0", "limit: expected int >= 1"),
        ("/v1/jobs?limit=1000000", "limit: expected int <= 10000"),
        ("/v1/jobs?limit=ten", "limit"),
        ("/v1/events?after=x", "after"),
        ("/v1/usage?from_us=noon", "from_us"),
        ("/v1/jobs/j1/logs?rank=-1", "rank"),
        ("/v1/jobs/j1/logs?follow=true", "unknown query parameter 'follow'"),
        ("/v1/jobs?" + "&".join("text=a" for _ in range(1000)), "can't be read"),
        ("/v1/jobs?text=%ff", "can't be read"),
    ],
)
def test_a_bad_query_is_told_what_is_wrong(server: Served, http: httpx.Client, path: str, said: str) -> None:
    answer = http.get(path)
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"
    assert said in answer.json()["message"]
    assert server.plane.seen == []


TRAPS = [
    "..",
    "../../etc/passwd",
    "%2e%2e%2fetc",
    "a/b",
    "",
    " ",
    "j1\r\nx: y",
    "j1\x00",
    "é",
    "x" * 500,
    "-rf",
    "$(id)",
]


@pytest.mark.parametrize("name", TRAPS)
def test_names_that_are_traps_never_get_inside(server: Served, client: Client, name: str) -> None:
    for ask in (client.job, client.cancel, client.explain, client.drain, client.undrain, client.delete_secret):
        with pytest.raises((NotFound, InvalidRequest)):
            ask(name)
    with pytest.raises((NotFound, InvalidRequest)):
        list(client.logs(name, LogQuery()))
    with pytest.raises((NotFound, InvalidRequest)):
        client.put_secret(name, "x")
    with pytest.raises((NotFound, InvalidRequest)):
        client.put_blob(name, iter([b"x"]))
    asked = [what for what in server.plane.seen if what[0] not in ("jobs", "nodes", "secrets")]
    assert asked == []


@pytest.mark.parametrize("key", ["a b", "x\r\nx-evil: 1", "ü", "k" * 201])
def test_a_key_that_is_a_trap_is_refused(server: Served, client: Client, key: str) -> None:
    with pytest.raises(InvalidRequest, match=r"[Ii]dempotency"):
        client.submit({"run": "true"}, key=key)
    assert server.plane.specs == []


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/v1/jobs"), ("POST", "/v1/info"), ("PATCH", "/v1/jobs/j1")])
def test_a_wrong_method_is_told(http: httpx.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert answer.status_code == 405
    assert "is not possible at" in answer.json()["message"]


def test_an_unknown_path_is_told(http: httpx.Client) -> None:
    answer = http.get("/v2/jobs")
    assert answer.status_code == 404
    assert answer.json()["message"] == "there is nothing at '/v2/jobs'; /v1/openapi.json lists all paths"


def test_a_document_that_is_too_large_is_refused(server: Served, http: httpx.Client) -> None:
    body = json.dumps({"run": "x" * 2**20}).encode()
    assert "1,024 KiB" in http.post("/v1/jobs", content=body).json()["message"]
    assert "1,024 KiB" in http.post("/v1/jobs", content=iter([body[:700_000], body[700_000:]])).json()["message"]
    assert http.put("/v1/secrets/A", content=json.dumps({"value": "x" * 2**19}).encode()).status_code == 400
    assert server.plane.seen == []


def test_secrets_are_never_given_out(server: Served, http: httpx.Client) -> None:
    http.put("/v1/secrets/HF_TOKEN", content=b'{"value": "hunter2"}').raise_for_status()
    assert http.get("/v1/secrets").json() == ["HF_TOKEN"]
    assert http.get("/v1/secrets/HF_TOKEN").status_code == 405
    answer: dict[str, Any] = http.put("/v1/secrets/HF_TOKEN", content=b'{"val": "hunter2"}').json()
    assert "hunter2" not in str(answer)
    assert server.plane.kept == {"HF_TOKEN": "hunter2"}


def test_the_token_is_never_repeated(server: Served) -> None:
    answer = httpx.get(f"{server.url}/v1/{TOKEN}x", headers={"authorization": f"Bearer {TOKEN}y"}, trust_env=False)
    assert answer.status_code == 401
    assert TOKEN not in answer.text


def test_what_pages_ask(server: Served, http: httpx.Client) -> None:
    """Each question of the page's own reaches its use case, with what was asked."""
    assert http.get("/v1/jobs/count", params={"states": "queued", "text": "a"}).json() == {"count": 1}
    assert ("count_jobs", JobQuery(states=(JobState.QUEUED,), text="a")) in server.plane.seen
    assert http.post("/v1/jobs/preview", json={"text": "run: 'true'"}).json()["name"] == "train"
    assert http.post("/v1/jobs/preview", json={"txt": ""}).json()["code"] == "invalid_request"
    assert http.get("/v1/nodes/n1").json()["node"]["id"] == "n1"
    assert http.get("/v1/fleet").json()["holders"] == []
    assert http.get("/v1/overview", headers={"x-tauon-page": "9" * 18}).json()["jobs"] == {"running": 1}
    assert http.post("/v1/what-if", json={"policies": ["fifo"], "last_s": 60}).json()["worlds"] == []
    assert ("what_if", WhatIfQuery(policies=("fifo",), last_s=60.0)) in server.plane.seen
    refused = http.post("/v1/what-if", json={"last_s": 0})
    assert (refused.status_code, refused.json()["message"]) == (
        400,
        "the body is not as expected: last_s: expected `float` > 0.0".replace("`", ""),
    )
