from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store


@pytest.fixture(params=["text", "embeddings"])
async def plane(request: pytest.FixtureRequest, store: Store, clock: Clock) -> AsyncIterator[MemoryPlane]:
    """The plane with each way of finding records."""
    plane = MemoryPlane(store, clock, "us-east-1", "123456789012", retrieval=request.param)
    await plane.open()
    yield plane
    await plane.close()


@pytest.fixture
def found(call: Callable[..., Awaitable[dict[str, Any]]]) -> Callable[..., Awaitable[dict[str, float]]]:
    """`await found("question", "/namespace/")`: the scores of the records' texts, the best first."""

    async def search(question: str, path: str = "/", **criteria: Any) -> dict[str, float]:
        given = {"namespacePath": path, "searchCriteria": {"searchQuery": question, **criteria}}
        page = await call("RetrieveMemoryRecords", maxResults=100, **given)
        return {record["content"]["text"]: record["score"] for record in page["memoryRecordSummaries"]}

    return search
