"""The emulator's own front door without a socket, for its parts that call an AWS service as any client does.

A request takes the way of any other: faults and latency meet it, `--verify-signatures` is content with it, and with
`--passthrough` real AWS answers it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.types import ASGIApp

from agentcore_emulator.environment import KEY

__all__ = ["PATIENCE_SECONDS", "open_client"]

PATIENCE_SECONDS: Final = 120.0
"""How long an answer may take, in real time."""


def open_client(app: ASGIApp, signing_name: str, region: str, scheme: type[SigV4Auth] = SigV4Auth) -> httpx.AsyncClient:
    """A client of `app`, the whole emulator as an ASGI app, that signs for one service; paths are its URLs."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1",
        auth=_Signed(scheme(Credentials(KEY, KEY), signing_name, region)),
        timeout=PATIENCE_SECONDS,
    )


class _Signed(httpx.Auth):
    """Signs with the emulator's own keys."""

    requires_request_body = True

    def __init__(self, signer: SigV4Auth) -> None:
        self._signer = signer

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the one request."""
        signed = AWSRequest(request.method, str(request.url), data=request.content)
        self._signer.add_auth(signed)
        request.headers.update(signed.headers.items())
        yield request
