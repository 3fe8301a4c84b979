"""What a worker finds in its variables, and what it must not find."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tauon.model.attempt import WorkerPlacement
from tauon.model.errors import Rejected
from tauon.model.ids import NodeId
from tauon.ports.providers import StartOrder
from tauon.supervision.environment import base_environment, worker_environments
from tauon.supervision.node.identity import process_table
from tests.builders import a_job, a_node, a_request, an_attempt
from tests.providers.local.world import LocalWorld, command_of, environment_of

GPUS = a_node("n1", gpus=4, accelerator_ids=("GPU-a", "GPU-b", "GPU-c", "GPU-d"))
PLACES = {"GPU-a": 0, "GPU-b": 2, "GPU-c": 3, "GPU-d": 1}  # as the driver counts now


def an_order(*, gpus: float = 2, workers: int = 2, virtual: bool = False, first: int = 0) -> StartOrder:
    job = a_job(gpus=gpus, request=a_request(gpus=gpus, workers=workers, cpu=3))
    node = msgspec.structs.replace(GPUS, virtual=virtual)
    return StartOrder(job=job, attempt=an_attempt(job, first=first), nodes={node.id: node}, secrets={"TOKEN": "s"})


def variables(order: StartOrder, **env: str) -> list[dict[str, str]]:
    return worker_environments(order, {"PATH": "/bin"}, env, {"TAUON_INSTANCE": "i"}, PLACES)


def test_each_worker_sees_its_own_gpus_by_the_drivers_present_order() -> None:
    first, second = variables(an_order())
    assert first["CUDA_VISIBLE_DEVICES"] == "0,2"
    assert second["CUDA_VISIBLE_DEVICES"] == "3,1"
    assert first["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert first["TAUON_ACCELERATORS"] == "0,1"
    assert (second["TAUON_ACCELERATOR_TYPE"], second["TAUON_ACCELERATOR_COUNT"]) == ("H100", "2")


def test_virtual_accelerators_are_told_but_never_as_cuda_devices() -> None:
    first, second = variables(an_order(virtual=True))
    assert first["CUDA_VISIBLE_DEVICES"] == second["CUDA_VISIBLE_DEVICES"] == ""
    assert (first["TAUON_ACCELERATORS"], second["TAUON_ACCELERATORS"]) == ("0,1", "2,3")


def test_a_worker_without_accelerators_sees_no_gpu() -> None:
    [worker] = variables(an_order(gpus=0, workers=1))
    assert worker["CUDA_VISIBLE_DEVICES"] == worker["TAUON_ACCELERATORS"] == ""
    assert (worker["TAUON_ACCELERATOR_COUNT"], worker["TAUON_ACCELERATOR_SHARE"]) == ("0", "0")


def test_a_share_is_told() -> None:
    [worker] = variables(an_order(gpus=0.5, workers=1))
    assert (worker["TAUON_ACCELERATOR_SHARE"], worker["CUDA_VISIBLE_DEVICES"]) == ("0.5", "0")


def test_a_jobs_own_variables_go_before_defaults_but_not_before_its_place() -> None:
    [worker] = variables(an_order(workers=1), PATH="/opt/bin", OMP_NUM_THREADS="7", MASTER_PORT="29500", RANK="9")
    assert (worker["PATH"], worker["OMP_NUM_THREADS"], worker["MASTER_PORT"]) == ("/opt/bin", "7", "29500")
    assert worker["RANK"] == "0"
    assert worker["TOKEN"] == "s"


def test_threads_are_no_more_than_cores() -> None:
    [worker] = variables(an_order(workers=1))
    assert worker["OMP_NUM_THREADS"] == "3"


def test_places_that_are_not_there_are_rejected() -> None:
    with pytest.raises(Rejected, match="4 accelerators"):
        variables(an_order(first=2))
    order = an_order(workers=1)
    elsewhere = (WorkerPlacement(node=NodeId("n9")),)
    with pytest.raises(Rejected, match="n9"):
        variables(msgspec.structs.replace(order, attempt=msgspec.structs.replace(order.attempt, placement=elsewhere)))


def test_a_gpu_that_the_driver_lost_is_rejected() -> None:
    with pytest.raises(Rejected, match="GPU-b"):
        worker_environments(an_order(), {}, {}, {}, {"GPU-a": 0})


def test_the_servers_own_variables_stay_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    monkeypatch.setenv("SCRATCH", "/scratch")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    base = base_environment(["SCRATCH", "NOT_SET"])
    assert (base["LANG"], base["SCRATCH"]) == ("de_DE.UTF-8", "/scratch")
    assert not {"DATABASE_PASSWORD", "NOT_SET"} & set(base)
    assert base["PATH"]


@pytest.mark.anyio
async def test_a_secret_is_nowhere_but_in_its_workers(world: LocalWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SECRET", "tr0ub4dor")
    provider = await world.open()
    gate = world.gate()
    order = world.order(f'echo "${{#TOKEN}}"; {gate.wait}', secrets={"TOKEN": "c0rrect-h0rse"})
    attempt = await world.started(provider, order)
    assert await world.says(provider, attempt, "13") == "13\n"
    assert secret_in_files(world.folder, b"c0rrect-h0rse") == []
    rows = [row.pid for row in process_table()]
    assert not [pid for pid in rows if "c0rrect-h0rse" in command_of(pid)]
    holders = [pid for pid in rows if any(b"c0rrect-h0rse" in variable for variable in environment_of(pid))]
    assert {f"{pid} {command_of(pid)}" for pid in holders} <= set(world.processes())
    workers = {int(process.split()[0]) for process in world.processes()}
    assert not [pid for pid in workers if any(b"tr0ub4dor" in variable for variable in environment_of(pid))]
    gate.open()
    await world.ended(provider, attempt)
    assert secret_in_files(world.folder, b"c0rrect-h0rse") == []


def secret_in_files(folder: Path, secret: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]
