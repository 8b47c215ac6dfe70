from __future__ import annotations

from typing import Any

import pytest

from agentcore_emulator.errors import ServiceQuotaExceededException, ValidationException
from agentcore_emulator.memory.strategies import check, made

ROLE = {"memoryExecutionRoleArn": "arn:aws:iam::123456789012:role/r"}
STEP = {"appendToPrompt": "p", "modelId": "m"}


def semantic(**more: Any) -> dict[str, Any]:
    return made({"semanticMemoryStrategy": {"name": "facts", **more}})


def summary(**more: Any) -> dict[str, Any]:
    return made({"summaryMemoryStrategy": {"name": "sums", **more}})


def episodic(**more: Any) -> dict[str, Any]:
    return made({"episodicMemoryStrategy": {"name": "episodes", **more}})


def custom(name: str = "own") -> dict[str, Any]:
    return made({"customMemoryStrategy": {"name": name, "configuration": {"semanticOverride": {"extraction": STEP}}}})


def refusal(strategies: list[dict[str, Any]], **settings: Any) -> str:
    with pytest.raises(ValidationException) as caught:
        check(strategies, settings)
    return caught.value.message


def test_one_of_each_and_several_of_ones_own() -> None:
    check([], {})
    likes = made({"userPreferenceMemoryStrategy": {"name": "likes"}})
    check([semantic(), summary(), episodic(), likes, custom("a"), custom("b")], ROLE)


def test_six_are_the_most() -> None:
    with pytest.raises(ServiceQuotaExceededException) as caught:
        check([custom(f"c{n}") for n in range(7)], ROLE)
    assert caught.value.message == "A memory has at most 6 strategies, and would have 7"


def test_names_are_there_once() -> None:
    assert refusal([custom(), custom()], **ROLE) == "Memory strategy with name 'own' already exists"


@pytest.mark.parametrize(
    "member",
    [
        "semanticMemoryStrategy",
        "summaryMemoryStrategy",
        "userPreferenceMemoryStrategy",
        "episodicMemoryStrategy",
    ],
)
def test_built_in_types_are_there_once(member: str) -> None:
    two = [made({member: {"name": name}}) for name in ("a", "b")]
    assert refusal(two) == (f"Only one strategy of each type is allowed. Found multiple strategies of type: {member}")


def test_custom_strategies_need_a_role() -> None:
    assert refusal([semantic(), custom()]) == (
        "Please provide memoryExecutionRoleArn as memory contains one or more Custom strategies"
    )


def test_summaries_are_of_a_session() -> None:
    check([summary(namespaces=["{sessionId}"])], {})
    assert refusal([summary(namespaces=["/actors/{actorId}/"])]) == (
        "Memory strategy sums is of Summarization type requiring {sessionId} as a mandatory part of namespace"
    )


def test_reflections_are_filed_at_the_episodes_or_above() -> None:
    for above in ("/a/{actorId}/{sessionId}/", "a/{actorId}", "/a/", "/"):
        reflections = {"namespaceTemplates": [above]}
        check([episodic(namespaceTemplates=["/a/{actorId}/{sessionId}"], reflectionConfiguration=reflections)], {})
    for beside in ("/a/{actorId}/reflections/", "/a/{actor", "/b/", "/a/{actorId}/{sessionId}/more"):
        reflections = {"namespaces": [beside]}
        assert refusal([episodic(namespaces=["/a/{actorId}/{sessionId}/"], reflectionConfiguration=reflections)]) == (
            f"Reflection namespace '/{beside.strip('/')}/' must be the same as or a prefix of the episodic namespace"
            " for strategy episodes"
        )
    # The default is not above a namespace of one's own.
    assert refusal([episodic(namespaces=["/a/{actorId}/{sessionId}/"])]).startswith(
        "Reflection namespace '/strategies/{memoryStrategyId}/actors/{actorId}/' must be the same as or a prefix"
    )


def test_variables_are_declared() -> None:
    strategies = [semantic(namespaces=["/{team}/{actorId}/{sessionId}/{memoryStrategyId}/{strategyId}/"])]
    check(strategies, {"namespaceKeys": [{"key": "team"}]})
    assert refusal(strategies) == (
        "Memory strategy facts refers to the namespace variable {team}, "
        "which is not among the namespaceKeys of the memory"
    )
    reflections = {"namespaces": ["/{tenant}/"]}
    unknown = [episodic(namespaces=["/{tenant}/{actorId}/"], reflectionConfiguration=reflections)]
    assert "refers to the namespace variable {tenant}" in refusal(unknown, namespaceKeys=[{"key": "team"}])


def test_three_keys_are_copied_from_events() -> None:
    def schema(consistent: int) -> dict[str, Any]:
        entries = [{"key": f"k{n}", "extractionType": "STRICTLY_CONSISTENT"} for n in range(consistent)]
        return {"metadataSchema": [*entries, {"key": "other"}, {"key": "guess", "extractionType": "LLM_INFERRED"}]}

    check([semantic(memoryRecordSchema=schema(3))], {})
    words = "has more than 3 metadata keys of the extraction type STRICTLY_CONSISTENT"
    assert refusal([semantic(memoryRecordSchema=schema(4))]) == f"Memory strategy facts {words}"
    assert words in refusal([episodic(reflectionConfiguration={"memoryRecordSchema": schema(4)})])
    step = {"reflection": {**STEP, "memoryRecordSchema": schema(4)}}
    override = {"customMemoryStrategy": {"name": "own", "configuration": {"episodicOverride": step}}}
    assert words in refusal([made(override)], **ROLE)
