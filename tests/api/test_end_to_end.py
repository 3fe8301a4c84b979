"""Real jobs on a real server, asked for and watched through the SDK."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tauon import Client, JobSpec
from tauon.model.errors import Conflict, Infeasible, InvalidSpec, NotFound
from tauon.model.job import JobState
from tauon.ports.providers import LogChunk
from tauon.service.control_plane import JobQuery, LogQuery, UsageQuery
from tests.e2e.server import Server, running

FOLLOW = LogQuery(follow=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with eight accelerators that are only counted."""
    with running(Server(tmp_path_factory.mktemp("api") / "home", "--virtual-gpus", "H100:8")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client that finds the server by its home, as the command line does."""
    with Client(home=server.home) as client:
        yield client


def test_a_job_runs_and_tells_all_about_it(client: Client) -> None:
    seq = client.info().seq
    job = client.submit({"name": "hello", "resources": {"accelerators": "H100:2"}, "run": "printf 'a\\377b'"}, key="k")
    assert client.submit(JobSpec(run="other"), key="k").id == job.id
    assert b"".join(chunk.data for chunk in follow(client, job.id)) == b"a\xffb"
    ended = client.wait(job.id, timeout_s=60)
    assert ended.job.state is JobState.SUCCEEDED
    assert [attempt.exit_codes for attempt in ended.attempts] == [[0]]
    told = [event.type for event in client.events(after=seq, subject=job.id)]
    assert told[0] == "JobSubmitted"
    assert told[-1] == "JobSucceeded"
    assert client.jobs(JobQuery(text="hello"))[0] == ended.job
    assert client.usage(UsageQuery(by="job")).lines[0].key == job.id
    with pytest.raises(Conflict):
        client.cancel(job.id)


def follow(client: Client, job: str) -> Iterator[LogChunk]:
    """A job's output from the moment that it has started."""
    for event in client.watch(subject=job):
        if event.type == "AttemptRunning":
            return client.logs(job, FOLLOW)
    raise AssertionError


def test_its_folder_comes_along(client: Client, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "words.txt").write_text("from here\n")
    (tmp_path / ".tauonignore").write_text("*.bin\n")
    (tmp_path / "big.bin").write_bytes(bytes(1000))
    job = client.submit({"run": "cat src/words.txt; ls", "workdir": tmp_path})
    assert client.wait(job.id, timeout_s=60).job.state is JobState.SUCCEEDED
    assert b"".join(chunk.data for chunk in client.logs(job.id)) == b"from here\nsrc\n"


def test_a_secret_reaches_the_job_and_nobody_else(client: Client) -> None:
    client.put_secret("API_KEY", "hunter2")
    job = client.submit({"run": "printf %s $API_KEY | sha256sum", "secrets": ["API_KEY"]})
    detail = client.wait(job.id, timeout_s=60)
    printed = b"".join(chunk.data for chunk in client.logs(job.id)).decode().split()[0]
    assert printed == hashlib.sha256(b"hunter2").hexdigest()
    assert "hunter2" not in repr((detail, client.events()))
    client.delete_secret("API_KEY")
    with pytest.raises(InvalidSpec, match="API_KEY"):
        client.submit({"run": "true", "secrets": ["API_KEY"]})


def test_what_can_not_be_is_refused_at_once(client: Client) -> None:
    with pytest.raises(Infeasible, match="8"):
        client.submit({"resources": {"accelerators": "H100:64"}, "run": "true"})
    with pytest.raises(InvalidSpec, match="did you mean `accelerators`"):
        client.submit({"resources": {"acelerators": "H100:1"}, "run": "true"})
    with pytest.raises(NotFound):
        client.job("j999999")
    with pytest.raises(InvalidSpec, match="no queue"):
        client.submit({"queue": "nowhere", "run": "true"})


def test_a_watcher_and_a_reader_outlive_the_server(server: Server) -> None:
    """Killed without warning and started again on the same port, it goes on where it was."""
    port = server.url.rpartition(":")[2]
    with Client(server.url, server.token) as client:
        job = client.submit({"run": "for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done"})
        events = client.watch(subject=job.id)
        seen = [next(events).type for _ in range(3)]
        chunks = client.logs(job.id, FOLLOW)
        read = next(chunks).data
        server.kill()
        server.flags += ["--port", port]
        server.start()
        read += b"".join(chunk.data for chunk in chunks)
        while seen[-1] != "JobSucceeded":
            seen.append(next(events).type)
    assert read == b"1\n2\n3\n4\n5\n6\n"
    assert len(seen) == len(set(seen))


def test_many_are_taken_at_once(client: Client) -> None:
    jobs = client.submit_many([{"run": "true", "name": f"many-{i}"} for i in range(20)])
    for job in jobs:
        assert client.wait(job.id, timeout_s=120).job.state is JobState.SUCCEEDED
