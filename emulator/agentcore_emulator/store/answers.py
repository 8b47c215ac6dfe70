"""What a client is told when the state fails an operation."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from agentcore_emulator.errors import AWSError
from agentcore_emulator.store.errors import StoreError

__all__ = ["plain"]

_Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def plain(handler: _Handler, failure: Callable[[str], AWSError]) -> _Handler:
    """The handler, whose `StoreError`s come out as `failure` with the same plain sentence."""

    @functools.wraps(handler)
    async def handled(given: dict[str, Any]) -> dict[str, Any]:
        try:
            return await handler(given)
        except StoreError as error:
            raise failure(str(error)) from error

    return handled
