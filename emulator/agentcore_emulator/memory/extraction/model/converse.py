"""Asking a model through the emulator's own front door, without a socket.

The request takes the way of any other Converse: faults and latency meet it, the scripted model answers it, and with
`--passthrough bedrock-runtime` the real one does, signed with the developer's credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.types import ASGIApp

from agentcore_emulator.environment import KEY
from agentcore_emulator.memory.extraction.extractor import ExtractionFailure

__all__ = ["Converse"]

_MOST_TOKENS = 4_096
# Seconds of real time.
_PATIENCE = 120.0


class Converse:
    """Calls Converse of `app`, the whole emulator as an ASGI app."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://127.0.0.1",
            auth=_SigV4(region),
            timeout=_PATIENCE,
        )

    async def __call__(self, model_id: str, system: str, text: str) -> str:
        """What the model says to one message. Raises `ExtractionFailure`."""
        request = {
            "system": [{"text": system}],
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "inferenceConfig": {"maxTokens": _MOST_TOKENS, "temperature": 0},
        }
        try:
            async with asyncio.timeout(_PATIENCE):
                response = await self._http.post(f"/model/{quote(model_id, safe='')}/converse", json=request)
        except TimeoutError:
            raise ExtractionFailure(f"The model {model_id} did not answer within {_PATIENCE:.0f} seconds") from None
        answer = _object(response)
        if response.status_code != httpx.codes.OK:
            said = answer.get("message") or answer.get("Message") or response.text[:200]
            code = response.headers.get("x-amzn-errortype", "").partition(":")[0] or response.status_code
            raise ExtractionFailure(f"The model {model_id} could not be asked: {code}: {said}")
        if answer.get("stopReason") == "max_tokens":
            raise ExtractionFailure(f"The answer of the model {model_id} is longer than {_MOST_TOKENS} tokens")
        blocks = answer.get("output", {}).get("message", {}).get("content", [])
        return "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))


class _SigV4(httpx.Auth):
    """Signs as any client of the emulator's does, which `--verify-signatures` asks for."""

    requires_request_body = True

    def __init__(self, region: str) -> None:
        self._signer = SigV4Auth(Credentials(KEY, KEY), "bedrock", region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the one request."""
        signed = AWSRequest(request.method, str(request.url), data=request.content)
        self._signer.add_auth(signed)
        request.headers.update(signed.headers.items())
        yield request


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
