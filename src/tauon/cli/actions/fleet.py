"""Show nodes, pools, queues, the bill and what is going on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tauon.cli.actions.live import kept_up_to_date
from tauon.cli.actions.moments import moment_us
from tauon.cli.options import DrainOptions, Nothing, TopOptions, UndrainOptions, UsageOptions
from tauon.cli.output import Output
from tauon.cli.render.fleet import node_list, pool_list, queue_list
from tauon.cli.render.top import overview
from tauon.cli.render.usage import usage_report
from tauon.cli.screen import Screen
from tauon.model.errors import InvalidRequest, TauonError
from tauon.service.control_plane import ControlPlane, UsageQuery
from tauon.service.views import NodeView


async def show_top(plane: ControlPlane, output: Output, options: TopOptions) -> int:
    """`tauon top`."""
    if options.watch:
        return await kept_up_to_date(plane, output, plane.top, overview)
    output.show(await plane.top(), overview)
    return 0


async def list_nodes(plane: ControlPlane, output: Output, _: Nothing) -> int:
    """`tauon nodes`."""
    nodes = sorted(await plane.nodes(), key=lambda node: (node.pool, node.id))
    output.show(nodes, node_list)
    if not nodes:
        output.note("There is no node. `tauon pools` says which pools there are and what is wrong with them.")
    return 0


async def drain_nodes(plane: ControlPlane, output: Output, options: DrainOptions) -> int:
    """`tauon nodes drain`."""
    return await _each(output, options.nodes, lambda node: plane.drain(node, reason=options.reason))


async def undrain_nodes(plane: ControlPlane, output: Output, options: UndrainOptions) -> int:
    """`tauon nodes undrain`."""
    return await _each(output, options.nodes, plane.undrain)


async def _each(output: Output, nodes: Sequence[str], change: Callable[[str], Awaitable[NodeView]]) -> int:
    """Each node, whatever becomes of the others; the exit code is that of the first that failed."""
    done: list[NodeView] = []
    code = 0
    for node in nodes:
        try:
            done.append(await change(node))
        except TauonError as error:
            output.warn(str(error))
            code = code or error.exit_code
    output.show(done, _changed)
    return code


def _changed(nodes: list[NodeView], _: Screen) -> str:
    lines = []
    for node in nodes:
        still = f"; still there: {', '.join(node.jobs)}" if node.jobs and node.state == "draining" else ""
        lines.append(f"{node.id} is {node.state}{still}")
    return "\n".join(lines)


async def list_pools(plane: ControlPlane, output: Output, _: Nothing) -> int:
    """`tauon pools`."""
    pools = await plane.pools()
    output.show(pools, pool_list)
    if not pools:
        output.note("There is no pool: the server's configuration names them.")
    return 0


async def list_queues(plane: ControlPlane, output: Output, _: Nothing) -> int:
    """`tauon queues`."""
    output.show(await plane.queues(), queue_list)
    return 0


async def show_usage(plane: ControlPlane, output: Output, options: UsageOptions) -> int:
    """`tauon usage`."""
    from_us = moment_us(options.since, "--since", output.screen)
    to_us = moment_us(options.until, "--until", output.screen)
    if from_us is not None and to_us is not None and from_us >= to_us:
        raise InvalidRequest("--since must be before --until")
    output.show(await plane.usage(UsageQuery(by=options.by, from_us=from_us, to_us=to_us)), usage_report)
    return 0
