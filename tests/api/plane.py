"""A control plane in memory: just enough truth for the shell around it to be tested."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from tauon.model.errors import Conflict, InvalidRequest, NotFound
from tauon.model.job import JobState
from tauon.model.job_spec import JobSpec
from tauon.model.node import NodeState
from tauon.model.offer import PriceSource
from tauon.model.plan import WaitCode
from tauon.model.pool import Capabilities
from tauon.model.resources import CapacityType
from tauon.ports.providers import LogChunk
from tauon.service.control_plane import (
    ControlPlane,
    CostQuery,
    DemandQuery,
    FocusQuery,
    JobQuery,
    LogQuery,
    UsageQuery,
    WhatIfQuery,
)
from tauon.service.offer_views import OfferQuery, OfferView
from tauon.service.page_views import Fleet, JobCount, NodeDetail, Overview, Preview, Replay
from tauon.service.views import (
    AttemptView,
    BudgetView,
    CostLine,
    CostReport,
    DemandReport,
    EventView,
    Explanation,
    FocusExport,
    JobDetail,
    JobView,
    NodeView,
    PoolReason,
    PoolView,
    QueueView,
    ServerInfo,
    Submitted,
    Top,
    UsageLine,
    UsageReport,
    WasteView,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_PIECE_BYTES = 1000


def a_waste_view(**fields: object) -> WasteView:
    """Two accelerators that a job holds and does nothing with."""
    defaults: dict[str, object] = {
        "waste": "idle",
        "job": "j1",
        "name": "train",
        "queue": "research",
        "user": "ada",
        "pool": "lab",
        "accelerators": ["n1/0", "n1/1"],
        "since": NOON,
        "usd_per_day": Decimal("119.52"),
        "advice": "end the job",
    }
    return WasteView(**(defaults | fields))  # type: ignore[arg-type]


def a_budget_view(**fields: object) -> BudgetView:
    """A monthly budget of $1,000 of which 40 % is spent, and too much will be."""
    defaults: dict[str, object] = {
        "queue": "research",
        "period": "month",
        "unit": "usd",
        "amount": Decimal(1000),
        "spent": Decimal(400),
        "share": 0.4,
        "expected": Decimal("1240.5"),
        "expected_share": 1.2405,
        "outcome": "ahead",
        "hard": True,
        "stop": False,
        "begins_at": NOON,
        "ends_at": NOON,
        "breach_at": NOON,
        "passed": ["forecast 100%"],
        "warnings": ["queue research is expected to spend 100% of its budget: $400.00 of $1,000.00 this month"],
    }
    return BudgetView(**(defaults | fields))  # type: ignore[arg-type]


def a_cost_report(by: str = "queue") -> CostReport:
    """A bill of one line, with idle time and overhead shared out."""
    line = CostLine(
        key="default",
        name="default",
        accelerator_hours=1,
        cpu_hours=2,
        memory_gib_hours=3,
        work_usd=Decimal("0.1"),
        idle_usd=Decimal("0.2"),
        overhead_usd=Decimal("0.05"),
        cost_usd=Decimal("0.35"),
    )
    return CostReport(
        by=by,
        split="use",
        from_at=NOON,
        to_at=NOON,
        lines=[line],
        others=0,
        work_usd=Decimal("0.1"),
        idle_usd=Decimal("0.2"),
        overhead_usd=Decimal("0.05"),
        unallocated_usd=Decimal(0),
        total_usd=Decimal("0.35"),
        accelerator_hours=3,
        idle_accelerator_hours=2,
    )


def a_job_view(number: int = 1, **fields: object) -> JobView:
    """The `number`-th job as listed."""
    defaults: dict[str, object] = {
        "id": f"j{number}",
        "name": "train",
        "state": JobState.RUNNING,
        "queue": "default",
        "user": "ada",
        "priority": 0,
        "workers": 1,
        "request": "H100:8",
        "where": "lab",
        "attempts": 1,
        "preemptions": 0,
        "retries": 0,
        "submitted_at": NOON,
        "started_at": NOON,
        "ended_at": None,
        "message": "",
        "labels": {"team": "vision"},
    }
    return msgspec.convert(defaults | fields, JobView)


def an_attempt_view(number: int = 1) -> AttemptView:
    return AttemptView(
        id=f"j1-{number}",
        number=number,
        state="running",
        pool="lab",
        accelerator="H100",
        workers=["n1:0-7"],
        placed_at=NOON,
        running_at=NOON,
        ended_at=None,
        outcome=None,
        stop_cause="",
        exit_codes=[None],
        message="",
    )


A_NODE = NodeView(
    id="n1",
    pool="lab",
    state=NodeState.READY,
    accelerator="H100",
    accelerators=8,
    accelerators_free=0.5,
    cpu_cores=64,
    cpu_free=1.5,
    memory_gib=512,
    memory_free_gib=1,
    capacity_type=CapacityType.OWNED,
    region="",
    price_usd_per_h=Decimal("16.10"),
    virtual=False,
    jobs=["j1"],
    ready_at=NOON,
    message="",
)
A_POOL = PoolView(
    name="lab",
    provider="local",
    region="",
    residency=["eu"],
    capacity_type=CapacityType.OWNED,
    nodes=1,
    accelerators={"H100": 8},
    accelerators_free={"H100": 0.5},
    price_usd_per_h=Decimal("16.10"),
    capabilities=Capabilities(gives_notice=True),
    message="",
)
AN_OFFER = OfferView(
    id="sky/h100x8/spot",
    pool="sky",
    region="eu-1",
    capacity_type=CapacityType.SPOT,
    accelerator="H100",
    accelerators=8,
    accelerator_memory_gib=80,
    cpu_cores=64,
    memory_gib=512,
    usd_per_h=Decimal("9.60"),
    usd_per_accelerator_h=Decimal("1.20"),
    usd_per_work=Decimal("9.60"),
    workers=1,
    available=None,
    boot_s=90,
    interruptions_per_h=0.25,
    priced_at=NOON,
    source=PriceSource.PROVIDER,
    problem="",
)
A_QUEUE = QueueView(
    name="research/vision",
    weight=2,
    priority=0,
    waiting=3,
    running=1,
    accelerators_held=8,
    share=1,
    fair_share=0.66,
)


AN_EMPTY_FLEET = Fleet(
    at=NOON,
    seq=0,
    pools=[],
    types=[],
    jobs=[],
    queues=[],
    job_queue=[],
    ids=[],
    pool=[],
    type=[],
    count=[],
    state=[],
    age_s=[],
    usd_per_h=[],
    holders=[],
    utilisation=[],
)


class MemoryPlane(ControlPlane):
    """What its tests put in; `raises` makes the next call fail, `seen` tells what was asked for."""

    def __init__(self) -> None:
        self.user = "ada"
        self.found = {"j1": a_job_view(1)}
        self.submitted: dict[str, Submitted] = {}
        self.specs: list[JobSpec] = []
        self.seen: list[tuple[Any, ...]] = []
        self.raises: Exception | None = None
        self.output = b""
        self.output_ended = False
        self.attempts = 1
        self.journal: list[EventView] = []
        self.focus_export = FocusExport(version="1.4", from_at=NOON, to_at=NOON, columns=["ListCost"], rows=[["1"]])
        self.blobs: dict[str, bytes] = {}
        self.kept: dict[str, str] = {}
        self.changed = asyncio.Condition()
        self.open_streams = 0
        self.given_bytes = 0

    def _asked(self, *what: Any) -> None:
        self.seen.append(what)
        error, self.raises = self.raises, None
        if error is not None:
            raise error

    async def write(self, data: bytes) -> None:
        """Let the job write more output."""
        async with self.changed:
            self.output += data
            self.changed.notify_all()

    async def end_output(self) -> None:
        """Let the attempt end."""
        async with self.changed:
            self.output_ended = True
            self.changed.notify_all()

    async def happen(self, *texts: str) -> None:
        """Let something happen."""
        async with self.changed:
            for text in texts:
                fact = msgspec.Raw(msgspec.json.encode({"type": "JobSucceeded", "job_id": "j1"}))
                seq = len(self.journal) + 1
                self.journal.append(
                    EventView(seq=seq, at=NOON, type="JobSucceeded", subject="j1", text=text, fact=fact)
                )
            self.changed.notify_all()

    async def info(self) -> ServerInfo:
        self._asked("info")
        return ServerInfo(version="0.1.0", instance="abc", user=self.user, database="sqlite", seq=len(self.journal))

    async def submit(self, spec: JobSpec, *, key: str = "") -> Submitted:
        self._asked("submit", key)
        if key in self.submitted:
            return msgspec.structs.replace(self.submitted[key], existing=True)
        self.specs.append(spec)
        answer = Submitted(id=f"j{len(self.specs)}", name=spec.name)
        if key:
            self.submitted[key] = answer
        return answer

    async def submit_many(self, specs: Sequence[JobSpec], *, key: str = "") -> list[Submitted]:
        return [await self.submit(spec, key=f"{key}/{i}") for i, spec in enumerate(specs)]

    async def jobs(self, query: JobQuery) -> list[JobView]:
        self._asked("jobs", query)
        return list(self.found.values())

    async def count_jobs(self, query: JobQuery) -> JobCount:
        self._asked("count_jobs", query)
        return JobCount(count=len(self.found))

    async def preview(self, text: str) -> Preview:
        self._asked("preview", text)
        return Preview(problem="", spec={"run": "true"}, name="train")

    async def job(self, job: str) -> JobDetail:
        self._asked("job", job)
        attempts = [an_attempt_view(number) for number in range(1, self.attempts + 1)]
        return JobDetail(
            job=self._named(job),
            spec={"run": "true", "env": {"A": "1"}},
            attempts=attempts,
            accelerator_hours=1.5,
            cost_usd=Decimal("3.000001"),
            waited_s=0.25,
        )

    def _named(self, job: str) -> JobView:
        if job not in self.found:
            raise NotFound(f"there is no job {job!r}")
        return self.found[job]

    async def cancel(self, job: str) -> JobView:
        self._asked("cancel", job)
        found = self._named(job)
        if found.state is JobState.SUCCEEDED:
            raise Conflict(f"{job} has succeeded already")
        self.found[job] = msgspec.structs.replace(found, state=JobState.CANCELLED)
        return self.found[job]

    async def migrate(self, job: str, *, to: str) -> JobView:
        self._asked("migrate", job, to)
        return self._named(job)

    async def explain(self, job: str) -> Explanation:
        self._asked("explain", job)
        return Explanation(
            job=job,
            state=JobState.QUEUED,
            code=WaitCode.CAPACITY,
            message="8 H100 are needed and 4 are free",
            ahead=2,
            waits_for=["j0"],
            pools=[PoolReason(pool="lab", message="4 of 8 H100 are free")],
        )

    async def logs(self, job: str, query: LogQuery) -> AsyncIterator[LogChunk]:
        self._asked("logs", job, query)
        if query.rank:
            raise NotFound(f"there is no rank {query.rank}")
        offset = query.offset if query.offset >= 0 else max(0, len(self.output) + query.offset)
        self.open_streams += 1
        try:
            while True:
                while offset < len(self.output):
                    data = self.output[offset : offset + _PIECE_BYTES]
                    offset += len(data)
                    self.given_bytes += len(data)
                    yield LogChunk(rank=query.rank, data=data, next_offset=offset)
                if not query.follow or self.output_ended:
                    return
                async with self.changed:
                    if offset == len(self.output) and not self.output_ended:
                        await self.changed.wait()
        finally:
            self.open_streams -= 1

    async def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[EventView]:
        self._asked("events", after, subject, limit)
        return self.journal[max(0, after if after >= 0 else len(self.journal) + after) :][:limit]

    async def watch(self, *, after: int = 0, subject: str = "") -> AsyncIterator[EventView]:
        self._asked("watch", after, subject)
        self.open_streams += 1
        try:
            while True:
                for event in self.journal[after:]:
                    after = event.seq
                    yield event
                async with self.changed:
                    if after == len(self.journal):
                        await self.changed.wait()
                self._asked("woken")
        finally:
            self.open_streams -= 1

    async def nodes(self) -> list[NodeView]:
        self._asked("nodes")
        return [A_NODE]

    async def node(self, node: str) -> NodeDetail:
        self._asked("node", node)
        return NodeDetail(node=A_NODE, labels={}, accelerators=[], work=[], idle_usd_per_h=Decimal(1))

    async def fleet(self) -> Fleet:
        self._asked("fleet")
        return AN_EMPTY_FLEET

    async def drain(self, node: str, *, reason: str = "") -> NodeView:
        self._asked("drain", node, reason)
        return msgspec.structs.replace(A_NODE, state=NodeState.DRAINING, message=reason)

    async def undrain(self, node: str) -> NodeView:
        self._asked("undrain", node)
        return A_NODE

    async def pools(self) -> list[PoolView]:
        self._asked("pools")
        return [A_POOL]

    async def offers(self, query: OfferQuery) -> list[OfferView]:
        self._asked("offers", query)
        return [AN_OFFER]

    async def queues(self) -> list[QueueView]:
        self._asked("queues")
        return [A_QUEUE]

    async def usage(self, query: UsageQuery) -> UsageReport:
        self._asked("usage", query)
        line = UsageLine(
            key="default", name="default", accelerator_hours=1, cpu_hours=2, memory_gib_hours=3, cost_usd=Decimal("0.1")
        )
        return UsageReport(
            by=query.by,
            from_at=NOON,
            to_at=NOON,
            lines=[line],
            work_usd=Decimal("0.1"),
            idle_usd=Decimal("0.2"),
            capacity_usd=Decimal("0.3"),
            idle_accelerator_hours=2,
        )

    async def cost(self, query: CostQuery) -> CostReport:
        self._asked("cost", query)
        return a_cost_report(query.by)

    async def waste(self) -> list[WasteView]:
        self._asked("waste")
        return [a_waste_view()]

    async def budgets(self) -> list[BudgetView]:
        self._asked("budgets")
        return [a_budget_view()]

    async def demand(self, query: DemandQuery) -> DemandReport:
        self._asked("demand", query)
        hourly = [8.0 + hour % 24 for hour in range(24 * 14)]
        return DemandReport(from_at=NOON, hours=len(hourly), hourly={"H100": hourly})

    async def focus(self, query: FocusQuery) -> FocusExport:
        self._asked("focus", query)
        return self.focus_export

    async def top(self) -> Top:
        self._asked("top")
        zero = Decimal(0)
        return Top(
            at=NOON, waiting=1, running=2, accelerators=[], attempts=[], cost_usd_per_h=zero, idle_usd_per_h=zero
        )

    async def overview(self) -> Overview:
        self._asked("overview")
        zero = Decimal(0)
        return Overview(
            at=NOON,
            seq=len(self.journal),
            capacity=[],
            jobs={"running": 1},
            longest_wait_s=0,
            longest_waiting="",
            usd_per_h=zero,
            idle_usd_per_h=zero,
            attention=[],
        )

    async def what_if(self, query: WhatIfQuery) -> Replay:
        self._asked("what_if", query)
        return Replay(jobs=0, nodes=0, accelerators=0, skipped=[], worlds=[])

    async def has_blob(self, digest: str) -> bool:
        self._asked("has_blob", digest)
        return digest in self.blobs

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        self._asked("put_blob", digest)
        data = b"".join([chunk async for chunk in chunks])
        if hashlib.sha256(data).hexdigest() != digest:
            raise InvalidRequest("the archive does not have the digest it was announced with")
        self.blobs[digest] = data

    async def secrets(self) -> list[str]:
        self._asked("secrets")
        return sorted(self.kept)

    async def put_secret(self, name: str, value: str) -> None:
        self._asked("put_secret", name)
        self.kept[name] = value

    async def delete_secret(self, name: str) -> None:
        self._asked("delete_secret", name)
        if self.kept.pop(name, None) is None:
            raise NotFound(f"no secret is stored as {name}")
