"""The probe: a small deterministic agent that does what a contract asks of it, without a model.

The payload is `{"do": ACTION, …}`, where ACTION is the name of a function below that takes an `Ask`. A payload that has
no `do` comes back as it is, and so does one that is no object. Payloads are read with `payload.get(key)` alone, so that
the probe also runs where its payload is a `JSONSerializableDict`, which has nothing else.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import importlib.metadata
import itertools
import operator
import os
import platform
import random
import secrets
import socket
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gates
import talk
from bedrock_agentcore import BedrockAgentCoreApp, RequestContext
from forms import FORMS
from gates import GATE_SECONDS, Gate
from health import Health
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket

MODULE = str(uuid.uuid4())
"""Drawn when this module is imported."""

# That moment, on both clocks.
BORN, BORN_ON_THE_STEADY_CLOCK = time.time(), time.monotonic()

app = BedrockAgentCoreApp()

_invocations = itertools.count(1)


class Ask(NamedTuple):
    """One invocation."""

    payload: Any
    context: RequestContext
    number: int

    def get(self, key: str) -> Any:
        """A member of the payload, or None."""
        return self.payload.get(key)


def _gate(ask: Ask) -> Gate:
    return gates.named(ask.get("gate") or "")


# What is there


def count(ask: Ask) -> Any:
    """How often this process was invoked, and what tells it from others."""
    return {"count": ask.number, "module": MODULE, "pid": os.getpid(), "session": ask.context.session_id}


def versions(ask: Ask) -> Any:
    """What the agent runs on."""
    return {"python": platform.python_version(), "bedrock-agentcore": importlib.metadata.version("bedrock-agentcore")}


def birth(_: Ask) -> Any:
    """When and as what this module was imported, and the seconds since then by the wall's and by the steady clock."""
    seconds = [time.time() - BORN, time.monotonic() - BORN_ON_THE_STEADY_CLOCK]
    return {"module": MODULE, "born": BORN, "seconds": seconds, "host": socket.gethostname(), "pid": os.getpid()}


def draw(_: Ask) -> Any:
    """Numbers of the shared generator, and of the system's."""
    return {
        "random": [random.random() for _ in range(3)],  # noqa: S311 - what it draws is the point
        "urandom": os.urandom(8).hex(),
        "secrets": secrets.token_hex(8),
        "uuid": str(uuid.uuid4()),
    }


def headers(ask: Ask) -> Any:
    """The request's headers as they came, and those that the SDK's context shows."""
    request = ask.context.request
    assert request is not None
    return {"request": dict(request.headers), "context": ask.context.request_headers or {}}


def resource_attributes(ask: Ask) -> Any:
    """The environment variable in which the platform says what it runs."""
    return os.environ.get("OTEL_RESOURCE_ATTRIBUTES")


def credentials(_: Ask) -> Any:
    """Whether boto3 finds credentials here."""
    import boto3

    return boto3.session.Session().get_credentials() is not None


def size(ask: Ask) -> Any:
    """How many characters `value` has."""
    return len(ask.get("value"))


def payload_type(ask: Ask) -> Any:
    """The payload's type, and which uses of it raise `TypeError`."""
    payload = ask.payload
    uses: dict[str, Callable[[], Any]] = {
        'get("a", 1)': lambda: payload.get("a", 1),
        '["do"]': lambda: payload["do"],
        '["b"] = 1': lambda: operator.setitem(payload, "b", 1),
    }
    return {"type": type(payload).__name__, "refused": [text for text, use in uses.items() if _is_refused(use)]}


def _is_refused(use: Callable[[], Any]) -> bool:
    try:
        use()
    except TypeError:
        return True
    return False


# What is answered


def echo(ask: Ask) -> Any:
    """`value`."""
    return ask.get("value")


def code_points(ask: Ask) -> Any:
    """The numbers of the characters of `value`."""
    return [ord(character) for character in ask.get("value")]


def text(ask: Ask) -> Any:
    """A string of `size` characters, no stretch of which looks like another."""
    size: int = ask.get("size")
    return "".join(f"{position:07} " for position in range(0, size, 8))[:size]


def not_json(ask: Ask) -> Any:
    """An object with a member that JSON has nothing for."""
    return {"day": datetime.date(2026, 11, 23)}


def answer(ask: Ask) -> Any:
    """An HTTP response of the agent's own: `status`, `type`, `body`."""
    return Response(ask.get("body"), status_code=ask.get("status"), media_type=ask.get("type"))


def pieces(ask: Ask) -> Any:
    """An HTTP response of `count` pieces of `size` bytes each, every piece sent by itself."""
    total: int = ask.get("count")
    size: int = ask.get("size")
    return StreamingResponse((b"%07d " % n * size)[:size] for n in range(total))


# What is streamed


def stream(ask: Ask) -> Any:
    """Yield `values`; with `gate`, each but the first once the gate is open. Then end as `fail` or `exit` say.

    With `asynchronous`, from an asynchronous generator.
    """
    return _stream_async(ask) if ask.get("asynchronous") else _stream(ask)


def _stream(ask: Ask) -> Iterator[Any]:
    for number, value in enumerate(ask.get("values")):
        if number and ask.get("gate"):
            _gate(ask).wait()
        yield value
    _end(ask)


async def _stream_async(ask: Ask) -> AsyncIterator[Any]:
    for number, value in enumerate(ask.get("values")):
        if number and ask.get("gate"):
            await asyncio.to_thread(_gate(ask).wait)
        yield value
    _end(ask)


def _end(ask: Ask) -> None:
    if ask.get("fail"):
        raise RuntimeError(ask.get("fail"))
    if ask.get("exit"):
        os._exit(ask.get("exit"))
    _gate(ask).finish()


def numbers(ask: Ask) -> Any:
    """Yield the numbers below `count`; with `gate`, each but the first once the gate of that name and number is open.

    With `asynchronous`, from an asynchronous generator.
    """
    return _numbers_async(ask) if ask.get("asynchronous") else _numbers(ask)


def _numbers(ask: Ask) -> Iterator[int]:
    for number in range(ask.get("count")):
        if number and ask.get("gate"):
            gates.named(f"{ask.get('gate')}{number}").wait()
        yield number


async def _numbers_async(ask: Ask) -> AsyncIterator[int]:
    for number in range(ask.get("count")):
        if number and ask.get("gate"):
            await asyncio.to_thread(gates.named(f"{ask.get('gate')}{number}").wait)
        yield number


def generator_function(ask: Ask) -> Any:
    """Return `value` from a function that has a `yield` in it."""
    if ask.get("never"):
        yield None
    return ask.get("value")


# What waits and what fails


def hold(ask: Ask) -> Any:
    """Answer once `gate` is open."""
    _gate(ask).wait()
    _gate(ask).finish()
    return {"released": True}


def release(ask: Ask) -> Any:
    """Open `gate`; say whether what waits there had come to its end without that."""
    passed = _gate(ask).passed
    _gate(ask).open()
    return {"passed": passed}


def end_of(ask: Ask) -> Any:
    """Wait for the end of what waits at `gate`; say whether it came."""
    return {"passed": _gate(ask).wait_for_end()}


def ends(_: Ask) -> Any:
    """The close codes of WebSockets that have ended in this session, once there is one."""
    return talk.ends(GATE_SECONDS)


def arrival(ask: Ask) -> Any:
    """Wait until something waits at `gate`; say whether it does."""
    return {"arrived": _gate(ask).wait_for_arrival()}


def meet(ask: Ask) -> Any:
    """Answer once `count` invocations are in here at the same time."""
    gates.meeting(ask.get("meeting"), ask.get("count"))
    return {"pid": os.getpid()}


def refuse(ask: Ask) -> Any:
    """Raise an `HTTPException` with `status` and the text `message`."""
    raise HTTPException(ask.get("status"), ask.get("message"))


def become(ask: Ask) -> Any:
    """Have the next invocations answered by an entrypoint of another `form`: see `forms.py`."""
    app.entrypoint(FORMS[ask.get("form")])


def fail(ask: Ask) -> Any:
    """Raise an error with the text `message`."""
    raise RuntimeError(ask.get("message"))


def crash(ask: Ask) -> Any:
    """End the process at once, as a crash does."""
    os._exit(ask.get("status"))


# What lasts


def write(ask: Ask) -> Any:
    """Write `text` to the file `name` in `folder`: `work`, `home` or `temp`."""
    _file(ask).write_text(ask.get("text"), "utf-8")
    return {"written": True, "path": str(_file(ask))}


def digest(ask: Ask) -> Any:
    """The size and the SHA-256 of such a file."""
    data = _file(ask).read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def read(ask: Ask) -> Any:
    """The text of such a file, or null if there is none."""
    file = _file(ask)
    return {"text": file.read_text("utf-8") if file.exists() else None}


def _file(ask: Ask) -> Path:
    folders = {"work": Path.cwd(), "home": Path.home(), "temp": Path(tempfile.gettempdir())}
    return Path(folders[ask.get("folder")], ask.get("name"))


def remember(ask: Ask) -> Any:
    """Save `text` as an event of `actor` and `conversation` in `memory`."""
    message = {"conversational": {"content": {"text": ask.get("text")}, "role": "USER"}}
    made = _memory().create_event(
        memoryId=ask.get("memory"),
        actorId=ask.get("actor"),
        sessionId=ask.get("conversation"),
        eventTimestamp=datetime.datetime.now(datetime.UTC),
        payload=[message],
    )
    return {"event": made["event"]["eventId"]}


def recall(ask: Ask) -> Any:
    """The texts of `actor` and `conversation` in `memory`, the newest first."""
    page = _memory().list_events(
        memoryId=ask.get("memory"), actorId=ask.get("actor"), sessionId=ask.get("conversation")
    )
    return {"texts": [event["payload"][0]["conversational"]["content"]["text"] for event in page["events"]]}


def _memory() -> Any:
    import boto3

    return boto3.client("bedrock-agentcore")


ACTIONS: dict[str, Callable[[Ask], Any]] = {
    action.__name__: action
    for action in (
        count, versions, birth, draw, headers, resource_attributes, payload_type, echo, code_points, text, not_json,
        answer, pieces, stream, generator_function, hold, release, end_of, ends, fail, crash, write, read, remember,
        recall, credentials, size, numbers, arrival, meet, refuse, become, digest,
    )
} | Health(app).actions  # fmt: skip


@app.entrypoint
def probe(payload: Any, context: RequestContext) -> Any:
    """Do what the payload says."""
    ask = Ask(payload, context, next(_invocations))
    action = payload.get("do") if hasattr(payload, "get") else None
    return payload if action is None else ACTIONS[action](ask)


async def converse(connection: WebSocket, context: RequestContext) -> None:
    """Do what each message on `/ws` says."""
    await talk.talk(connection, lambda order: probe(order, context))


# Before SDK 1.1 there were no WebSockets.
if hasattr(app, "websocket"):
    app.websocket(converse)


if __name__ == "__main__":
    app.run()
