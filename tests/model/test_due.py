"""What falls due when, against a plain dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tauon.model.due import Due
from tauon.model.ids import JobId

keys = st.sampled_from([JobId(f"j{i}") for i in range(6)])
times = st.integers(0, 20)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, times),
        st.tuples(st.just("discard"), keys, times),
        st.tuples(st.just("pass by"), keys, times),
    ),
    max_size=60,
)


@given(steps)
def test_it_tells_what_a_dict_would(taken: list[tuple[str, JobId, int]]) -> None:
    due: Due[JobId] = Due()
    naive: dict[JobId, int] = {}
    for what, key, at_us in taken:
        match what:
            case "put":
                due.put(key, at_us)
                naive[key] = at_us
            case "discard":
                due.discard(key)
                naive.pop(key, None)
            case _:
                due.pass_by(at_us)
                naive = {k: at for k, at in naive.items() if at > at_us}
        assert len(due) == len(naive)
        for now_us in range(-1, 22):
            assert due.until(now_us) == sorted((k for k in naive if naive[k] <= now_us), key=lambda k: (naive[k], k))
            assert due.next_after(now_us) == min((at for at in naive.values() if at > now_us), default=None)
            assert all(due.is_due(k, now_us) == (naive.get(k, 0) <= now_us) for k in naive)
            assert all((k in due) == (k in naive) for k in naive)


def test_what_is_moved_over_and_over_takes_no_more_room() -> None:
    due: Due[JobId] = Due()
    for at_us in range(10_000):
        due.put(JobId("j1"), at_us)
    assert due.until(10_000) == ["j1"]
    assert len(due._heap) < 50
