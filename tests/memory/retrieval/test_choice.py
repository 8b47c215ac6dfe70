from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec

import pytest

from agentcore_emulator.config import ProjectError
from agentcore_emulator.memory.retrieval.choice import choose
from agentcore_emulator.memory.retrieval.lexical import ByWords
from agentcore_emulator.memory.retrieval.meaning import ByMeaning
from agentcore_emulator.store import Store


async def test_each_kind(store: Store) -> None:
    assert isinstance(choose("text", store), ByWords)
    assert isinstance(choose("embeddings", store), ByMeaning)


async def test_without_the_extra_it_is_named(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "wordllama" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(ProjectError) as caught:
        choose("embeddings", store)
    assert str(caught.value) == (
        "--retrieval embeddings needs wordllama, which the extra agentcore-emulator[embeddings] installs"
    )
    assert isinstance(choose("text", store), ByWords)
