"""The control plane in this process: each use case once, over the journal, the store and the providers' ports."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

import msgspec

from tauon import __version__
from tauon.model.attempt import Attempt
from tauon.model.errors import Conflict, InvalidRequest, NotFound
from tauon.model.event import (
    Fact,
    JobCancelled,
    JobCancelRequested,
    JobMigrationRequested,
    JobSubmitted,
    NodeDraining,
    NodeReady,
    subject_of,
)
from tauon.model.ids import AttemptId, JobId, NodeId, PoolName, attempt_id
from tauon.model.job import Job, JobState
from tauon.model.job_spec import JobSpec
from tauon.model.node import NodeState
from tauon.model.snapshot import Snapshot
from tauon.planner.foresee import copy_of, foresee
from tauon.planner.settle import fail_dependents
from tauon.ports.providers import LogChunk
from tauon.ports.store import JobFilter
from tauon.service.control_plane import ControlPlane, JobQuery, LogQuery, WhatIfQuery
from tauon.service.explain import NEVER_FORESEEN, explain, with_start
from tauon.service.fleet import fleet, node_detail, samples
from tauon.service.listing import filter_of
from tauon.service.money import job_cost, top
from tauon.service.money_answers import MoneyAnswers
from tauon.service.moving import refuse_to_move
from tauon.service.offer_views import OfferQuery, OfferView
from tauon.service.offers import offer_views, request_for
from tauon.service.overview import Moment, overview
from tauon.service.page_views import Fleet, JobCount, NodeDetail, Overview, Preview, Replay
from tauon.service.parts import Parts
from tauon.service.present import attempt_view, event_view, job_view, node_view, pool_view
from tauon.service.preview import preview
from tauon.service.queue_views import queue_views
from tauon.service.replay import question_of, replay_of
from tauon.service.run_time import run_time
from tauon.service.tail import position
from tauon.service.views import (
    EventView,
    Explanation,
    JobDetail,
    JobView,
    NodeView,
    PoolView,
    QueueView,
    RunTimeView,
    ServerInfo,
    Submitted,
    Top,
)

_ID = re.compile(r"j[0-9]{1,18}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class LocalControlPlane(MoneyAnswers, ControlPlane):
    """`ControlPlane` for one user, in this process."""

    def __init__(self, parts: Parts, user: str) -> None:
        super().__init__(parts)
        self._user = user

    async def info(self) -> ServerInfo:
        parts = self._parts
        return ServerInfo(
            version=__version__,
            instance=parts.store.instance,
            user=self._user,
            database=parts.database,
            seq=parts.journal.cluster.seq,
        )

    async def submit(self, spec: JobSpec, *, key: str = "") -> Submitted:
        return (await self._take([spec], [key]))[0]

    async def submit_many(self, specs: Sequence[JobSpec], *, key: str = "") -> list[Submitted]:
        return await self._take(specs, [f"{key}/{i}" if key else "" for i in range(len(specs))])

    async def _take(self, specs: Sequence[JobSpec], keys: Sequence[str]) -> list[Submitted]:
        parts = self._parts
        known = [await self._known(key) for key in keys]
        # From here to the append nothing is awaited, so that numbers and keys are nobody else's.
        cluster = parts.journal.cluster
        number = cluster.jobs_submitted
        now_us = parts.clock.now_us()
        answers: list[Submitted] = []
        facts: list[Fact] = []
        for spec, key, existing in zip(specs, keys, known, strict=True):
            existing = existing or (parts.journal.key_in_flight(key) if key else None)
            if existing is not None:
                answers.append(Submitted(id=existing, name=spec.name, existing=True))
                continue
            number += 1
            job = parts.intake.job(spec, cluster=cluster, number=number, user=self._user, key=key, now_us=now_us)
            facts.append(JobSubmitted(job=job))
            answers.append(Submitted(id=job.id, name=job.name))
        last = parts.journal.append(facts) if facts else cluster.seq
        parts.wake()
        await parts.journal.durable(last)
        return answers

    async def _known(self, key: str) -> JobId | None:
        if not key or not self._parts.journal.may_know(key):
            return None
        return await asyncio.to_thread(self._parts.store.find_key, key)

    async def jobs(self, query: JobQuery) -> list[JobView]:
        found = await asyncio.to_thread(self._parts.store.jobs, filter_of(query))
        attempts = self._parts.journal.cluster.attempts
        return [job_view(job, attempts) for job in found]

    async def count_jobs(self, query: JobQuery) -> JobCount:
        return JobCount(count=await asyncio.to_thread(self._parts.store.count, filter_of(query)))

    async def preview(self, text: str) -> Preview:
        parts = self._parts
        cluster, now_us = parts.journal.cluster, parts.clock.now_us()

        def take(spec: JobSpec) -> Job:
            number = cluster.jobs_submitted + 1
            return parts.intake.job(spec, cluster=cluster, number=number, user=self._user, key="", now_us=now_us)

        return preview(text, take, cluster, now_us)

    async def job(self, job: str) -> JobDetail:
        found = await self._find(job)
        parts = self._parts
        attempts = await asyncio.to_thread(parts.store.attempts, found.id)
        cost = await job_cost(parts.store, parts.journal.cluster, found, parts.clock.now_us())
        began_us = found.started_at_us or found.ended_at_us or parts.clock.now_us()
        return JobDetail(
            job=job_view(found, parts.journal.cluster.attempts),
            spec=msgspec.json.decode(found.document),
            attempts=[attempt_view(a) for a in attempts],
            accelerator_hours=cost.accelerator_hours,
            cost_usd=cost.cost.usd,
            waited_s=max(0, began_us - found.submitted_at_us) / 1e6,
            run_time=self._run_time(found),
        )

    def _run_time(self, job: Job) -> RunTimeView | None:
        parts = self._parts
        return run_time(job, parts.journal.cluster, parts.experience(), parts.clock.now_us())

    async def _find(self, named: str) -> Job:
        """A job by id, or by name: the live one of that name, else the latest."""
        cluster = self._parts.journal.cluster
        live = cluster.jobs.get(JobId(named))
        if live is not None:
            return live
        if _ID.fullmatch(named):
            found = await asyncio.to_thread(self._parts.store.find_job, JobId(named))
            if found is not None:
                return found
        by_name = [j for j in cluster.jobs.values() if j.name == named]
        if len(by_name) > 1:
            ids = ", ".join(j.id for j in by_name[:5])
            raise Conflict(f"{len(by_name)} live jobs are called {named}: name one by its id ({ids})")
        if by_name:
            return by_name[0]
        older = await asyncio.to_thread(self._parts.store.jobs, JobFilter(text=named, limit=200))
        for job in older:
            if job.name == named:
                return job
        raise NotFound(f"there is no job {named!r}; `tauon ps --all` lists them")

    async def cancel(self, job: str) -> JobView:
        found = await self._find(job)
        journal = self._parts.journal
        found = journal.cluster.jobs.get(found.id, found)  # it may have moved on while it was looked up
        if found.state is JobState.CANCELLED:
            return job_view(found, {})
        if found.state.is_final:
            raise Conflict(f"{found.id} has {found.state} already")
        if found.state is JobState.QUEUED:
            dependents = fail_dependents(journal.cluster, found.id, "was cancelled")
            last = journal.append([JobCancelled(job_id=found.id, by=self._user), *dependents])
        elif not found.cancel_requested_by:
            last = journal.append([JobCancelRequested(job_id=found.id, by=self._user)])
        else:
            last = journal.cluster.seq
        self._parts.wake()
        await journal.durable(last)
        return job_view(await self._find(found.id), journal.cluster.attempts)

    async def migrate(self, job: str, *, to: str) -> JobView:
        found = await self._find(job)
        journal = self._parts.journal
        found = journal.cluster.jobs.get(found.id, found)
        refuse_to_move(found, to, journal.cluster, self._parts.intake)
        last = journal.append([JobMigrationRequested(job_id=found.id, pool=PoolName(to), by=self._user)])
        self._parts.wake()
        await journal.durable(last)
        return job_view(await self._find(found.id), journal.cluster.attempts)

    async def explain(self, job: str) -> Explanation:
        found = await self._find(job)
        parts = self._parts
        found = parts.journal.cluster.jobs.get(found.id, found)
        reason = explain(found, parts.journal.cluster, parts.plan(), parts.closed_pools(), parts.clock.now_us())
        reason = msgspec.structs.replace(reason, run_time=self._run_time(found))
        if reason.code is None or reason.code in NEVER_FORESEEN:
            return reason
        now_us, cluster = parts.clock.now_us(), parts.journal.cluster
        snapshot = Snapshot(
            at_us=now_us,
            cluster=cluster,
            capabilities={name: provider.capabilities() for name, provider in parts.providers.items()},
            closed_pools={PoolName(name): why for name, why in parts.closed_pools().items()},
            outlook=parts.experience(),
        )
        # Beside the loop, which goes on meanwhile, and from a copy.
        foreseen = await asyncio.to_thread(foresee, snapshot, copy_of(cluster), found.id)
        return with_start(reason, foreseen, now_us)

    async def logs(self, job: str, query: LogQuery) -> AsyncIterator[LogChunk]:
        attempt = await self._attempt(await self._find(job), query.attempt)
        if query.rank >= len(attempt.placement) or query.rank < 0:
            raise NotFound(f"{attempt.id} has ranks 0 to {len(attempt.placement) - 1}, not {query.rank}")
        provider = self._parts.providers.get(attempt.pool)
        if provider is None:
            raise NotFound(f"pool {attempt.pool}, where {attempt.id} ran, is not configured any more")
        async for chunk in provider.logs(attempt.id, rank=query.rank, offset=query.offset, follow=query.follow):
            yield chunk

    async def _attempt(self, job: Job, number: int | None) -> Attempt:
        wanted = number or job.attempts
        if not wanted:
            raise NotFound(f"{job.id} has not started yet, so it has no output; `tauon explain {job.id}` says why")
        live: AttemptId = attempt_id(job.id, wanted)
        attempt = self._parts.journal.cluster.attempts.get(live)
        if attempt is not None:
            return attempt
        for past in await asyncio.to_thread(self._parts.store.attempts, job.id):
            if past.number == wanted:
                return past
        raise NotFound(f"{job.id} had {job.attempts} attempt{'s' * (job.attempts != 1)}, none numbered {wanted}")

    async def events(self, *, after: int = 0, subject: str = "", limit: int = 1000) -> list[EventView]:
        parts = self._parts
        limit = max(1, min(limit, 10_000))
        start = after if after >= 0 else await self._from_end(after, subject)
        found = parts.journal.recent(start) if not subject else None
        if found is None:
            found = await asyncio.to_thread(parts.store.events, after=start, subject=subject, limit=limit)
        return [event_view(event) for event in found[:limit]]

    async def _from_end(self, after: int, subject: str) -> int:
        parts = self._parts
        return await asyncio.to_thread(position, parts.store, parts.journal.cluster.seq, after, subject)

    async def watch(self, *, after: int = 0, subject: str = "") -> AsyncIterator[EventView]:
        journal = self._parts.journal
        read_to = after if after >= 0 else await self._from_end(after, subject)
        while True:
            found = journal.recent(read_to)
            if found is None:
                found = await asyncio.to_thread(self._parts.store.events, after=read_to)
            for event in found:
                read_to = event.seq
                if not subject or subject_of(event.fact) == subject:
                    yield event_view(event)
            if not found:
                await journal.changed(read_to)

    async def nodes(self) -> list[NodeView]:
        cluster = self._parts.journal.cluster
        return [node_view(node, cluster) for node in cluster.nodes.values()]

    async def node(self, node: str) -> NodeDetail:
        cluster = self._parts.journal.cluster
        return node_detail(cluster.nodes[self._node(node)], cluster, samples(self._parts.providers))

    async def fleet(self) -> Fleet:
        parts = self._parts
        return fleet(parts.journal.cluster, samples(parts.providers), parts.clock.now_us())

    async def drain(self, node: str, *, reason: str = "") -> NodeView:
        journal = self._parts.journal
        found = self._node(node)
        if journal.cluster.nodes[found].state is not NodeState.DRAINING:
            why = f"drained by {self._user}" + (f": {reason}" if reason else "")
            await journal.durable(journal.append([NodeDraining(node_id=found, reason=why)]))
        return node_view(journal.cluster.nodes[found], journal.cluster)

    async def undrain(self, node: str) -> NodeView:
        journal = self._parts.journal
        found = self._node(node)
        known = journal.cluster.nodes[found]
        if known.state is not NodeState.READY:
            last = journal.append([NodeReady(node=msgspec.structs.replace(known, message=""))])
            self._parts.wake()
            await journal.durable(last)
        return node_view(journal.cluster.nodes[found], journal.cluster)

    def _node(self, named: str) -> NodeId:
        nodes = self._parts.journal.cluster.nodes
        if NodeId(named) not in nodes:
            raise NotFound(f"there is no node {named!r}; `tauon nodes` lists them")
        return NodeId(named)

    async def pools(self) -> list[PoolView]:
        parts = self._parts
        closed = parts.closed_pools()
        cluster = parts.journal.cluster
        return [
            pool_view(pool, cluster, parts.providers[name].capabilities(), closed.get(name, ""))
            for name, pool in cluster.pools.items()
            if name in parts.providers
        ]

    async def offers(self, query: OfferQuery) -> list[OfferView]:
        request = (await self._find(query.job)).request if query.job else request_for(query)
        return await asyncio.to_thread(offer_views, request, query, self._parts.on_sale())

    async def queues(self) -> list[QueueView]:
        return queue_views(self._parts.journal.cluster, self._parts.clock.now_us())

    async def top(self) -> Top:
        return top(self._parts.journal.cluster, self._parts.providers, self._parts.clock.now_us())

    async def overview(self) -> Overview:
        parts = self._parts
        counts = await asyncio.to_thread(parts.store.count_jobs)
        failed = await asyncio.to_thread(parts.store.jobs, JobFilter(states=(JobState.FAILED,), limit=10))
        moment = Moment(
            cluster=parts.journal.cluster, plan=parts.plan(), closed=parts.closed_pools(), now_us=parts.clock.now_us()
        )
        return overview(moment, counts, failed)

    async def what_if(self, query: WhatIfQuery) -> Replay:
        return replay_of(await self._parts.play(question_of(query)))

    async def has_blob(self, digest: str) -> bool:
        return self._parts.blobs.has(digest)

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes]) -> None:
        await self._parts.blobs.put(digest, chunks)

    async def secrets(self) -> list[str]:
        return sorted(self._parts.secrets.names())

    async def put_secret(self, name: str, value: str) -> None:
        if not _VARIABLE.fullmatch(name) or name.startswith("TAUON_"):
            raise InvalidRequest(f"{name!r} can't be the name of a secret: it becomes an environment variable")
        await asyncio.to_thread(self._parts.secrets.put, name, value)

    async def delete_secret(self, name: str) -> None:
        await asyncio.to_thread(self._parts.secrets.delete, name)
