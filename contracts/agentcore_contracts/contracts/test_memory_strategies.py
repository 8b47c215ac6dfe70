"""Long-term memory: the strategies of a memory, how they are shown, changed and refused."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from agentcore_contracts import contract, probe_memory
from agentcore_contracts.long_term import LongTerm
from agentcore_contracts.runtime import AgentCore

_MODEL = "botocore 1.44 bedrock-agentcore-control model"
_TERRAFORM = "hashicorp/terraform-provider-aws, resources of memories and their strategies, and issues about them"
_PATIENCE = {"Delay": 2, "MaxAttempts": 150}
_ROLE = "arn:aws:iam::123456789012:role/contracts"
_SEMANTIC = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/contracts/{actorId}/"]}}


@pytest.fixture(scope="module")
def control(agentcore: AgentCore) -> Iterator[Any]:
    """A client of the control plane."""
    with closing(agentcore.control()) as client:
        yield client


def settled(control: Any, memory_id: str) -> list[dict[str, Any]]:
    """The strategies of a memory, as soon as it is ACTIVE again."""
    control.get_waiter("memory_created").wait(memoryId=memory_id, WaiterConfig=_PATIENCE)
    shown: list[dict[str, Any]] = control.get_memory(memoryId=memory_id)["memory"].get("strategies", [])
    return shown


def refused(control: Any, *strategies: dict[str, Any]) -> str:
    """The message with which CreateMemory refuses these strategies."""
    name = f"contracts_{uuid.uuid4().hex}"
    try:
        made = control.create_memory(name=name, eventExpiryDuration=7, memoryStrategies=list(strategies))
    except control.exceptions.ValidationException as error:
        return str(error.response["Error"]["Message"])
    control.delete_memory(memoryId=made["memory"]["id"])
    pytest.fail("the memory was made")


@contract(
    "LT-060",
    title="A memory shows its strategies with type, ACTIVE status and an id of name, hyphen and ten letters and digits",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryStrategy; ids as AWS's notebooks show them",
)
def test_strategies_are_shown(long_term: LongTerm) -> None:
    """One of each built-in type."""
    named = {
        "SEMANTIC": "Facts",
        "USER_PREFERENCE": "Preferences",
        "SUMMARIZATION": "Summaries",
        "EPISODIC": "Episodes",
    }
    if not long_term.memory.id.startswith((probe_memory.NAME, "contracts_")):
        pytest.skip("nothing was measured: the memory is not one of the contracts' own")
    shown = {strategy["type"]: strategy for strategy in long_term.shown["strategies"]}
    assert {kind: strategy["name"] for kind, strategy in shown.items()} == named
    for strategy in shown.values():
        assert re.fullmatch(re.escape(strategy["name"]) + r"-[a-zA-Z0-9]{10}", strategy["strategyId"])
        assert strategy["status"] == "ACTIVE"


@contract(
    "LT-061",
    title="A strategy shows the templates of its namespaces as they were given, by both names that they have had",
    evidence="aws-model",
    source=f"{_MODEL}, MemoryStrategy: both are required",
)
def test_templates_are_shown(long_term: LongTerm) -> None:
    """`namespaces` is the older name of `namespaceTemplates`."""
    given = {
        body["name"]: body["namespaceTemplates"]
        for strategy in probe_memory.definition()["memoryStrategies"]
        for body in strategy.values()
    }
    for strategy in long_term.shown["strategies"]:
        assert strategy["namespaces"] == strategy["namespaceTemplates"]
        if strategy["name"] in given:
            assert strategy["namespaceTemplates"] == given[strategy["name"]]


@contract(
    "LT-062",
    title="An episodic strategy shows where its reflections go",
    evidence="aws-model",
    source=f"{_MODEL}, StrategyConfiguration.reflection.episodicReflectionConfiguration",
)
def test_reflections_are_shown(long_term: LongTerm) -> None:
    """In a wrapper that the request does not have."""
    reflection = long_term.strategy("EPISODIC")["configuration"]["reflection"]["episodicReflectionConfiguration"]
    (template,) = reflection["namespaceTemplates"]
    assert long_term.strategy("EPISODIC")["namespaceTemplates"][0].startswith(template)


@contract(
    "LT-063",
    title="UpdateMemory adds, modifies and deletes strategies, and is 202 with the memory as it will be",
    evidence="aws-model",
    source=f"{_MODEL}, UpdateMemory: 202, ModifyMemoryStrategies",
)
def test_changes(control: Any, agentcore: AgentCore) -> None:
    """One after the other, each seen by the next GetMemory once the memory is ACTIVE."""
    name = f"contracts_{uuid.uuid4().hex}"
    memory_id = control.create_memory(name=name, eventExpiryDuration=7, memoryStrategies=[])["memory"]["id"]
    try:
        assert settled(control, memory_id) == []
        add = {"addMemoryStrategies": [_SEMANTIC]}
        answer = control.update_memory(memoryId=memory_id, memoryStrategies=add)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
        (added,) = settled(control, memory_id)
        assert (added["name"], added["type"]) == ("Facts", "SEMANTIC")

        change = {"memoryStrategyId": added["strategyId"], "description": "Changed"}
        control.update_memory(memoryId=memory_id, memoryStrategies={"modifyMemoryStrategies": [change]})
        (changed,) = settled(control, memory_id)
        assert (changed["strategyId"], changed["description"]) == (added["strategyId"], "Changed")
        assert changed["namespaceTemplates"] == added["namespaceTemplates"]

        delete = {"deleteMemoryStrategies": [{"memoryStrategyId": added["strategyId"]}]}
        control.update_memory(memoryId=memory_id, memoryStrategies=delete)
        assert settled(control, memory_id) == []
    finally:
        control.delete_memory(memoryId=memory_id)


@contract(
    "LT-064",
    title="A strategy without a namespace of its own gets one with the actor's id in it",
    evidence="aws-docs",
    source="AWS developer guide, 'Specify long-term memory organization with namespaces'; its form differs by page",
)
def test_default_namespaces(control: Any) -> None:
    """A summary's has the session's id as well."""
    strategies = [{"semanticMemoryStrategy": {"name": "Facts"}}, {"summaryMemoryStrategy": {"name": "Summaries"}}]
    name = f"contracts_{uuid.uuid4().hex}"
    memory_id = control.create_memory(name=name, eventExpiryDuration=7, memoryStrategies=strategies)["memory"]["id"]
    try:
        templates = {one["name"]: one["namespaceTemplates"] for one in settled(control, memory_id)}
    finally:
        control.delete_memory(memoryId=memory_id)
    assert all(len(each) == 1 for each in templates.values())
    assert "{actorId}" in templates["Facts"][0]
    assert "{sessionId}" in templates["Summaries"][0]


@contract(
    "LT-065",
    title="A custom strategy shows the steps that it overrides, each in two wrappers of its own",
    evidence="aws-model",
    source=f"{_MODEL}, CustomConfigurationInput and StrategyConfiguration",
)
def test_custom_strategies(control: Any, agentcore: AgentCore) -> None:
    """What goes in as `semanticOverride.extraction` comes out as `customExtractionConfiguration`."""
    if agentcore.is_aws:
        pytest.skip("nothing was measured: it needs a role that AgentCore may assume")
    step = {"appendToPrompt": "Be brief.", "modelId": "model"}
    override = {"semanticOverride": {"extraction": step, "consolidation": step}}
    strategy = {"name": "Own", "namespaceTemplates": ["/contracts/{actorId}/"], "configuration": override}
    name = f"contracts_{uuid.uuid4().hex}"
    memory_id = control.create_memory(
        name=name,
        eventExpiryDuration=7,
        memoryExecutionRoleArn=_ROLE,
        memoryStrategies=[{"customMemoryStrategy": strategy}],
    )["memory"]["id"]
    try:
        (shown,) = settled(control, memory_id)
    finally:
        control.delete_memory(memoryId=memory_id)
    assert shown["type"] == "CUSTOM"
    assert shown["configuration"] == {
        "type": "SEMANTIC_OVERRIDE",
        "extraction": {"customExtractionConfiguration": {"semanticExtractionOverride": step}},
        "consolidation": {"customConsolidationConfiguration": {"semanticConsolidationOverride": step}},
    }


@contract(
    "LT-066",
    title="A custom strategy needs the memory's memoryExecutionRoleArn",
    evidence="field-report",
    source="aws/bedrock-agentcore-starter-toolkit issue 502, and " + _TERRAFORM,
)
def test_custom_strategies_need_a_role(control: Any) -> None:
    """In the service's words."""
    step = {"appendToPrompt": "Be brief.", "modelId": "model"}
    override = {"semanticOverride": {"extraction": step, "consolidation": step}}
    message = refused(control, {"customMemoryStrategy": {"name": "Own", "configuration": override}})
    assert "Please provide memoryExecutionRoleArn" in message


@contract(
    "LT-067",
    title="A memory has one strategy of each built-in type, at most",
    evidence="field-report",
    source=_TERRAFORM,
)
def test_one_of_each_type(control: Any) -> None:
    """In the service's words."""
    second = {"semanticMemoryStrategy": {"name": "More", "namespaceTemplates": ["/more/{actorId}/"]}}
    assert "Only one strategy of each type is allowed" in refused(control, _SEMANTIC, second)


@contract(
    "LT-068",
    title="A summary strategy's namespace has {sessionId} in it",
    evidence="field-report",
    source=_TERRAFORM,
)
def test_summaries_need_the_session(control: Any) -> None:
    """In the service's words."""
    strategy = {"summaryMemoryStrategy": {"name": "Sums", "namespaceTemplates": ["/contracts/{actorId}/"]}}
    assert "requiring {sessionId} as a mandatory part of namespace" in refused(control, strategy)


@contract(
    "LT-069",
    title="Reflections are filed in the namespace of their episodes or above",
    evidence="field-report",
    source=_TERRAFORM,
)
def test_reflections_are_above(control: Any) -> None:
    """In the service's words."""
    strategy = {
        "episodicMemoryStrategy": {
            "name": "Episodes",
            "namespaceTemplates": ["/contracts/episodes/{actorId}/{sessionId}/"],
            "reflectionConfiguration": {"namespaceTemplates": ["/contracts/reflections/{actorId}/"]},
        }
    }
    assert "must be the same as or a prefix of the episodic namespace" in refused(control, strategy)


@contract(
    "LT-070",
    title="Names of strategies, and the number and form of their namespaces, are as in the model",
    evidence="aws-model",
    source=f"{_MODEL}, Name, NamespacesList: exactly 1, NamespaceTemplate",
)
@pytest.mark.parametrize(
    "broken",
    [
        {"name": "1a"},
        {"name": "a-b"},
        {"name": "a" * 49},
        {"namespaceTemplates": ["/a/{actorId}/", "/b/{actorId}/"]},
        {"namespaceTemplates": ["/a b/{actorId}/"]},
        {"namespaceTemplates": ["/{actorId/"]},
        {"namespaceTemplates": ["/{actorId}/" + "a" * 512]},
    ],
    ids=["digit", "hyphen", "long name", "two", "space", "brace", "long namespace"],
)
def test_broken_strategies(control: Any, broken: dict[str, Any]) -> None:
    """All else is a ValidationException."""
    body = {"name": "Facts", "namespaceTemplates": ["/contracts/{actorId}/"], **broken}
    assert "validation error detected" in refused(control, {"semanticMemoryStrategy": body})


@contract(
    "LT-071",
    title="A built-in strategy is not modified with a configuration",
    evidence="field-report",
    source="aws/bedrock-agentcore-sdk-python issue 212",
)
def test_configuration_of_built_in_strategies(control: Any, agentcore: AgentCore) -> None:
    """Of a memory of the test's own, so that none is harmed if it is done."""
    name = f"contracts_{uuid.uuid4().hex}"
    made = control.create_memory(name=name, eventExpiryDuration=7, memoryStrategies=[_SEMANTIC])["memory"]["id"]
    try:
        (strategy,) = settled(control, made)
        step = {"semanticExtractionOverride": {"appendToPrompt": "Be brief.", "modelId": "model"}}
        change = {
            "memoryStrategyId": strategy["strategyId"],
            "configuration": {"extraction": {"customExtractionConfiguration": step}},
        }
        with pytest.raises(control.exceptions.ValidationException):
            control.update_memory(memoryId=made, memoryStrategies={"modifyMemoryStrategies": [change]})
        assert "configuration" not in settled(control, made)[0]
    finally:
        control.delete_memory(memoryId=made)


@contract(
    "LT-072",
    title="addIndexedKeys adds to the keys that records can be filtered by, and GetMemory shows all of them",
    evidence="field-report",
    source="The integration tests of aws/bedrock-agentcore-sdk-python (memory/test_memory_client.py)",
)
def test_indexed_keys(control: Any) -> None:
    """The answer has them already."""
    name = f"contracts_{uuid.uuid4().hex}"
    first, second = {"key": "colour", "type": "STRING"}, {"key": "weight", "type": "NUMBER"}
    made = control.create_memory(name=name, eventExpiryDuration=7, indexedKeys=[first])["memory"]
    try:
        assert made["indexedKeys"] == [first]
        settled(control, made["id"])
        answer = control.update_memory(memoryId=made["id"], addIndexedKeys=[second])
        assert answer["memory"]["indexedKeys"] == [first, second]
        settled(control, made["id"])
        assert control.get_memory(memoryId=made["id"])["memory"]["indexedKeys"] == [first, second]
    finally:
        control.delete_memory(memoryId=made["id"])
