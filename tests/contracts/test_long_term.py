from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agentcore_contracts.long_term import LongTerm
from agentcore_contracts.memory import Memory

STRATEGY = {"type": "SEMANTIC", "strategyId": "Facts-0123456789"}


def long_term(**shown: Any) -> LongTerm:
    runtime: Any = SimpleNamespace(client=None, is_aws=False)
    return LongTerm(Memory(runtime, "memory-0123456789"), shown)


@pytest.mark.parametrize("form", ["{}", "/{}/"])
def test_namespaces_are_filled(form: str) -> None:
    template = form.format("{memoryStrategyId}/{actorId}/{sessionId}")
    of = long_term(strategies=[{**STRATEGY, "namespaceTemplates": [template]}])
    assert of.namespace("SEMANTIC", "s") == f"/Facts-0123456789/{of.memory.actor}/s/"
    assert of.namespace("SEMANTIC", "s", "ada") == "/Facts-0123456789/ada/s/"


def test_a_memory_without_the_strategy_is_skipped() -> None:
    of = long_term(strategies=[STRATEGY])
    assert of.strategy("SEMANTIC") == STRATEGY
    with pytest.raises(pytest.skip.Exception, match="memory-0123456789 has no strategy of the type EPISODIC"):
        of.strategy("EPISODIC")


def test_a_memory_without_the_keys_is_skipped() -> None:
    long_term(indexedKeys=[{"key": key} for key in ("colour", "more", "tags", "weight")]).needs_keys()
    for keys in ([], ["colour", "tags"], ["other"]):
        with pytest.raises(pytest.skip.Exception, match="has no indexed keys"):
            long_term(indexedKeys=[{"key": key} for key in keys]).needs_keys()
