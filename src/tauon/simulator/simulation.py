"""Plays a scenario: time jumps from one thing that happens to the next, and the loop's own `cycle` answers to each."""

from __future__ import annotations

from tauon.economics.folded import FoldedLedger
from tauon.model.errors import Conflict, InvalidRequest, InvariantViolated, NotFound, StorageUnavailable
from tauon.model.event import NodeRequested, PoolConfigured, QueueConfigured
from tauon.model.ids import JobId
from tauon.ports.store import Store
from tauon.reconciler.cycle import cycle
from tauon.reconciler.journal import InlineJournal
from tauon.reconciler.memory_store import MemoryStore
from tauon.reconciler.site import OpenPool, Site
from tauon.service.local import LocalControlPlane
from tauon.service.parts import Parts
from tauon.service.submit import Intake
from tauon.service.waste import WasteWatch
from tauon.simulator.agenda import Agenda, Entry
from tauon.simulator.chance import Chance
from tauon.simulator.clock import VirtualClock
from tauon.simulator.labour import Labour
from tauon.simulator.nothing import NoBlobs, NoSecrets
from tauon.simulator.provider import SimProvider
from tauon.simulator.result import Refused, Result
from tauon.simulator.scenario import (
    NEVER_US,
    Cancel,
    Drain,
    NodeAppears,
    NodeVanishes,
    Scenario,
    Submit,
    Undrain,
)

STORAGE_RETRY_US = 1_000_000
CYCLES_AT_ONCE = 1_000
QUIET_LOOKS = 2
OPERATOR = "operator"


async def simulate(scenario: Scenario, *, store: Store | None = None) -> Result:
    """Play a scenario to its end: until nothing can happen any more, or `until_us`.

    Raises InvariantViolated where the world sees something that must not be, or the loop never comes to rest.
    """
    simulation = Simulation(scenario, store)
    await simulation.run()
    return simulation.result()


class Simulation:
    """The world, and the control plane in it."""

    def __init__(self, scenario: Scenario, store: Store | None = None) -> None:
        self._scenario = scenario
        self._store = store or MemoryStore()
        self.clock = VirtualClock(scenario.start_us)
        self.journal = InlineJournal(store=self._store, clock=self.clock)
        self.labour = Labour()
        chance = Chance(scenario.seed)
        self.providers = {
            pool.name: SimProvider(
                pool.name,
                labour=self.labour,
                clock=self.clock,
                chance=chance,
                faults=scenario.faults,
                start_s=scenario.start_s,
            )
            for pool in scenario.pools
        }
        self.site = Site(
            journal=self.journal,
            clock=self.clock,
            pools=[OpenPool(name, provider, provider) for name, provider in self.providers.items()],
            secrets=NoSecrets(),
            log=lambda _: None,
            resync_us=NEVER_US if scenario.resync_s is None else round(scenario.resync_s * 1e6),
        )
        self._parts = self._control_plane_parts()
        self._control_planes: dict[str, LocalControlPlane] = {}
        self._agenda = Agenda(scenario.happenings)
        self._jobs: dict[int, JobId | None] = {}
        self._refused: list[Refused] = []
        self._woken = True
        self._due_us = scenario.start_us
        self._cycles = 0
        self._cycles_at_once = 0
        self._last_cycle_us = 0

    def _control_plane_parts(self) -> Parts:
        for provider in self.providers.values():
            provider.wake = self._wake
        pools = self.site.pools.values()
        return Parts(
            journal=self.journal,
            store=self._store,
            clock=self.clock,
            blobs=NoBlobs(),
            secrets=NoSecrets(),
            providers=dict(self.providers),
            wake=self._wake,
            plan=lambda: self.site.plan,
            closed_pools=lambda: {pool.name: pool.closed for pool in pools if pool.closed},
            intake=Intake(store=self._store, blobs=NoBlobs(), secrets=NoSecrets()),
            ledger=FoldedLedger(lambda after: self._store.events(after=after)),
            waste=WasteWatch(),
            experience=lambda: self.site.experience,
        )

    def _wake(self) -> None:
        self._woken = True

    def control_plane(self, user: str) -> LocalControlPlane:
        """The use cases as this user has them."""
        found = self._control_planes.get(user)
        if found is None:
            found = self._control_planes[user] = LocalControlPlane(self._parts, user)
        return found

    def result(self) -> Result:
        """What there is to see by now."""
        return Result(
            scenario=self._scenario,
            store=self._store,
            cluster=self.journal.cluster,
            plan=self.site.plan,
            ended_at_us=self.clock.now_us(),
            cycles=self._cycles,
            jobs=[self._jobs[position] for position in sorted(self._jobs)],
            refused=self._refused,
        )

    async def run(self) -> None:
        """Play until nothing can happen any more."""
        scenario = self._scenario
        self.journal.append([PoolConfigured(pool=pool) for pool in scenario.pools])
        self.journal.append([QueueConfigured(queue=queue) for queue in scenario.queues])
        rented = [node for node in scenario.nodes if node.offer]
        self.journal.append([NodeRequested(node=node, reason="there from the beginning") for node in rented])
        for node in scenario.nodes:
            self.providers[node.pool].node_appears(node)
        await self._cycle()  # as after a start of the server: nobody can submit before the nodes are known
        quiet = 0
        while quiet < QUIET_LOOKS and not self._is_over():
            next_us = self._next_us()
            if next_us is None or next_us > scenario.until_us:
                return
            passed_us = next_us - self.clock.now_us()
            self.clock.advance(next_us)
            if scenario.faults.pauses and passed_us:
                for provider in self.providers.values():
                    provider.pause(passed_us)
            while (entry := self._agenda.take(next_us)) is not None:
                await self._happen(entry)
            if self._woken or self._due_us <= next_us:
                before = self.journal.cluster.seq
                went_well = await self._cycle()
                # When only full looks are left to be taken, and they find nothing, nothing will ever happen again.
                is_idle = self.clock.next_us() is None and self._agenda.next_us() is None
                is_quiet = is_idle and self._owes_nothing() and self.journal.cluster.seq == before
                quiet = quiet + 1 if is_quiet and went_well else 0

    def _next_us(self) -> int | None:
        """When something happens next, or the loop wants to look; None when never."""
        now_us = self.clock.now_us()
        if self._woken:
            return now_us
        next_us = self._due_us
        for other_us in (self.clock.next_us(), self._agenda.next_us()):
            if other_us is not None and other_us < next_us:
                next_us = other_us
        if next_us >= NEVER_US:
            return None
        return next_us if next_us > now_us else now_us

    def _is_over(self) -> bool:
        """Whether all work is done (nodes may come and go for ever after)."""
        if self._woken or self.journal.cluster.jobs or self._agenda.next_us() is not None:
            return False
        return self._owes_nothing() and not self.labour.is_busy and self._cycles > 0

    def _owes_nothing(self) -> bool:
        pools = self.site.pools.values()
        owed = any(p.closed or p.starts or p.stops or p.condemned or p.forgets for p in pools)
        return not owed and self.site.plan.next_look_us is None

    async def _cycle(self) -> bool:
        """Have a cycle; False when the journal could not be written."""
        self._woken = False
        now_us = self.clock.now_us()
        self._cycles += 1
        self._cycles_at_once = self._cycles_at_once + 1 if self._last_cycle_us == now_us else 1
        self._last_cycle_us = now_us
        if self._cycles_at_once > CYCLES_AT_ONCE:
            raise InvariantViolated(f"the loop does not come to rest: {CYCLES_AT_ONCE} cycles at {now_us}")
        try:
            await cycle(self.site)
            self._due_us = self.site.next_cycle_us()
        except StorageUnavailable:
            self.site.owe_all()
            self._due_us = now_us + STORAGE_RETRY_US
            return False
        return True

    async def _happen(self, entry: Entry) -> None:
        try:
            await self._do(entry)
        except StorageUnavailable:
            self._agenda.again(entry, self.clock.now_us() + STORAGE_RETRY_US)
        except InvalidRequest as error:
            self._jobs[entry.submit] = None
            self._refused.append(Refused(submit=entry.submit, reason=str(error)))
        except (Conflict, NotFound):
            pass  # it came too late: the job has ended, or the node has gone

    async def _do(self, entry: Entry) -> None:
        operator = self.control_plane(OPERATOR)
        match entry.happening:
            case Submit() as submit:
                await self._submit(submit, entry.submit)
            case Cancel(submit=position):
                job = self._jobs.get(position)
                if job is not None:
                    await operator.cancel(job)
            case Drain(node=node):
                await operator.drain(node)
            case Undrain(node=node):
                await operator.undrain(node)
            case NodeAppears(node=node):
                self.providers[node.pool].node_appears(node)
            case NodeVanishes(node=node_id):
                for provider in self.providers.values():
                    provider.node_vanishes(node_id)

    async def _submit(self, submit: Submit, position: int) -> None:
        spec = submit.spec
        if submit.after:
            before = [self._jobs.get(p) for p in submit.after]
            if None in before:
                raise InvalidRequest("a job that it depends on was refused")
            spec = spec.model_copy(update={"depends_on": before})
        self.labour.expect(submit.key, submit.work)
        answer = await self.control_plane(submit.user).submit(spec, key=submit.key)
        job = JobId(answer.id)
        self._jobs[position] = job
        self.labour.know(job, submit.work)
