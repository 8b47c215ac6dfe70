"""The scene with the five quirks: each biting, then remedied, seen from the client."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from agentcore_emulator.demo.board import Board
from agentcore_emulator.demo.stage import Stage
from agentcore_emulator.testing import EmulatorProcess, new_session

__all__ = ["five_quirks"]

FACTS = {"city": "Zürich", "degrees": 21}


class _Seen(NamedTuple):
    """What a client gets: an error's name, or a content type and the body's bytes."""

    error: str
    content_type: str
    body: bytes

    def value(self) -> Any:
        """The body, decoded once, as a client does that expects JSON; the exception's name if it is none."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            return type(error).__name__

    def event(self) -> Any:
        """The first server-sent event's data, decoded once."""
        return json.loads(self.body.split(b"\n\n")[0].removeprefix(b"data: "))


def five_quirks(board: Board, stage: Stage) -> None:
    """Each quirk at level strict, naively and remedied."""
    board.scene(
        "The five quirks",
        "The platform's surprises, at level strict: what a naive agent's client gets, and what helps.",
    )
    with stage.quirks_emulator() as emulator:
        naive, remedied = _invoke(emulator, "payload-type"), _invoke(emulator, "payload-type", remedied=True)
        board.check(
            'payload-type: payload.get("name", "you") raises TypeError, so the client gets a 424',
            naive.error == "RuntimeClientError",
            str(naive),
        )
        board.check("… and the traceback stands in the emulator's log", "TypeError" in emulator.log)
        board.check('… payload.get("name") or "you" works', remedied.value() == {"hello": "you"}, str(remedied))

        naive, remedied = _invoke(emulator, "double-encoding"), _invoke(emulator, "double-encoding", remedied=True)
        board.check(
            "double-encoding: returned JSON text arrives as a string, quoted and escaped",
            naive.value() == json.dumps(FACTS),
            str(naive),
        )
        board.check("… returning the object itself works", remedied.value() == FACTS, str(remedied))

        naive = _invoke(emulator, "stream-double-encoding")
        remedied = _invoke(emulator, "stream-double-encoding", remedied=True)
        board.check(
            "stream-double-encoding: yielded JSON text arrives as a string",
            naive.event() == json.dumps(FACTS),
            str(naive),
        )
        board.check("… yielding the object itself works", remedied.event() == FACTS, str(remedied))

        naive, remedied = _invoke(emulator, "truncation"), _invoke(emulator, "truncation", remedied=True)
        board.check(
            "truncation: 3,000 bytes of JSON end after 1,024, without an error",
            len(naive.body) == 1024 and naive.value() == "JSONDecodeError",
            f"{len(naive.body)} bytes",
        )
        board.check("… a stream is not cut", remedied.event() == {"readings": list(range(700))})

        naive, remedied = _invoke(emulator, "generator"), _invoke(emulator, "generator", remedied=True)
        board.check(
            "generator: a function with a yield streams even when it returns, and what it returns is lost",
            naive.content_type.startswith("text/event-stream") and naive.body == b"",
            str(naive),
        )
        board.check("… a dispatcher to two functions works", remedied.value() == FACTS, str(remedied))


def _invoke(emulator: EmulatorProcess, quirk: str, *, remedied: bool = False) -> _Seen:
    from botocore.exceptions import ClientError

    client = emulator.client("bedrock-agentcore")
    try:
        answer = client.invoke_agent_runtime(
            agentRuntimeArn=emulator.arn,
            runtimeSessionId=new_session(),
            payload=json.dumps({"quirk": quirk, "remedied": remedied}).encode(),
        )
    except ClientError as error:
        return _Seen(error.response["Error"]["Code"], "", b"")
    return _Seen("", answer["contentType"], answer["response"].read())
