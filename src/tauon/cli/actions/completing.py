"""The words that could stand where the shell's cursor is."""

from __future__ import annotations

import asyncio

import click

from tauon.cli.command import Call
from tauon.cli.invocation import wiring_of
from tauon.model.job import FINAL_STATES, JobState
from tauon.service.control_plane import ControlPlane, JobQuery


def candidates(what: str, context: click.Context, patience_s: float) -> dict[str, str]:
    """Words with what each stands for. Raises TimeoutError when the server takes too long."""
    call: Call = context.find_root().obj
    given = {**context.find_root().params, **{k: v for k, v in context.params.items() if v is not None}}

    async def asked() -> dict[str, str]:
        async with asyncio.timeout(patience_s):
            async with wiring_of(call).connect(given.get("home"), given.get("server") or "", lambda *_: None) as plane:
                return await _found(what, plane)

    return asyncio.run(asked())


async def _found(what: str, plane: ControlPlane) -> dict[str, str]:
    match what:
        case "jobs":
            live = tuple(state for state in JobState if state not in FINAL_STATES)
            jobs = await plane.jobs(JobQuery(states=live))
            return {job.id: f"{job.name}, {job.state}" for job in jobs} | {job.name: job.id for job in jobs}
        case "nodes":
            return {node.id: f"{node.pool}, {node.state}" for node in await plane.nodes()}
        case "queues":
            return {queue.name: f"{queue.waiting} waiting" for queue in await plane.queues()}
        case _:
            return dict.fromkeys(await plane.secrets(), "")
