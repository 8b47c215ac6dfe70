from __future__ import annotations

import itertools
import struct
from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from agentcore_emulator.runtime.frames import FrameScanner, FrameTooLarge, close_frame

LARGEST = 64 * 1024

frames = st.builds(
    Frame,
    st.sampled_from([Opcode.CONT, Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG]),
    st.one_of(
        st.binary(max_size=125),
        st.sampled_from([125, 126, 127, 65_535, 65_536]).map(bytes),
    ),
    st.booleans(),
)


def written(frame: Frame, masked: bool) -> bytes:
    """A frame as websockets writes it; control frames are not checked for their length."""
    head = bytes((frame.opcode | (0x80 if frame.fin else 0),))
    size = len(frame.data)
    mask = 0x80 if masked else 0
    if size < 126:
        head += bytes((mask | size,))
    elif size < 65_536:
        head += struct.pack("!BH", mask | 126, size)
    else:
        head += struct.pack("!BQ", mask | 127, size)
    return head + (b"mask" if masked else b"") + bytes(frame.data)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(st.tuples(frames, st.booleans()), max_size=5), st.lists(st.integers(0, 10**6), max_size=12))
def test_frames_are_counted_however_they_arrive(sent: list[tuple[Frame, bool]], places: list[int]) -> None:
    data = b"".join(written(*each) for each in sent)
    scanner = FrameScanner(LARGEST)
    assert sum(scanner.scan(piece) for piece in cut(data, places)) == len(sent)
    assert scanner.between
    assert not scanner.closing


@given(st.lists(frames, max_size=3), st.integers(LARGEST + 1, 2**63), st.lists(st.integers(0, 10**6), max_size=8))
def test_too_large_a_frame_is_seen_by_its_head(sent: list[Frame], length: int, places: list[int]) -> None:
    before = b"".join(written(frame, masked=True) for frame in sent)
    scanner = FrameScanner(LARGEST)
    passed: list[int] = []

    def feed(piece: bytes) -> None:
        scanner.scan(piece)
        passed.append(len(piece))

    with pytest.raises(FrameTooLarge) as caught:
        deque(map(feed, cut(before + struct.pack("!BBQ", 0x82, 127, length), places)), maxlen=0)
    # What has been passed on of its head before cannot be taken back.
    assert sum(passed) + caught.value.before >= len(before)
    assert scanner.between or sum(passed) > len(before)


@pytest.mark.parametrize("masked", [False, True])
def test_a_close_frame_is_noticed_and_written(masked: bool) -> None:
    frame = close_frame(1011, "an agent broke off", masked=masked)
    scanner = FrameScanner(LARGEST)
    assert scanner.scan(frame) == 1
    assert (scanner.closing, scanner.between) == (True, True)
    payload = frame[2:] if not masked else frame[6:]
    assert Close.parse(payload) == Close(1011, "an agent broke off")
    assert frame[0] == 0x88
    assert bool(frame[1] & 0x80) is masked


def test_in_the_middle_of_a_frame_is_not_between() -> None:
    scanner = FrameScanner(LARGEST)
    for head in (b"\x82", b"\x7e\x00", b"\x02"):
        scanner.scan(head)
        assert not scanner.between
    scanner.scan(b"a")
    assert not scanner.between
    scanner.scan(b"b")
    assert scanner.between
