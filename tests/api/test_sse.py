"""Frames are read as they were written, however the network cuts them up."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tauon.api.sse import HEARTBEAT, LONGEST_FRAME_BYTES, Frame, FrameReader, frame
from tauon.model.errors import TauonError

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=20)
FRAMES = st.lists(
    st.builds(Frame, event=WORDS, id=WORDS, data=st.binary(max_size=50).map(lambda b: b.replace(b"\r", b"")))
)


@given(frames=FRAMES, cuts=st.lists(st.integers(min_value=0, max_value=2000)))
def test_frames_are_read_as_written(frames: list[Frame], cuts: list[int]) -> None:
    text = HEARTBEAT + b"".join(frame(f.data, event=f.event, position=f.id) + HEARTBEAT for f in frames)
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    reader = FrameReader()
    read = [one for start, end in pairwise(places) for one in reader.feed(text[start:end])]
    assert read == frames


def test_a_frame_that_does_not_end_is_refused() -> None:
    reader = FrameReader()
    for _ in range(LONGEST_FRAME_BYTES // 2**20):
        assert reader.feed(b"x" * 2**20) == []
    with pytest.raises(TauonError, match="does not end"):
        reader.feed(b"x")
