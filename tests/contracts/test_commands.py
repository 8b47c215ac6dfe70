"""What comes of a command's stream; that it comes is for the contracts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import EventStreamError, ReadTimeoutError

from agentcore_contracts.commands import Result, gathered

STOP = {"exitCode": 0, "status": "COMPLETED"}


def deltas(*pieces: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"contentStart": {}}, *({"contentDelta": {stream: text}} for stream, text in pieces)]


def test_each_stream_is_joined_by_itself() -> None:
    chunks = [*deltas(("stdout", "a"), ("stderr", "x"), ("stdout", "b")), {"contentStop": STOP}]
    assert gathered(iter(chunks)) == Result("ab", "x", STOP)


def test_a_command_that_prints_nothing() -> None:
    assert gathered(iter([*deltas(), {"contentStop": STOP}])) == Result("", "", STOP)


@pytest.mark.parametrize(
    "error", [EventStreamError({"Error": {}}, "InvokeAgentRuntimeCommand"), ReadTimeoutError(endpoint_url="http://x")]
)
def test_a_command_that_is_cut_off(error: Exception) -> None:
    def chunks() -> Iterator[dict[str, Any]]:
        yield from deltas(("stdout", "a"))
        raise error

    assert gathered(chunks()) == Result("a", "", None)
