"""Long-term memory: the records that strategies make of conversations.

AWS's models choose the words of these records, so no contract holds a target to more than a word that must be in them.
"""

from __future__ import annotations

import json
import re
import uuid
from contextlib import closing
from typing import Any

import pytest
from botocore.exceptions import ClientError

from agentcore_contracts import contract
from agentcore_contracts.long_term import LongTerm, words
from agentcore_contracts.memory import Memory
from agentcore_contracts.runtime import AgentCore

_MODEL = "botocore 1.44 bedrock-agentcore model"
_STRATEGIES = "AWS developer guide, 'Memory strategies'"
_RECORD_TYPE = "x-amz-agentcore-memory-recordType"


def mentions(word: str) -> Any:
    """Whether a record has the word."""
    return lambda records: any(word.lower() in text.lower() for text in words(records))


@contract(
    "LT-040",
    title="The semantic strategy records a fact that a user states, as a sentence in the actor's namespace",
    evidence="field-report",
    source="AWS's notebooks for AgentCore Memory, with captured records: one plain sentence each",
)
def test_facts(long_term: LongTerm) -> None:
    """Under the strategy's id, with the time of the event, as a BASE record."""
    conversation = long_term.memory.new_conversation()
    long_term.say(conversation, "I live in Seattle and I work as a carpenter.", "How nice.")
    namespace = long_term.namespace("SEMANTIC", conversation)
    found = long_term.extracted(namespace, mentions("Seattle"))
    assert mentions("Seattle")(found)
    for record in found:
        assert record["memoryRecordId"].startswith("mem-")
        assert record["memoryStrategyId"] == long_term.strategy("SEMANTIC")["strategyId"]
        assert record["namespaces"] == [namespace]
        assert not record["content"]["text"].startswith(("{", "<", "["))


@contract(
    "LT-041",
    title="The user preference strategy records a JSON object with context, preference and categories",
    evidence="aws-docs",
    source=f"{_STRATEGIES}, user preference memory strategy",
)
def test_preferences(long_term: LongTerm) -> None:
    """Categories are a list of strings."""
    conversation = long_term.memory.new_conversation()
    long_term.say(conversation, "I like sushi with tuna, I really prefer it to everything else.", "Noted.")
    found = long_term.extracted(long_term.namespace("USER_PREFERENCE", conversation), mentions("sushi"))
    assert mentions("sushi")(found)
    for text in words(found):
        preference = json.loads(text)
        assert isinstance(preference["context"], str)
        assert isinstance(preference["preference"], str)
        assert all(isinstance(category, str) for category in preference["categories"])


@contract(
    "LT-042",
    title="The summary strategy records topics, as `<topic name=…>` elements, in a namespace of the session's own",
    evidence="aws-docs",
    source=f"{_STRATEGIES}, summary strategy",
)
def test_summaries(long_term: LongTerm) -> None:
    """Another session's is another one."""
    conversation, other = long_term.memory.new_conversation(), long_term.memory.new_conversation()
    long_term.say(conversation, "Can you help me plan a trip to Rome?", "Sure, take the train on Friday.")
    found = long_term.extracted(long_term.namespace("SUMMARIZATION", conversation), mentions("Rome"))
    assert mentions("Rome")(found)
    assert any(re.search(r'<topic name="[^"]+">.+</topic>', text, re.DOTALL) for text in words(found))
    assert long_term.records(long_term.namespace("SUMMARIZATION", other)) == []


_SOLVED = (
    "My printer does not print, can you help me?",
    "Please restart it and load paper into tray two.",
    "Thanks, that worked!",
    "You are welcome.",
)


@contract(
    "LT-043",
    title="The episodic strategy records an episode when it is over, as a JSON object with its turns and assessment",
    evidence="aws-docs",
    source=f"{_STRATEGIES}, episodic memory strategy",
)
def test_episodes(long_term: LongTerm) -> None:
    """Here a problem that is solved."""
    conversation = long_term.memory.new_conversation()
    long_term.say(conversation, *_SOLVED)
    found = long_term.extracted(long_term.namespace("EPISODIC", conversation))
    assert found
    for record in found:
        episode = json.loads(record["content"]["text"])
        assert {"situation", "intent", "assessment", "justification", "reflection", "turns"} <= episode.keys()
        assert episode["turns"]
        for turn in episode["turns"]:
            assert {"situation", "intent", "action", "thought", "assessmentAssistant", "assessmentUser"} <= turn.keys()


@contract(
    "LT-044",
    title="A reflection on episodes is a record of its own kind in the namespace of reflections: a JSON object with"
    " title, use_cases, hints and confidence",
    evidence="aws-docs",
    source=f"{_STRATEGIES}, episodic memory strategy, reflections; and 'Structured metadata for long-term memories'",
)
def test_reflections(long_term: LongTerm) -> None:
    """Of the type REFLECTION, where an episode's is BASE."""
    conversation = long_term.memory.new_conversation()
    long_term.say(conversation, *_SOLVED)
    episodes = long_term.extracted(long_term.namespace("EPISODIC", conversation))
    found = long_term.extracted(long_term.reflections(conversation))
    assert found
    assert {record["metadata"][_RECORD_TYPE]["stringValue"] for record in episodes} == {"BASE"}
    assert {record["metadata"][_RECORD_TYPE]["stringValue"] for record in found} == {"REFLECTION"}
    for text in words(found):
        assert {"title", "use_cases", "hints", "confidence"} <= json.loads(text).keys()


@contract(
    "LT-045",
    title="Nothing is extracted from an event with extractionMode SKIP, nor from blobs",
    evidence="aws-model",
    source=f"{_MODEL}, CreateEventInput.extractionMode; AWS developer guide, long-term memory: blobs are not extracted",
)
@pytest.mark.parametrize("how", ["skip", "blob"])
def test_what_is_left_out(long_term: LongTerm, how: str) -> None:
    """What is said afterwards is there, and what was said before is not."""
    conversation = long_term.memory.new_conversation()
    if how == "skip":
        long_term.say(conversation, "I live in Oslo.", extractionMode="SKIP")
    else:
        long_term.memory.add("", conversation, payload=[{"blob": "I live in Oslo."}])
    long_term.say(conversation, "I work as a carpenter.", second=1)
    found = long_term.extracted(long_term.namespace("SEMANTIC", conversation), mentions("carpenter"))
    assert mentions("carpenter")(found)
    assert not mentions("Oslo")(found)


@contract(
    "LT-046",
    title="JSON payloads are extracted as messages are",
    evidence="aws-model",
    source=f"{_MODEL}, PayloadType.json",
)
def test_json_payloads(long_term: LongTerm) -> None:
    """A document that states a fact."""
    conversation = long_term.memory.new_conversation()
    document = {"user": {"home": {"city": "Lisbon"}}}
    long_term.memory.add("", conversation, payload=[{"json": {"content": document}}])
    namespace = long_term.namespace("SEMANTIC", conversation)
    assert mentions("Lisbon")(long_term.extracted(namespace, mentions("Lisbon")))


@contract(
    "LT-047",
    title="A fact that is stated twice is one record",
    evidence="aws-docs",
    source="AWS's article on AgentCore Memory: consolidation adds, updates or leaves records as they are",
)
def test_consolidation(long_term: LongTerm) -> None:
    """Said in two conversations; a third fact shows that both were looked at."""
    first, second = long_term.memory.new_conversation(), long_term.memory.new_conversation()
    namespace = long_term.namespace("SEMANTIC", first)
    long_term.say(first, "I live in Seattle.")
    long_term.extracted(namespace, mentions("Seattle"))
    long_term.say(second, "I live in Seattle. I work as a carpenter.", second=60)
    found = long_term.extracted(namespace, mentions("carpenter"))
    assert mentions("carpenter")(found)
    assert sum("Seattle" in text for text in words(found)) == 1


@contract(
    "LT-048",
    title="Records stay when the event that they were made of is deleted",
    evidence="aws-docs",
    source="AWS developer guide, 'Delete an event'",
)
def test_deleted_events(long_term: LongTerm) -> None:
    """The event is gone all the same."""
    conversation = long_term.memory.new_conversation()
    event = long_term.say(conversation, "I live in Seattle.")
    namespace = long_term.namespace("SEMANTIC", conversation)
    long_term.extracted(namespace, mentions("Seattle"))
    long_term.client.delete_event(**long_term.memory.where(conversation), eventId=event["eventId"])
    assert long_term.memory.events(conversation) == []
    assert mentions("Seattle")(long_term.records(namespace))


@contract(
    "LT-049",
    title="What one actor says is recorded for no other actor",
    evidence="aws-docs",
    source="AWS developer guide, 'Specify long-term memory organization with namespaces': {actorId}",
)
def test_actors(long_term: LongTerm) -> None:
    """Though both have a session of the same id."""
    conversation, other = long_term.memory.new_conversation(), f"{long_term.memory.actor}-2"
    long_term.say(conversation, "I live in Seattle.")
    long_term.say(conversation, "I live in Oslo.", actorId=other)
    for actor, city in ((None, "Seattle"), (other, "Oslo")):
        found = long_term.extracted(long_term.namespace("SEMANTIC", conversation, actor), mentions(city))
        assert [city in text for text in words(found)] == [True]


@contract(
    "LT-050",
    title="IngestData is 202 with the session's id, makes records, and no event",
    evidence="aws-model",
    source=f"{_MODEL}, IngestData: 202",
)
def test_ingestion(long_term: LongTerm) -> None:
    """A session without an id gets one."""
    message = {"conversational": {"role": "USER", "content": {"text": "I live in Seattle."}}}
    answer = long_term.client.ingest_data(
        memoryId=long_term.memory.id,
        actorId=long_term.memory.actor,
        contentTimestamp=long_term.memory.start,
        source={"inline": {"payload": [message]}},
        clientToken=f"token-{uuid.uuid4()}",
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    conversation = answer["sessionId"]
    namespace = long_term.namespace("SEMANTIC", conversation)
    assert mentions("Seattle")(long_term.extracted(namespace, mentions("Seattle")))
    assert long_term.memory.events(conversation) == []


@contract(
    "LT-051",
    title="ListMemoryExtractionJobs lists failed jobs alone, in pages of up to 50",
    evidence="aws-model",
    source=f"{_MODEL}, ListMemoryExtractionJobsInput: max 50, and its filter's only status",
)
def test_extraction_jobs(long_term: LongTerm) -> None:
    """Those of an actor whose extraction has not failed are none."""
    conversation = long_term.memory.new_conversation()
    long_term.say(conversation, "I live in Seattle.")
    long_term.extracted(long_term.namespace("SEMANTIC", conversation))
    where = {"memoryId": long_term.memory.id, "filter": {"actorId": long_term.memory.actor, "status": "FAILED"}}
    assert long_term.client.list_memory_extraction_jobs(**where, maxResults=50)["jobs"] == []
    for broken in ({"maxResults": 51}, {"filter": {"status": "DONE"}}):
        with pytest.raises(long_term.client.exceptions.ValidationException):
            long_term.client.list_memory_extraction_jobs(**{**where, **broken})


@contract(
    "LT-052",
    title="StartMemoryExtractionJob for a job that is not there is an error of the caller's",
    evidence="aws-model",
    source=f"{_MODEL}, StartMemoryExtractionJob: ResourceNotFoundException, ValidationException",
)
def test_unknown_jobs(long_term: LongTerm) -> None:
    """Which of the two is not said."""
    with pytest.raises(ClientError) as caught:
        long_term.client.start_memory_extraction_job(
            memoryId=long_term.memory.id, extractionJob={"jobId": str(uuid.uuid4())}
        )
    assert caught.value.response["Error"]["Code"] in ("ResourceNotFoundException", "ValidationException")


@contract(
    "LT-053",
    title="A record takes over the metadata of its event for the keys that are STRICTLY_CONSISTENT in the schema",
    evidence="aws-docs",
    source="AWS developer guide, 'Structured metadata for long-term memories'",
)
def test_metadata_of_events(long_term: LongTerm) -> None:
    """And no other."""
    schema = long_term.strategy("SEMANTIC").get("memoryRecordSchema", {}).get("metadataSchema", [])
    if not any(entry["key"] == "colour" for entry in schema):
        pytest.skip("nothing was measured: the memory's semantic strategy has no key colour in its schema")
    conversation = long_term.memory.new_conversation()
    metadata = {"colour": {"stringValue": "green"}, "other": {"stringValue": "x"}}
    long_term.say(conversation, "I live in Seattle.", metadata=metadata)
    found = long_term.extracted(long_term.namespace("SEMANTIC", conversation), mentions("Seattle"))
    assert found
    for record in found:
        assert record["metadata"]["colour"] == {"stringValue": "green"}
        assert "other" not in record["metadata"]


@contract(
    "LT-054",
    title="What was extracted is found by a question about it, in the strategy's namespace",
    evidence="aws-docs",
    source="AWS developer guide, 'Retrieve memory records'",
)
def test_finding_what_was_extracted(long_term: LongTerm) -> None:
    """With the record that ListMemoryRecords has, and a score."""
    conversation = long_term.memory.new_conversation()
    long_term.say(conversation, "I like sushi with tuna.", "Noted.")
    namespace = long_term.namespace("SEMANTIC", conversation)
    long_term.extracted(namespace, mentions("sushi"))
    found = long_term.indexed(lambda: long_term.search(namespace, "What do I like to eat?"), mentions("sushi"))
    assert mentions("sushi")(found)
    assert {record["memoryRecordId"] for record in found} <= {
        record["memoryRecordId"] for record in long_term.records(namespace)
    }


@contract(
    "LT-055",
    title="A namespace is filled with the variables that an event gives for the memory's own keys; without them the"
    " event is saved, and nothing extracted",
    evidence="aws-docs",
    source=f"AWS developer guide, 'Specify long-term memory organization with namespaces'; {_MODEL}, ExtractionConfig",
)
def test_variables_of_namespaces(agentcore: AgentCore, memory: Memory) -> None:
    """In a memory of the test's own, that has such a key."""
    strategy = {"name": "Facts", "namespaceTemplates": ["/contracts/{actorId}/{topic}/"]}
    with closing(agentcore.control()) as control:
        shown = control.create_memory(
            name=f"contracts_{uuid.uuid4().hex}",
            eventExpiryDuration=7,
            memoryStrategies=[{"semanticMemoryStrategy": strategy}],
            namespaceKeys=[{"key": "topic"}],
        )["memory"]
        control.get_waiter("memory_created").wait(memoryId=shown["id"], WaiterConfig={"MaxAttempts": 150})
        try:
            own = LongTerm(Memory(agentcore, shown["id"]), shown)
            where = own.memory.where("s")
            own.say("s", "I live in Oslo.")
            own.say("s", "I work as a carpenter.", second=1, extractionConfig={"namespaceVariables": {"topic": "job"}})
            namespace = f"/contracts/{where['actorId']}/job/"
            assert mentions("carpenter")(own.extracted(namespace, mentions("carpenter")))
            found = own.client.list_memory_records(memoryId=own.memory.id, namespacePath="/")["memoryRecordSummaries"]
            assert {record["namespaces"][0] for record in found} == {namespace}
            assert len(own.memory.events("s")) == 2
        finally:
            control.delete_memory(memoryId=shown["id"])
