"""What passes between a test and its target: told to one listener, without the test's doing anything.

Nobody listens unless a run is recorded, replayed or compared; until then clients are as boto3 makes them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, Final, Literal, cast

from botocore.response import StreamingBody

__all__ = ["DOCUMENTED_HEADERS", "Exchange", "Read", "answered", "listening", "observed", "sent", "watch"]

DOCUMENTED_HEADERS: Final = frozenset(
    {
        "baggage",
        "content-type",
        "mcp-protocol-version",
        "mcp-session-id",
        "retry-after",
        "traceparent",
        "tracestate",
        "www-authenticate",
        "x-amzn-bedrock-agentcore-runtime-session-endpoint-url",
        "x-amzn-bedrock-agentcore-runtime-session-id",
        "x-amzn-errortype",
        "x-amzn-requestid",
        "x-amzn-trace-id",
    }
)
"""The headers of answers that AWS documents or models; others are a server's own business."""

_EXCHANGE = "agentcore_contracts.exchange"
_PARAMETERS = "agentcore_contracts.parameters"


@dataclass(slots=True)
class Read:
    """What a test has read of a body: up to its end (`whole`), not so far (`left`), or to a break (`broken`).

    Of an event stream, as botocore has them, it is `events` and no data.
    """

    data: bytearray = field(default_factory=bytearray)
    events: list[Any] | None = None
    end: Literal["whole", "left", "broken"] = "left"


@dataclass(slots=True)
class Exchange:
    """One request and what came of it, in the values that boto3 takes and gives.

    `request` is what the test sent, `output` what the answer was parsed to, `body` what was read of a stream. `error`
    is the service's, or the name of the exception when there was no answer. `beside` says that it was not the test's
    own thread that asked.
    """

    operation: str
    request: Mapping[str, Any]
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    output: Any = None
    error: Any = None
    body: Read | None = None
    beside: bool = field(default_factory=lambda: threading.current_thread() is not threading.main_thread())


Listener = Callable[[Exchange], None]
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Until the end of the block, `listener` gets each exchange as it begins; what it becomes is filled in later."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _tell(exchange: Exchange) -> Exchange:
    for listener in _listeners:
        listener(exchange)
    return exchange


def watch(client: Any) -> None:
    """Tell of the exchanges of a boto3 client, if somebody listens."""
    if not _listeners:
        return
    # Last, when idempotency tokens are filled in; a handler for one service alone would come before that.
    for event, handler in (
        ("before-parameter-build", _parameters),
        ("before-call", _before),
        ("after-call", _after),
        ("after-call-error", _failed),
    ):
        client.meta.events.register_last(event, handler)


def sent(
    method: str, operation: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, str] | None = None
) -> Exchange:
    """Tell of a request that no client sends, for whose answer there is `answered`."""
    request = {"query": dict(query or {}), "headers": dict(headers), "body": body}
    return _tell(Exchange(f"{method} {operation}", {name: value for name, value in request.items() if value}))


def answered(exchange: Exchange, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """What came of it: an answer that was read whole."""
    exchange.status = status
    exchange.headers = _documented(headers)
    exchange.body = Read(bytearray(body), end="whole")


def observed(name: str, value: Any) -> None:
    """Tell of something that no client and no `post` shows."""
    _tell(Exchange(f"observed {name}", {}, output=_copy(value)))


def _parameters(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_PARAMETERS] = _copy(params)


def _before(model: Any, context: dict[str, Any], **_: Any) -> None:
    context[_EXCHANGE] = _tell(Exchange(model.name, context.get(_PARAMETERS, {})))


def _after(http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    exchange: Exchange = context[_EXCHANGE]
    exchange.status = http_response.status_code
    exchange.headers = _documented(http_response.headers)
    if http_response.status_code >= 300:
        exchange.error = _copy({name: value for name, value in parsed.items() if name != "ResponseMetadata"})
        return
    if model.has_event_stream_output:
        name = model.get_event_stream_output().name
        member = next(each for each, shape in model.output_shape.members.items() if shape.name == name)
        exchange.body = Read(events=[])
        parsed[member] = _Events(parsed[member], exchange.body)
    elif model.has_streaming_output:
        member = model.output_shape.serialization["payload"]
        exchange.body = Read()
        length = http_response.headers.get("content-length")
        parsed[member] = StreamingBody(cast("IO[bytes]", _Tee(http_response.raw, exchange.body)), length)
    else:
        member = None
    left_out = {"ResponseMetadata", member}
    exchange.output = _copy({name: value for name, value in parsed.items() if name not in left_out})


def _failed(exception: Exception, context: dict[str, Any], **_: Any) -> None:
    exchange: Exchange | None = context.get(_EXCHANGE)
    if exchange is not None:
        exchange.error = type(exception).__name__


class _Tee:
    """A response's raw stream that notes what is read of it."""

    def __init__(self, raw: Any, read: Read) -> None:
        self._raw = raw
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def read(self, amt: int | None = None) -> bytes:
        with _noting_breaks(self._read):
            data: bytes = self._raw.read(amt)
        return self._note(data, ended=amt is None or (not data and amt > 0))

    def readinto(self, buffer: Any) -> int:
        with _noting_breaks(self._read):
            count: int = self._raw.readinto(buffer)
        self._note(bytes(memoryview(buffer)[:count]), ended=not count and len(buffer) > 0)
        return count

    def _note(self, data: bytes, *, ended: bool) -> bytes:
        self._read.data += data
        if ended:
            self._read.end = "whole"
        return data


class _Events:
    """An event stream that notes the events that are taken from it."""

    def __init__(self, stream: Any, read: Read) -> None:
        self._stream = stream
        self._read = read

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[Any]:
        assert self._read.events is not None
        with _noting_breaks(self._read):
            for event in self._stream:
                self._read.events.append(_copy(event))
                yield event
        self._read.end = "whole"


@contextmanager
def _noting_breaks(read: Read) -> Iterator[None]:
    try:
        yield
    except Exception:
        read.end = "broken"
        raise


def _documented(headers: Mapping[str, str]) -> dict[str, str]:
    lower = {name.lower(): value for name, value in headers.items()}
    return {name: lower[name] for name in sorted(lower) if name in DOCUMENTED_HEADERS}


def _copy(value: Any) -> Any:
    """`value` as it is now; a file's content is not read for it."""
    if isinstance(value, Mapping):
        return {key: _copy(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(each) for each in value]
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return "(a file)" if hasattr(value, "read") else value
