"""Gangs on several nodes: one Slurm job, all workers or none, however unevenly they are placed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tauon.model.attempt import WorkerPlacement
from tauon.model.ids import NodeId
from tauon.ports.providers import Ending, StartOrder
from tests.builders import a_request
from tests.providers.contract import SAVES
from tests.providers.slurm.world import SlurmWorld

pytestmark = pytest.mark.anyio


def on(world: SlurmWorld, order: StartOrder, *nodes: str, gpus: int = 0) -> StartOrder:
    """The order with a worker on each of these nodes, in this order, with as many GPUs each."""
    used = dict.fromkeys(nodes, 0)
    placement = []
    for node in nodes:
        placement.append(
            WorkerPlacement(node=NodeId(f"lab-{node}"), accelerators=tuple(range(used[node], used[node] + gpus)))
        )
        used[node] += gpus
    return msgspec.structs.replace(order, attempt=msgspec.structs.replace(order.attempt, placement=tuple(placement)))


def a_gang(world: SlurmWorld, run: str, nodes: Sequence[str], *, gpus: int = 0, **fields: object) -> StartOrder:
    request = a_request(gpus=gpus, cpu=1, memory_mib=100, workers=len(nodes))
    return on(world, world.order(run, workers=len(nodes), request=request, **fields), *nodes, gpus=gpus)


async def test_workers_of_an_uneven_gang_start_together_where_they_were_placed(world: SlurmWorld) -> None:
    provider = await world.open()
    run = (
        'echo "$RANK $SLURMD_NODENAME $WORLD_SIZE $MASTER_ADDR $MASTER_PORT $CUDA_VISIBLE_DEVICES $TAUON_ACCELERATORS"'
    )
    order = a_gang(world, f"cat made; {run}", ["n2", "n1", "n2"], gpus=2, setup="echo set up > made")
    seen = await world.ran(provider, order)
    assert seen.message == ""
    assert seen.exit_codes == (0, 0, 0)
    said = [(await world.output(provider, order.attempt.id, rank=rank)).decode().split("\n") for rank in range(3)]
    assert [one[0] for one in said] == ["set up"] * 3
    words = [one[1].split() for one in said]
    assert [one[:4] for one in words] == [
        ["0", "n2", "3", "127.0.0.1"],
        ["1", "n1", "3", "127.0.0.1"],
        ["2", "n2", "3", "127.0.0.1"],
    ]
    assert len({one[4] for one in words}) == 1
    assert [one[5] for one in words] == [one[6] for one in words] == ["0,1", "0,1", "2,3"]


async def test_a_gang_across_nodes_ends_with_the_first_worker_that_fails(world: SlurmWorld) -> None:
    provider = await world.open()
    order = a_gang(world, 'if [ "$RANK" = 1 ]; then exit 4; fi; sleep 3600', ["n1", "n2"])
    seen = await world.ran(provider, order)
    assert (seen.ending, seen.failed_rank, seen.exit_codes) == (Ending.EXITED, 1, (-15, 4))
    assert "worker 1 exited with code 4" in seen.message


async def test_a_setup_that_fails_on_one_node_starts_no_worker_on_any(world: SlurmWorld) -> None:
    provider = await world.open()
    order = a_gang(world, "echo never", ["n1", "n2"], setup='[ "$RANK" = 0 ] || exit 7')
    seen = await world.ran(provider, order)
    assert seen.ending is Ending.NOT_STARTED
    assert "setup failed" in seen.message
    assert await world.output(provider, order.attempt.id, rank=0) == b""


async def test_a_notice_reaches_workers_on_every_node(world: SlurmWorld) -> None:
    provider = await world.open()
    order = a_gang(world, SAVES, ["n1", "n2"])
    attempt = await world.started(provider, order)
    for rank in range(2):
        await world.says(provider, attempt, "ready", rank=rank)
    assert await provider.stop([world.stop_order(attempt, notice_s=60)]) == []
    seen = await world.ended(provider, attempt)
    assert seen.exit_codes == (0, 0)
    assert await world.output(provider, attempt, rank=1) == b"ready\nsaved\n"


async def test_a_gang_that_does_not_fit_at_once_starts_none_of_its_workers(world: SlurmWorld) -> None:
    provider = await world.open()
    stranger = world.cluster.submit("--nodelist=n2", "--gres=gpu:8")
    world.cluster.wait(lambda: world.cluster.state(stranger) == "RUNNING")
    order = a_gang(world, "echo hello", ["n1", "n2"], gpus=8)
    assert await provider.start([order]) == []
    world.cluster.wait(lambda: "Resources" in world.cluster.command("squeue", "-h", "-t", "PD", "-o", "%r"))
    assert world.processes() == []
    world.cluster.command("scancel", str(stranger))
    assert (await world.ended(provider, order.attempt.id)).exit_codes == (0, 0)


async def test_when_a_node_of_a_gang_loses_its_hand_no_worker_runs_on(world: SlurmWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, a_gang(world, "echo ready; exec sleep 3600", ["n1", "n2"]))
    for rank in range(2):
        await world.says(provider, attempt, "ready", rank=rank)
    job = world.cluster.command("squeue", "-h", "-t", "R", "-o", "%i", "-n", attempt).strip()
    world.cluster.command("scancel", "--signal=KILL", f"{job}.0")
    seen = await world.ended(provider, attempt)
    assert seen.ending is Ending.LOST
    assert "machines" in seen.message
