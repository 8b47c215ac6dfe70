import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sse import Decoder

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def pieces_of(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    """`stream` cut anywhere, empty pieces included."""
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def decoded(pieces: list[bytes]) -> list[str]:
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@given(st.data(), st.lists(json_values, max_size=6), st.sampled_from([None, 1]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_cutting_gives_the_same_events(
    data: st.DataObject, sent: list[object], indent: int | None, line_end: str
) -> None:
    # As the SDK writes them, non-ASCII characters left alone, U+2028 among them; indented, an event has several lines.
    events = [json.dumps(value, ensure_ascii=False, indent=indent).split("\n") for value in sent]
    stream = "".join(line_end.join([*(f"data: {line}" for line in event), "", ""]) for event in events).encode()
    pieces = data.draw(pieces_of(stream))
    assert [json.loads(event) for event in decoded(pieces)] == sent
    assert decoded([stream[i : i + 1] for i in range(len(stream))]) == decoded([stream])


def test_an_event_is_out_with_its_last_byte() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: 1\n") == []
    assert decoder.feed(b"\n") == ["1"]
    assert decoder.feed(b"data: 2\r\r") == ["2"]
    assert decoder.feed(b"\ndata: 3\n\n") == ["3"]


def test_a_line_end_may_be_cut_in_two() -> None:
    assert decoded([b"data: 1\r", b"\ndata: 2\r", b"", b"\n\r", b"\n"]) == ["1\n2"]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data:x\n\n", ["x"]),
        (b"data:  x\n\n", [" x"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b": comment\n\ndata: x\n\n", ["x"]),
        (b"event: ping\nid: 7\nretry: 1\n\n", []),
        (b"event: delta\ndata: x\n\n", ["x"]),
        (b"\n\n\n", []),
        (b"data: unfinished", []),
        (b"data: unfinished\n", []),
        (b"data: \xff\n\n", ["\ufffd"]),
    ],
)
def test_fields(stream: bytes, events: list[str]) -> None:
    assert decoded([stream]) == events
