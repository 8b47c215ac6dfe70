"""Objects from the S3 behind the emulator's own front door, without a socket.

The request takes the way of any other GetObject: faults meet it, and with `--passthrough s3` real AWS answers it.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final
from urllib.parse import quote

import httpx
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.types import ASGIApp

from agentcore_emulator.environment import KEY
from agentcore_emulator.runtime.control.artifacts import LARGEST_ZIP, ArtifactError

__all__ = ["S3"]

# Seconds of real time.
_PATIENCE: Final = 120.0

_CODE: Final = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE: Final = re.compile(r'<Message>([^<]{1,500})</Message>|"message": ?"([^"]{1,500})"')


class S3:
    """Calls GetObject of `app`, the whole emulator as an ASGI app."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://127.0.0.1",
            auth=_SigV4(region),
            timeout=_PATIENCE,
        )

    async def fetch(self, bucket: str, key: str, version_id: str | None) -> bytes:
        """The object, of at most `LARGEST_ZIP` bytes. Raises `ArtifactError`."""
        where = f"s3://{bucket}/{key}" + (f" (version {version_id})" if version_id else "")
        version = "" if version_id is None else f"?versionId={quote(version_id, safe='')}"
        # A byte more than may be, for the object may be of any size.
        headers = {"range": f"bytes=0-{LARGEST_ZIP}"}
        response = await self._http.get(f"/{bucket}/{quote(key, safe='/~')}{version}", headers=headers)
        if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise ArtifactError(f"Cannot read {where}: {_why(response)}")
        if len(response.content) > LARGEST_ZIP:
            raise ArtifactError(f"{where} has more than the {LARGEST_ZIP // 1_000_000} MB that a zip file may have")
        return response.content


class _SigV4(httpx.Auth):
    """Signs as any client of the emulator's does."""

    def __init__(self, region: str) -> None:
        self._signer = S3SigV4Auth(Credentials(KEY, KEY), "s3", region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the one request."""
        signed = AWSRequest(request.method, str(request.url), data=b"")
        self._signer.add_auth(signed)
        request.headers.update(signed.headers.items())
        yield request


def _why(response: httpx.Response) -> str:
    text = response.text[:4_000]
    code, message = _CODE.search(text), _MESSAGE.search(text)
    said = [code[1] if code else str(response.status_code), *((message[1] or message[2],) if message else ())]
    return ": ".join(said)
