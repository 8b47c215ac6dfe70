"""One session's life, from its first invocation to one of three ends, with a look at whether it went as it should."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from agentcore_emulator.testing import EmulatorProcess, new_session

__all__ = ["FATES", "Client", "Wrong"]

FATES = ("left idle", "killed", "stopped")

_PIECES = 50
_MANY_PIECES = 1_000_000
_DEATH_SECONDS = 30.0


class Wrong(Exception):
    """Something went otherwise than it should; the text says what."""


class Client:
    """What leads sessions through their lives, many at a time."""

    def __init__(self, emulator: EmulatorProcess, memory: str, workers: int) -> None:
        # No retries: each would hide that something failed.
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=workers)
        self._client = emulator.client("bedrock-agentcore", config=config)
        self._arn = emulator.arn
        self._url = emulator.url
        self._memory = memory

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def lead(self, fate: str) -> None:
        """Create a session, invoke it, stream from it, keep an event of it, and have it end. Raises `Wrong`."""
        session = new_session()
        try:
            self._live(session)
            if fate == "stopped":
                self._client.stop_runtime_session(agentRuntimeArn=self._arn, runtimeSessionId=session)
            elif fate == "killed":
                self._kill(session)
        except (BotoCoreError, ClientError) as error:
            raise Wrong(f"a session that was to be {fate} went wrong: {error}") from error

    def _live(self, session: str) -> None:
        first, second = self._invoke(session), self._invoke(session)
        if second != {**first, "count": 2} or first["count"] != 1:
            raise Wrong(f"a session did not go on: it answered {first}, then {second}")
        streamed = self._stream(session, _PIECES).read()
        if streamed.count(b"data: ") != _PIECES:
            raise Wrong(f"of {_PIECES} pieces of a stream {streamed.count(b'data: ')} came")
        said = {"conversational": {"role": "USER", "content": {"text": "What is 14 + 34?"}}}
        where = {"memoryId": self._memory, "actorId": "actor", "sessionId": session}
        self._client.create_event(**where, eventTimestamp=time.time(), payload=[said])
        kept = self._client.list_events(**where)["events"]
        if [event["payload"] for event in kept] != [[said]]:
            raise Wrong(f"instead of one event its session holds {kept}")

    def _kill(self, session: str) -> None:
        """Kill the guest in the middle of a stream, and see that the next call starts cold."""
        stream = self._stream(session, _MANY_PIECES)
        stream.read(100)
        with httpx.Client(base_url=self._url, trust_env=False) as admin:
            killed = admin.post(f"/_emulator/sessions/{session}/kill", timeout=_DEATH_SECONDS)
        if killed.status_code != 200:
            raise Wrong(f"a session could not be killed: {killed.text}")
        try:
            while stream.read(65_536):
                pass
        except (BotoCoreError, HTTPError):
            pass
        else:
            raise Wrong("the stream of a session that was killed came to a proper end")
        again = self._invoke(session)
        if again["count"] != 1:
            raise Wrong(f"after its process was killed, a session answered {again}")

    def _invoke(self, session: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._call(session, {}).read())
        return answer

    def _stream(self, session: str, pieces: int) -> Any:
        return self._call(session, {"pieces": pieces})

    def _call(self, session: str, payload: dict[str, Any]) -> Any:
        answer = self._client.invoke_agent_runtime(
            agentRuntimeArn=self._arn,
            runtimeSessionId=session,
            contentType="application/json",
            payload=json.dumps(payload),
        )
        return answer["response"]
