"""One job with a deadline over a trace of when spot was there, under any rule: what it costs, and whether it is late.

The job needs `work_s` of running. A tick of `gap_s` is spent in one place: on spot of one zone, on demand, or nowhere.
Every new machine first takes `change_s`, paid for, in which nothing is done. Spot that goes is lost at once; the work
done is not, as with a checkpoint at the notice. On demand costs `ratio` times as much as spot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from tauon.planner.spot import View, Where

Rule = Callable[[View], Where]


class SpotCase(msgspec.Struct, frozen=True, kw_only=True):
    """What is played; `zones` has for each zone whether it has spot in each tick (a text of 0 and 1)."""

    zones: tuple[str, ...]
    gap_s: float
    work_s: float
    deadline_s: float
    change_s: float
    ratio: float = 3.0


class SpotResult(msgspec.Struct, frozen=True, kw_only=True):
    """How it went; the saving is against on demand alone, `work_s` at its price."""

    saving: float
    late_s: float
    spot_s: float
    on_demand_s: float
    changes: int


class _Run:
    """The job under way."""

    def __init__(self, case: SpotCase) -> None:
        self.case = case
        self.work_s = case.work_s
        self.settling_s = 0.0
        self.on = Where.WAIT
        self.zone: int | None = None
        self.seen = [0] * len(case.zones)  # for how many ticks each zone has had spot
        self.paid_s = {Where.SPOT: 0.0, Where.ON_DEMAND: 0.0, Where.WAIT: 0.0}
        self.changes = 0

    def look(self, tick: int) -> int | None:
        """Take note of where spot is; returns the zone where it has been the longest."""
        for number, zone in enumerate(self.case.zones):
            self.seen[number] = self.seen[number] + 1 if tick < len(zone) and zone[tick] == "1" else 0
        if self.on is Where.SPOT and self.zone is not None and not self.seen[self.zone]:
            self.on, self.settling_s = Where.WAIT, 0.0
        if self.on is Where.SPOT:
            return self.zone
        best = max(range(len(self.seen)), key=self.seen.__getitem__)
        return best if self.seen[best] else None

    def go(self, where: Where, zone: int | None) -> None:
        """Be there from now on."""
        if where is Where.SPOT and zone is None:
            where = Where.WAIT
        if where is not self.on or (where is Where.SPOT and zone != self.zone):
            self.settling_s = self.case.change_s if where is not Where.WAIT else 0.0
            self.changes += where is not Where.WAIT
        self.on, self.zone = where, zone

    def spend(self) -> float:
        """Let a tick pass; returns for how long of it there was something to do."""
        gap_s = self.case.gap_s
        if self.on is Where.WAIT:
            return gap_s
        settled_s = min(gap_s, self.settling_s)
        worked_s = min(gap_s - settled_s, self.work_s)
        self.settling_s -= settled_s
        self.work_s -= worked_s
        used_s = settled_s + worked_s if self.work_s <= 0 else gap_s
        self.paid_s[self.on] += used_s
        return used_s


def play(case: SpotCase, rule: Rule) -> SpotResult:
    """The whole way of one job."""
    run = _Run(case)
    tick, used_s = 0, 0.0
    while run.work_s > 1e-6:
        zone = run.look(tick)
        seen_s = None if zone is None else (run.seen[zone] - 1) * case.gap_s
        view = View(
            left_s=case.deadline_s - tick * case.gap_s,
            work_s=run.work_s,
            change_s=case.change_s,
            on=run.on,
            settling_s=run.settling_s,
            spot_seen_s=seen_s,
            look_s=case.gap_s,
        )
        run.go(rule(view), zone)
        used_s = run.spend()
        tick += 1
    ended_s = (tick - 1) * case.gap_s + used_s
    spot_s, on_demand_s = run.paid_s[Where.SPOT], run.paid_s[Where.ON_DEMAND]
    return SpotResult(
        saving=1 - (spot_s + case.ratio * on_demand_s) / (case.ratio * case.work_s),
        late_s=max(0.0, ended_s - case.deadline_s),
        spot_s=spot_s,
        on_demand_s=on_demand_s,
        changes=run.changes,
    )


def cases(
    windows: Sequence[Sequence[str]], *, gap_s: float, work_s: float, fraction: float, change_s: float
) -> list[SpotCase]:
    """A case for each window, whose work takes `fraction` of the time until its deadline."""
    return [
        SpotCase(zones=tuple(zones), gap_s=gap_s, work_s=work_s, deadline_s=work_s / fraction, change_s=change_s)
        for zones in windows
    ]
