"""Objects from the S3 behind the emulator's own front door."""

from __future__ import annotations

from urllib.parse import quote

import httpx
from botocore.auth import S3SigV4Auth
from starlette.types import ASGIApp

from agentcore_emulator.front_door import open_client, refusal
from agentcore_emulator.runtime.control.artifacts import LARGEST_ZIP, ArtifactError

__all__ = ["S3"]


class S3:
    """Calls GetObject of `app`, the whole emulator as an ASGI app."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self._http = open_client(app, "s3", region, S3SigV4Auth)

    async def fetch(self, bucket: str, key: str, version_id: str | None) -> bytes:
        """The object, of at most `LARGEST_ZIP` bytes. Raises `ArtifactError`."""
        where = f"s3://{bucket}/{key}" + (f" (version {version_id})" if version_id else "")
        version = "" if version_id is None else f"?versionId={quote(version_id, safe='')}"
        # A byte more than may be, for the object may be of any size.
        headers = {"range": f"bytes=0-{LARGEST_ZIP}"}
        response = await self._http.get(f"/{bucket}/{quote(key, safe='/~')}{version}", headers=headers)
        if response.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise ArtifactError(f"Cannot read {where}: {refusal(response)}")
        if len(response.content) > LARGEST_ZIP:
            raise ArtifactError(f"{where} has more than the {LARGEST_ZIP // 1_000_000} MB that a zip file may have")
        return response.content
