from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.proxy.request import ProxyRequest, Refused, parse


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode("latin-1")


def connect(target: str, *headers: str) -> ProxyRequest:
    return parse(head(f"CONNECT {target} HTTP/1.1", *headers))


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("example.com:443", "example.com", 443),
        ("EXAMPLE.com.:8443", "example.com", 8443),
        ("a_b.example.com:1", "a_b.example.com", 1),
        ("10.0.0.1:80", "10.0.0.1", 80),
        ("[::1]:443", "::1", 443),
        ("[::ffff:127.0.0.1]:443", "::ffff:127.0.0.1", 443),
    ],
)
def test_connect(target: str, host: str, port: int) -> None:
    request = connect(target, f"Host: {target}", "Proxy-Connection: keep-alive")
    assert request == ProxyRequest(host, port, b"")
    assert request.tunnel


@pytest.mark.parametrize(
    "target",
    [
        "example.com",
        "example.com:",
        "example.com:0",
        "example.com:65536",
        "example.com:443x",
        "user@example.com:443",
        "user:password@example.com:443",
        "https://example.com:443",
        "/path",
        "::1:443",
        "[::1%25eth0]:443",
        "[example.com]:443",
        "exam ple.com:443",
        "example..com:443",
        ".example.com:443",
        f"{'a' * 64}.com:443",
        f"{'a.' * 127}com:443",
        "bücher.example:443",
        "example.com%2eamazonaws.com:443",
    ],
)
def test_what_connect_cannot_mean(target: str) -> None:
    with pytest.raises(Refused) as refusal:
        connect(target)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("http://Example.com./path?query", "example.com"),
        ("http://user@example.com:8080/", "example.com"),
        ("https://example.com/", "example.com"),
        ("http://[::1]:80/", "::1"),
        ("/path", ""),
        ("*", ""),
    ],
)
def test_other_methods(target: str, host: str) -> None:
    method = "OPTIONS" if target == "*" else "POST"
    request = parse(head(f"{method} {target} HTTP/1.1", "Host: other.example", "Content-Length: 5"))
    assert request == ProxyRequest(host, None, b"")
    assert not request.tunnel


def test_the_proxies_on_the_way() -> None:
    assert connect("example.com:443", "Via: 1.1 one", "via: 1.1 two, 1.1 three").via == b"1.1 one,1.1 two, 1.1 three"


@pytest.mark.parametrize("header", ["Origin: http://localhost", "origin: null", "Sec-Fetch-Site: same-origin"])
def test_a_browsers_page_is_kept_out(header: str) -> None:
    for line in ("CONNECT example.com:443 HTTP/1.1", "GET http://example.com/ HTTP/1.1", "GET / HTTP/1.1"):
        with pytest.raises(Refused) as refusal:
            parse(head(line, header))
        assert refusal.value.status == 403


@pytest.mark.parametrize(
    "data", [b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"CONNECT\r\n\r\n", b"SSH-2.0-x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\n"]
)
def test_what_is_no_request(data: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        parse(data)
    assert refusal.value.status == 400


@given(st.binary(max_size=200), st.sampled_from([b"", b"CONNECT ", b"CONNECT a.b:1 HTTP/1.1\r\n", b"GET http://"]))
def test_whatever_comes_is_read_or_refused(data: bytes, begin: bytes) -> None:
    refusal = None
    try:
        parse(begin + data + b"\r\n\r\n")
    except Refused as refused:
        refusal = refused
    if refusal is not None:
        assert refusal.status in (400, 403)
        # It becomes a line of a head.
        assert not set("\r\n") & set(str(refusal))
