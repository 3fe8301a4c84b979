"""The one tree of errors; each says what is wrong, where, and what to do next.

TauonError
├── InvalidRequest        the caller asked for something that can't be: fix the request (HTTP 400, exit 2)
│   ├── InvalidSpec       a workload file or document is wrong, with the place in it
│   ├── Infeasible        no pool has or can obtain what was asked for
│   └── NotSupported      the field or verb means nothing here yet
├── NotFound              no such job, node, pool, queue, secret (404, exit 4)
├── Conflict              the thing is no longer in a state that allows this (409, exit 5)
├── AccessDenied          no login, an expired one, or one without the right (401/403, exit 6)
├── Unavailable           the server or one of its parts can't answer now; trying again is right (503, exit 7)
│   └── StorageUnavailable  the journal can't be written or read (disk full, read-only, connection lost)
├── ConfigError           the server's own configuration or state folder is wrong (exit 3)
├── ProviderError         what a provider answers; the only errors that the loop acts on
│   ├── OutOfCapacity     this offer has nothing until a given time
│   ├── QuotaExceeded     the account may not have more
│   ├── NotReady          not yet; ask again after `retry_after_s`
│   └── Rejected          never: the order itself is wrong for this engine
└── InvariantViolated     a bug in Tauon: state, plan or journal contradict themselves
"""


class TauonError(Exception):
    """Root of every error that Tauon raises on purpose; its text is for a person."""

    code = "error"
    exit_code = 1
    http_status = 500


class InvalidRequest(TauonError):
    """The request can't be met as written."""

    code = "invalid_request"
    exit_code = 2
    http_status = 400


class InvalidSpec(InvalidRequest):
    """A workload document is wrong; the message names file, line, column and field where they are known."""

    code = "invalid_spec"


class Infeasible(InvalidRequest):
    """No pool has or can obtain what was asked for."""

    code = "infeasible"


class NotSupported(InvalidRequest):
    """A field or verb whose machinery this version does not have."""

    code = "not_supported"


class NotFound(TauonError):
    """No such thing."""

    code = "not_found"
    exit_code = 4
    http_status = 404


class Conflict(TauonError):
    """The thing is not (or no longer) in a state that allows this."""

    code = "conflict"
    exit_code = 5
    http_status = 409


class AccessDenied(TauonError):
    """Not logged in, or not allowed."""

    code = "access_denied"
    exit_code = 6
    http_status = 401


class Unavailable(TauonError):
    """Can't be answered now; the same request may succeed later."""

    code = "unavailable"
    exit_code = 7
    http_status = 503


class StorageUnavailable(Unavailable):
    """The journal can't be written or read; nothing that was acknowledged is lost."""

    code = "storage_unavailable"


class ConfigError(TauonError):
    """The server's configuration, state folder or database is wrong for this version."""

    code = "config_error"
    exit_code = 3


class ProviderError(TauonError):
    """What a provider answers when it can't do as told."""

    code = "provider_error"
    http_status = 502


class OutOfCapacity(ProviderError):
    """An offer has nothing to give until `until_us` (microseconds since the epoch)."""

    code = "out_of_capacity"

    def __init__(self, message: str, *, until_us: int) -> None:
        super().__init__(message)
        self.until_us = until_us


class QuotaExceeded(ProviderError):
    """The account may not have more of this."""

    code = "quota_exceeded"


class NotReady(ProviderError):
    """Not yet: the same order may be given again after `retry_after_s` seconds."""

    code = "not_ready"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(ProviderError):
    """The order is wrong for this engine and will never succeed."""

    code = "rejected"


class InvariantViolated(TauonError):
    """A bug: state, plan or journal contradict themselves."""

    code = "bug"
