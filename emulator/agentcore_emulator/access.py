"""Refuses requests that a page in the developer's browser might have sent.

A hostile page can make a name of its own resolve to 127.0.0.1 (DNS rebinding), and can post to a loopback address from
anywhere. The first shows in the Host header, the second in Origin; tools that work with AWS send no Origin at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["AccessCheck"]

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


class AccessCheck:
    """ASGI middleware: 403 for a foreign Host or Origin.

    Not foreign are AWS service names, `localhost`, `*.localhost`, loopback addresses, and what `allowed` names.
    """

    def __init__(self, app: ASGIApp, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._allowed = {name.lower() for name in allowed}
        # Hosts repeat, and parsing one costs more than all else here.
        self._known: dict[bytes, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 403."""
        if scope["type"] in ("http", "websocket"):
            for name, value in scope["headers"]:
                if (name == b"host" and not self._is_known(value)) or (
                    name == b"origin" and not self._is_known(urlsplit(value).netloc)
                ):
                    shown = value.decode("latin-1")[:200]
                    response = PlainTextResponse(
                        f"{name.decode().title()} {shown} is not one that agentcore-emulator answers to; "
                        "if it is yours, start the emulator with --allow-host NAME\n",
                        status_code=403,
                    )
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _is_known(self, host: bytes) -> bool:
        known = self._known.get(host)
        if known is None:
            known = self._look_up(host)
            if len(self._known) < 1000:
                self._known[host] = known
        return known

    def _look_up(self, host: bytes) -> bool:
        try:
            name = urlsplit(f"//{host.decode('ascii')}").hostname
        except ValueError:
            return False
        if not name:
            return False
        name = name.rstrip(".")
        if name in self._allowed or name == "localhost" or name.endswith((".localhost", *_AWS_DOMAINS)):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False
