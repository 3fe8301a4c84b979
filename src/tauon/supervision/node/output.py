"""The output of the workers: pipes in, files of bounded size out, and the one place where a supervisor waits."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 18
_RETRY_S = 1.0


def segment_name(rank: int, base: int) -> str:
    """The file of a worker's output from byte `base` on: offsets need no other record, and survive rotation."""
    return f"{rank}.{base:020d}.log"


def segments(folder: Path, rank: int) -> list[tuple[int, Path]]:
    """The files of a worker's output with their first bytes' offsets, oldest first. Raises FileNotFoundError."""
    start = f"{rank}."
    found = []
    for path in folder.iterdir():
        base = path.name.removeprefix(start).removesuffix(".log")
        if path.name.startswith(start) and base.isdigit():
            found.append((int(base), path))
    return sorted(found)


class RotatedLog:
    """One worker's output in `keep` files of `segment_bytes` at most; the oldest goes when another is begun.

    On a disk that is full or gone, output is dropped rather than the job held up; the offsets show how much is missing.
    """

    def __init__(self, folder: Path, rank: int, *, segment_bytes: int, keep: int) -> None:
        self._folder = folder
        self._rank = rank
        self._segment_bytes = segment_bytes
        self._keep = max(keep, 1)
        self._offset = 0
        self._room = 0
        self._file = -1
        self._path = folder
        self._retry_at = 0.0
        with suppress(OSError):
            self._open()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                if self._file < 0 or self._room <= 0:
                    self._open()
                written = os.write(self._file, view[: self._room])
            except OSError:
                self._offset += len(view)  # lost
                self._give_up()
                return
            self._offset += written
            self._room -= written
            view = view[written:]

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _open(self) -> None:
        if time.monotonic() < self._retry_at:
            raise BlockingIOError
        self.close()
        self._path = self._folder / segment_name(self._rank, self._offset)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._room = self._segment_bytes
        for _, old in segments(self._folder, self._rank)[: -self._keep]:
            old.unlink(missing_ok=True)

    def _give_up(self) -> None:
        """Wait before the next try; an empty file must not push an older, full one out."""
        if time.monotonic() < self._retry_at:
            return
        self._retry_at = time.monotonic() + _RETRY_S
        self.close()
        if self._room == self._segment_bytes:
            with suppress(OSError):
                self._path.unlink()


class Outputs:
    """All pipes of the workers and all signals of this process; `pump` waits for either."""

    def __init__(self) -> None:
        self._logs: dict[int, RotatedLog] = {}
        self._readers: dict[int, Callable[[bytes], None]] = {}
        self._poll = select.poll()
        self._alarm, alarm = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
        self._poll.register(self._alarm, select.POLLIN)

    @property
    def are_open(self) -> bool:
        """Whether anybody can still write."""
        return bool(self._logs)

    def pipe_into(self, log: RotatedLog) -> int:
        """The end of a new pipe for a worker to write to; what comes out of the other goes into the log."""
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        with suppress(OSError):  # only fewer, larger reads
            fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._logs[ours] = log
        self._poll.register(ours, select.POLLIN)
        return theirs

    def watch(self, descriptor: int, read: Callable[[bytes], None]) -> None:
        """Give whatever comes out of a descriptor to `read`; at its end that gets an empty piece, once."""
        self._readers[descriptor] = read
        self._poll.register(descriptor, select.POLLIN)

    def pump(self, wait_s: float | None) -> set[int]:
        """Wait for output, a signal or the time, move what is there into the logs, and return the signals that came."""
        ready = self._poll.poll(None if wait_s is None else max(0.0, wait_s) * 1000)
        signals: set[int] = set()
        for descriptor, _ in ready:
            if descriptor == self._alarm:
                signals |= set(self._alarms())
            elif descriptor in self._readers:
                self._read(descriptor)
            elif data := os.read(descriptor, _READ_BYTES):
                self._logs[descriptor].write(data)
            else:
                self._poll.unregister(descriptor)
                os.close(descriptor)
                del self._logs[descriptor]
        return signals

    def _read(self, descriptor: int) -> None:
        data = os.read(descriptor, _READ_BYTES)
        read = self._readers[descriptor]
        if not data:
            self._poll.unregister(descriptor)
            del self._readers[descriptor]
        read(data)

    def _alarms(self) -> Iterator[int]:
        with suppress(BlockingIOError):
            while numbers := os.read(self._alarm, 4096):
                yield from numbers
