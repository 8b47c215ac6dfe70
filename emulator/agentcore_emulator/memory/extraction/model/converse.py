"""Asking a model through the emulator's own front door: the scripted one, or with `--passthrough` the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
from starlette.types import ASGIApp

from agentcore_emulator.front_door import PATIENCE_SECONDS, open_client
from agentcore_emulator.memory.extraction.extractor import ExtractionFailure

__all__ = ["Converse"]

_MOST_TOKENS = 4_096


class Converse:
    """Calls Converse of `app`, the whole emulator as an ASGI app."""

    def __init__(self, app: ASGIApp, region: str) -> None:
        self._http = open_client(app, "bedrock", region)

    async def __call__(self, model_id: str, system: str, text: str) -> str:
        """What the model says to one message. Raises `ExtractionFailure`."""
        request = {
            "system": [{"text": system}],
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "inferenceConfig": {"maxTokens": _MOST_TOKENS, "temperature": 0},
        }
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                response = await self._http.post(f"/model/{quote(model_id, safe='')}/converse", json=request)
        except TimeoutError:
            raise ExtractionFailure(
                f"The model {model_id} did not answer within {PATIENCE_SECONDS:.0f} seconds"
            ) from None
        answer = _object(response)
        if response.status_code != httpx.codes.OK:
            said = answer.get("message") or answer.get("Message") or response.text[:200]
            code = response.headers.get("x-amzn-errortype", "").partition(":")[0] or response.status_code
            raise ExtractionFailure(f"The model {model_id} could not be asked: {code}: {said}")
        if answer.get("stopReason") == "max_tokens":
            raise ExtractionFailure(f"The answer of the model {model_id} is longer than {_MOST_TOKENS} tokens")
        blocks = answer.get("output", {}).get("message", {}).get("content", [])
        return "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))


def _object(response: httpx.Response) -> Mapping[str, Any]:
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
