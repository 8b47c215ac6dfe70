"""What strikes when, from event to notification."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Pipeline


def test_the_last_of_so_many_messages_strikes(pipeline: Pipeline) -> None:
    pipeline.create(messages=3)
    pipeline.say("a")
    pipeline.say("b")
    assert pipeline.notified() == []
    pipeline.say("c")
    assert pipeline.texts() == [["a", "b", "c"]]
    pipeline.say("d")
    assert pipeline.notified() == []


def test_it_may_be_in_the_middle_of_an_event(pipeline: Pipeline) -> None:
    """As it was seen on AWS: six events of two messages each, and every third message struck."""
    pipeline.create(messages=3)
    for number in range(6):
        pipeline.say(f"user {number}", f"assistant {number}")
    spoken = [f"{who} {number}" for number in range(6) for who in ("user", "assistant")]
    assert pipeline.texts() == [spoken[:3], spoken[3:6], spoken[6:9], spoken[9:]]


def test_an_event_can_strike_more_than_once(pipeline: Pipeline) -> None:
    pipeline.create(messages=3)
    pipeline.say("a")
    pipeline.say(*"bcdefgh")
    pipeline.say("i")
    assert pipeline.texts() == [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]]


def test_so_many_tokens_strike(pipeline: Pipeline) -> None:
    pipeline.create(messages=50, tokens=100)
    pipeline.say("a" * 396)
    assert pipeline.notified() == []
    pipeline.say("b")
    assert pipeline.texts() == [["a" * 396, "b"]]


def test_an_idle_session_strikes(pipeline: Pipeline) -> None:
    pipeline.create(idle=30)
    pipeline.say("a")
    pipeline.emulator.clock.advance(29)
    pipeline.say("b")
    pipeline.emulator.clock.advance(29)
    assert pipeline.notified() == []
    pipeline.emulator.clock.advance(1)
    assert pipeline.texts() == [["a", "b"]]
    pipeline.emulator.clock.advance(3000)
    assert pipeline.notified() == []


def test_the_defaults(pipeline: Pipeline) -> None:
    pipeline.create()
    for text in "abcdefg":
        pipeline.say(text)
    assert pipeline.texts() == [list("abcdef")]
    pipeline.emulator.clock.advance(20)
    assert pipeline.texts() == [["g"]]


def test_each_session_has_its_own_count(pipeline: Pipeline) -> None:
    pipeline.create(messages=2)
    pipeline.say("a", session="one")
    pipeline.say("b", session="two")
    pipeline.say("c", session="one", actorId="bob")
    assert pipeline.notified() == []
    pipeline.say("d", session="one")
    (payload,) = pipeline.delivered()
    assert (payload["actorId"], payload["sessionId"]) == ("ada", "one")
    assert [item["content"]["text"] for item in payload["currentContext"]] == ["a", "d"]


def test_each_strategy_has_its_own_count(pipeline: Pipeline) -> None:
    two = pipeline.strategy("Two", messages=2)
    three = pipeline.strategy("Three", messages=3)
    facts = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
    pipeline.create(two, facts, three)
    for text in ("I like tea", "I own a boat", "I live in Rome"):
        pipeline.say(text)
    # Strategies do not wait for each other.
    assert {each["strategyId"]: len(each["currentContext"]) for each in pipeline.delivered()} == {
        pipeline.strategies[0]: 2,
        pipeline.strategies[2]: 3,
    }
    records = pipeline.data.list_memory_records(memoryId=pipeline.memory, namespacePath="/")["memoryRecordSummaries"]
    assert {record["memoryStrategyId"] for record in records} == {pipeline.strategies[1]}


def test_an_event_that_is_not_to_be_extracted_is_passed_over(pipeline: Pipeline) -> None:
    pipeline.create(messages=2)
    pipeline.say("a")
    pipeline.say("b", extractionMode="SKIP")
    assert pipeline.notified() == []
    pipeline.say("c")
    assert pipeline.texts() == [["a", "c"]]


def test_what_is_ingested_is_not_delivered(pipeline: Pipeline) -> None:
    pipeline.create(messages=1)
    payload = [{"conversational": {"role": "USER", "content": {"text": "a"}}}]
    given: dict[str, Any] = {"actorId": "ada", "contentTimestamp": 1, "source": {"inline": {"payload": payload}}}
    pipeline.data.ingest_data(memoryId=pipeline.memory, **given)
    pipeline.emulator.clock.advance(3000)
    assert pipeline.notified() == []


def test_blobs_go_along_and_count_as_no_message(pipeline: Pipeline) -> None:
    pipeline.create(messages=2)
    pipeline.say(payload=[{"blob": "state"}])
    pipeline.say("a")
    pipeline.say(payload=[{"blob": {"turn": 1}}])
    assert pipeline.notified() == []
    pipeline.say("b")
    (payload,) = pipeline.delivered()
    assert [item.get("blob") for item in payload["currentContext"]] == ["state", None, '{"turn": 1}', None]


def test_blobs_alone_go_when_their_session_is_idle(pipeline: Pipeline) -> None:
    pipeline.create()
    pipeline.say(payload=[{"blob": "state"}])
    pipeline.emulator.clock.advance(20)
    (payload,) = pipeline.delivered()
    assert payload["currentContext"] == [{"blob": "state"}]


def test_changed_triggers_hold_from_the_next_event_on(pipeline: Pipeline) -> None:
    pipeline.create(messages=4, idle=100)
    for text in "abc":
        pipeline.say(text)
    # Until each event was looked at with the triggers of its time.
    assert pipeline.notified() == []
    pipeline.change(
        triggerConditions=[
            {"messageBasedTrigger": {"messageCount": 2}},
            {"timeBasedTrigger": {"idleSessionTimeout": 10}},
        ]
    )
    pipeline.emulator.clock.advance(10)
    assert pipeline.notified() == []
    pipeline.say("d")
    assert pipeline.texts() == [["a", "b"], ["c", "d"]]
    pipeline.say("e")
    pipeline.emulator.clock.advance(10)
    assert pipeline.texts() == [["e"]]


def test_what_waits_goes_with_its_strategy(pipeline: Pipeline) -> None:
    pipeline.create()
    pipeline.say("a")
    deleted = {"deleteMemoryStrategies": [{"memoryStrategyId": pipeline.strategies[0]}]}
    pipeline.control.update_memory(memoryId=pipeline.memory, memoryStrategies=deleted)
    pipeline.emulator.clock.advance(20)
    assert pipeline.notified() == []


def test_what_came_before_the_strategy_is_history_at_most(
    pipeline: Pipeline, texts_of: Callable[[list[dict[str, Any]]], list[str]]
) -> None:
    facts = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
    pipeline.create(facts)
    pipeline.say("a")
    added = {"addMemoryStrategies": [pipeline.strategy(messages=1)]}
    pipeline.control.update_memory(memoryId=pipeline.memory, memoryStrategies=added)
    pipeline.say("b")
    (payload,) = pipeline.delivered()
    assert (texts_of(payload["historicalContext"]), texts_of(payload["currentContext"])) == (["a"], ["b"])
