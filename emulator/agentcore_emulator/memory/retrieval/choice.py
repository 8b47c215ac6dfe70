"""Which way of finding records an emulator has."""

from __future__ import annotations

import importlib.util

from agentcore_emulator.config import ProjectError, RetrievalKind
from agentcore_emulator.memory.retrieval.lexical import ByWords
from agentcore_emulator.memory.retrieval.ranking import Ranking
from agentcore_emulator.store import Store

__all__ = ["choose"]


def choose(kind: RetrievalKind, store: Store) -> Ranking:
    """The ranking of that kind. Raises `ProjectError` when the extra that it needs is not installed."""
    if kind == "text":
        return ByWords()
    missing = [name for name in ("numpy", "wordllama") if importlib.util.find_spec(name) is None]
    if missing:
        raise ProjectError(
            f"--retrieval embeddings needs {' and '.join(missing)}, "
            "which the extra agentcore-emulator[embeddings] installs"
        )
    # Imported when it is asked for: numpy takes a tenth of a second.
    from agentcore_emulator.memory.retrieval.meaning import ByMeaning

    return ByMeaning(store)
