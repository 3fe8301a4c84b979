"""One process per pool that forks a supervisor for each order: a fork costs a tenth of starting an interpreter.

It holds nothing that could be lost: it ends with its server, and the supervisors that it forked go on.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import traceback
from contextlib import suppress

from tauon.supervision.node.claim import NotTaken, claim
from tauon.supervision.node.gang import Gang
from tauon.supervision.node.kernel import adopt_orphans, name_process
from tauon.supervision.node.order import Reply, SupervisionOrder

ORDER_PATIENCE_S = 10.0
_HEEDED = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Take a descriptor for each order from the socket that is standard input, until the server closes it."""
    control = socket.socket(fileno=os.dup(0))
    _forget_standard_streams()
    name_process("tauon-launcher")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries supervisors that ended
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # meant for the server; its end closes the socket
    gc.disable()
    gc.freeze()  # what is here already stays shared with every supervisor
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(control, 1, 1, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return
        if not data:
            return
        for descriptor in descriptors:
            _fork_supervisor(control, descriptor)


def _forget_standard_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _fork_supervisor(control: socket.socket, descriptor: int) -> None:
    try:
        pid = os.fork()
    except OSError:  # too many processes: closing the line tells the server, which tries again
        os.close(descriptor)
        return
    if pid:
        os.close(descriptor)
        return
    try:
        control.close()
        _supervise(socket.socket(fileno=descriptor))
    except BaseException:  # noqa: BLE001 - the last frame of this process: it must not return into the launcher's loop
        traceback.print_exc()
        os._exit(70)
    os._exit(0)


def _supervise(line: socket.socket) -> None:
    os.setsid()
    for number in _HEEDED:  # from here on a signal interrupts a wait and does nothing else
        signal.signal(number, lambda *_: None)
    name_process("tauon-attempt")
    adopt_orphans()
    gc.enable()
    order = _receive(line)
    if order is None:
        return
    try:
        taken = claim(order, line)
    except (NotTaken, OSError) as error:
        _reply(line, Reply(is_taken=False, message=str(error)))
        return
    _reply(line, Reply(is_taken=True, message=""))
    line.close()
    if taken is not None:
        Gang(order, taken).run()


def _receive(line: socket.socket) -> SupervisionOrder | None:
    """The order: eight bytes of length, then JSON; None when its giver went away in the middle of it."""
    line.settimeout(ORDER_PATIENCE_S)
    try:
        size = int.from_bytes(_exactly(line, 8))
        order: SupervisionOrder = json.loads(_exactly(line, size))
    except (EOFError, OSError):
        return None
    return order


def _exactly(line: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = line.recv(min(size - len(data), 1 << 20))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _reply(line: socket.socket, reply: Reply) -> None:
    with suppress(OSError):  # a server that is gone finds the status instead
        line.sendall(json.dumps(reply).encode())
