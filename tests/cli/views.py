"""Answers of a control plane as a test would have them: each with defaults for all that it does not care about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from tauon.cli.screen import Screen
from tauon.model.attempt import Outcome
from tauon.model.job import JobState
from tauon.model.node import NodeState
from tauon.model.pool import Capabilities
from tauon.model.resources import CapacityType
from tauon.service.views import (
    AcceleratorView,
    AttemptView,
    CostLine,
    CostReport,
    EventView,
    JobDetail,
    JobView,
    NodeView,
    PoolView,
    QueueView,
    RunningView,
    Top,
    UsageLine,
    UsageReport,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def a_screen(width: int | None = 80, **fields: Any) -> Screen:
    """A terminal without colour, in UTC, ten minutes after noon; `width` None is a pipe."""
    return Screen(**({"width": width, "zone": UTC, "now": at(600)} | fields))


PIPE = a_screen(None)


def a_job_view(number: int = 1, **fields: Any) -> JobView:
    """The `number`-th job: it runs since a minute after noon, on one node of the pool `lab`."""
    defaults: dict[str, Any] = {
        "id": f"j{number}",
        "name": "train-resnet",
        "state": JobState.RUNNING,
        "queue": "research/vision",
        "user": "ada",
        "priority": 0,
        "workers": 1,
        "request": "H100:8, 4 CPU, 64 GiB",
        "where": "H100:8 on lab (n1: 0,1,2,3,4,5,6,7)",
        "pool": "lab",
        "nodes": ["n1"],
        "attempts": 1,
        "preemptions": 0,
        "retries": 0,
        "submitted_at": NOON,
        "started_at": at(60),
        "ended_at": None,
        "message": "",
        "labels": {},
    }
    return JobView(**(defaults | fields))


def a_waiting_job(number: int = 1, **fields: Any) -> JobView:
    """A job that has not started."""
    nowhere = {"state": JobState.QUEUED, "where": "", "pool": "", "nodes": [], "attempts": 0, "started_at": None}
    return a_job_view(number, **(nowhere | fields))


def an_ended_job(number: int = 1, state: JobState = JobState.SUCCEEDED, **fields: Any) -> JobView:
    """A job that ended five minutes after noon."""
    return a_job_view(number, **({"state": state, "where": "", "pool": "", "nodes": [], "ended_at": at(300)} | fields))


def an_attempt_view(number: int = 1, **fields: Any) -> AttemptView:
    """An attempt that runs since a minute after noon."""
    defaults: dict[str, Any] = {
        "id": f"j1-{number}",
        "number": number,
        "state": "running",
        "pool": "lab",
        "accelerator": "H100",
        "workers": ["n1:0,1,2,3,4,5,6,7"],
        "placed_at": at(60),
        "running_at": at(61),
        "ended_at": None,
        "outcome": None,
        "stop_cause": "",
        "exit_codes": [],
        "message": "",
    }
    return AttemptView(**(defaults | fields))


def an_ended_attempt(number: int = 1, outcome: Outcome = Outcome.SUCCEEDED, **fields: Any) -> AttemptView:
    """An attempt that ended five minutes after noon."""
    return an_attempt_view(number, **({"state": "ended", "outcome": outcome, "ended_at": at(300)} | fields))


def a_detail(job: JobView | None = None, **fields: Any) -> JobDetail:
    """Everything about a job."""
    job = job or a_job_view()
    defaults: dict[str, Any] = {
        "job": job,
        "spec": {"run": "python train.py --epochs 3"},
        "attempts": [an_attempt_view(number) for number in range(1, job.attempts + 1)],
        "accelerator_hours": 1.2,
        "cost_usd": Decimal("2.400000"),
        "waited_s": 60.0,
    }
    return JobDetail(**(defaults | fields))


def a_node_view(name: str = "n1", **fields: Any) -> NodeView:
    """A node of eight H100, half of them free."""
    defaults: dict[str, Any] = {
        "id": name,
        "pool": "lab",
        "state": NodeState.READY,
        "accelerator": "H100",
        "accelerators": 8,
        "accelerators_free": 4.0,
        "cpu_cores": 64.0,
        "cpu_free": 60.5,
        "memory_gib": 512.0,
        "memory_free_gib": 448.0,
        "capacity_type": CapacityType.OWNED,
        "region": "",
        "price_usd_per_h": Decimal("16.10"),
        "virtual": False,
        "jobs": ["j1"],
        "ready_at": NOON,
        "message": "",
    }
    return NodeView(**(defaults | fields))


def a_pool_view(name: str = "lab", **fields: Any) -> PoolView:
    """A pool of two nodes."""
    defaults: dict[str, Any] = {
        "name": name,
        "provider": "local",
        "region": "",
        "residency": [],
        "capacity_type": CapacityType.OWNED,
        "nodes": 2,
        "accelerators": {"H100": 16},
        "accelerators_free": {"H100": 4.5},
        "price_usd_per_h": Decimal("32.20"),
        "capabilities": Capabilities(),
        "message": "",
    }
    return PoolView(**(defaults | fields))


def a_queue_view(name: str = "research", **fields: Any) -> QueueView:
    """A queue that holds half of everything."""
    defaults: dict[str, Any] = {
        "name": name,
        "weight": 3.0,
        "priority": 0,
        "waiting": 2,
        "running": 1,
        "accelerators_held": 8.0,
        "share": 0.5,
        "fair_share": 0.6,
    }
    return QueueView(**(defaults | fields))


def a_cost_line(key: str, work: str, *, idle: str = "0", overhead: str = "0", **fields: Any) -> CostLine:
    """A line of the bill."""
    defaults: dict[str, Any] = {
        "key": key,
        "name": key,
        "accelerator_hours": 12.0,
        "cpu_hours": 100.0,
        "memory_gib_hours": 200.0,
        "work_usd": Decimal(work),
        "idle_usd": Decimal(idle),
        "overhead_usd": Decimal(overhead),
        "cost_usd": Decimal(work) + Decimal(idle) + Decimal(overhead),
    }
    return CostLine(**(defaults | fields))


def a_cost_report(
    *lines: CostLine, by: str = "queue", split: str = "none", others: int = 0, unallocated: str = "0"
) -> CostReport:
    """The bill of a day."""
    left = Decimal(unallocated)
    return CostReport(
        by=by,
        split=split,
        from_at=NOON - timedelta(days=1),
        to_at=NOON,
        lines=list(lines),
        others=others,
        work_usd=sum((line.work_usd for line in lines), Decimal(0)),
        idle_usd=sum((line.idle_usd for line in lines), left),
        overhead_usd=sum((line.overhead_usd for line in lines), Decimal(0)),
        unallocated_usd=left,
        total_usd=sum((line.cost_usd for line in lines), left),
        accelerator_hours=sum(line.accelerator_hours for line in lines),
        idle_accelerator_hours=0.0,
    )


def a_usage_line(key: str, cost: str, **fields: Any) -> UsageLine:
    """What somebody used."""
    defaults: dict[str, Any] = {
        "key": key,
        "name": key,
        "accelerator_hours": 10.0,
        "cpu_hours": 40.0,
        "memory_gib_hours": 640.0,
        "cost_usd": Decimal(cost),
    }
    return UsageLine(**(defaults | fields))


def a_usage_report(*lines: UsageLine, idle: str = "0", by: str = "queue") -> UsageReport:
    """The bill of the day before noon."""
    work = sum((line.cost_usd for line in lines), Decimal(0))
    return UsageReport(
        by=by,
        from_at=NOON - timedelta(days=1),
        to_at=NOON,
        lines=list(lines),
        work_usd=work,
        idle_usd=Decimal(idle),
        capacity_usd=work + Decimal(idle),
        idle_accelerator_hours=12.5,
    )


def an_accelerator(index: int = 0, **fields: Any) -> AcceleratorView:
    """One that nobody holds and that can't be measured."""
    defaults: dict[str, Any] = {
        "node": "n1",
        "index": index,
        "type": "H100",
        "job": "",
        "utilisation_pct": None,
        "memory_used_mib": None,
        "memory_total_mib": None,
        "power_w": None,
        "temperature_c": None,
    }
    return AcceleratorView(**(defaults | fields))


def a_top(*accelerators: AcceleratorView, attempts: list[RunningView] | None = None) -> Top:
    """What is going on five minutes after noon."""
    return Top(
        at=at(300),
        waiting=3,
        running=1,
        accelerators=list(accelerators),
        attempts=attempts or [],
        cost_usd_per_h=Decimal("8.05"),
        idle_usd_per_h=Decimal("24.15"),
    )


def an_event(seq: int = 1, type_: str = "JobSubmitted", text: str = "", **fields: Any) -> EventView:
    """A line of the journal, as many seconds after noon as its position."""
    fact = msgspec.Raw(msgspec.json.encode({"type": type_, "job_id": "j1"}))
    defaults: dict[str, Any] = {"seq": seq, "at": at(seq), "type": type_, "subject": "j1", "text": text, "fact": fact}
    return EventView(**(defaults | fields))
