from __future__ import annotations

import asyncio
import functools
import inspect
import json
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.guest.encoding import watched
from agentcore_emulator.guest.watch import Invocation, Watch

ALL = {"double-encoding", "stream-double-encoding", "generator"}
HERE = str(Path(__file__))


class Notes:
    """Keeps what a guest would send to the host."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def quirks(self) -> list[str]:
        return [str(message["quirk"]) for message in self.sent]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def invocation(notes: Notes) -> Invocation:
    return Watch(notes, str(Path(__file__).parent)).begin()  # type: ignore[arg-type]


def use(handler: Any, payload: Any) -> Any:
    """What the SDK would get from a handler, streams as lists."""
    result = handler(payload)
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    if inspect.isgenerator(result):
        return list(result)
    if inspect.isasyncgen(result):
        return asyncio.run(collect(result))
    return result


async def collect(stream: AsyncIterator[Any]) -> list[Any]:
    return [value async for value in stream]


# Handlers of every kind


def returns(payload: Any) -> Any:
    return payload


async def returns_later(payload: Any) -> Any:
    await asyncio.sleep(0)
    return payload


def yields(payload: Any) -> Iterator[Any]:
    yield from payload


async def yields_later(payload: Any) -> AsyncIterator[Any]:
    for value in payload:
        await asyncio.sleep(0)
        yield value


def returns_a_generator(payload: Any) -> Iterator[Any]:
    return yields(payload)


async def returns_a_generator_later(payload: Any) -> AsyncIterator[Any]:
    return yields_later(payload)


class Callable:
    def __call__(self, payload: Any) -> Any:
        return payload


class CallableLater:
    async def __call__(self, payload: Any) -> Any:
        return payload


class Yields:
    async def __call__(self, payload: Any) -> AsyncIterator[Any]:
        for value in payload:
            yield value


def returns_second(_first: Any, payload: Any) -> Any:
    return payload


PLAIN = [returns, returns_later, Callable(), CallableLater(), functools.partial(returns_second, None)]
STREAMS = [yields, yields_later, returns_a_generator, returns_a_generator_later, Yields()]


@pytest.mark.parametrize("handler", [*PLAIN, *STREAMS])
def test_kind_and_values_stay(handler: Any, invocation: Invocation) -> None:
    wrapped = watched(handler, invocation, ALL)
    for kind in (inspect.iscoroutinefunction, inspect.isasyncgenfunction):
        # An instance is of the kind that its method is of.
        method = handler if inspect.isroutine(handler) else type(handler).__call__
        assert kind(wrapped) == kind(method)
    payload = [1, {"a": [2]}, None, "text"]
    assert use(wrapped, payload) == use(handler, payload)


@pytest.mark.parametrize("handler", [returns, returns_later, yields, yields_later])
def test_name_and_signature_stay(handler: Any, invocation: Invocation) -> None:
    wrapped = watched(handler, invocation, ALL)
    assert wrapped.__name__ == handler.__name__
    assert inspect.signature(wrapped) == inspect.signature(handler)


JSON_TEXTS = ['{"a": 1}', "[]", ' {"a": 1}', '"quoted"', json.dumps(json.dumps({"a": 1}))]
OTHER_VALUES: list[Any] = [
    "hello", "42", "true", "null", "", "{not json", "[1, 2", '"', {"a": 1}, ["{}"], None, 7, b'{"a": 1}', "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("handler", PLAIN)
@pytest.mark.parametrize("text", JSON_TEXTS)
def test_a_returned_string_that_is_json(handler: Any, text: str, invocation: Invocation, notes: Notes) -> None:
    assert use(watched(handler, invocation, ALL), text) == text
    [found] = notes.sent
    assert found["quirk"] == "double-encoding"
    assert found["remedy"].endswith("return the object itself")


@pytest.mark.parametrize("value", OTHER_VALUES)
def test_what_is_not_encoded_already(value: Any, invocation: Invocation, notes: Notes) -> None:
    assert use(watched(returns, invocation, ALL), value) == value
    assert use(watched(yields, invocation, ALL), [value]) == [value]
    assert notes.sent == []


@pytest.mark.parametrize("handler", STREAMS)
@pytest.mark.parametrize("text", [*JSON_TEXTS, 'data: {"a": 1}\n\n', "data: x"])
def test_a_yielded_string_that_is_json_or_framed(handler: Any, text: str, invocation: Invocation, notes: Notes) -> None:
    assert use(watched(handler, invocation, ALL), [text, text]) == [text, text]
    [found] = notes.sent
    assert found["quirk"] == "stream-double-encoding"
    assert ("framed already" if text.startswith("data:") else "a string that is JSON") in found["remedy"]
    assert found["remedy"].endswith("yield the object itself")


def test_the_place_of_a_return_is_the_handler(invocation: Invocation, notes: Notes) -> None:
    use(watched(returns, invocation, ALL), "{}")
    line = returns.__code__.co_firstlineno
    assert notes.sent[0]["place"] == f"{HERE}:{line} (returns)"


@pytest.mark.parametrize("handler", [yields, yields_later])
def test_the_place_of_a_yield_is_its_line(handler: Any, invocation: Invocation, notes: Notes) -> None:
    use(watched(handler, invocation, ALL), ["{}"])
    source, first = inspect.getsourcelines(handler)
    [line] = [first + number for number, text in enumerate(source) if "yield " in text]
    assert notes.sent[0]["place"] == f"{HERE}:{line}"


# A generator that returns


def answers_or_streams(payload: Any) -> Generator[Any, None, Any]:
    if payload == "answer":
        return {"result": 1}
    yield 1
    return None


def test_the_return_value_of_a_generator_is_lost(invocation: Invocation, notes: Notes) -> None:
    wrapped = watched(answers_or_streams, invocation, ALL)
    assert use(wrapped, "stream") == [1]
    assert notes.sent == []
    assert use(wrapped, "answer") == []
    [found] = notes.sent
    assert found["quirk"] == "generator"
    assert found["place"].endswith("(answers_or_streams)")
    assert "always streams and what it returns is lost" in found["remedy"]


# Only what is on is reported, and nothing else changes


def test_only_the_quirks_that_are_on(invocation: Invocation, notes: Notes) -> None:
    for quirk in sorted(ALL):
        others = ALL - {quirk}
        use(watched(returns, invocation, others), "{}")
        use(watched(yields, invocation, others), ["{}"])
        use(watched(answers_or_streams, invocation, others), "answer")
        assert quirk not in notes.quirks()
        assert set(notes.quirks()) == others
        notes.sent.clear()
        invocation._seen.clear()


def fails_at_once(payload: Any) -> Any:
    raise KeyError(payload)


async def fails_later(payload: Any) -> Any:
    raise KeyError(payload)


def fails_in_its_stream(payload: Any) -> Iterator[Any]:
    yield 1
    raise KeyError(payload)


async def fails_in_its_stream_later(payload: Any) -> AsyncIterator[Any]:
    yield 1
    raise KeyError(payload)


@pytest.mark.parametrize("handler", [fails_at_once, fails_later, fails_in_its_stream, fails_in_its_stream_later])
def test_errors_pass_through(handler: Any, invocation: Invocation) -> None:
    with pytest.raises(KeyError, match="7") as failure:
        use(watched(handler, invocation, ALL), 7)
    assert failure.traceback[-1].path == Path(__file__)


def test_closing_a_stream_closes_the_agents_own(invocation: Invocation) -> None:
    closed: list[str] = []

    def endless(_payload: Any) -> Iterator[Any]:
        try:
            while True:
                yield 1
        finally:
            closed.append("sync")

    async def endless_later(_payload: Any) -> AsyncIterator[Any]:
        try:
            while True:
                yield 1
        finally:
            closed.append("async")

    stream = watched(endless, invocation, ALL)(None)
    assert next(stream) == 1
    stream.close()

    async def read_one() -> None:
        later = watched(endless_later, invocation, ALL)(None)
        assert await anext(later) == 1
        await later.aclose()

    asyncio.run(read_one())
    assert closed == ["sync", "async"]


def test_values_come_one_by_one(invocation: Invocation) -> None:
    produced: list[int] = []

    def count(_payload: Any) -> Iterator[int]:
        for number in range(3):
            produced.append(number)
            yield number

    stream = watched(count, invocation, ALL)(None)
    assert produced == []
    for number in range(3):
        assert next(stream) == number
        assert produced == list(range(number + 1))
