from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.proxy.hello import ClientHello


def hello(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, alpn: int = 0) -> bytes:
    """What Python says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(["x" * 250] * alpn)
    said = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname=name).do_handshake()
    return said.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("piece", [1, 7, 100, 100_000])
def test_the_name_is_found_however_it_is_cut(version: ssl.TLSVersion, piece: int) -> None:
    data = hello("Bedrock.us-east-1.amazonaws.com", version, alpn=40)
    looked = ClientHello()
    for begin in range(0, len(data), piece):
        assert not looked.done
        looked.feed(data[begin : begin + piece])
    assert looked.done
    assert looked.name.lower() == "bedrock.us-east-1.amazonaws.com"


def test_a_client_that_names_nobody() -> None:
    looked = ClientHello()
    looked.feed(hello(None))
    assert looked.done
    assert looked.name == ""


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x15", b"\x16\x03\x01\x00\x04hihi"])
def test_what_is_no_tls_is_known_at_once(data: bytes) -> None:
    looked = ClientHello()
    looked.feed(data)
    assert looked.done
    assert looked.name == ""


@given(st.binary(max_size=300))
def test_whatever_comes_is_borne(data: bytes) -> None:
    looked = ClientHello()
    looked.feed(b"\x16\x03\x01" + data)
    assert looked.name == ""
