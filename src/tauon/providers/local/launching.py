"""The server's side of the launcher: it is started when first needed, and again when it is gone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from tauon.model.errors import NotReady
from tauon.supervision.node import boot
from tauon.supervision.node.order import Reply, SupervisionOrder

_REPLY_PATIENCE_S = 15.0
_END_PATIENCE_S = 2.0


class Launcher:
    """Hands orders to a process that forks a supervisor for each. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def warm_up(self) -> None:
        """Start the launcher now, so that the first order need not wait for it. Raises OSError."""
        with self._lock:
            self._open()

    def hand_over(self, order: SupervisionOrder) -> Reply:
        """Give an order to a new supervisor and return its answer. Raises NotReady when there is none."""
        data = json.dumps(order).encode()
        try:
            with self._new_line() as line:
                line.settimeout(_REPLY_PATIENCE_S)
                line.sendall(len(data).to_bytes(8) + data)
                answer = line.recv(1 << 16)
            reply: Reply = json.loads(answer)
        except (OSError, ValueError) as error:  # an empty answer: the supervisor died before it took the order
            raise NotReady(f"this machine could not start a supervisor: {error}", retry_after_s=1.0) from None
        return reply

    def close(self) -> None:
        """Let the launcher end; the supervisors go on."""
        with self._lock:
            self._drop()

    def _new_line(self) -> socket.socket:
        """One end of a new line; the other is on its way to a supervisor."""
        ours, theirs = socket.socketpair()
        with theirs, self._lock:
            try:
                self._send(theirs)
            except OSError:
                self._drop()
                try:
                    self._send(theirs)
                except OSError:
                    ours.close()
                    raise
        return ours

    def _send(self, line: socket.socket) -> None:
        socket.send_fds(self._open(), [b"+"], [line.fileno()])

    def _open(self) -> socket.socket:
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-X", "utf8", str(Path(boot.__file__).resolve())]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},  # what the server knows is not for its supervisors
                cwd="/",
                start_new_session=True,
            )
        self._control = ours
        return ours

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_PATIENCE_S)
            self._process = None
