"""Conversations of any texts in memory, as an agent saves them turn by turn."""

from __future__ import annotations

import uuid

from hypothesis import given

from agentcore_contracts import contract
from agentcore_contracts.memory import Memory
from agentcore_contracts.strategies import Turn, actor_ids, conversations


@contract(
    "ME-090",
    title="A conversation that is saved turn by turn, of any actor and any texts, is listed in its order and as it was"
    " said",
    evidence="aws-docs",
    source="AWS developer guide, 'Create an event' and 'List events'; ids and texts: botocore 1.44 bedrock-agentcore"
    " model, ActorId and Conversational",
)
@given(actor=actor_ids(), turns=conversations(max_size=6))
def test_any_conversation(memory: Memory, actor: str, turns: list[Turn]) -> None:
    """Two actors of one example are not each other's: the conversation's id is new."""
    conversation = f"{uuid.uuid4()}"
    for second, (role, text) in enumerate(turns):
        said = [{"conversational": {"role": role, "content": {"text": text}}}]
        memory.add("", conversation, second=second, actorId=actor, payload=said)
    saved = [event["payload"][0]["conversational"] for event in memory.events(conversation, actorId=actor)]
    assert [Turn(each["role"], each["content"]["text"]) for each in reversed(saved)] == turns
