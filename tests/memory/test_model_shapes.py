"""Whatever the model lets CreateMemory say of a memory comes back from GetMemory, in the shape of the output."""

from __future__ import annotations

import asyncio
import copy
import string
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store
from agentcore_emulator.tags import Tags
from agentcore_emulator.wire.shapes import Problem, Shapes

SERVICE = botocore.session.get_session().get_service_model("bedrock-agentcore-control")
CREATE = SERVICE.shape_for("CreateMemoryInput")
MEMORY = SERVICE.shape_for("Memory")
ARN = "arn:aws:iam::123456789012:role/r"

DEFAULTS = {
    "SEMANTIC": "/strategies/{memoryStrategyId}/actors/{actorId}/",
    "USER_PREFERENCE": "/strategies/{memoryStrategyId}/actors/{actorId}/",
    "SUMMARIZATION": "/strategies/{memoryStrategyId}/actors/{actorId}/sessions/{sessionId}/",
    "EPISODIC": "/strategies/{memoryStrategyId}/actors/{actorId}/sessions/{sessionId}/",
}
BUILT_IN = {
    "semanticMemoryStrategy": "SEMANTIC",
    "summaryMemoryStrategy": "SUMMARIZATION",
    "userPreferenceMemoryStrategy": "USER_PREFERENCE",
    "episodicMemoryStrategy": "EPISODIC",
}
OVERRIDES = {
    "semanticOverride": ("SEMANTIC_OVERRIDE", "semantic", "SEMANTIC"),
    "summaryOverride": ("SUMMARY_OVERRIDE", "summary", "SUMMARIZATION"),
    "userPreferenceOverride": ("USER_PREFERENCE_OVERRIDE", "userPreference", "USER_PREFERENCE"),
    "episodicOverride": ("EPISODIC_OVERRIDE", "episodic", "EPISODIC"),
}

KEYS = st.text("aZ9 ._:/=+@-", min_size=1, max_size=5)
# What a pattern or a number says too little of, or says at length.
BY_SHAPE: Mapping[str, st.SearchStrategy[Any]] = {
    "Arn": st.just(ARN),
    "Name": st.from_regex("[a-zA-Z][a-zA-Z0-9_]{0,5}", fullmatch=True),
    "MetadataKey": KEYS,
    "TagKey": KEYS,
    "String": st.text(string.ascii_letters, min_size=1, max_size=8),
    "Namespace": st.lists(st.sampled_from(["a", "b-c", "{actorId}", "{sessionId}", "{memoryStrategyId}"]), max_size=4)
    .flatmap(lambda parts: st.sampled_from(["/".join(parts), f"/{'/'.join(parts)}", f"/{'/'.join(parts)}/"]))
    .filter(bool),
    "NamespaceRegexPattern": st.sampled_from(["[a-z]+", "a|b"]),
    # Not applicable when a strategy is created.
    "RecordExpirySpecification": st.fixed_dictionaries({"recordExpiryDurationDays": st.integers(31, 10_000)}),
}


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape, as small as its rules allow."""
    if shape.name in BY_SHAPE:
        return BY_SHAPE[shape.name]
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 1 << 20)
    match shape.type_name:
        case "structure":
            members = cast("StructureShape", shape).members
            if cast("StructureShape", shape).is_tagged_union:
                return st.one_of([st.fixed_dictionaries({name: values(one)}) for name, one in members.items()])
            required = cast("StructureShape", shape).required_members
            return st.fixed_dictionaries(
                {name: values(members[name]) for name in required},
                optional={name: values(member) for name, member in members.items() if name not in required},
            )
        case "list":
            return st.lists(values(cast("ListShape", shape).member), min_size=least, max_size=min(most, least + 1))
        case "map":
            pair = values(cast("MapShape", shape).key), values(cast("MapShape", shape).value)
            return st.dictionaries(*pair, min_size=least, max_size=2)
        case "integer":
            return st.integers(least, most)
        case "double":
            return st.floats(-1e6, 1e6)
        case _ if cast("StringShape", shape).enum:
            return st.sampled_from(cast("StringShape", shape).enum)
        case _ if "pattern" in shape.metadata:
            whole = st.from_regex(f"(?:{shape.metadata['pattern']})", fullmatch=True, alphabet=string.printable)
            return whole.filter(lambda text: least <= len(text) <= min(most, 60))
        case _:
            return st.text(string.printable, min_size=least, max_size=least + 10)


# Once: to make a strategy takes longer than to draw from it.
INPUTS = values(CREATE)
STRATEGIES = st.lists(values(SERVICE.shape_for("MemoryStrategyInput")), max_size=6)


@st.composite
def memories(draw: st.DrawFn) -> dict[str, Any]:
    """Inputs of CreateMemory that also keep to what the service asks for beyond the model."""
    memory: dict[str, Any] = draw(INPUTS)
    memory.pop("memoryStrategies", None)
    if strategies := draw(STRATEGIES):
        memory["memoryStrategies"] = strategies
    for member in ("indexedKeys", "namespaceKeys"):
        if member in memory:
            memory[member] = list({one["key"]: one for one in memory[member]}.values())
    memory["memoryExecutionRoleArn"] = ARN
    kept: dict[str, Any] = {}
    for number, strategy in enumerate(strategies):
        [(member, body)] = strategy.items()
        body["name"] = f"s{number}_{body['name']}"[:48]
        one_name(body)
        if member == "customMemoryStrategy":
            if not any(body.get("configuration", {}).values()):
                continue
            if "selfManagedConfiguration" in body["configuration"]:
                body.pop("namespaces", None)
                body.pop("namespaceTemplates", None)
        elif member == "summaryMemoryStrategy" and "{sessionId}" not in template(body, DEFAULTS["SUMMARIZATION"]):
            body.pop("namespaces", None)
            body.pop("namespaceTemplates", None)
        reflection = reflection_of(member, body)
        if reflection is not None:
            one_name(reflection)
            reflection.pop("namespaces", None)
            above = template(body, DEFAULTS["EPISODIC"]).strip("/").split("/")
            depth = draw(st.integers(0, len(above)))
            reflection["namespaceTemplates"] = ["/" + "/".join(above[:depth])]
        kept[body["name"] if member == "customMemoryStrategy" else member] = strategy
    if "memoryStrategies" in memory:
        memory["memoryStrategies"] = list(kept.values())
    return memory


def one_name(body: dict[str, Any]) -> None:
    """The deprecated name of the namespaces, if both are there, says the same."""
    if "namespaces" in body and "namespaceTemplates" in body:
        body["namespaces"] = body["namespaceTemplates"]


def template(body: Mapping[str, Any], default: str) -> str:
    return str((body.get("namespaceTemplates") or body.get("namespaces") or [default])[0])


def reflection_of(member: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Where an episodic strategy says what becomes of its reflections; made when it leaves that out."""
    if member not in ("customMemoryStrategy", "episodicMemoryStrategy"):
        return None
    if member == "customMemoryStrategy":
        override = body["configuration"].get("episodicOverride")
        if override is None:
            return None
        override.setdefault("reflection", {"appendToPrompt": "p", "modelId": "m"})
        return cast("dict[str, Any]", override["reflection"])
    return cast("dict[str, Any]", body.setdefault("reflectionConfiguration", {}))


def expected(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """What GetMemory shows of a strategy that CreateMemory was given, but for its id and its times."""
    [(member, body)] = strategy.items()
    shown: dict[str, Any] = {"name": body["name"], "type": BUILT_IN.get(member, "CUSTOM"), "status": "ACTIVE"}
    shown |= {name: body[name] for name in ("description", "memoryRecordSchema") if name in body}
    shown |= body.get("recordExpirySpecification", {})
    base = BUILT_IN.get(member)
    if member == "episodicMemoryStrategy":
        shown["configuration"] = {
            "reflection": {"episodicReflectionConfiguration": both(body.get("reflectionConfiguration", {}))}
        }
    if member == "customMemoryStrategy":
        [(override, steps)] = body["configuration"].items()
        if override == "selfManagedConfiguration":
            shown["configuration"] = {"type": "SELF_MANAGED", "selfManagedConfiguration": self_managed(steps)}
            return {**shown, "namespaces": [], "namespaceTemplates": []}
        kind, prefix, base = OVERRIDES[override]
        shown["configuration"] = {"type": kind}
        for step, value in steps.items():
            name = step.capitalize()
            inner = both(value) if step == "reflection" else value
            shown["configuration"][step] = {f"custom{name}Configuration": {f"{prefix}{name}Override": inner}}
    assert base is not None
    where = [template(body, DEFAULTS[base])]
    return {**shown, "namespaces": where, "namespaceTemplates": where}


def both(reflection: Mapping[str, Any]) -> dict[str, Any]:
    where = [template(reflection, "/strategies/{memoryStrategyId}/actors/{actorId}/")]
    return {**reflection, "namespaces": where, "namespaceTemplates": where}


def self_managed(steps: Mapping[str, Any]) -> dict[str, Any]:
    triggers: dict[str, dict[str, int]] = {
        "messageBasedTrigger": {"messageCount": 6},
        "tokenBasedTrigger": {"tokenCount": 5000},
        "timeBasedTrigger": {"idleSessionTimeout": 20},
    }
    for condition in steps.get("triggerConditions", []):
        for name, value in condition.items():
            triggers[name].update(value)
    return {
        "historicalContextWindowSize": 4,
        **steps,
        "triggerConditions": [{name: value} for name, value in triggers.items()],
    }


def check_against_the_model(memory: dict[str, Any]) -> None:
    """By botocore's own validator, and by the patterns, enumerations and limits that it does not look at."""
    modelled = copy.deepcopy(memory)
    for strategy in modelled["strategies"]:
        if not strategy["namespaces"]:  # Of a self-managed strategy, which has none.
            strategy["namespaces"] = strategy["namespaceTemplates"] = ["/"]
    report = ParamValidator().validate(modelled, MEMORY)
    assert not report.has_errors(), report.generate_report()
    node = Shapes().node(MEMORY)
    problems: list[Problem] = []
    assert node.read(node.write(modelled), "memory", problems) is not None
    assert problems == []


def test_a_memory_comes_back_as_it_was_asked_for(tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        store = Store(f"sqlite:///{tmp_path / 'state.db'}")
        clock = Clock()
        plane = MemoryPlane(store, clock, "us-east-1", "123456789012")
        operations = {**plane.operations, **Tags(store, clock, [plane.tagged]).operations}

        def call(operation: str, **given: Any) -> Any:
            return runner.run(cast("Any", operations[operation](given)))

        @settings(max_examples=150, deadline=None)
        @given(memories())
        def round_trip(wanted: dict[str, Any]) -> None:
            check_round_trip(call, wanted)

        try:
            round_trip()
        finally:
            runner.run(store.close())


def check_round_trip(call: Callable[..., Any], wanted: dict[str, Any]) -> None:
    memory_id = call("CreateMemory", **copy.deepcopy(wanted))["memory"]["id"]
    shown = call("GetMemory", memoryId=memory_id)["memory"]
    tags = call("ListTagsForResource", resourceArn=shown["arn"])["tags"]
    call("DeleteMemory", memoryId=memory_id)
    check_against_the_model(shown)
    assert tags == wanted.get("tags", {})
    members = {name: value for name, value in wanted.items() if name not in ("clientToken", "memoryStrategies", "tags")}
    assert {name: shown[name] for name in members} == members
    assert set(shown) == {*members, "id", "arn", "status", "createdAt", "updatedAt", "strategies"}
    strategies = [
        {name: value for name, value in one.items() if name not in ("strategyId", "createdAt", "updatedAt")}
        for one in shown["strategies"]
    ]
    assert strategies == [expected(one) for one in wanted.get("memoryStrategies", [])]
