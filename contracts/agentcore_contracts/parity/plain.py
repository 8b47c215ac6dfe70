"""Exchanges as JSON, for a recording that people can read and a program can compare."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping
from typing import Any

from agentcore_contracts.exchanges import Exchange

__all__ = ["body", "exchange", "value"]

_FRAME, _END = b"data: ", b"\n\n"


def exchange(each: Exchange) -> dict[str, Any]:
    """One exchange as JSON, without the members that it has no use for."""
    written: dict[str, Any] = {"operation": each.operation}
    if each.request:
        written["request"] = value(each.request)
    if each.status is not None:
        written |= {"status": each.status, "headers": dict(each.headers)}
    if each.error is not None:
        written["error"] = value(each.error)
    if each.output not in (None, {}):
        written["output"] = value(each.output)
    if each.body is not None:
        read, kind = each.body, each.headers.get("content-type")
        written["body"] = body(bytes(read.data), kind) if read.events is None else value(_joined(read.events))
        written["end"] = read.end
    return written


def _joined(events: list[Any]) -> list[Any]:
    """A command's events, with what it printed in one go where nothing else came between: its pieces are chance."""
    joined: list[Any] = []
    for event in events:
        delta = event.get("chunk", {}).get("contentDelta")
        before = joined[-1].get("chunk", {}).get("contentDelta") if joined else None
        if delta and before and delta.keys() == before.keys():
            joined[-1] = {"chunk": {"contentDelta": {stream: before[stream] + text for stream, text in delta.items()}}}
        else:
            joined.append(event)
    return joined


def value(each: Any) -> Any:
    """Anything of boto3's as JSON: bytes as `body` writes them, times in UTC by ISO 8601."""
    if isinstance(each, Mapping):
        return {str(name): value(member) for name, member in each.items()}
    if isinstance(each, list | tuple):
        return [value(item) for item in each]
    if isinstance(each, bytes | bytearray):
        return body(bytes(each))
    if isinstance(each, datetime.datetime):
        return each.astimezone(datetime.UTC).isoformat()
    if each is None or isinstance(each, str | int | float):
        return each
    return str(each)


def body(data: bytes, content_type: str | None = None) -> Any:
    """A body: an object or array of JSON as it is, the events of a stream as a list, else text, else base64.

    A string, number, boolean or null of JSON stays the text that it came as, so that what was encoded twice shows.
    """
    if content_type is not None and content_type.partition(";")[0].strip() == "text/event-stream":
        events = data.split(_END)
        if events.pop() == b"" and all(event.startswith(_FRAME) for event in events):
            return [body(event.removeprefix(_FRAME)) for event in events]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}
    if text[:1] in ("{", "["):
        try:
            return json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError):
            return text
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name that is there twice")
    return dict(pairs)
