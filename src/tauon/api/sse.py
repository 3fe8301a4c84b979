"""Server-sent events as text: frames written and read, with no connection in sight (the HTML standard, section 9.2)."""

from __future__ import annotations

from typing import NamedTuple

from tauon.model.errors import TauonError

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = b":\n\n"
LONGEST_FRAME_BYTES = 16 * 2**20


class Frame(NamedTuple):
    """One event: its name (empty for ordinary ones), the position to resume after, and its data."""

    event: str
    id: str
    data: bytes


def frame(data: bytes, *, event: str = "", position: str = "") -> bytes:
    """The text of one event; `event` and `position` hold no line breaks."""
    head = f"event: {event}\n" if event else ""
    if position:
        head += f"id: {position}\n"
    lines = data.replace(b"\n", b"\ndata: ") if b"\n" in data else data
    return b"%bdata: %b\n\n" % (head.encode(), lines)


class FrameReader:
    """Takes pieces of a stream as they come and gives whole frames; comments (heartbeats) vanish."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[Frame]:
        """The frames that are complete now. Raises TauonError when one grows beyond all measure."""
        blocks = (self._rest + piece).split(b"\n\n")
        self._rest = blocks.pop()
        if len(self._rest) > LONGEST_FRAME_BYTES:
            raise TauonError("the server sent an event that does not end; is this a Tauon server?")
        return [found for block in blocks if (found := _read(block)) is not None]


def _read(block: bytes) -> Frame | None:
    event = position = ""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b": ")
        if name == b"data":
            data.append(value)
        elif name == b"id":
            position = value.decode()
        elif name == b"event":
            event = value.decode()
    return Frame(event, position, b"\n".join(data)) if data or event else None
