"""From a job document to a job: defaults filled in, amounts read, and everything refused that could never run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic_core import PydanticSerializationError

from tauon.model.cluster import Cluster
from tauon.model.errors import Infeasible, InvalidRequest, InvalidSpec
from tauon.model.ids import JobId, QueueName
from tauon.model.job import CheckpointPolicy, Job, JobState, Retries
from tauon.model.job_spec import CheckpointSpec, JobSpec
from tauon.model.market import PoolOffers
from tauon.model.money import usd_per_h_to_micro
from tauon.model.quantity import (
    parse_accelerators,
    parse_cpu_milli,
    parse_duration_s,
    parse_memory_mib,
    parse_time_us,
)
from tauon.model.queue import DEFAULT_QUEUE
from tauon.model.resources import Constraints, Request
from tauon.model.snapshot import Snapshot
from tauon.planner.acquire import obtainable
from tauon.planner.shortage import infeasible
from tauon.ports.files import BlobStore, SecretStore
from tauon.ports.store import Store

KEPT = 10_000
SHORT = 1_000  # characters of a document that is worth keeping whole: those of most jobs that are submitted by hundreds


class Intake:
    """Turns documents into jobs; keeps what equal requests have in common, for most submits repeat a shape."""

    def __init__(
        self,
        *,
        store: Store,
        blobs: BlobStore,
        secrets: SecretStore,
        offers: Callable[[], Iterable[PoolOffers]] = tuple,
    ) -> None:
        self._offers = offers
        self._store = store
        self._blobs = blobs
        self._secrets = secrets
        self._of_document: dict[str, Request] = {}
        self._requests: dict[tuple[str, str, int, str], Request] = {}
        self._verdicts: dict[Request, str] = {}
        self._verdicts_version = -1

    def job(self, spec: JobSpec, *, cluster: Cluster, number: int, user: str, key: str, now_us: int) -> Job:
        """The job that a document describes.

        Raises InvalidSpec, InvalidRequest or Infeasible, naming the field and what would be right.
        """
        queue = cluster.queues.get(QueueName(spec.queue or DEFAULT_QUEUE))
        if queue is None:
            known = ", ".join(sorted(cluster.queues)) or "none"
            raise InvalidSpec(f"queue: there is no queue {spec.queue or DEFAULT_QUEUE!r}; there are: {known}")
        document = _document(spec)
        request = self._request(spec, document)
        self.refuse_the_impossible(request, cluster, now_us)
        self._refuse_what_is_missing(spec)
        retries = spec.retries
        return Job(
            id=JobId(f"j{number}"),
            number=number,
            name=spec.name,
            queue=queue.name,
            user=user,
            priority=queue.priority if spec.priority is None else spec.priority,
            request=request,
            document=document,
            submitted_at_us=now_us,
            queued_at_us=now_us,
            retries=Retries(
                failed=retries.failed,
                lost=retries.lost,
                start=retries.start,
                timeout=retries.timeout,
                backoff_s=parse_duration_s(retries.backoff),
            ),
            checkpoint=_checkpoint(spec.checkpoint),
            timeout_s=None if spec.timeout is None else parse_duration_s(spec.timeout),
            deadline_us=None if spec.deadline is None else parse_time_us(spec.deadline, now_us),
            depends_on=self._dependencies(spec.depends_on, cluster),
            labels=spec.labels,
            key=key,
        )

    def _request(self, spec: JobSpec, document: str) -> Request:
        request = self._of_document.get(document)
        if request is None:
            request = self._alike(spec)
            if len(document) <= SHORT:
                if len(self._of_document) >= KEPT:
                    self._of_document.clear()
                self._of_document[document] = request
        return request

    def _alike(self, spec: JobSpec) -> Request:
        """The request that jobs have in common which ask for the same and differ in anything else."""
        where, what = spec.constraints.model_dump_json(), spec.resources.model_dump_json()
        key = (what, where, spec.workers, str(spec.max_price))
        request = self._requests.get(key)
        if request is None:
            if len(self._requests) >= KEPT:
                self._requests.clear()
            request = self._requests[key] = request_of(spec)
        return request

    def refuse_the_impossible(self, request: Request, cluster: Cluster, now_us: int) -> None:
        """Raises Infeasible for what no pool has or could obtain."""
        if self._verdicts_version != cluster.fleet_version:
            self._verdicts.clear()
            self._verdicts_version = cluster.fleet_version
        verdict = self._verdicts.get(request)
        if verdict is None:
            snapshot = Snapshot(at_us=now_us, cluster=cluster)
            verdict = self._verdicts[request] = infeasible(request, cluster.fleet, snapshot)
        if verdict and not obtainable(request, self._offers(), cluster.pools):
            raise Infeasible(verdict)

    def _refuse_what_is_missing(self, spec: JobSpec) -> None:
        if spec.secrets:
            missing = sorted(set(spec.secrets) - set(self._secrets.names()))
            if missing:
                raise InvalidSpec(f"secrets: none is stored as {', '.join(missing)}; store it with `tauon secret set`")
        if spec.workdir is not None:
            digest = spec.workdir.removeprefix("blob:")
            if digest == spec.workdir or not self._blobs.has(digest):
                raise InvalidSpec(f"workdir: {spec.workdir} has not been uploaded; submit by `tauon run` or the SDK")

    def _dependencies(self, named: Sequence[str], cluster: Cluster) -> tuple[JobId, ...]:
        found = []
        for name in dict.fromkeys(named):
            job = cluster.jobs.get(JobId(name)) or self._store.find_job(JobId(name))
            if job is None:
                raise InvalidRequest(f"depends_on: there is no job {name}")
            if job.state in (JobState.FAILED, JobState.CANCELLED):
                raise InvalidRequest(f"depends_on: {name} was {job.state}, so this job could never start")
            found.append(job.id)
        return tuple(found)


def _document(spec: JobSpec) -> str:
    """The document as it is kept. Raises InvalidSpec for text that no program could be given."""
    try:
        document = spec.model_dump_json(exclude_defaults=True)
    except PydanticSerializationError as error:
        raise InvalidSpec("a text in the job is no Unicode (it has half of a character)") from error
    if "\\u0000" in document and any("\0" in text for text in _texts(spec.model_dump(exclude_defaults=True))):
        raise InvalidSpec("a text in the job has a NUL character, which no program can be given")
    return document


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in _texts(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _texts(part))


def _checkpoint(spec: CheckpointSpec | None) -> CheckpointPolicy | None:
    if spec is None:
        return None
    return CheckpointPolicy(
        path=spec.path, interval_s=parse_duration_s(spec.interval), notice_s=spec.notice_s, signal=spec.signal
    )


def request_of(spec: JobSpec) -> Request:
    """What each worker asks for, and where it may be."""
    resources, limits = spec.resources, spec.constraints
    return Request(
        accelerators=parse_accelerators(resources.accelerators),
        cpu_milli=parse_cpu_milli(1 if resources.cpu is None else resources.cpu),
        memory_mib=parse_memory_mib(resources.memory),
        disk_mib=parse_memory_mib(resources.disk),
        workers=spec.workers,
        constraints=Constraints(
            pools=tuple(limits.pools),
            regions=tuple(limits.regions),
            residency=tuple(limits.residency),
            capacity_types=tuple(limits.capacity_types),
        ),
        max_price_micro_usd=None if spec.max_price is None else usd_per_h_to_micro(spec.max_price),
    )


def parse_labels(pairs: Sequence[str]) -> Mapping[str, str]:
    """`key=value` texts as a mapping. Raises InvalidRequest."""
    labels = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise InvalidRequest(f"a label is written key=value, not {pair!r}")
        labels[key] = value
    return labels
