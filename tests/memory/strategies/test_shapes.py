from __future__ import annotations

from typing import Any

import pytest

from agentcore_emulator.errors import ValidationException
from agentcore_emulator.memory.strategies import base_type, made, reflection_template
from agentcore_emulator.memory.strategies.shapes import modified

ACTOR = "/strategies/{memoryStrategyId}/actors/{actorId}/"
SESSION = "/strategies/{memoryStrategyId}/actors/{actorId}/sessions/{sessionId}/"
STEP = {"appendToPrompt": "say less", "modelId": "some-model"}
OTHER = {"appendToPrompt": "say more", "modelId": "other-model"}
INVOCATION = {"topicArn": "arn:aws:sns:us-east-1:123456789012:t", "payloadDeliveryBucketName": "bucket"}
TRIGGERS = [
    {"messageBasedTrigger": {"messageCount": 6}},
    {"tokenBasedTrigger": {"tokenCount": 5000}},
    {"timeBasedTrigger": {"idleSessionTimeout": 20}},
]


def both(template: str) -> dict[str, list[str]]:
    return {"namespaces": [template], "namespaceTemplates": [template]}


def custom(configuration: dict[str, Any], **more: Any) -> dict[str, Any]:
    return made({"customMemoryStrategy": {"name": "own", "configuration": configuration, **more}})


@pytest.mark.parametrize(
    ("member", "kind", "template"),
    [
        ("semanticMemoryStrategy", "SEMANTIC", ACTOR),
        ("summaryMemoryStrategy", "SUMMARIZATION", SESSION),
        ("userPreferenceMemoryStrategy", "USER_PREFERENCE", ACTOR),
    ],
)
def test_a_built_in_strategy_has_a_namespace_for_its_type(member: str, kind: str, template: str) -> None:
    strategy = made({member: {"name": "one"}})
    assert strategy == {
        "name": "one",
        "type": kind,
        "namespace_template": template,
        "configuration": None,
        "settings": both(template),
    }
    assert base_type(strategy) == kind
    assert reflection_template(strategy) is None


def test_an_episodic_strategy_has_reflections() -> None:
    strategy = made({"episodicMemoryStrategy": {"name": "one"}})
    assert strategy["settings"] == both(SESSION)
    assert strategy["configuration"] == {"reflection": {"episodicReflectionConfiguration": both(ACTOR)}}
    assert reflection_template(strategy) == ACTOR
    assert base_type(strategy) == "EPISODIC"


def test_what_is_given_is_shown_and_filed_in_one_form() -> None:
    schema = {"metadataSchema": [{"key": "priority", "type": "NUMBER"}]}
    given = {
        "name": "one",
        "description": "d",
        "namespaceTemplates": ["episodes/{actorId}"],
        "memoryRecordSchema": schema,
        "recordExpirySpecification": {"recordExpiryDurationDays": 31},
        "reflectionConfiguration": {"namespaces": ["episodes"], "memoryRecordSchema": schema},
    }
    strategy = made({"episodicMemoryStrategy": given})
    # Observed: the toolkit and Terraform read templates back as they sent them.
    assert strategy["settings"] == {
        "description": "d",
        "memoryRecordSchema": schema,
        "recordExpiryDurationDays": 31,
        **both("episodes/{actorId}"),
    }
    assert strategy["namespace_template"] == "/episodes/{actorId}/"
    assert strategy["configuration"]["reflection"] == {
        "episodicReflectionConfiguration": {"memoryRecordSchema": schema, **both("episodes")}
    }
    assert reflection_template(strategy) == "/episodes/"


def test_both_names_of_the_namespaces_may_be_used_if_they_agree() -> None:
    assert made({"semanticMemoryStrategy": {"name": "one", **both("/a/")}})["settings"] == both("/a/")
    with pytest.raises(ValidationException, match="say something else than namespaceTemplates"):
        made({"semanticMemoryStrategy": {"name": "one", "namespaces": ["/a/"], "namespaceTemplates": ["/b/"]}})


def test_there_is_no_expiry_to_remove_from_a_new_strategy() -> None:
    with pytest.raises(ValidationException, match="action is not applicable to a new strategy"):
        made({"semanticMemoryStrategy": {"name": "one", "recordExpirySpecification": {"action": "REMOVE"}}})


@pytest.mark.parametrize(
    ("member", "steps", "expected", "base", "template"),
    [
        (
            "semanticOverride",
            {"extraction": STEP, "consolidation": OTHER},
            {
                "type": "SEMANTIC_OVERRIDE",
                "extraction": {"customExtractionConfiguration": {"semanticExtractionOverride": STEP}},
                "consolidation": {"customConsolidationConfiguration": {"semanticConsolidationOverride": OTHER}},
            },
            "SEMANTIC",
            ACTOR,
        ),
        (
            "summaryOverride",
            {"consolidation": STEP},
            {
                "type": "SUMMARY_OVERRIDE",
                "consolidation": {"customConsolidationConfiguration": {"summaryConsolidationOverride": STEP}},
            },
            "SUMMARIZATION",
            SESSION,
        ),
        (
            "userPreferenceOverride",
            {"extraction": STEP},
            {
                "type": "USER_PREFERENCE_OVERRIDE",
                "extraction": {"customExtractionConfiguration": {"userPreferenceExtractionOverride": STEP}},
            },
            "USER_PREFERENCE",
            ACTOR,
        ),
        (
            "episodicOverride",
            {"consolidation": STEP, "reflection": {**OTHER, "namespaces": ["/strategies/"]}},
            {
                "type": "EPISODIC_OVERRIDE",
                "consolidation": {"customConsolidationConfiguration": {"episodicConsolidationOverride": STEP}},
                "reflection": {
                    "customReflectionConfiguration": {"episodicReflectionOverride": {**OTHER, **both("/strategies/")}}
                },
            },
            "EPISODIC",
            SESSION,
        ),
        (
            "episodicOverride",
            {"extraction": STEP},
            {
                "type": "EPISODIC_OVERRIDE",
                "extraction": {"customExtractionConfiguration": {"episodicExtractionOverride": STEP}},
                "reflection": {"episodicReflectionConfiguration": both(ACTOR)},
            },
            "EPISODIC",
            SESSION,
        ),
    ],
)
def test_a_custom_strategy_changes_steps_of_a_built_in_one(
    member: str, steps: dict[str, Any], expected: dict[str, Any], base: str, template: str
) -> None:
    strategy = custom({member: steps})
    assert strategy["configuration"] == expected
    assert (strategy["type"], base_type(strategy)) == ("CUSTOM", base)
    assert strategy["settings"] == both(template)
    named = custom({member: steps}, namespaces=["/strategies/own/"])
    assert named["namespace_template"] == "/strategies/own/"


@pytest.mark.parametrize("given", [{}, {"configuration": {"semanticOverride": {}}}])
def test_a_custom_strategy_that_changes_nothing(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationException) as caught:
        made({"customMemoryStrategy": {"name": "own", **given}})
    assert caught.value.message == "Invalid memory strategy input was provided"


def test_a_self_managed_strategy_has_all_triggers_and_no_namespace() -> None:
    strategy = custom({"selfManagedConfiguration": {"invocationConfiguration": INVOCATION}})
    assert strategy["configuration"] == {
        "type": "SELF_MANAGED",
        "selfManagedConfiguration": {
            "triggerConditions": TRIGGERS,
            "invocationConfiguration": INVOCATION,
            "historicalContextWindowSize": 4,
        },
    }
    assert strategy["settings"] == {"namespaces": [], "namespaceTemplates": []}
    assert base_type(strategy) is None

    given = {
        "invocationConfiguration": INVOCATION,
        "triggerConditions": [{"tokenBasedTrigger": {"tokenCount": 100}}, {"messageBasedTrigger": {}}],
        "historicalContextWindowSize": 0,
    }
    configuration = custom({"selfManagedConfiguration": given})["configuration"]["selfManagedConfiguration"]
    assert configuration["triggerConditions"] == [TRIGGERS[0], {"tokenBasedTrigger": {"tokenCount": 100}}, TRIGGERS[2]]
    assert configuration["historicalContextWindowSize"] == 0

    with pytest.raises(ValidationException, match="a self-managed strategy has no namespaces of its own"):
        custom({"selfManagedConfiguration": {"invocationConfiguration": INVOCATION}}, namespaces=["/a/"])


def test_a_modification_changes_what_it_mentions() -> None:
    schema = {"metadataSchema": [{"key": "priority"}]}
    expiry = {"recordExpirySpecification": {"recordExpiryDurationDays": 40}}
    old = made({"semanticMemoryStrategy": {"name": "one", "description": "old", **expiry}})
    assert modified(old, {}) == old
    new = modified(old, {"description": "new", "namespaces": ["/a"], "memoryRecordSchema": schema})
    assert new["settings"] == {
        "description": "new",
        "recordExpiryDurationDays": 40,
        "memoryRecordSchema": schema,
        **both("/a"),
    }
    assert new["namespace_template"] == "/a/"
    longer = modified(old, {"recordExpirySpecification": {"recordExpiryDurationDays": 50}})
    assert longer["settings"]["recordExpiryDurationDays"] == 50
    never = modified(longer, {"recordExpirySpecification": {"action": "REMOVE"}})
    assert "recordExpiryDurationDays" not in never["settings"]
    assert modified(never, {"recordExpirySpecification": {"action": "REMOVE"}}) == never
    assert old["settings"]["description"] == "old"


EXTRACTION = {"extraction": {"customExtractionConfiguration": {"semanticExtractionOverride": STEP}}}
REFLECTION = {"reflection": {"episodicReflectionConfiguration": {"namespaceTemplates": ["/strategies/"]}}}


@pytest.mark.parametrize(
    ("member", "configuration"),
    [
        ("semanticMemoryStrategy", {}),
        ("semanticMemoryStrategy", EXTRACTION),
        ("userPreferenceMemoryStrategy", EXTRACTION),
        ("summaryMemoryStrategy", REFLECTION),
        ("episodicMemoryStrategy", {}),
        ("episodicMemoryStrategy", {**REFLECTION, **EXTRACTION}),
        (
            "episodicMemoryStrategy",
            {"reflection": {"customReflectionConfiguration": {"episodicReflectionOverride": STEP}}},
        ),
    ],
)
def test_a_built_in_strategy_has_no_configuration_to_modify(member: str, configuration: dict[str, Any]) -> None:
    with pytest.raises(ValidationException) as caught:
        modified(made({member: {"name": "one"}}), {"configuration": configuration})
    assert caught.value.message == (
        "Invalid memory strategy: the strategy one is a built-in one, which has no configuration to modify"
    )
    assert caught.value.fields[0][0] == "configuration"


def test_but_an_episodic_one_has_its_reflections() -> None:
    schema = {"metadataSchema": [{"key": "priority"}]}
    old = made({"episodicMemoryStrategy": {"name": "one", "reflectionConfiguration": {"memoryRecordSchema": schema}}})
    new = modified(old, {"configuration": REFLECTION})
    assert new["configuration"] == {
        "reflection": {"episodicReflectionConfiguration": {"memoryRecordSchema": schema, **both("/strategies/")}}
    }


def test_steps_of_a_custom_strategy_are_replaced_one_by_one() -> None:
    old = custom({"semanticOverride": {"extraction": OTHER, "consolidation": OTHER}})
    new = modified(old, {"configuration": EXTRACTION})
    assert new["configuration"] == {**old["configuration"], **EXTRACTION}
    assert modified(old, {"configuration": {}}) == old

    episodic = custom({"episodicOverride": {"extraction": STEP}})
    reflection = {"reflection": {"customReflectionConfiguration": {"episodicReflectionOverride": STEP}}}
    new = modified(episodic, {"configuration": reflection})
    # The namespaces that reflections had stay theirs.
    assert new["configuration"]["reflection"]["customReflectionConfiguration"] == {
        "episodicReflectionOverride": {**STEP, **both(ACTOR)}
    }


@pytest.mark.parametrize(
    ("given", "configuration"),
    [
        ({"userPreferenceOverride": {"extraction": STEP}}, EXTRACTION),
        ({"summaryOverride": {"consolidation": STEP}}, EXTRACTION),
        ({"semanticOverride": {"extraction": STEP}}, REFLECTION),
        ({"semanticOverride": {"extraction": STEP}}, {"selfManagedConfiguration": {}}),
        ({"selfManagedConfiguration": {"invocationConfiguration": INVOCATION}}, EXTRACTION),
    ],
)
def test_a_configuration_goes_with_the_type(given: dict[str, Any], configuration: dict[str, Any]) -> None:
    with pytest.raises(ValidationException, match="Invalid memory strategy input was provided"):
        modified(custom(given), {"configuration": configuration})


def test_a_self_managed_strategy_keeps_what_is_not_mentioned() -> None:
    given = {
        "invocationConfiguration": INVOCATION,
        "triggerConditions": [{"messageBasedTrigger": {"messageCount": 35}}],
    }
    old = custom({"selfManagedConfiguration": given})
    change = {
        "triggerConditions": [{"tokenBasedTrigger": {"tokenCount": 1750}}],
        "invocationConfiguration": {"payloadDeliveryBucketName": "other"},
        "historicalContextWindowSize": 25,
    }
    new = modified(old, {"configuration": {"selfManagedConfiguration": change}})
    assert new["configuration"]["selfManagedConfiguration"] == {
        "triggerConditions": [
            {"messageBasedTrigger": {"messageCount": 35}},
            {"tokenBasedTrigger": {"tokenCount": 1750}},
            TRIGGERS[2],
        ],
        "invocationConfiguration": {**INVOCATION, "payloadDeliveryBucketName": "other"},
        "historicalContextWindowSize": 25,
    }
    assert modified(new, {"configuration": {"selfManagedConfiguration": {}}}) == new
    with pytest.raises(ValidationException, match="has no namespaces of its own"):
        modified(old, {"namespaceTemplates": ["/a/"]})
