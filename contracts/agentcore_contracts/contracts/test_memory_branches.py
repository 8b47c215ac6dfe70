"""Branches: what each lists of itself and of those above it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory, texts

_MODEL = "botocore 1.44 bedrock-agentcore model"
_BRANCHES = (
    "AWS developer guide, 'Create an event', event branching; the root's inclusion as users of the service report it"
)
_SDK_TESTS = "The integration tests of aws/bedrock-agentcore-sdk-python, which run against the service"


@contract(
    "ME-048",
    title="A branch of a branch shows its ancestors, each up to the root of the fork, and none of their siblings",
    evidence="field-report",
    source=_BRANCHES,
)
def test_branches_of_branches(memory: Memory) -> None:
    """Three deep, with events after each fork and a branch beside."""
    conversation = memory.new_conversation()
    made: dict[str, str] = {}

    def add(text: str, branch: str, root: str | None = None) -> None:
        place = {"name": branch} | ({} if root is None else {"rootEventId": made[root]})
        given = {} if branch == "main" else {"branch": place}
        made[text] = memory.add(text, conversation, second=len(made), **given)["eventId"]

    add("a", "main")
    add("b", "main")
    add("c", "main")
    add("x", "left", "b")
    add("y", "left")
    add("z", "left")
    add("r", "right", "b")
    add("p", "deep", "y")
    add("q", "deep")

    def listed(name: str) -> list[str]:
        branch = {"name": name, "includeParentBranches": True}
        return texts(memory.events(conversation, filter={"branch": branch}))

    assert listed("deep") == ["q", "p", "y", "x", "b", "a"]
    assert listed("left") == ["z", "y", "x", "b", "a"]
    assert listed("right") == ["r", "b", "a"]


@contract(
    "ME-049",
    title="A new branch without a root event is refused, and saves nothing",
    evidence="field-report",
    source="AWS's samples for AgentCore Memory, which say that the service refuses it",
)
def test_a_branch_without_a_root(memory: Memory) -> None:
    """Nobody has told in which words."""
    conversation = memory.new_conversation()
    memory.add("here", conversation)
    with pytest.raises(ClientError) as caught:
        memory.add("there", conversation, branch={"name": "new"}, second=1)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert texts(memory.events(conversation)) == ["here"]


@contract(
    "ME-050",
    title="A branch cannot start from an event of another session: ValidationException, EventInOtherSession",
    evidence="aws-model",
    source=f"{_MODEL}, ValidationExceptionReason: EventInOtherSession",
)
def test_roots_of_other_sessions(memory: Memory) -> None:
    """Of the same actor."""
    conversation, other = memory.new_conversation(), memory.new_conversation()
    memory.add("here", conversation)
    root = memory.add("there", other)["eventId"]
    with pytest.raises(memory.client.exceptions.ValidationException) as caught:
        memory.add("x", conversation, branch={"name": "new", "rootEventId": root}, second=1)
    assert caught.value.response["reason"] == "EventInOtherSession"
    assert texts(memory.events(conversation)) == ["here"]


@contract(
    "ME-051",
    title="Several branches may start from one event, also when they are made at the same time",
    evidence="field-report",
    source=f"{_SDK_TESTS} (memory/test_memory_client.py, test_rapid_branch_creation)",
)
def test_forks_of_one_root(memory: Memory) -> None:
    """Each shows the root and itself."""
    conversation = memory.new_conversation()
    root = memory.add("root", conversation)["eventId"]

    def fork(number: int) -> None:
        branch = {"name": f"fork-{number}", "rootEventId": root}
        memory.add(str(number), conversation, second=1 + number, branch=branch)

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(fork, range(5)))
    for number in range(5):
        branch = {"name": f"fork-{number}", "includeParentBranches": True}
        assert texts(memory.events(conversation, filter={"branch": branch})) == [str(number), "root"]


@contract(
    "ME-052",
    title="The first event of a branch shows its name and its root",
    evidence="aws-model",
    source=f"{_MODEL}, Branch: rootEventId and name",
)
def test_branches_are_shown(memory: Memory) -> None:
    """In the answer and in the list."""
    conversation = memory.new_conversation()
    branch = {"name": "other", "rootEventId": memory.add("root", conversation)["eventId"]}
    event = memory.add("x", conversation, branch=branch, second=1)
    assert event["branch"] == branch
    assert [one["branch"] for one in memory.events(conversation)] == [branch, {"name": "main"}]
