"""Every page of the command with an answer that exercises it; `python -m tests.cli.pages` writes the golden files anew."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from tauon.cli.actions.jobs import cancelled
from tauon.cli.actions.server import Versions, verified, versions
from tauon.cli.actions.submitting import submitted
from tauon.cli.render.budgets import budget_list
from tauon.cli.render.cost import cost_report
from tauon.cli.render.events import event_line
from tauon.cli.render.explain import explanation
from tauon.cli.render.fleet import node_list, pool_list, queue_list
from tauon.cli.render.jobs import job_detail, job_list
from tauon.cli.render.offers import offer_list
from tauon.cli.render.top import overview
from tauon.cli.render.usage import usage_report
from tauon.cli.render.waste import waste_list
from tauon.cli.screen import Screen
from tauon.cli.wiring import VerifyReport
from tauon.model.attempt import Outcome
from tauon.model.job import JobState
from tauon.model.node import NodeState
from tauon.model.offer import PriceSource
from tauon.model.plan import WaitCode
from tauon.model.resources import CapacityType
from tauon.service.views import Explanation, PoolReason, RunningView, ServerInfo, Submitted
from tests.api.plane import AN_OFFER, NOON, a_budget_view, a_waste_view
from tests.cli.views import (
    a_cost_line,
    a_cost_report,
    a_detail,
    a_job_view,
    a_node_view,
    a_pool_view,
    a_queue_view,
    a_screen,
    a_top,
    a_usage_line,
    a_usage_report,
    a_waiting_job,
    an_accelerator,
    an_attempt_view,
    an_ended_attempt,
    an_ended_job,
    an_event,
    at,
)

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = {"80": 80, "120": 120, "piped": None}

JOBS = [
    a_waiting_job(4, name="a-rather-long-name-for-a-job", request="4 x (H100:8, 16 CPU, 256 GiB)", priority=10),
    a_job_view(3, nodes=["n1", "n2"], attempts=2, preemptions=1),
    an_ended_job(2, JobState.FAILED, message="worker 0 exited with code 1", user="grace"),
    an_ended_job(1, queue="default", name="eval", request="1 CPU"),
]
DETAIL = a_detail(
    a_job_view(1, attempts=3, preemptions=1, retries=1, labels={"team": "vision", "run": "7"}, priority=5, workers=2),
    attempts=[
        an_ended_attempt(1, Outcome.PREEMPTED, message="j9 is more urgent", stop_cause="preempted"),
        an_ended_attempt(2, Outcome.FAILED, exit_codes=[1, -9], placed_at=at(310), running_at=at(311)),
        an_attempt_view(3, placed_at=at(420), running_at=at(421), workers=["n1:0,1", "n2:0,1"]),
    ],
    spec={"setup": "pip install .", "run": "python train.py\n\tpython eval.py\n"},
)
ENDED = a_detail(
    an_ended_job(1, JobState.FAILED, message="worker 0 exited with code 1", labels={}),
    attempts=[an_ended_attempt(1, Outcome.FAILED, exit_codes=[1])],
    cost_usd=Decimal("0.000321"),
    accelerator_hours=0.0,
)
WAITING = Explanation(
    job="j4",
    state=JobState.QUEUED,
    code=WaitCode.CAPACITY,
    message="8 H100 are needed in lab and 4 are free; they are held by others until they end",
    ahead=2,
    waits_for=["j1", "j2"],
    pools=[
        PoolReason(pool="lab", message="4 of 16 H100 are free, 8 needed on one node"),
        PoolReason(
            pool="cloud-east", message="it costs $3.20 an hour, more than the job may ($2.00), and is full besides"
        ),
    ],
)
NODES = [
    a_node_view(),
    a_node_view(
        "gpu-box-with-a-long-name.example.com",
        state=NodeState.DRAINING,
        jobs=[f"j{i}" for i in range(9)],
        accelerators_free=0.5,
        message="drained by ada: fans",
    ),
    a_node_view("laptop", virtual=True, region="home", jobs=[]),
    a_node_view("cpu-1", accelerator="", accelerators=0, accelerators_free=0.0, price_usd_per_h=Decimal("0.40")),
]
POOLS = [
    a_pool_view(),
    a_pool_view(
        "cloud",
        provider="aws",
        accelerators={"A100": 8, "H100": 4},
        accelerators_free={"A100": 8.0},
        region="us-east-1",
        residency=["us"],
        message="it does not answer: timeout",
    ),
]
OFFERS = [
    replace(AN_OFFER, priced_at=at(-90)),
    replace(
        AN_OFFER,
        id="cloud/h200x8",
        pool="cloud",
        capacity_type=CapacityType.ON_DEMAND,
        accelerator="H200",
        usd_per_h=Decimal("31.20"),
        usd_per_accelerator_h=Decimal("3.90"),
        usd_per_work=Decimal("31.20"),
        interruptions_per_h=None,
        available=0,
        problem="sold out",
    ),
    replace(
        AN_OFFER,
        id="nowhere/h100x8",
        pool="nowhere",
        region="",
        usd_per_h=None,
        usd_per_accelerator_h=None,
        usd_per_work=None,
        interruptions_per_h=None,
        boot_s=0,
        source=PriceSource.CATALOGUE,
        problem="only listed: no pool of this server buys there",
    ),
]
QUEUES = [
    a_queue_view(),
    a_queue_view("research/vision", share=0.004, waiting=12345, weight=0.5),
    a_queue_view("default", share=0.0, waiting=0, running=0, accelerators_held=0.0),
]
BILL = a_usage_report(
    a_usage_line("product", "1234.5"), a_usage_line("research/vision", "2345.67", accelerator_hours=1234.5), idle="100"
)
SMALL_BILL = a_usage_report(
    a_usage_line("j1", "0.0012", name="train", accelerator_hours=0.0006, memory_gib_hours=0.0),
    a_usage_line("", "0.5", name="", memory_gib_hours=0.0),
    by="job",
)
WASTE = [a_waste_view(), a_waste_view(job="j2", waste="small kernels", accelerators=[f"n2/{i}" for i in range(8)])]
BUDGETS = [
    a_budget_view(),
    a_budget_view(queue="product", outcome="spent", share=1.2, spent=Decimal(1200), stop=True, breach_at=NOON),
    a_budget_view(
        queue="interns/summer",
        unit="accelerator-hours",
        period="week",
        hard=False,
        outcome="within",
        expected_share=0.7,
        expected=Decimal(700),
        breach_at=None,
        passed=[],
        warnings=[],
    ),
]
COST = a_cost_report(
    a_cost_line("product", "1234.5", idle="100", overhead="3"),
    a_cost_line("research/vision", "2345.67", idle="200", overhead="5", accelerator_hours=1234.5),
    split="use",
)
COST_BY_JOB = a_cost_report(
    a_cost_line("j1", "0.0012", name="train", accelerator_hours=0.0006),
    a_cost_line("(others)", "0.5", name="(others)"),
    by="job",
    others=12,
    unallocated="0.02",
)
NOW = a_top(
    an_accelerator(
        0,
        job="j1",
        utilisation_pct=87.0,
        memory_used_mib=61440,
        memory_total_mib=81920,
        power_w=512.3,
        temperature_c=61.0,
    ),
    an_accelerator(1, utilisation_pct=0.0, memory_used_mib=512, memory_total_mib=81920, power_w=70.0),
    *[an_accelerator(i, node="n2", type="A100") for i in range(4)],
    attempts=[
        RunningView(
            job="j1",
            name="train-resnet",
            queue="research/vision",
            attempt="j1-1",
            accelerators=1.0,
            cpu_cores=3.96,
            memory_mib=4096,
            running_s=3723.0,
        )
    ],
)
EVENTS = [
    an_event(1, text="ada submitted j1 (train-resnet) to queue research/vision: 4 x (H100:8, 16 CPU, 256 GiB)"),
    an_event(2, "JobFailed", "j1 failed: \x1b[31mred\x07 alarm"),
]
SERVER = ServerInfo(version="0.1.0", instance="abc", user="ada", database="/home/ada/tauon.db", seq=7)


def _events(screen: Screen) -> str:
    return "\n".join(event_line(event, screen) for event in EVENTS)


def _verified(screen: Screen) -> str:
    right = VerifyReport(events=1234, jobs=56, duration_s=0.31, differences=[])
    wrong = VerifyReport(
        events=2, jobs=1, duration_s=75, differences=["job j1: the row says running, the replay failed"]
    )
    return f"{verified(right, screen)}\n{verified(wrong, screen)}"


def _versions(screen: Screen) -> str:
    alone = Versions(client="0.1.0", server=None, problem="no server runs in /home/ada/.local/share/tauon")
    return f"{versions(Versions(client='0.1.0', server=SERVER, problem=''), screen)}\n{versions(alone, screen)}"


PAGES: dict[str, Callable[[Screen], str]] = {
    "ps": lambda screen: job_list(JOBS, screen),
    "show": lambda screen: f"{job_detail(DETAIL, screen)}\n\n{job_detail(ENDED, screen)}",
    "explain": lambda screen: explanation(WAITING, screen),
    "cancel": lambda screen: cancelled([a_job_view(1), an_ended_job(2, JobState.CANCELLED)], screen),
    "run": lambda screen: submitted(
        [Submitted(id="j1", name="a"), Submitted(id="j2", name="b", existing=True)], screen
    ),
    "nodes": lambda screen: node_list(NODES, screen),
    "pools": lambda screen: pool_list(POOLS, screen),
    "offers": lambda screen: offer_list(OFFERS, screen),
    "queues": lambda screen: queue_list(QUEUES, screen),
    "usage": lambda screen: f"{usage_report(BILL, screen)}\n\n{usage_report(SMALL_BILL, screen)}",
    "waste": lambda screen: waste_list(WASTE, screen),
    "budgets": lambda screen: budget_list(BUDGETS, screen),
    "cost": lambda screen: f"{cost_report(COST, screen)}\n\n{cost_report(COST_BY_JOB, screen)}",
    "usage-nothing": lambda screen: usage_report(a_usage_report(), screen),
    "top": lambda screen: overview(NOW, screen),
    "events": _events,
    "verify": _verified,
    "version": _versions,
}


def written(page: str, width: str) -> Path:
    """The golden file of a page at a width."""
    return GOLDEN / f"{page}-{width}.txt"


if __name__ == "__main__":
    for page, render in PAGES.items():
        for width, columns in WIDTHS.items():
            written(page, width).write_text(render(a_screen(columns)) + "\n", encoding="utf-8")
