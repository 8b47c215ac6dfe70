"""The fixture `memory`: an AgentCore Memory, and in it an actor of the test's own."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from agentcore_contracts.runtime import AgentCore

__all__ = ["Memory", "texts"]

_T = TypeVar("_T")

# How long a listing with a metadata filter may lag behind on AWS, and how often to look.
_LAG_SECONDS = 30.0
_LOOK_SECONDS = 1.0


class Memory:
    """The memory `id`, and `actor`, who has no events yet. `client` is a boto3 client of `bedrock-agentcore`.

    `start` is when conversations begin, an hour ago.
    """

    def __init__(self, agentcore: AgentCore, memory_id: str) -> None:
        self.id = memory_id
        self.actor = f"actor-{uuid.uuid4()}"
        self.client = agentcore.client
        self.start = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(hours=1)
        self._is_aws = agentcore.is_aws

    def new_conversation(self) -> str:
        """The id of a session that has no events yet."""
        return f"conversation-{uuid.uuid4()}"

    def where(self, conversation: str) -> dict[str, str]:
        """The members by which operations know a conversation."""
        return {"memoryId": self.id, "actorId": self.actor, "sessionId": conversation}

    def add(self, text: str, conversation: str, *, second: int = 0, **members: Any) -> dict[str, Any]:
        """Save a user's message as an event that happened `second` seconds into the conversation; the `Event`.

        `members` are further members of `CreateEvent`.
        """
        event: dict[str, Any] = self.client.create_event(
            **{
                **self.where(conversation),
                "eventTimestamp": self.start + datetime.timedelta(seconds=second),
                "payload": [{"conversational": {"content": {"text": text}, "role": "USER"}}],
                **members,
            }
        )["event"]
        return event

    def pages(self, conversation: str, **members: Any) -> Iterator[list[dict[str, Any]]]:
        """The pages of `ListEvents`; `members` are further members of it."""
        request = {**self.where(conversation), **members}
        while True:
            page = self.client.list_events(**request)
            yield page["events"]
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]

    def events(self, conversation: str, **members: Any) -> list[dict[str, Any]]:
        """The events of all pages."""
        return [event for page in self.pages(conversation, **members) for event in page]

    def eventually(self, read: Callable[[], _T], wanted: _T) -> _T:
        """What `read` gives; on AWS, where filtered listings lag, asked for a while until it is `wanted`.

        (aws/bedrock-agentcore-sdk-python issue 283.)
        """
        return self.until(read, lambda found: found == wanted)

    def until(self, read: Callable[[], _T], holds: Callable[[_T], bool], seconds: float | None = None) -> _T:
        """What `read` gives; on AWS, asked for up to `seconds`, 30 unless told, until `holds` is true of it."""
        lag = (_LAG_SECONDS if seconds is None else seconds) if self._is_aws else 0.0
        end = time.monotonic() + lag
        while not holds(found := read()) and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        return found


def texts(events: list[dict[str, Any]]) -> list[str]:
    """The messages of events that `Memory.add` saved."""
    return [event["payload"][0]["conversational"]["content"]["text"] for event in events]
