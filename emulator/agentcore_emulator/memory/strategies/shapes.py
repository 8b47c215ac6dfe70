"""From the strategies of a request to those that are stored and shown, which have another shape.

A request wraps a strategy in a member for its type, and a custom strategy's steps in one for the type that it changes.
An answer has types as values and every step in two wrappers of its own (botocore model, `MemoryStrategyInput` and
`MemoryStrategy`). What a request leaves out and AWS fills in is filled in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.namespaces import normalized

__all__ = ["MEMBERS", "Strategy", "base_type", "made", "modified", "reflection_template"]

Strategy = dict[str, Any]
"""Columns of tables.strategies by name: at least `name`, `type`, `namespace_template`, `configuration`, `settings`."""

MEMBERS: Final = {
    "semanticMemoryStrategy": "SEMANTIC",
    "summaryMemoryStrategy": "SUMMARIZATION",
    "userPreferenceMemoryStrategy": "USER_PREFERENCE",
    "episodicMemoryStrategy": "EPISODIC",
    "customMemoryStrategy": "CUSTOM",
}
"""Members of `MemoryStrategyInput`, and the `MemoryStrategyType` that each stands for."""


class _Override(NamedTuple):
    type: str
    # The built-in type whose steps it changes; None when everything is the user's own.
    base: str | None
    # What the members around a step begin with.
    prefix: str


# Members of `CustomConfigurationInput`.
_OVERRIDES: Final = {
    "semanticOverride": _Override("SEMANTIC_OVERRIDE", "SEMANTIC", "semantic"),
    "summaryOverride": _Override("SUMMARY_OVERRIDE", "SUMMARIZATION", "summary"),
    "userPreferenceOverride": _Override("USER_PREFERENCE_OVERRIDE", "USER_PREFERENCE", "userPreference"),
    "episodicOverride": _Override("EPISODIC_OVERRIDE", "EPISODIC", "episodic"),
    "selfManagedConfiguration": _Override("SELF_MANAGED", None, "selfManaged"),
}
_BY_TYPE: Final = {override.type: override for override in _OVERRIDES.values()}

# What a strategy has that names no namespace. Observed in September 2025, and the same as the SDK's
# DEFAULT_NAMESPACES; today's developer guide has examples in the singular.
_ACTOR: Final = "/strategies/{memoryStrategyId}/actors/{actorId}/"
_SESSION: Final = f"{_ACTOR}sessions/{{sessionId}}/"
_NAMESPACES: Final = {"SEMANTIC": _ACTOR, "USER_PREFERENCE": _ACTOR, "SUMMARIZATION": _SESSION, "EPISODIC": _SESSION}
# Observed in 2026: the live service names it when it refuses an episodic strategy without reflectionConfiguration.
_REFLECTIONS: Final = _ACTOR
# What a self-managed strategy shows.
_NOWHERE: Final[Mapping[str, list[str]]] = {"namespaces": [], "namespaceTemplates": []}

# Observed: whatever a request says, all three are shown, and what it leaves out has these values
# (hashicorp/terraform-provider-aws pull request 48766).
_TRIGGERS: Final[Mapping[str, Mapping[str, int]]] = {
    "messageBasedTrigger": {"messageCount": 6},
    "tokenBasedTrigger": {"tokenCount": 5000},
    "timeBasedTrigger": {"idleSessionTimeout": 20},
}
_HISTORY: Final = 4


def made(given: Mapping[str, Any]) -> Strategy:
    """The strategy that a `MemoryStrategyInput` describes, without an id.

    Raises ValidationException for what the model allows and the service does not.
    """
    [(member, body)] = given.items()
    kind = MEMBERS[member]
    strategy: Strategy = {"name": body["name"], "type": kind, "configuration": _configuration(kind, body)}
    expiry = body.get("recordExpirySpecification", {})
    if "action" in expiry:
        raise _refused("recordExpirySpecification", "action is not applicable to a new strategy, which has no expiry")
    settings = {name: body[name] for name in ("description", "memoryRecordSchema") if name in body}
    namespaces = _namespaces(body, _NAMESPACES.get(base_type(strategy) or "")) or _NOWHERE
    strategy["settings"] = {**settings, **namespaces, **expiry}
    return _placed(strategy, body)


def modified(strategy: Strategy, given: Mapping[str, Any]) -> Strategy:
    """A strategy as a `ModifyMemoryStrategyInput` wants it. What that does not mention stays.

    Raises ValidationException for a configuration that does not go with the strategy's type.
    """
    settings = dict(strategy["settings"])
    settings.update({name: given[name] for name in ("description", "memoryRecordSchema") if name in given})
    settings.update(_namespaces(given, None))
    match given.get("recordExpirySpecification", {}):
        case {"action": _}:
            settings.pop("recordExpiryDurationDays", None)
        case expiry:
            settings.update(expiry)
    configuration = strategy["configuration"]
    if "configuration" in given:
        configuration = _modified_configuration(strategy, given["configuration"])
    return _placed({**strategy, "settings": settings, "configuration": configuration}, given)


def base_type(strategy: Mapping[str, Any]) -> str | None:
    """The built-in `MemoryStrategyType` whose records a strategy makes; None for a self-managed one, which has none."""
    if strategy["type"] != "CUSTOM":
        return str(strategy["type"])
    return _BY_TYPE[strategy["configuration"]["type"]].base


def reflection_template(strategy: Mapping[str, Any]) -> str | None:
    """The template of the namespaces of reflections, with a slash at either end; None without reflections."""
    match (strategy["configuration"] or {}).get("reflection"):
        case {"episodicReflectionConfiguration": reflection}:
            return normalized(reflection["namespaceTemplates"][0])
        case {"customReflectionConfiguration": {"episodicReflectionOverride": reflection}}:
            return normalized(reflection["namespaceTemplates"][0])
    return None


def _placed(strategy: Strategy, given: Mapping[str, Any]) -> Strategy:
    """With the template that records are filed by. It is stored in one form, and shown as it was given."""
    if base_type(strategy) is None:
        # Observed: terraform-provider-aws pull request 48766.
        if "namespaces" in given or "namespaceTemplates" in given:
            raise _refused("namespaceTemplates", "a self-managed strategy has no namespaces of its own")
        return {**strategy, "namespace_template": "/"}
    return {**strategy, "namespace_template": normalized(strategy["settings"]["namespaceTemplates"][0])}


def _namespaces(given: Mapping[str, Any], default: str | None) -> dict[str, list[str]]:
    """Both members, whichever was given; `default` when none was, and nothing without a default."""
    sent = [given[name] for name in ("namespaceTemplates", "namespaces") if name in given]
    if sent and any(other != sent[0] for other in sent):
        raise _refused("namespaces", "the deprecated namespaces say something else than namespaceTemplates")
    if not sent:
        if default is None:
            return {}
        sent = [[default]]
    return {"namespaces": sent[0], "namespaceTemplates": sent[0]}


def _configuration(kind: str, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """The model's `StrategyConfiguration` of a new strategy; None for the built-in ones without reflections."""
    if kind == "EPISODIC":
        return {"reflection": _default_reflection(body.get("reflectionConfiguration", {}))}
    if kind != "CUSTOM":
        return None
    # Empty ones are refused by the live service, in these words.
    [(member, steps)] = body.get("configuration", {"": {}}).items()
    if not steps:
        raise _invalid()
    override = _OVERRIDES[member]
    if override.base is None:
        return {"type": override.type, "selfManagedConfiguration": _self_managed(steps, {})}
    configuration: dict[str, Any] = {"type": override.type}
    for step in ("extraction", "consolidation", "reflection"):
        if step in steps:
            outer, inner = _wrappers(step, override)
            value = steps[step]
            if step == "reflection":
                value = {**value, **_namespaces(value, _REFLECTIONS)}
            configuration[step] = {outer: {inner: value}}
    if override.base == "EPISODIC":
        configuration.setdefault("reflection", _default_reflection({}))
    return configuration


def _modified_configuration(strategy: Strategy, given: Mapping[str, Any]) -> dict[str, Any]:
    """A strategy's configuration with the steps of a `ModifyStrategyConfiguration` in place of its own."""
    old: dict[str, Any] = strategy["configuration"] or {}
    if strategy["type"] == "EPISODIC" and set(given) == {"reflection"}:
        # Observed: the one built-in type that takes a configuration (terraform-provider-aws pull request 49140).
        match given["reflection"]:
            case {"episodicReflectionConfiguration": reflection}:
                return {"reflection": {"episodicReflectionConfiguration": _reflection_after(old, reflection)}}
    if strategy["type"] != "CUSTOM":
        raise _refused(
            "configuration", f"the strategy {strategy['name']} is a built-in one, which has no configuration to modify"
        )
    override = _BY_TYPE[old["type"]]
    if override.base is None:
        if set(given) - {"selfManagedConfiguration"}:
            raise _invalid()
        steps = given.get("selfManagedConfiguration", {})
        return {**old, "selfManagedConfiguration": _self_managed(steps, old["selfManagedConfiguration"])}
    new = dict(old)
    for step, value in given.items():
        outer, inner = _wrappers(step, override)
        if set(value) != {outer} or set(value[outer]) != {inner}:
            raise _invalid()
        changed = value[outer][inner]
        new[step] = {outer: {inner: _reflection_after(old, changed) if step == "reflection" else changed}}
    return new


def _wrappers(step: str, override: _Override) -> tuple[str, str]:
    """The two members around a step, as in `customExtractionConfiguration.semanticExtractionOverride`."""
    name = step.capitalize()
    return f"custom{name}Configuration", f"{override.prefix}{name}Override"


def _default_reflection(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"episodicReflectionConfiguration": {**given, **_namespaces(given, _REFLECTIONS)}}


def _reflection_after(configuration: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A reflection step with `given` in place of what it says otherwise."""
    match configuration.get("reflection"):
        case {"episodicReflectionConfiguration": old}:
            pass
        case {"customReflectionConfiguration": {"episodicReflectionOverride": old}}:
            pass
        case _:
            raise _invalid()
    return {**old, **given, **_namespaces(given, None)}


def _self_managed(given: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """A `SelfManagedConfiguration`. A trigger that is not mentioned keeps its value (observed, as the defaults are)."""
    triggers = dict(_TRIGGERS)
    for one in (*old.get("triggerConditions", ()), *given.get("triggerConditions", ())):
        for name, value in one.items():
            triggers[name] = {**triggers[name], **value}
    return {
        "triggerConditions": [{name: dict(value)} for name, value in triggers.items()],
        "invocationConfiguration": {
            **old.get("invocationConfiguration", {}),
            **given.get("invocationConfiguration", {}),
        },
        "historicalContextWindowSize": given.get(
            "historicalContextWindowSize", old.get("historicalContextWindowSize", _HISTORY)
        ),
    }


def _refused(member: str, why: str) -> ValidationException:
    return ValidationException(f"Invalid memory strategy: {why}", fields=[(member, why)])


def _invalid() -> ValidationException:
    # Observed for a custom strategy without a configuration.
    text = "Invalid memory strategy input was provided"
    return ValidationException(text, fields=[("configuration", "does not go with the type of the strategy")])
