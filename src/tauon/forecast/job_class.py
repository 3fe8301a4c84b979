"""Which class of work a job is of: by queue, size, user and name, numbers in the name aside."""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

from tauon.forecast.run_times import JobClass
from tauon.model.job import Job
from tauon.model.resources import Request

UNNAMED = "job"  # what a document is called that does not say; its text tells more then
_NUMBERS = re.compile(r"[0-9]+")


def class_of(job: Job) -> JobClass:
    """From the general to the special; cheap enough to be asked for each waiting job."""
    return _class(job.queue, job.request, job.user, job.name if job.name != UNNAMED else _text(job.document))


@lru_cache(maxsize=1 << 15)
def _class(queue: str, request: Request, user: str, name: str) -> JobClass:
    return queue, _size(request), user, _NUMBERS.sub("#", name.lower())


def _size(request: Request) -> str:
    """The accelerators of the whole gang with the type wanted most, or its cores."""
    if not request.accelerators:
        return f"{request.workers * request.cpu_milli}m"
    first = request.accelerators[0]
    return f"{request.workers * first.milli} {first.type}"


@lru_cache(maxsize=1 << 13)
def _text(document: str) -> str:
    """Equal for documents that differ in nothing but numbers."""
    return f"{zlib.crc32(_NUMBERS.sub('0', document).encode()):x}"
