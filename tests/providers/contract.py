"""What every provider that runs jobs must do: subclass `ProviderContract` and give it a fixture `world`."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from tauon.model.errors import NotFound, Rejected
from tauon.model.ids import AttemptId
from tauon.model.job import CheckpointPolicy
from tauon.ports.providers import Ending, Phase, StartOrder
from tests.builders import a_request
from tests.providers.world import World

# Says `ready`, then at the notice `saved`, and leaves when its work is saved.
SAVES = """
trap 'echo saved > "$TAUON_CHECKPOINT_DIR/state"; echo saved; exit 0' TERM
echo ready
while :; do sleep 0.05 & wait $!; done
"""
# Takes no notice, and has a child in a session of its own that takes none either.
STUBBORN = """
trap '' TERM
setsid sh -c 'trap "" TERM; echo child; while :; do sleep 0.05; done' &
echo ready
while :; do sleep 0.05; done
"""
FOREVER = "echo ready; exec sleep 3600"


class ProviderContract:
    """Real work on the engine under test. Nothing that the tests start may outlive them: `world.finish` checks it."""

    pytestmark = pytest.mark.anyio

    # Running

    async def test_a_worker_runs_and_its_success_is_seen(self, world: World) -> None:
        provider = await world.open()
        seen = await world.ran(provider, world.order("exit 0"))
        assert (seen.phase, seen.ending, seen.exit_codes) == (Phase.ENDED, Ending.EXITED, (0,))
        assert seen.failed_rank is None
        assert seen.message == ""

    async def test_an_exit_code_is_told_as_it_is(self, world: World) -> None:
        provider = await world.open()
        seen = await world.ran(provider, world.order("exit 3"))
        assert (seen.ending, seen.exit_codes, seen.failed_rank) == (Ending.EXITED, (3,), 0)
        assert "exited with code 3" in seen.message

    async def test_a_death_by_a_signal_is_told_as_its_negative_number(self, world: World) -> None:
        provider = await world.open()
        seen = await world.ran(provider, world.order("kill -SEGV $$"))
        assert (seen.ending, seen.exit_codes) == (Ending.EXITED, (-11,))
        assert "SIGSEGV" in seen.message

    async def test_every_change_wakes_the_control_plane(self, world: World) -> None:
        provider = await world.open()
        before = world.wakes
        await world.ran(provider, world.order("true"))
        assert world.wakes > before

    async def test_a_script_ends_at_its_first_command_that_fails(self, world: World) -> None:
        provider = await world.open()
        order = world.order("false\necho never")
        seen = await world.ran(provider, order)
        assert seen.exit_codes == (1,)
        assert await world.output(provider, order.attempt.id) == b""

    async def test_workers_find_each_other_by_their_variables(self, world: World) -> None:
        provider = await world.open()
        says = 'echo "$RANK $WORLD_SIZE $LOCAL_RANK $LOCAL_WORLD_SIZE $MASTER_ADDR $MASTER_PORT $TAUON_RANK $TAUON_WORKERS"'
        order = world.order(says, workers=3)
        await world.ran(provider, order)
        outputs = [(await world.output(provider, order.attempt.id, rank=rank)).split() for rank in range(3)]
        assert [said[0] for said in outputs] == [b"0", b"1", b"2"]
        assert {tuple(said[1:4]) for said in outputs} == {(b"3", b"0", b"1")}
        assert len({tuple(said[4:6]) for said in outputs}) == 1
        assert [said[6:8] for said in outputs] == [[b"%d" % rank, b"3"] for rank in range(3)]
        assert 0 < int(outputs[0][5]) < 65536

    async def test_a_worker_knows_its_job_and_has_its_variables_and_secrets(self, world: World) -> None:
        provider = await world.open()
        run = 'echo "$TAUON_JOB_ID $TAUON_ATTEMPT $TAUON_ATTEMPT_NUMBER $TAUON_RESTART_COUNT $TAUON_POOL $TAUON_NODE $COLOUR $TOKEN"'
        order = world.order(run, env={"COLOUR": "blue"}, secrets={"TOKEN": "s3cret"})
        await world.ran(provider, order)
        said = (await world.output(provider, order.attempt.id)).decode().split()
        attempt = order.attempt
        assert said == [
            attempt.job, attempt.id, "1", "0", attempt.pool, attempt.placement[0].node, "blue", "s3cret",
        ]  # fmt: skip

    # Before running

    async def test_setup_comes_before_the_command(self, world: World) -> None:
        provider = await world.open()
        order = world.order("cat made", setup="echo first > made; echo setting up")
        await world.ran(provider, order)
        assert await world.output(provider, order.attempt.id) == b"setting up\nfirst\n"

    async def test_a_setup_that_fails_is_a_start_that_failed(self, world: World) -> None:
        provider = await world.open()
        order = world.order("echo never", setup="echo no such package; exit 7")
        seen = await world.ran(provider, order)
        assert seen.ending is Ending.NOT_STARTED
        assert "setup" in seen.message
        assert "7" in seen.message
        assert await world.output(provider, order.attempt.id) == b"no such package\n"

    async def test_the_uploaded_folder_is_the_work_folder(self, world: World, tmp_path: Path) -> None:
        provider = await world.open()
        archive = an_archive(tmp_path / "folder.tar.gz", {"src/hello.txt": b"hello\n"})
        order = world.order("cat src/hello.txt", workdir=world.blob(archive), workers=2)
        seen = await world.ran(provider, order)
        assert seen.exit_codes == (0, 0)
        assert await world.output(provider, order.attempt.id, rank=1) == b"hello\n"

    async def test_an_uploaded_folder_that_is_gone_is_a_start_that_failed(self, world: World) -> None:
        provider = await world.open()
        seen = await world.ran(provider, world.order("true", workdir="blob:" + "0" * 64))
        assert seen.ending is Ending.NOT_STARTED
        assert "uploaded folder" in seen.message

    async def test_inputs_lie_in_the_work_folder(self, world: World, tmp_path: Path) -> None:
        provider = await world.open()
        (tmp_path / "digits.csv").write_text("1,2,3\n", encoding="ascii")
        order = world.order("cat inputs/digits/digits.csv", inputs={"digits": str(tmp_path)})
        await world.ran(provider, order)
        assert await world.output(provider, order.attempt.id) == b"1,2,3\n"

    async def test_a_missing_input_is_a_start_that_failed(self, world: World) -> None:
        provider = await world.open()
        seen = await world.ran(provider, world.order("true", inputs={"digits": "/no/such/place"}))
        assert seen.ending is Ending.NOT_STARTED
        assert "/no/such/place" in seen.message

    async def test_an_order_that_means_nothing_is_rejected(self, world: World) -> None:
        provider = await world.open()
        order = world.order("true")
        broken = msgspec.structs.replace(order, job=msgspec.structs.replace(order.job, document="{"))
        refusals = await provider.start([broken])
        assert [type(refusal.error) for refusal in refusals] == [Rejected]
        assert (await provider.observe("")).attempts == ()

    # Gangs

    async def test_a_gang_ends_with_the_first_worker_that_fails(self, world: World) -> None:
        provider = await world.open()
        order = world.order('if [ "$RANK" = 1 ]; then exit 4; fi; sleep 3600', workers=3)
        seen = await world.ran(provider, order)
        assert (seen.ending, seen.failed_rank) == (Ending.EXITED, 1)
        assert seen.exit_codes[1] == 4
        assert all(code not in (0, None) for code in seen.exit_codes)
        assert "worker 1 exited with code 4" in seen.message

    async def test_a_gang_waits_for_its_last_worker(self, world: World) -> None:
        provider = await world.open()
        gate = world.gate()
        order = world.order(f'[ "$RANK" = 0 ] || {{ echo on; {gate.wait}; }}', workers=2)
        attempt = await world.started(provider, order)
        await world.says(provider, attempt, "on", rank=1)
        assert (await world.seen(provider, attempt, lambda seen: True)).phase is Phase.RUNNING
        gate.open()
        assert (await world.ended(provider, attempt)).exit_codes == (0, 0)

    # Once, and only once

    async def test_an_order_given_twice_is_taken_once(self, world: World) -> None:
        provider = await world.open()
        order = world.order('echo x >> "$TAUON_CHECKPOINT_DIR/runs"; cat "$TAUON_CHECKPOINT_DIR/runs"')
        refusals = await asyncio.gather(*(provider.start([order]) for _ in range(8)))
        assert all(not one for one in refusals)
        await world.ended(provider, order.attempt.id)
        assert await provider.start([order]) == []
        seen = await world.ended(provider, order.attempt.id)
        assert seen.exit_codes == (0,)
        assert await world.output(provider, order.attempt.id) == b"x\n"

    async def test_two_servers_at_once_start_it_once(self, world: World) -> None:
        first, second = await world.open(), await world.open()
        orders = [
            world.order('echo x >> "$TAUON_CHECKPOINT_DIR/runs"; cat "$TAUON_CHECKPOINT_DIR/runs"') for _ in range(4)
        ]
        await asyncio.gather(first.start(orders), second.start(orders))
        for order in orders:
            await world.ended(second, order.attempt.id)
            assert await world.output(second, order.attempt.id) == b"x\n"

    async def test_an_order_whose_reply_was_lost_is_not_taken_again(self, world: World) -> None:
        provider = await world.open()
        order = world.order('echo x >> "$TAUON_CHECKPOINT_DIR/runs"; cat "$TAUON_CHECKPOINT_DIR/runs"')
        await provider.start([order])
        await world.abandon(provider)
        provider = await world.open()
        assert await provider.start([order]) == []
        await world.ended(provider, order.attempt.id)
        assert await world.output(provider, order.attempt.id) == b"x\n"

    # A new server

    async def test_a_new_server_takes_over_what_runs(self, world: World) -> None:
        provider = await world.open()
        gate = world.gate()
        order = world.order(f"echo ready; {gate.wait}; exit 5")
        attempt = await world.started(provider, order)
        await world.says(provider, attempt, "ready")
        await world.abandon(provider)
        provider = await world.open()
        look = await provider.observe("")
        assert [(seen.id, seen.phase) for seen in look.attempts] == [(attempt, Phase.RUNNING)]
        assert look.is_full
        gate.open()
        assert (await world.ended(provider, attempt)).exit_codes == (5,)

    async def test_a_new_server_hears_of_what_ended_meanwhile(self, world: World) -> None:
        provider = await world.open()
        order = world.order("exit 6")
        await world.ran(provider, order)
        await world.abandon(provider)
        provider = await world.open()
        look = await provider.observe("")
        assert [(seen.phase, seen.exit_codes) for seen in look.attempts] == [(Phase.ENDED, (6,))]

    async def test_a_notice_runs_out_also_without_a_server(self, world: World) -> None:
        provider = await world.open()
        attempt = await world.started(provider, world.order(STUBBORN))
        await world.says(provider, attempt, "child")
        await provider.stop([world.stop_order(attempt, notice_s=0.3)])
        await world.abandon(provider)
        provider = await world.open()
        seen = await world.ended(provider, attempt)
        assert seen.exit_codes == (-9,)

    # Stopping

    async def test_a_notice_leaves_time_to_save(self, world: World) -> None:
        provider = await world.open()
        order = world.order(SAVES)
        attempt = await world.started(provider, order)
        await world.says(provider, attempt, "ready")
        assert await provider.stop([world.stop_order(attempt, notice_s=60)]) == []
        seen = await world.ended(provider, attempt)
        assert seen.exit_codes == (0,)
        assert await world.output(provider, attempt) == b"ready\nsaved\n"

    async def test_what_was_saved_is_there_for_the_next_attempt(self, world: World) -> None:
        provider = await world.open()
        order = world.order(SAVES, checkpoint=CheckpointPolicy(path="out/state"))
        attempt = await world.started(provider, order)
        await world.says(provider, attempt, "ready")
        await provider.stop([world.stop_order(attempt, notice_s=60)])
        await world.ended(provider, attempt)
        again = the_next(order, 'cat "$TAUON_CHECKPOINT_DIR/state" out/state/state; echo "$TAUON_RESTART_COUNT"')
        await world.ran(provider, again)
        assert await world.output(provider, again.attempt.id) == b"saved\nsaved\n1\n"

    async def test_the_notice_is_the_signal_that_the_job_wants(self, world: World) -> None:
        provider = await world.open()
        run = "trap 'echo got it; exit 0' USR1; echo ready; while :; do sleep 0.05; done"
        attempt = await world.started(provider, world.order(run))
        await world.says(provider, attempt, "ready")
        await provider.stop([world.stop_order(attempt, notice_s=60, signal="SIGUSR1")])
        await world.ended(provider, attempt)
        assert b"got it" in await world.output(provider, attempt)

    async def test_after_the_notice_the_whole_group_is_killed(self, world: World) -> None:
        provider = await world.open()
        attempt = await world.started(provider, world.order(STUBBORN))
        await world.says(provider, attempt, "child")
        await provider.stop([world.stop_order(attempt, notice_s=0.3)])
        seen = await world.ended(provider, attempt)
        assert seen.exit_codes == (-9,)
        assert world.processes() == []

    async def test_a_command_that_saves_is_not_killed_with_its_shell(self, world: World) -> None:
        provider = await world.open()
        saves = "trap 'sleep 0.3; echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
        attempt = await world.started(provider, world.order(f"sh -c {json.dumps(saves)}; echo after"))
        await world.says(provider, attempt, "ready")
        await provider.stop([world.stop_order(attempt, notice_s=60)])
        await world.ended(provider, attempt)
        said = await world.output(provider, attempt)
        assert b"saved" in said
        assert b"after" not in said

    async def test_no_notice_is_a_kill_at_once(self, world: World) -> None:
        provider = await world.open()
        attempt = await world.started(provider, world.order(SAVES))
        await world.says(provider, attempt, "ready")
        await provider.stop([world.stop_order(attempt)])
        seen = await world.ended(provider, attempt)
        assert seen.exit_codes == (-9,)
        assert await world.output(provider, attempt) == b"ready\n"

    async def test_repeating_an_order_to_stop_changes_nothing(self, world: World) -> None:
        provider = await world.open()
        attempt = await world.started(provider, world.order(SAVES))
        await world.says(provider, attempt, "ready")
        for _ in range(3):
            assert await provider.stop([world.stop_order(attempt, notice_s=60)]) == []
        assert (await world.ended(provider, attempt)).exit_codes == (0,)
        assert await provider.stop([world.stop_order(attempt, notice_s=60)]) == []
        assert (await world.ended(provider, attempt)).exit_codes == (0,)

    async def test_a_shorter_notice_brings_the_kill_forward(self, world: World) -> None:
        provider = await world.open()
        attempt = await world.started(provider, world.order(STUBBORN))
        await world.says(provider, attempt, "child")
        await provider.stop([world.stop_order(attempt, notice_s=3600)])
        await provider.stop([world.stop_order(attempt)])
        assert (await world.ended(provider, attempt)).exit_codes == (-9,)

    async def test_stopping_what_is_not_there_is_no_refusal(self, world: World) -> None:
        provider = await world.open()
        assert await provider.stop([world.stop_order(AttemptId("nobody-1"))]) == []

    async def test_a_stop_right_after_the_start_is_not_lost(self, world: World) -> None:
        provider = await world.open()
        order = world.order(FOREVER)
        refused, not_stopped = await asyncio.gather(
            provider.start([order]), provider.stop([world.stop_order(order.attempt.id)])
        )
        assert (list(refused), list(not_stopped)) == ([], [])
        await provider.stop([world.stop_order(order.attempt.id)])
        seen = await world.ended(provider, order.attempt.id)
        assert seen.ending in (Ending.EXITED, Ending.NOT_STARTED)

    async def test_what_a_worker_leaves_running_ends_with_it(self, world: World) -> None:
        provider = await world.open()
        run = "setsid sh -c 'trap \"\" TERM; echo child; sleep 3600' & while ! kill -0 $!; do :; done; exit 0"
        seen = await world.ran(provider, world.order(run))
        assert seen.exit_codes == (0,)
        assert world.processes() == []

    # Looking

    async def test_a_look_brings_only_what_has_changed(self, world: World) -> None:
        provider = await world.open()
        await world.ran(provider, world.order("true"))
        first = await provider.observe("")
        assert first.is_full
        assert (await provider.observe(first.cursor)).attempts == ()
        second = world.order("true")
        await world.ran(provider, second)
        changed = await provider.observe(first.cursor)
        assert not changed.is_full
        assert [seen.id for seen in changed.attempts] == [second.attempt.id]

    async def test_a_cursor_of_a_server_before_brings_everything(self, world: World) -> None:
        provider = await world.open()
        order = world.order("true")
        await world.ran(provider, order)
        cursor = (await provider.observe("")).cursor
        await world.abandon(provider)
        provider = await world.open()
        look = await provider.observe(cursor)
        assert look.is_full
        assert [seen.id for seen in look.attempts] == [order.attempt.id]

    async def test_a_forgotten_attempt_is_not_seen_again_and_not_run_again(self, world: World) -> None:
        provider = await world.open()
        order = world.order("echo once")
        await world.ran(provider, order)
        await provider.forget(order.attempt.id)
        assert (await provider.observe("")).attempts == ()
        await world.abandon(provider)
        provider = await world.open()
        assert (await provider.observe("")).attempts == ()
        await provider.start([order])
        assert (await provider.observe("")).attempts == ()
        assert await world.output(provider, order.attempt.id) == b"once\n"

    async def test_nodes_stay_the_same(self, world: World) -> None:
        provider = await world.open()
        before = (await provider.observe_nodes()).nodes
        assert before
        assert all(node.shape.pool == world.pool().name for node in before)
        await world.ran(provider, world.order("true"))
        assert (await provider.observe_nodes()).nodes == before

    # Output

    async def test_output_is_followed_while_it_comes(self, world: World) -> None:
        provider = await world.open()
        gate = world.gate()
        order = world.order(f"echo one; {gate.wait}; echo two")
        attempt = await world.started(provider, order)
        assert await world.says(provider, attempt, "one") == "one\n"
        gate.open()
        assert await world.says(provider, attempt, "two") == "one\ntwo\n"
        assert await world.output(provider, attempt) == b"one\ntwo\n"

    async def test_output_is_read_from_any_offset(self, world: World) -> None:
        provider = await world.open()
        order = world.order("printf 0123456789")
        await world.ran(provider, order)
        attempt = order.attempt.id
        for offset, expected in ((0, b"0123456789"), (4, b"456789"), (-3, b"789"), (-99, b"0123456789"), (10, b"")):
            assert await world.output(provider, attempt, offset=offset) == expected
        chunks = [chunk async for chunk in provider.logs(attempt, rank=0, offset=4, follow=False)]
        assert chunks[-1].next_offset == 10

    async def test_output_survives_a_restart(self, world: World) -> None:
        provider = await world.open()
        order = world.order("echo still here")
        await world.ran(provider, order)
        await world.abandon(provider)
        provider = await world.open()
        assert await world.output(provider, order.attempt.id) == b"still here\n"

    async def test_output_is_bytes(self, world: World) -> None:
        provider = await world.open()
        order = world.order("printf '\\377\\376\\000\\n'; printf 'err' >&2")
        await world.ran(provider, order)
        assert await world.output(provider, order.attempt.id) == b"\xff\xfe\x00\nerr"

    @pytest.mark.parametrize(("attempt", "rank"), [("nobody-1", 0), ("../../etc-1", 0), ("", 0), (None, 7), (None, -1)])
    async def test_output_that_never_was_is_not_found(self, world: World, attempt: str | None, rank: int) -> None:
        provider = await world.open()
        order = world.order("true")
        await world.ran(provider, order)
        which = order.attempt.id if attempt is None else AttemptId(attempt)
        with pytest.raises(NotFound):
            await anext(aiter(provider.logs(which, rank=rank, offset=0, follow=True)))

    # Capabilities, told truly

    async def test_a_memory_limit_holds_where_it_is_said_to(self, world: World) -> None:
        provider = await world.open()
        if not provider.capabilities().limits_memory:
            pytest.skip("this engine can't limit memory here")
        request = a_request(gpus=0, cpu=0, memory_mib=64)
        order = world.order("head -c 200m /dev/zero | tail -c 190m | wc -c", request=request)
        seen = await world.ran(provider, order)
        assert seen.exit_codes != (0,)
        assert "64 MiB" in seen.message

    async def test_a_cpu_limit_holds_where_it_is_said_to(self, world: World) -> None:
        provider = await world.open()
        if not provider.capabilities().limits_cpu:
            pytest.skip("this engine can't limit cores here")
        request = a_request(gpus=0, cpu=0.25, memory_mib=0)
        # Two busy processes for a second or more; the shell says how long that was by the clock and on a processor.
        run = "date +%s.%N; for i in 1 2; do timeout 1 sh -c 'while :; do :; done' & done; wait || true; date +%s.%N; times"
        order = world.order(run, request=request, resources={"cpu": 0.25})
        await world.ran(provider, order)
        said = (await world.output(provider, order.attempt.id)).decode().split()
        lasted_s = float(said[1]) - float(said[0])
        user_s, system_s = (float(text.removeprefix("0m").removesuffix("s")) for text in said[4:6])
        assert user_s + system_s < 0.25 * lasted_s + 0.35  # what a period lends at its edges included


def the_next(order: StartOrder, run: str, **fields: object) -> StartOrder:
    """The order for the second attempt of the same job, with another command and fields of its document."""
    job = msgspec.structs.replace(order.job, document=json.dumps({"run": run} | fields))
    number = order.attempt.number + 1
    attempt = msgspec.structs.replace(order.attempt, id=AttemptId(f"{job.id}-{number}"), number=number)
    return msgspec.structs.replace(order, job=job, attempt=attempt)


def an_archive(path: Path, files: dict[str, bytes], *, links: Sequence[tuple[str, str]] = ()) -> Path:
    """A .tar.gz with these files, and links (name and target)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type = tarfile.SYMTYPE
            member.linkname = target
            archive.addfile(member)
    return path
