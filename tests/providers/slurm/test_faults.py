"""Whatever happens to Slurm, or is done to our jobs behind our back: nothing runs twice, is lost, or runs on unseen."""

from __future__ import annotations

import asyncio
import os
import signal

import msgspec
import pytest

from tauon.model.errors import ConfigError, NotReady, Rejected
from tauon.model.ids import AttemptId, NodeId
from tauon.model.node import Node, NodeState
from tauon.model.resources import Resources
from tauon.ports.providers import Ending, Phase, Provider
from tauon.supervision.node.folders import AttemptFolder
from tauon.supervision.node.identity import process_table
from tests.builders import a_request
from tests.providers.contract import FOREVER, SAVES
from tests.providers.local.world import command_of
from tests.providers.slurm.test_gangs import on
from tests.providers.slurm.world import SlurmWorld

pytestmark = pytest.mark.anyio
COUNTS = 'echo x >> "$TAUON_CHECKPOINT_DIR/runs"; cat "$TAUON_CHECKPOINT_DIR/runs"'


def folder_of(world: SlurmWorld, attempt: AttemptId) -> AttemptFolder:
    return AttemptFolder(world.cluster.folder / "shared" / f"{world.instance}-lab" / "attempts" / attempt)


def job_of(world: SlurmWorld, attempt: AttemptId) -> str:
    return world.cluster.command("squeue", "-h", "-t", "all", "-o", "%A", "-n", attempt).split()[0]


async def node(provider: Provider, name: str) -> Node:
    nodes = {one.id: one for one in (await provider.observe_nodes()).nodes}
    return nodes[NodeId(f"lab-{name}")]


async def answers(provider: Provider) -> bool:
    """Whether a look is answered; when not, the answer says who does not."""
    try:
        await provider.observe("")
    except NotReady as error:
        return "Slurm" not in str(error)
    return True


async def news(world: SlurmWorld) -> None:
    await asyncio.wait_for(world._news.wait(), 30)
    world._news.clear()


async def until(world: SlurmWorld, provider: Provider, name: str, state: NodeState, others: Resources) -> Node:
    while True:
        found = await node(provider, name)
        if (found.state, found.others) == (state, others):
            return found
        await news(world)


# Slurm itself


async def test_a_controller_that_is_restarted_loses_nothing_and_starts_nothing_twice(world: SlurmWorld) -> None:
    provider = await world.open()
    gate = world.gate()
    running = await world.started(provider, world.order(f"echo ready; {gate.wait}; {COUNTS}"))
    world.cluster.stop_controller()
    waiting = world.order(COUNTS)
    refusals = await provider.start([waiting])
    assert all(isinstance(refusal.error, NotReady) for refusal in refusals)
    while await answers(provider):
        await news(world)
    with pytest.raises(NotReady, match="Slurm's"):
        await world.open()
    gate.open()
    world.cluster.start_controller()
    while not await answers(provider):
        await news(world)
    async with asyncio.timeout(30):
        while await provider.start([waiting]):  # until its first try has failed
            pass
    for attempt in (running, waiting.attempt.id):
        assert (await world.ended(provider, attempt)).exit_codes == (0,)
        assert (await world.output(provider, attempt)).endswith(b"x\n")
        assert b"x\nx\n" not in await world.output(provider, attempt)


async def test_a_controller_that_forgot_all_jobs_leaves_none_of_ours_running(world: SlurmWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(FOREVER))
    await world.says(provider, attempt, "ready")
    world.cluster.stop_controller()
    world.cluster.start_controller(clean=True)
    while not await answers(provider):
        await news(world)
    assert (await world.ended(provider, attempt)).ending is Ending.LOST


# What is done to our jobs


async def test_a_job_cancelled_behind_our_back_is_lost_and_its_cause_is_told(world: SlurmWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(FOREVER))
    await world.says(provider, attempt, "ready")
    world.cluster.command("scancel", job_of(world, attempt))
    seen = await world.ended(provider, attempt)
    assert seen.ending is Ending.LOST
    assert "was cancelled there" in seen.message


async def test_a_job_that_slurm_preempts_is_told_as_such_and_can_save(world: SlurmWorld) -> None:
    provider = await world.open()
    request = a_request(gpus=8, cpu=1, memory_mib=100)
    order = on(world, world.order(SAVES, request=request), "n1", gpus=8)
    attempt = await world.started(provider, order)
    await world.says(provider, attempt, "ready")
    urgent = world.cluster.submit("--partition=urgent", "--nodelist=n1", "--gres=gpu:8")
    seen = await world.ended(provider, attempt)
    assert seen.ending is Ending.PREEMPTED
    assert "preempted" in seen.message
    assert b"saved" in await world.output(provider, attempt)
    world.cluster.command("scancel", str(urgent))


async def test_a_supervisor_that_is_killed_takes_its_workers_along(world: SlurmWorld) -> None:
    provider = await world.open()
    attempt = await world.started(provider, world.order(FOREVER))
    await world.says(provider, attempt, "ready")
    status = msgspec.json.decode(folder_of(world, attempt).status.read_bytes())
    os.kill(status["supervisor"]["pid"], signal.SIGKILL)
    seen = await world.ended(provider, attempt)
    assert seen.ending is Ending.LOST
    assert "without a word" in seen.message


async def test_a_job_that_slurm_keeps_waiting_is_given_up_with_slurms_reason(world: SlurmWorld) -> None:
    world.options["patience_s"] = 0.2
    provider = await world.open()
    stranger = world.cluster.submit("--nodelist=n1", "--exclusive")
    world.cluster.wait(lambda: world.cluster.state(stranger) == "RUNNING")
    order = on(world, world.order("true"), "n1")
    assert await provider.start([order]) == []
    seen = await world.ended(provider, order.attempt.id)
    assert seen.ending is Ending.NOT_STARTED
    assert "waiting" in seen.message
    assert "Resources" in seen.message
    world.cluster.command("scancel", str(stranger))


# What is doubled


async def test_an_attempt_submitted_twice_runs_once(world: SlurmWorld) -> None:
    provider = await world.open()
    gate = world.gate()
    order = world.order(f"echo ready; {gate.wait}; {COUNTS}")
    attempt = await world.started(provider, order)
    await world.says(provider, attempt, "ready")
    again = world.cluster.command("sbatch", "--parsable", str(folder_of(world, attempt).path / "batch.sh")).strip()
    world.cluster.wait(lambda: world.cluster.state(int(again)) in ("COMPLETED", "CANCELLED"))
    gate.open()
    assert (await world.ended(provider, attempt)).exit_codes == (0,)
    assert await world.output(provider, attempt) == b"ready\nx\n"


async def test_an_order_whose_answer_was_lost_is_found_by_its_job(world: SlurmWorld) -> None:
    provider = await world.open()
    gate = world.gate()
    order = world.order(f"echo ready; {gate.wait}; {COUNTS}")
    attempt = await world.started(provider, order)
    await world.abandon(provider)
    provider = await world.open()
    assert await provider.start([order]) == []
    gate.open()
    assert (await world.ended(provider, attempt)).exit_codes == (0,)
    assert len(world.cluster.command("squeue", "-h", "-t", "all", "-o", "%A", "-n", attempt).split()) == 1


async def test_jobs_of_others_with_our_names_are_not_ours(world: SlurmWorld) -> None:
    order_name = f"{world.instance}-j1-1"
    strangers = [
        world.cluster.submit(f"--job-name={order_name}"),
        world.cluster.submit(f"--job-name={order_name}", f"--comment=tauon:somebody:lab:{order_name}"),
        world.cluster.submit(f"--comment=tauon:{world.instance}:other:{order_name}"),
    ]
    provider = await world.open()
    assert (await provider.observe("")).attempts == ()
    seen = await world.ran(provider, world.order("exit 3"))
    assert (seen.id, seen.exit_codes) == (order_name, (3,))
    assert {world.cluster.state(one) for one in strangers} <= {"RUNNING", "PENDING"}
    world.cluster.command("scancel", *map(str, strangers))


async def test_a_job_of_ours_without_a_folder_is_seen_and_can_be_stopped(world: SlurmWorld) -> None:
    job = world.cluster.submit(f"--comment=tauon:{world.instance}:lab:nobody-1")
    provider = await world.open()
    look = await provider.observe("")
    assert [(seen.id, seen.phase) for seen in look.attempts] == [("nobody-1", Phase.STARTING)]
    await provider.stop([world.stop_order(AttemptId("nobody-1"))])
    assert (await world.ended(provider, AttemptId("nobody-1"))).phase is Phase.ENDED
    world.cluster.wait(lambda: world.cluster.state(job) in ("CANCELLED", "FAILED", "COMPLETED"))


# Nodes


async def test_a_node_drained_by_its_administrator_is_seen_with_the_reason(world: SlurmWorld) -> None:
    provider = await world.open()
    nothing = Resources()
    world.cluster.command("scontrol", "update", "NodeName=n3", "State=DRAIN", "Reason=fan 3 is broken")
    try:
        found = await until(world, provider, "n3", NodeState.DRAINING, nothing)
        assert "fan 3 is broken" in found.message
    finally:
        world.cluster.command("scontrol", "update", "NodeName=n3", "State=RESUME")
    await until(world, provider, "n3", NodeState.READY, nothing)


async def test_a_node_that_is_down_is_gone(world: SlurmWorld) -> None:
    provider = await world.open()
    world.cluster.command("scontrol", "update", "NodeName=n3", "State=DOWN", "Reason=test")
    try:
        while any(one.id == "lab-n3" for one in (await provider.observe_nodes()).nodes):
            await news(world)
    finally:
        world.cluster.command("scontrol", "update", "NodeName=n3", "State=RESUME")
    while not any(one.id == "lab-n3" for one in (await provider.observe_nodes()).nodes):
        await news(world)


async def test_what_others_run_on_a_node_is_seen_and_our_own_jobs_are_not_taken_for_it(world: SlurmWorld) -> None:
    provider = await world.open()
    request = a_request(gpus=2, cpu=3, memory_mib=200)
    attempt = await world.started(provider, on(world, world.order(FOREVER, request=request), "n1", gpus=2))
    job = world.cluster.submit("--nodelist=n1", "--gres=gpu:h100:5", "--cpus-per-task=4", "--mem=1G")
    await until(
        world, provider, "n1", NodeState.READY, Resources(accelerator_milli=5000, cpu_milli=4000, memory_mib=1024)
    )
    world.cluster.command("scancel", str(job))
    await until(world, provider, "n1", NodeState.READY, Resources())
    assert (await world.seen(provider, attempt, lambda _: True)).phase is Phase.RUNNING


# What must not be


async def test_secrets_are_in_no_script_no_list_and_no_file_that_others_can_read(world: SlurmWorld) -> None:
    provider = await world.open()
    order = world.order("echo ready; exec sleep 3600", secrets={"TOKEN": "s3cret-s3cret"})
    attempt = await world.started(provider, order)
    await world.says(provider, attempt, "ready")
    folder = folder_of(world, attempt)
    assert not folder.order.exists()
    job = job_of(world, attempt)
    shown = world.cluster.command("scontrol", "show", "job", "-d", job)
    shown += world.cluster.command("scontrol", "write", "batch_script", job, "-")
    shown += (folder.path / "batch.sh").read_text(encoding="ascii")
    shown += " ".join(command_of(row.pid) for row in process_table())
    assert "batch.py" in shown
    assert "s3cret" not in shown
    files = [path for path in folder.path.parents[1].rglob("*") if path.is_file() and "program" not in path.parts]
    assert files
    assert {path.stat().st_mode & 0o077 for path in files if "work" not in path.parts} == {0}
    assert folder.path.parents[1].stat().st_mode & 0o777 == 0o700


async def test_clocks_that_differ_do_no_harm(world: SlurmWorld) -> None:
    """Nothing is compared with a time that another machine wrote, so it does not matter what it says."""
    provider = await world.open()
    attempt = await world.started(provider, world.order(SAVES))
    await world.says(provider, attempt, "ready")
    folder = folder_of(world, attempt)
    for when in (0, 4_000_000_000):
        os.utime(folder.status, (when, when))
        os.utime(folder.path.parents[1] / "news", (when, when))
    for requested_at_us in (0, 4_000_000_000_000_000):
        order = world.stop_order(attempt, notice_s=60)
        await provider.stop([msgspec.structs.replace(order, requested_at_us=requested_at_us)])
    assert (await world.ended(provider, attempt)).exit_codes == (0,)


async def test_what_slurm_will_never_take_is_rejected_and_leaves_nothing(world: SlurmWorld) -> None:
    world.options["partition"] = "main"
    world.options["sbatch"] = ["--constraint=no-such-feature"]
    provider = await world.open()
    order = world.order("true")
    refusals = await provider.start([order])
    if refusals:
        assert [type(refusal.error) for refusal in refusals] == [Rejected]
        assert (await provider.observe("")).attempts == ()
    else:  # Slurm took its time
        seen = await world.ended(provider, order.attempt.id)
        assert seen.ending is Ending.NOT_STARTED
        assert "sbatch" in seen.message
    assert not folder_of(world, order.attempt.id).path.exists()


async def test_a_node_without_the_interpreter_says_so(world: SlurmWorld) -> None:
    world.options["python"] = "/no/such/python3"
    provider = await world.open()
    seen = await world.ran(provider, world.order("true"))
    assert seen.ending is Ending.NOT_STARTED
    assert "/no/such/python3" in seen.message


@pytest.mark.parametrize(
    "options",
    [
        {"folder": "relative/path"},
        {"no_such_option": 1},
        {"sbatch": ["--wrap=rm -rf /"]},
        {"sbatch": ["-p main"]},
        {"parallel": 0},
        {"partition": "a b"},
        {"poll_s": 0},
    ],
)
async def test_options_that_mean_nothing_are_told(world: SlurmWorld, options: dict[str, object]) -> None:
    before = dict(world.options)
    world.options |= options
    with pytest.raises(ConfigError, match="pool lab: options: "):
        await world.open()
    world.options = before
