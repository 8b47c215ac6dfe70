"""The forms that an entrypoint may have. Each answers with the payload's `value`; streams have it twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

__all__ = ["FORMS"]


def _function(payload: Any) -> Any:
    return payload.get("value")


async def _coroutine(payload: Any) -> Any:
    return payload.get("value")


def _generator(payload: Any) -> Iterator[Any]:
    yield payload.get("value")
    yield payload.get("value")


async def _asynchronous_generator(payload: Any) -> AsyncIterator[Any]:
    yield payload.get("value")
    yield payload.get("value")


def _with_context(payload: Any, context: Any) -> Any:
    return [payload.get("value"), type(context).__name__]


def _with_a_default(payload: Any, other: Any = "default") -> Any:
    return [payload.get("value"), other]


def _with_another_second(payload: Any, other: Any) -> Any:
    return [payload.get("value"), other]


FORMS: Final[dict[str, Callable[..., Any]]] = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "asynchronous generator": _asynchronous_generator,
    "context": _with_context,
    "default": _with_a_default,
    "another second": _with_another_second,
}
