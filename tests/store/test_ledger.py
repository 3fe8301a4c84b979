"""The ledger on disk gives what the one in memory gives, goes on where it stood, and mends itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tauon.economics.folded import FoldedLedger
from tauon.model.errors import StorageUnavailable
from tauon.model.event import Event, JobSucceeded, NodeTerminated
from tauon.model.money import HOUR_US
from tauon.ports.ledger import Group, Ledger, Window
from tauon.store.ledger import DuckLedger
from tests.builders import START_US, a_house, a_job, a_run, an_attempt, an_end, events_of

KEYS = ("queue", "user", "job", "pool", "provider", "region", "capacity-type", "accelerator", "node", "label:team")


def a_journal() -> list[Event]:
    facts = a_house(nodes=3)
    for number in range(1, 13):
        job = a_job(
            number,
            gpus=number % 4 + 1,
            queue=f"q{number % 3}",
            user=f"u{number % 5}",
            labels={"team": f"t{number % 2}"} if number % 3 else {},
        )
        attempt = an_attempt(job, nodes=(f"n{number % 3 + 1}",))
        facts += a_run(job, attempt)
        if number < 11:
            facts += [an_end(attempt), JobSucceeded(job_id=job.id)]
    facts.append(NodeTerminated(node_id=an_attempt(nodes=("n1",)).placement[0].node))
    return events_of(facts[:-1], step_us=7 * HOUR_US // 3)


class Source:
    """A journal that grows, in pages."""

    def __init__(self, events: Sequence[Event], upto: int) -> None:
        self.events = events
        self.upto = upto
        self.asked: list[int] = []

    def after(self, seq: int) -> Sequence[Event]:
        self.asked.append(seq)
        return self.events[seq : min(self.upto, seq + 5)]


def folded(events: Sequence[Event]) -> FoldedLedger:
    ledger = FoldedLedger(lambda seq: events[seq : seq + 100])
    ledger.catch_up()
    return ledger


def sorted_groups(ledger: Ledger, by: str, window: Window, most: int = 2**62) -> list[Group]:
    return sorted(ledger.sums(by, {}, window, most=most), key=lambda g: (g.kind, g.key))


@pytest.mark.parametrize("by", KEYS)
def test_every_report_is_that_of_the_ledger_in_memory(tmp_path: Path, by: str) -> None:
    events = a_journal()
    disk, memory = DuckLedger(tmp_path / "l.duckdb", "i", Source(events, 99).after), folded(events)
    disk.catch_up()
    for window in (
        Window(from_us=0, to_us=2**61),
        Window(from_us=START_US + HOUR_US + 1, to_us=START_US + 40 * HOUR_US + 3),
    ):
        assert sorted_groups(disk, by, window) == sorted_groups(memory, by, window)
        assert sorted_groups(disk, by, window, 2) == sorted_groups(memory, by, window, 2)
        assert list(disk.entries({}, window)) == list(memory.entries({}, window))
        some = {"queue": "q1", "label:team": "t1"}
        assert list(disk.entries(some, window)) == list(memory.entries(some, window)) != []
    assert disk.begins_us(0) == memory.begins_us(0)
    disk.close()


def test_it_goes_on_where_it_stood(tmp_path: Path) -> None:
    events = a_journal()
    source = Source(events, 20)
    first = DuckLedger(tmp_path / "l.duckdb", "i", source.after)
    first.catch_up()
    first.close()
    source.upto, source.asked = 99, []
    second = DuckLedger(tmp_path / "l.duckdb", "i", source.after)
    second.catch_up()
    assert source.asked[0] == 20
    window = Window(from_us=0, to_us=2**61)
    assert sorted_groups(second, "job", window) == sorted_groups(folded(events), "job", window)
    second.close()


@pytest.mark.parametrize("how", ["another journal", "damaged"])
def test_what_it_can_t_go_on_with_is_folded_again(tmp_path: Path, how: str) -> None:
    events = a_journal()
    path = tmp_path / "l.duckdb"
    first = DuckLedger(path, "i", Source(events, 20).after)
    first.catch_up()
    first.close()
    if how == "damaged":
        path.write_bytes(b"no ledger" * 4096)
    second = DuckLedger(path, "i" if how == "damaged" else "other", Source(events, 99).after)
    second.catch_up()
    window = Window(from_us=0, to_us=2**61)
    assert sorted_groups(second, "job", window) == sorted_groups(folded(events), "job", window)
    second.close()


def test_a_place_that_can_t_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ledger = DuckLedger(tmp_path / "file" / "l.duckdb", "i", Source([], 0).after)
    with pytest.raises(StorageUnavailable, match="or delete the file"):
        ledger.catch_up()
