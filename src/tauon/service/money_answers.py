"""What the control plane answers about money: each use case in a line."""

from __future__ import annotations

from tauon.service.budgets import budget_views
from tauon.service.control_plane import CostQuery, DemandQuery, FocusQuery, UsageQuery
from tauon.service.cost import cost_report, demand_report, focus_export
from tauon.service.money import usage_report
from tauon.service.parts import Parts
from tauon.service.views import (
    BudgetView,
    CostReport,
    DemandReport,
    FocusExport,
    UsageReport,
    WasteView,
)
from tauon.service.waste import waste_views


class MoneyAnswers:
    """The part of the control plane in this process that tells of money."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def usage(self, query: UsageQuery) -> UsageReport:
        return await usage_report(self._parts.store, self._parts.journal.cluster, query, self._parts.clock.now_us())

    async def cost(self, query: CostQuery) -> CostReport:
        return await cost_report(self._parts.ledger, self._parts.journal.cluster, query, self._parts.clock.now_us())

    async def waste(self) -> list[WasteView]:
        return waste_views(self._parts.waste.findings, self._parts.journal.cluster)

    async def budgets(self) -> list[BudgetView]:
        parts = self._parts
        return await budget_views(parts.ledger, parts.journal.cluster, parts.clock.now_us())

    async def demand(self, query: DemandQuery) -> DemandReport:
        return await demand_report(self._parts.ledger, query, self._parts.clock.now_us())

    async def focus(self, query: FocusQuery) -> FocusExport:
        parts = self._parts
        return await focus_export(parts.ledger, parts.store.instance, query, parts.clock.now_us())
