"""The index of what waits, against a plain list that is sorted whenever somebody looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tauon.model.ids import JobId
from tauon.model.job import Job
from tauon.model.waiting import LineKey, Waiting, place_of
from tests.builders import a_job, a_request

REQUESTS = (a_request(gpus=1), a_request(gpus=8))


class Naive:
    """What waits, as a list."""

    def __init__(self) -> None:
        self.jobs: dict[JobId, Job] = {}
        self.unmet: dict[JobId, set[JobId]] = {}

    def lines(self) -> dict[LineKey, list[JobId]]:
        found: dict[LineKey, list[JobId]] = {}
        for job in sorted(self.jobs.values(), key=place_of):
            if not self.unmet[job.id]:
                found.setdefault(LineKey(job.queue, job.priority, job.request), []).append(job.id)
        return found


@st.composite
def moves(draw: st.DrawFn) -> list[tuple[str, int, int | None, int, tuple[int, ...]]]:
    """Joining (number, deadline, request, those it waits for), leaving, succeeding, giving up."""
    found = []
    for number in range(1, draw(st.integers(1, 25))):
        before = tuple(draw(st.lists(st.integers(1, number), max_size=2, unique=True)))
        deadline = draw(st.sampled_from([None, None, 5, 9]))
        found.append(("join", number, deadline, draw(st.integers(0, 1)), before))
        for _ in range(draw(st.integers(0, 1))):
            what = draw(st.sampled_from(["leave", "leave", "succeed"]))
            found.append((what, draw(st.integers(1, number)), None, 0, ()))
    return draw(st.permutations(found)) if draw(st.booleans()) else found


@given(moves())
def test_it_tells_what_a_list_would(taken: list[tuple[str, int, int | None, int, tuple[int, ...]]]) -> None:
    waiting, naive = Waiting(), Naive()
    for what, number, deadline_us, request, before in taken:
        job_id = JobId(f"j{number}")
        match what:
            case "join" if job_id not in naive.jobs:
                depends_on = tuple(JobId(f"j{n}") for n in before if n != number)
                unmet = {j for j in depends_on if j in naive.jobs}
                job = a_job(number, request=REQUESTS[request], deadline_us=deadline_us, depends_on=depends_on)
                waiting.join(job, set(unmet))
                naive.jobs[job_id], naive.unmet[job_id] = job, unmet
            case "leave" if job_id in naive.jobs:
                waiting.leave(naive.jobs.pop(job_id))
                del naive.unmet[job_id]
            case "succeed" if job_id not in naive.jobs or not naive.unmet[job_id]:
                if job_id in naive.jobs:
                    waiting.leave(naive.jobs.pop(job_id))
                    del naive.unmet[job_id]
                freed = {j for j, unmet in naive.unmet.items() if unmet == {job_id}}
                for unmet in naive.unmet.values():
                    unmet.discard(job_id)
                told = waiting.succeeded(job_id)
                assert set(told) == freed
                for free in told:
                    waiting.join(naive.jobs[free], set())
            case _:
                continue
        assert {key: [place.job for place in line] for key, line in waiting.lines.items()} == naive.lines()
        assert dict(waiting.held) == {job: unmet for job, unmet in naive.unmet.items() if unmet}
        assert len(waiting) == len(naive.jobs)
        for job_id in naive.jobs:
            assert set(waiting.dependents(job_id)) == {j for j, unmet in naive.unmet.items() if job_id in unmet}


def test_a_line_of_many_costs_nothing_to_begin_with() -> None:
    waiting = Waiting()
    for number in range(1, 1001):
        waiting.join(a_job(number), set())
    (line,) = waiting.lines.values()
    assert len(line) == 1000
    assert next(iter(line)).job == "j1"


def test_a_job_that_comes_back_stands_where_it_stood() -> None:
    waiting = Waiting()
    jobs = [a_job(number) for number in range(1, 5)]
    for job in jobs:
        waiting.join(job, set())
    waiting.leave(jobs[0])
    waiting.leave(jobs[2])
    waiting.join(jobs[2], set())
    waiting.join(jobs[0], set())
    (line,) = waiting.lines.values()
    assert [place.job for place in line] == ["j1", "j2", "j3", "j4"]


def test_what_is_delayed_is_so_until_its_time() -> None:
    waiting = Waiting()
    waiting.join(a_job(1, not_before_us=100), set())
    assert not waiting.delayed.is_due(JobId("j1"), 99)
    waiting.pass_by(99)
    assert waiting.delayed.next_after(0) == 100
    waiting.pass_by(100)
    assert waiting.delayed.next_after(0) is None
    assert waiting.delayed.is_due(JobId("j1"), 100)
    waiting.leave(a_job(1, not_before_us=100))
    assert len(waiting) == 0
