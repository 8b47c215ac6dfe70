"""Namespaces of memory records: paths such as `/facts/ada/`, which strategies make of templates.

AgentCore keeps each namespace with a slash at either end (AWS developer guide, "Specify long-term memory
organization"), however it was given: the SDK's AgentCoreMemoryStore searches below `/facts/ada`. A path finds what lies
below it in the hierarchy, and not what merely begins like it: `/facts/ab` does not find `/facts/abc/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_

__all__ = ["below", "fill", "normalized"]

_VARIABLE = re.compile(r"\{([a-zA-Z][a-zA-Z0-9]*)\}")


def normalized(text: str) -> str:
    """The namespace with one slash at either end; `/` for the root."""
    inner = text.strip("/")
    return f"/{inner}/" if inner else "/"


def fill(
    template: str, *, actor_id: str, session_id: str, strategy_id: str, variables: Mapping[str, str]
) -> str | None:
    """The namespace that `template` makes, normalized; None if one of its variables has no value.

    `variables` are the values of the memory's own namespace keys, by name. `{strategyId}` is what older AWS pages write
    for `{memoryStrategyId}`.
    """
    values = {
        **variables,
        "actorId": actor_id,
        "sessionId": session_id,
        "memoryStrategyId": strategy_id,
        "strategyId": strategy_id,
    }
    if any(name not in values for name in _VARIABLE.findall(template)):
        return None
    return normalized(_VARIABLE.sub(lambda match: values[match[1]], template))


def below(column: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """Whether the normalized namespace in `column` is `path` or lies below it in the hierarchy."""
    first = normalized(path)
    # The character after the slash, so that an index on the column answers.
    return and_(column >= first, column < first[:-1] + "0")
