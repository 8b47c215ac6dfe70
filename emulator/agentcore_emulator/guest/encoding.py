"""Watches what a handler returns and yields: `double-encoding`, `stream-double-encoding` and `generator`.

The SDK JSON-encodes every value itself. A string that is JSON already arrives as a string, quoted and escaped, and a
generator function's `return` value arrives nowhere.
"""

import functools
import inspect
import json
from types import FrameType
from typing import Any

from .watch import Invocation, place_of


def watched(handler: Any, invocation: Invocation, quirks: set[str]) -> Any:
    """The handler, of the same kind (sync, async, generator) and with the same values, watched."""
    place = place_of(handler)

    def check_returned(value: Any) -> Any:
        if inspect.isgenerator(value):
            return _generator(value, invocation, quirks, place)
        if inspect.isasyncgen(value):
            return _async_generator(value, invocation, quirks, place)
        if "double-encoding" in quirks and _is_json(value):
            invocation.found(
                "double-encoding",
                place,
                "the returned string is JSON, and the SDK encodes it once more: return the object itself",
            )
        return value

    if _is(inspect.isasyncgenfunction, handler):

        @functools.wraps(handler)
        async def watched_async_generator(*args: Any) -> Any:
            async for value in _async_generator(handler(*args), invocation, quirks, place):
                yield value

        return watched_async_generator

    if _is(inspect.iscoroutinefunction, handler):

        @functools.wraps(handler)
        async def watched_coroutine(*args: Any) -> Any:
            return check_returned(await handler(*args))

        return watched_coroutine

    @functools.wraps(handler)
    def watched_function(*args: Any) -> Any:
        return check_returned(handler(*args))

    return watched_function


def _is(kind: Any, handler: Any) -> bool:
    return bool(kind(handler) or kind(getattr(type(handler), "__call__", None)))


def _is_json(value: Any) -> bool:
    """Whether a value is a string that holds a JSON object, array or string.

    A bare number or word is left alone: `"42"` is a sensible answer and no double encoding.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def _check_yielded(value: Any, frame: FrameType | None, invocation: Invocation, quirks: set[str], place: str) -> None:
    if "stream-double-encoding" not in quirks:
        return
    framed = isinstance(value, str) and value.startswith("data:")
    if framed or _is_json(value):
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else place
        what = "an event that is framed already" if framed else "a string that is JSON"
        invocation.found(
            "stream-double-encoding",
            where,
            f"yields {what}, and the SDK encodes it once more: yield the object itself",
        )


def _generator(generator: Any, invocation: Invocation, quirks: set[str], place: str) -> Any:
    try:
        while True:
            try:
                value = next(generator)
            except StopIteration as end:
                if end.value is not None and "generator" in quirks:
                    invocation.found(
                        "generator",
                        place,
                        "the function has a yield in it, so it always streams and what it returns is lost: "
                        "dispatch to a generator or a plain function instead",
                    )
                return
            _check_yielded(value, generator.gi_frame, invocation, quirks, place)
            yield value
    finally:
        generator.close()


async def _async_generator(generator: Any, invocation: Invocation, quirks: set[str], place: str) -> Any:
    try:
        async for value in generator:
            _check_yielded(value, generator.ag_frame, invocation, quirks, place)
            yield value
    finally:
        await generator.aclose()
