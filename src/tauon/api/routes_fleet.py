"""Routes that tell of the server, its capacity and its bill."""

from __future__ import annotations

import msgspec
from litestar import get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.response import Response

from tauon.api.answer import Answer
from tauon.api.edge import Caller, node_name, query_of
from tauon.api.shared import for_pages, kept_for_pages
from tauon.service.control_plane import CostQuery, DemandQuery, FocusQuery, UsageQuery
from tauon.service.offer_views import OfferQuery, OfferView
from tauon.service.page_views import NodeDetail
from tauon.service.views import (
    BudgetView,
    CostReport,
    DemandReport,
    FocusExport,
    NodeView,
    PoolView,
    QueueView,
    ServerInfo,
    Top,
    UsageReport,
    WasteView,
)

# How long open pages share an answer, in seconds.
_GOOD_FOR_S = 0.5
_BILL_GOOD_FOR_S = 10.0


class DrainQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Why a node is drained, for those who ask later."""

    reason: str = ""


@get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the server answers; asks for no token."""
    return {"status": "ok"}


@get("/v1/info")
async def info(request: Caller) -> ServerInfo:
    """Which server this is, and who it takes you for."""
    return await request.auth.info()


@get("/v1/nodes")
async def nodes(request: Caller) -> list[NodeView]:
    """All nodes: what they have, what is free, who holds it, what it costs."""
    return await request.auth.nodes()


@get("/v1/nodes/{node:str}")
async def node(request: Caller, node: FromPath[str]) -> NodeDetail:
    """One node: what it is, each of its accelerators, and the work on it."""
    return await request.auth.node(node_name(node))


@post("/v1/nodes/{node:str}/drain", status_code=200, opt={"query": DrainQuery})
async def drain(request: Caller, node: FromPath[str]) -> NodeView:
    """Give a node no new work; what runs there goes on."""
    query = query_of(request, DrainQuery)
    return await request.auth.drain(node_name(node), reason=query.reason)


@post("/v1/nodes/{node:str}/undrain", status_code=200)
async def undrain(request: Caller, node: FromPath[str]) -> NodeView:
    """Give a drained node work again."""
    return await request.auth.undrain(node_name(node))


@get("/v1/pools")
async def pools(request: Caller) -> list[PoolView]:
    """All pools, and whether their providers answer."""
    return await request.auth.pools()


@get("/v1/offers", opt={"query": OfferQuery})
async def offers(request: Caller) -> list[OfferView]:
    """What can be had, from pools that sell and from catalogues that only list, the best first."""
    return await request.auth.offers(query_of(request, OfferQuery))


@get("/v1/queues")
async def queues(request: Caller) -> Response[list[QueueView]]:
    """All queues: their shares, what they hold and what waits."""
    return Answer(await for_pages(request, "queues", request.auth.queues, for_s=_GOOD_FOR_S))


@get("/v1/usage", opt={"query": UsageQuery})
async def usage(request: Caller) -> Response[UsageReport]:
    """Who used what in a window of time, and what it cost."""
    query = query_of(request, UsageQuery)
    return Answer(await kept_for_pages(request, query, lambda: request.auth.usage(query), for_s=_BILL_GOOD_FOR_S))


@get("/v1/cost", opt={"query": CostQuery})
async def cost(request: Caller) -> CostReport:
    """The bill of a window by any key: work, idle time and overhead."""
    return await request.auth.cost(query_of(request, CostQuery))


@get("/v1/waste")
async def waste(request: Caller) -> list[WasteView]:
    """Accelerators that are held and hardly used, the dearest first."""
    return await request.auth.waste()


@get("/v1/budgets")
async def budgets(request: Caller) -> list[BudgetView]:
    """What of every budget is spent, and where it is heading."""
    return await request.auth.budgets()


@get("/v1/demand", opt={"query": DemandQuery})
async def demand(request: Caller) -> DemandReport:
    """Accelerators that work held in each hour of a window, by type."""
    return await request.auth.demand(query_of(request, DemandQuery))


@get("/v1/cost/focus", opt={"query": FocusQuery})
async def focus(request: Caller) -> FocusExport:
    """The bill of a window as rows of the open specification FOCUS."""
    return await request.auth.focus(query_of(request, FocusQuery))


@get("/v1/top")
async def top(request: Caller) -> Top:
    """What is going on at this moment."""
    return await request.auth.top()


ROUTES: list[BaseRouteHandler] = [
    healthz,
    info,
    nodes,
    node,
    drain,
    undrain,
    pools,
    offers,
    queues,
    usage,
    cost,
    waste,
    budgets,
    demand,
    focus,
    top,
]
