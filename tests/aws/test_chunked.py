from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.aws.chunked import Dechunker


def coded(chunks: list[bytes], extension: str, trailers: str) -> bytes:
    lines = [b"%x%b\r\n%b\r\n" % (len(chunk), extension.encode(), chunk) for chunk in chunks]
    return b"".join([*lines, b"0%b\r\n" % extension.encode(), trailers.encode(), b"\r\n"])


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=5),
    extension=st.sampled_from(["", f";chunk-signature={'0' * 64}"]),
    trailers=st.sampled_from(["", "x-amz-checksum-crc32:AAAAAA==\r\n"]),
    size=st.integers(1, 100),
)
def test_however_it_comes_in_the_data_is_the_same(
    chunks: list[bytes], extension: str, trailers: str, size: int
) -> None:
    body = coded(chunks, extension, trailers)
    dechunker = Dechunker()
    data = b"".join(dechunker.feed(body[start : start + size]) for start in range(0, len(body), size))
    assert data == b"".join(chunks)
    assert dechunker.whole
    assert dechunker.trailers == ({"x-amz-checksum-crc32": "AAAAAA=="} if trailers else {})


def test_what_lacks_its_last_chunk_is_not_whole() -> None:
    dechunker = Dechunker()
    assert dechunker.feed(b"5\r\nhello\r\n") == b"hello"
    assert not dechunker.whole


@pytest.mark.parametrize("body", [b"x\r\n", b"-1\r\n", b"\r\n", b"5\r\nhello!\r\n", b"5" * 9000])
def test_what_is_not_coded_so(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the texts differ
        Dechunker().feed(body)
