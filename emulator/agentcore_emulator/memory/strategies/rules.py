"""What the service asks of a memory's strategies beyond their shapes.

The quoted sentences are the live service's, as users report them; where none was found, the words are ours.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agentcore_emulator.errors import ServiceQuotaExceededException, ValidationException
from agentcore_emulator.memory.strategies.shapes import MEMBERS, Strategy, reflection_template

__all__ = ["check"]

# AWS developer guide, quotas of AgentCore Memory, and "Metadata on long-term memory".
_MOST: Final = 6
_MOST_CONSISTENT: Final = 3

# The last one is what older pages of the developer guide call the one before.
_BUILT_IN_VARIABLES: Final = frozenset({"actorId", "sessionId", "memoryStrategyId", "strategyId"})
_VARIABLE: Final = re.compile(r"\{([a-zA-Z][a-zA-Z0-9]*)\}")


def check(strategies: Sequence[Strategy], settings: Mapping[str, Any]) -> None:
    """Raise unless a memory with these `settings` (members of CreateMemory by name) may have all these strategies.

    ServiceQuotaExceededException when there are too many, ValidationException for everything else.
    """
    if len(strategies) > _MOST:
        raise ServiceQuotaExceededException(
            f"A memory has at most {_MOST} strategies, and would have {len(strategies)}"
        )
    _check_names(strategies)
    _check_types(strategies)
    declared = {entry["key"] for entry in settings.get("namespaceKeys", ())}
    for strategy in strategies:
        _check_templates(strategy, declared)
        for schema in _schemas(strategy):
            _check_schema(strategy, schema)
    # Observed by users of Terraform and CloudFormation.
    if "memoryExecutionRoleArn" not in settings and any(one["type"] == "CUSTOM" for one in strategies):
        raise _refused("Please provide memoryExecutionRoleArn as memory contains one or more Custom strategies")


def _variables(strategy: Strategy) -> set[str]:
    """The names in braces of all templates of a strategy."""
    templates = [strategy["namespace_template"], reflection_template(strategy) or "/"]
    return {name for template in templates for name in _VARIABLE.findall(template)}


def _check_names(strategies: Sequence[Strategy]) -> None:
    for name, count in Counter(one["name"] for one in strategies).items():
        if count > 1:
            raise _refused(f"Memory strategy with name '{name}' already exists")


def _check_types(strategies: Sequence[Strategy]) -> None:
    """Observed: acceptance tests of hashicorp/terraform-provider-aws, which custom strategies pass."""
    for member, kind in MEMBERS.items():
        if kind != "CUSTOM" and sum(one["type"] == kind for one in strategies) > 1:
            raise _refused(f"Only one strategy of each type is allowed. Found multiple strategies of type: {member}")


def _check_templates(strategy: Strategy, declared: set[str]) -> None:
    name = strategy["name"]
    if strategy["type"] == "SUMMARIZATION" and "{sessionId}" not in strategy["namespace_template"]:
        # Observed by many.
        raise _refused(
            f"Memory strategy {name} is of Summarization type requiring {{sessionId}} as a mandatory part of namespace"
        )
    reflections = reflection_template(strategy)
    if reflections is not None and not strategy["namespace_template"].startswith(reflections):
        # Observed by many, for the default as well. Both begin and end with a slash, so this is a matter of segments.
        raise _refused(
            f"Reflection namespace '{reflections}' must be the same as or a prefix of the episodic namespace"
            f" for strategy {name}"
        )
    if unknown := _variables(strategy) - _BUILT_IN_VARIABLES - declared:
        raise _refused(
            f"Memory strategy {name} refers to the namespace variable {{{min(unknown)}}}, "
            "which is not among the namespaceKeys of the memory"
        )


def _schemas(strategy: Strategy) -> Iterator[Mapping[str, Any]]:
    yield strategy["settings"].get("memoryRecordSchema", {})
    for reflection in (strategy["configuration"] or {}).get("reflection", {}).values():
        yield reflection.get("episodicReflectionOverride", reflection).get("memoryRecordSchema", {})


def _check_schema(strategy: Strategy, schema: Mapping[str, Any]) -> None:
    kinds = Counter(entry.get("extractionType") for entry in schema.get("metadataSchema", ()))
    if kinds["STRICTLY_CONSISTENT"] > _MOST_CONSISTENT:
        raise _refused(
            f"Memory strategy {strategy['name']} has more than {_MOST_CONSISTENT} metadata keys of the extraction type "
            "STRICTLY_CONSISTENT"
        )


def _refused(text: str) -> ValidationException:
    return ValidationException(text, fields=[("memoryStrategies", text)])
