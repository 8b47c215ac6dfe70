"""What a client asks of the proxy, read from the head of its request."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import httptools

__all__ = ["ProxyRequest", "Refused", "parse"]

_AUTHORITY: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")

# DNS's own limits (RFC 1035, section 2.3.4).
_LONGEST_NAME: Final = 253
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")

# Of these, browsers send one with all that a page asks for; access.py says why pages are kept out.
_BROWSERS_OWN: Final = frozenset({b"origin", b"sec-fetch-site"})


class Refused(Exception):
    """A request that is answered with `status` and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class ProxyRequest(NamedTuple):
    """A request that a proxy understands.

    `host` is in lower case and without a dot at its end. `port` is None unless a `tunnel` to it is wanted (CONNECT);
    otherwise it is for an http:// URL. `via` is what proxies on the way here call themselves.
    """

    host: str
    port: int | None
    via: bytes

    @property
    def tunnel(self) -> bool:
        """Whether it is a CONNECT."""
        return self.port is not None


class _Parsed:
    """What `httptools` finds in a head."""

    def __init__(self) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.complete = True


def parse(head: bytes) -> ProxyRequest:
    """Read a head. Raises `Refused`."""
    parsed = _Parsed()
    parser = httptools.HttpRequestParser(parsed)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # What CONNECT is.
    except httptools.HttpParserError:
        parsed.complete = False
    if not parsed.complete:
        raise Refused(400, "this is no HTTP request")
    if any(name in _BROWSERS_OWN for name, _ in parsed.headers):
        raise Refused(403, "a page in a browser may not use this proxy")
    target = parsed.target.decode("latin-1")
    via = b",".join(value for name, value in parsed.headers if name == b"via")
    if parser.get_method() == b"CONNECT":
        return ProxyRequest(*_authority(target), via)
    return ProxyRequest(_host_of_url(parsed.target), None, via)


def _authority(target: str) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(target)
    port = int(match[3]) if match else 0
    if match is None or not 0 < port < 65536:
        raise Refused(400, f"CONNECT needs a host and a port, as in example.com:443, and not {target!r:.300}")
    return match[1] or _name(match[2]), port


def _name(text: str) -> str:
    name = text.lower().rstrip(".")
    if len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, name.split("."))):
        raise Refused(400, f"{text!r:.300} is not the name of a host")
    return name


def _host_of_url(target: bytes) -> str:
    """The host of an `http://` URL, empty where there is a path alone."""
    try:
        host: bytes | None = httptools.parse_url(target).host
    except httptools.HttpParserError:
        host = None
    return host.decode("latin-1").lower().rstrip(".") if host else ""
