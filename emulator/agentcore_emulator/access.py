"""Refuses requests that a page in the developer's browser might have sent.

A hostile page can make a name of its own resolve to 127.0.0.1 (DNS rebinding), and can send requests to a loopback
address from anywhere. The first shows in the Host header, the second in Origin, or, where browsers send none (an image,
a link), in Sec-Fetch-Site; tools that work with AWS send neither of these two.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agentcore_emulator.aws_names import is_aws_name

__all__ = ["AccessCheck"]


class AccessCheck:
    """ASGI middleware: 403 for a foreign Host or Origin, and for a cross-site request without Origin.

    Not foreign are `localhost`, `*.localhost`, loopback addresses, what `allowed` names, and, as Host alone, AWS
    service names: anybody can have a page under those (buckets, load balancers), but not have them lead here.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._allowed = {name.lower() for name in allowed}
        # Hosts repeat, and parsing one costs more than all else here.
        self._known_hosts: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 403."""
        if scope["type"] in ("http", "websocket"):
            foreign = self._foreign(scope["headers"])
            if foreign is not None:
                response = PlainTextResponse(
                    f"{foreign} is not one that agentcore-emulator answers to; "
                    "if it is yours, start the emulator with --allow-host NAME\n",
                    status_code=403,
                )
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _foreign(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """What gives a request away as a foreign page's, in words; None for one that may pass."""
        has_origin = cross_site = False
        for name, value in headers:
            if name == b"host":
                if not self._is_known_host(value):
                    return _shown("Host", value)
            elif name == b"origin":
                has_origin = True
                if not self._is_local(value.rpartition(b"://")[2]):
                    return _shown("Origin", value)
            elif name == b"sec-fetch-site":
                cross_site = value == b"cross-site"
        return "A page of another site" if cross_site and not has_origin else None

    def _is_known_host(self, host: bytes) -> bool:
        known = self._known_hosts.get(host)
        if known is None:
            known = self._is_local(host) or is_aws_name(_hostname(host))
            if len(self._known_hosts) < 1000:
                self._known_hosts[host] = known
        return known

    def _is_local(self, host: bytes) -> bool:
        name = _hostname(host)
        if name in self._allowed or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False


def _hostname(host: bytes) -> str:
    """The name or address in a `host:port`; empty if there is none."""
    try:
        return (urlsplit(f"//{host.decode('ascii')}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _shown(header: str, value: bytes) -> str:
    return f"{header} {value.decode('latin-1')[:200]}"
