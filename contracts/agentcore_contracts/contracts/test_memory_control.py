"""Memories themselves: how they are made, shown, changed and deleted, and when what is in them expires."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory, texts
from agentcore_contracts.runtime import AgentCore

_MODEL = "botocore 1.44 bedrock-agentcore-control model"
_SDK_TESTS = "The integration tests of aws/bedrock-agentcore-sdk-python, which run against the service"
_DAY = 86_400

# AWS takes two to three minutes for a memory, botocore's own waiter gives up after two.
_PATIENCE = {"Delay": 2, "MaxAttempts": 150}


class _Made:
    """A memory of the module's own, whose events live for three days. `answer` is CreateMemory's."""

    def __init__(self, control: Any, answer: dict[str, Any], token: str) -> None:
        self.control = control
        self.answer = answer
        self.token = token
        self.id: str = answer["memory"]["id"]
        self.name: str = answer["memory"]["name"]

    def get(self) -> dict[str, Any]:
        memory: dict[str, Any] = self.control.get_memory(memoryId=self.id)["memory"]
        return memory

    def update(self, **members: Any) -> dict[str, Any]:
        """UpdateMemory, and wait until it is done."""
        answer: dict[str, Any] = self.control.update_memory(memoryId=self.id, **members)
        self.control.get_waiter("memory_created").wait(memoryId=self.id, WaiterConfig=_PATIENCE)
        return answer


@pytest.fixture(scope="module")
def control(agentcore: AgentCore) -> Iterator[Any]:
    """A client of the control plane."""
    with closing(agentcore.control()) as client:
        yield client


@pytest.fixture(scope="module")
def made(control: Any) -> Iterator[_Made]:
    """Made once, since that takes AWS minutes."""
    name, token = f"contracts_{uuid.uuid4().hex}", f"token-{uuid.uuid4()}"
    request = {"name": name, "eventExpiryDuration": 3, "description": "For contracts", "clientToken": token}
    memory = _Made(control, control.create_memory(**request, tags={"agentcore-contracts": "test"}), token)
    control.get_waiter("memory_created").wait(memoryId=memory.id, WaiterConfig=_PATIENCE)
    yield memory
    control.delete_memory(memoryId=memory.id)


@pytest.fixture
def short(agentcore: AgentCore, made: _Made) -> Memory:
    """That memory, with an actor that nobody else has."""
    return Memory(agentcore, made.id)


@contract(
    "ME-055",
    title="ListActors has each actor who has events once, from the first event on",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/test_memory_client.py)",
)
def test_actors(short: Memory) -> None:
    """However many sessions there are."""
    for conversation in (short.new_conversation(), short.new_conversation()):
        short.add("x", conversation)

    def listed() -> list[str]:
        pages = short.client.get_paginator("list_actors").paginate(memoryId=short.id)
        actors = [summary["actorId"] for page in pages for summary in page["actorSummaries"]]
        return [actor for actor in actors if actor == short.actor]

    assert short.eventually(listed, [short.actor]) == [short.actor]


@contract(
    "ME-056",
    title="Pages of ListActors hold no more than maxResults, and together every actor once",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, ListActorsInput.maxResults and nextToken",
)
def test_pages_of_actors(short: Memory) -> None:
    """Three actors in pages of two, beside those of other tests."""
    actors = {f"b{number}-{short.actor}" for number in range(3)}
    for actor in sorted(actors):
        short.add("x", short.new_conversation(), actorId=actor)
    pages = list(short.client.get_paginator("list_actors").paginate(memoryId=short.id, maxResults=2))
    assert all(len(page["actorSummaries"]) <= 2 for page in pages)
    listed = [summary["actorId"] for page in pages for summary in page["actorSummaries"]]
    assert len(listed) == len(set(listed))
    assert actors <= set(listed)


@contract(
    "ME-060",
    title="CreateMemory is 202 with the memory, CREATING, whose id is its name, a hyphen and ten letters and digits",
    evidence="aws-model",
    source=f"{_MODEL}, CreateMemory, Memory, MemoryId; and the starter toolkit's notebooks, which show ids",
)
def test_creation(agentcore: AgentCore, made: _Made) -> None:
    """And whose ARN ends with that id."""
    assert made.answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    memory = made.answer["memory"]
    assert memory["status"] == "CREATING"
    assert re.fullmatch(re.escape(made.name) + r"-[a-zA-Z0-9]{10}", memory["id"])
    assert memory["arn"] == re.sub(r":runtime/.*", f":memory/{memory['id']}", agentcore.arn)


@contract(
    "ME-061",
    title="GetMemory shows a memory as it was asked for, and ACTIVE once botocore's waiter is satisfied",
    evidence="aws-model",
    source=f"{_MODEL}, Memory: required members; and its waiter memory_created",
)
def test_a_memory_is_shown(made: _Made) -> None:
    """With a list of strategies, though it has none."""
    memory = made.get()
    assert memory["status"] == "ACTIVE"
    assert (memory["name"], memory["description"], memory["eventExpiryDuration"]) == (made.name, "For contracts", 3)
    assert memory.get("strategies", []) == []
    assert isinstance(memory["createdAt"], datetime.datetime)
    assert memory["createdAt"] <= memory["updatedAt"]


@contract(
    "ME-062",
    title="A name that is taken is a ValidationException that says it already exists",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 memory/client.py, create_or_get_memory, which looks for both",
)
def test_a_name_that_is_taken(control: Any, made: _Made) -> None:
    """That of a request of its own, with a token of its own."""
    with pytest.raises(control.exceptions.ValidationException, match="already exists"):
        control.create_memory(name=made.name, eventExpiryDuration=7)


@contract(
    "ME-063",
    title="CreateMemory with a clientToken that was used before gives the memory that it made",
    evidence="aws-model",
    source=f"{_MODEL}, CreateMemoryInput.clientToken",
)
def test_a_token_of_a_memory(control: Any, made: _Made) -> None:
    """Although its name is taken."""
    request = {"name": made.name, "eventExpiryDuration": 3, "description": "For contracts", "clientToken": made.token}
    again = control.create_memory(**request, tags={"agentcore-contracts": "test"})
    assert again["memory"]["id"] == made.id
    assert made.get()["createdAt"] == again["memory"]["createdAt"]


@contract(
    "ME-064",
    title="A memory's name begins with a letter and has up to 48 letters, digits and underscores",
    evidence="aws-model",
    source=f"{_MODEL}, Name",
)
@pytest.mark.parametrize("name", ["1a", "_a", "a-b", "a b", "a.b", "ä", "a" * 49], ids=lambda name: name[:3])
def test_names(control: Any, name: str) -> None:
    """All else is a ValidationException."""
    with pytest.raises(control.exceptions.ValidationException):
        control.create_memory(name=name, eventExpiryDuration=7)


@contract(
    "ME-065",
    title="Events expire after no more than 3,650 days; longer is a ValidationException",
    evidence="aws-model",
    source=f"{_MODEL}, CreateMemoryInput.eventExpiryDuration: max 3650",
)
def test_the_longest_expiry(control: Any) -> None:
    """boto3 itself refuses less than three."""
    with pytest.raises(control.exceptions.ValidationException):
        control.create_memory(name=f"contracts_{uuid.uuid4().hex}", eventExpiryDuration=3651)


@contract(
    "ME-066",
    title="A memory that is not there is 404 ResourceNotFoundException, for GetMemory, UpdateMemory and DeleteMemory",
    evidence="aws-model",
    source=f"{_MODEL}, ResourceNotFoundException",
)
@pytest.mark.parametrize("operation", ["get_memory", "update_memory", "delete_memory"])
def test_unknown_memories(control: Any, operation: str) -> None:
    """By an id that could be one."""
    with pytest.raises(control.exceptions.ResourceNotFoundException) as caught:
        getattr(control, operation)(memoryId="unknown-0123456789")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@contract(
    "ME-067",
    title="ListMemories has every memory once, in pages of no more than maxResults, without its name",
    evidence="aws-model",
    source=f"{_MODEL}, ListMemoriesInput and MemorySummary",
)
def test_memories_are_listed(control: Any, memory: Memory, made: _Made) -> None:
    """So the SDK tells them apart by how their ids begin."""
    pages = list(control.get_paginator("list_memories").paginate(maxResults=1))
    assert all(len(page["memories"]) <= 1 for page in pages)
    listed = {one["id"]: one for page in pages for one in page["memories"]}
    assert sum(len(page["memories"]) for page in pages) == len(listed)
    assert {memory.id, made.id} <= set(listed)
    assert listed[made.id].keys() == {"id", "arn", "status", "createdAt", "updatedAt"}


@contract(
    "ME-068",
    title="UpdateMemory changes what it mentions, which the next GetMemory shows, and nothing else",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/test_controlplane.py)",
)
def test_updates(made: _Made) -> None:
    """Then the description alone, and back."""
    answer = made.update(description="Other")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    memory = made.get()
    assert (memory["description"], memory["eventExpiryDuration"], memory["name"]) == ("Other", 3, made.name)
    made.update(description="For contracts")
    assert made.get()["description"] == "For contracts"


@contract(
    "ME-069",
    title="A memory's tags are those of CreateMemory, and what TagResource and UntagResource make of them",
    evidence="aws-model",
    source=f"{_MODEL}, TagResource: 204, UntagResource: 204, ListTagsForResource",
)
def test_tags(control: Any, made: _Made) -> None:
    """By the memory's ARN."""
    arn = made.answer["memory"]["arn"]

    def tags() -> dict[str, str]:
        listed: dict[str, str] = control.list_tags_for_resource(resourceArn=arn)["tags"]
        return {key: value for key, value in listed.items() if not key.startswith("aws:")}

    assert tags() == {"agentcore-contracts": "test"}
    added = control.tag_resource(resourceArn=arn, tags={"x": "1", "agentcore-contracts": "again"})
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags() == {"agentcore-contracts": "again", "x": "1"}
    control.tag_resource(resourceArn=arn, tags={"agentcore-contracts": "test"})
    assert control.untag_resource(resourceArn=arn, tagKeys=["x"])["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert tags() == {"agentcore-contracts": "test"}


@contract(
    "ME-070",
    title="DeleteMemory is 202 with the status DELETING, and later GetMemory is 404, and so is all that was in it",
    evidence="field-report",
    source=f"{_MODEL}, DeleteMemory; bedrock-agentcore 1.25 memory/client.py, delete_memory_and_wait",
)
def test_deletion(agentcore: AgentCore, control: Any, memory: Memory) -> None:
    """Of a memory with an event in it."""
    name = f"contracts_{uuid.uuid4().hex}"
    gone = Memory(agentcore, control.create_memory(name=name, eventExpiryDuration=7)["memory"]["id"])
    control.get_waiter("memory_created").wait(memoryId=gone.id, WaiterConfig=_PATIENCE)
    gone.add("x", "s")
    answer = control.delete_memory(memoryId=gone.id)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["status"]) == (202, "DELETING")

    def there() -> bool:
        try:
            control.get_memory(memoryId=gone.id)
        except control.exceptions.ResourceNotFoundException:
            return False
        return True

    assert not memory.until(there, lambda found: not found, 300)
    with pytest.raises(memory.client.exceptions.ResourceNotFoundException):
        gone.events("s")


@contract(
    "ME-071",
    title="Names of memories that are free can be used again after a deletion, for a memory of another id",
    evidence="aws-model",
    source=f"{_MODEL}, CreateMemoryInput.name: unique within the account; MemoryId",
)
def test_a_name_that_is_free_again(control: Any, memory: Memory) -> None:
    """And nothing of the first one is in the second."""
    name = f"contracts_{uuid.uuid4().hex}"
    ids = []
    for _ in range(2):
        ids.append(control.create_memory(name=name, eventExpiryDuration=7)["memory"]["id"])
        control.get_waiter("memory_created").wait(memoryId=ids[-1], WaiterConfig=_PATIENCE)
        assert memory.events("s", memoryId=ids[-1]) == []
        memory.add("x", "s", memoryId=ids[-1])
        control.delete_memory(memoryId=ids[-1])

        def listed() -> list[str]:
            pages = control.get_paginator("list_memories").paginate()
            return [one["id"] for page in pages for one in page["memories"] if one["id"] == ids[-1]]

        assert memory.until(listed, lambda found: not found, 300) == []
    assert ids[0] != ids[1]


@contract(
    "ME-072",
    title="Events expire as many days after they were saved as the memory says, and no earlier",
    evidence="aws-docs",
    source="AWS developer guide, 'Create an AgentCore Memory': eventExpiryDuration is applied to an event when it is"
    " written",
)
def test_expiry(clock: Any, short: Memory) -> None:
    """Listed a minute before, gone a minute after; and 404."""
    conversation = short.new_conversation()
    event = short.add("x", conversation)
    clock.advance(3 * _DAY - 60)
    assert texts(short.events(conversation)) == ["x"]
    clock.advance(120)
    assert short.events(conversation) == []
    with pytest.raises(short.client.exceptions.ResourceNotFoundException):
        short.client.get_event(**short.where(conversation), eventId=event["eventId"])


@contract(
    "ME-073",
    title="Another expiry holds for events that are saved from then on, and not for those that are there",
    evidence="aws-docs",
    source="AWS developer guide, 'Create an AgentCore Memory': eventExpiryDuration is applied to an event when it is"
    " written",
)
def test_another_expiry(clock: Any, made: _Made, short: Memory) -> None:
    """From three days to four and back."""
    conversation = short.new_conversation()
    short.add("three", conversation)
    made.update(eventExpiryDuration=4)
    short.add("four", conversation, second=1)
    made.update(eventExpiryDuration=3)
    clock.advance(3 * _DAY + 60)
    assert texts(short.events(conversation)) == ["four"]
    clock.advance(_DAY)
    assert short.events(conversation) == []


@contract(
    "ME-074",
    title="A session without events is forgotten a day after its last one has gone",
    evidence="aws-model",
    source="botocore 1.44 bedrock-agentcore model, ListSessions: empty sessions are deleted after one day",
)
def test_empty_sessions(clock: Any, short: Memory) -> None:
    """And so is the actor who has no other."""
    conversation = short.new_conversation()
    event = short.add("x", conversation)
    short.client.delete_event(**short.where(conversation), eventId=event["eventId"])
    whose = {"memoryId": short.id, "actorId": short.actor}
    listed = short.client.list_sessions(**whose)["sessionSummaries"]
    assert [summary["sessionId"] for summary in listed] == [conversation]
    clock.advance(_DAY + 60)
    assert short.client.list_sessions(**whose)["sessionSummaries"] == []
