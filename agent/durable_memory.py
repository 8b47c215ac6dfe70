"""The lower tier of the agent's memory: AgentCore Memory, which outlives every microVM.

One actor per user and one memory session per thread of conversation, so that any runtime session of the same user finds
the turns of all the others with a single ListEvents, and nobody else's.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, Literal, NamedTuple, Protocol

import boto3

Role = Literal["USER", "ASSISTANT", "TOOL"]

# botocore model: ActorId has at most 255 characters, SessionId 100; a conversational text at most 100,000.
MAX_ACTOR_ID = 255
MAX_SESSION_ID = 100
MAX_TEXT = 100_000
PAGE = 100

_PLAIN = re.compile(rb"[A-Za-z0-9-]")


class Scope(NamedTuple):
    """Whose memory, and which thread of it; both are identifiers as AgentCore Memory takes them."""

    actor_id: str
    session_id: str


class Utterance(NamedTuple):
    """One message of a conversation, as plain text."""

    role: Role
    text: str


class MemoryClient(Protocol):
    """What is used of boto3's `bedrock-agentcore` client."""

    def create_event(self, **parameters: Any) -> dict[str, Any]: ...  # noqa: D102 - boto3's own
    def list_events(self, **parameters: Any) -> dict[str, Any]: ...  # noqa: D102 - boto3's own
    def delete_event(self, **parameters: Any) -> dict[str, Any]: ...  # noqa: D102 - boto3's own


def scope_of(user_id: str, memory_session_id: str) -> Scope:
    """The scope of a user's thread. Different names never share one, whatever characters they are made of."""
    return Scope(
        identifier("user", user_id, MAX_ACTOR_ID),
        identifier("thread", memory_session_id, MAX_SESSION_ID),
    )


def identifier(kind: str, name: str, limit: int) -> str:
    """`name` as an identifier of letters, digits, `-` and `_`, at most `limit` long, that begins with `kind`.

    Injective: every other character becomes `_` and two hexadecimal digits per UTF-8 byte, so no two names meet.
    (Dropping what is not allowed would give "a.b" and "ab" the same memory.) A name that gets too long is replaced by
    its SHA-256, behind a second `_`, which the first form never has in that place.
    """
    raw = name.encode("utf-8", "surrogatepass")
    letters = (bytes([byte]) for byte in raw)
    encoded = "".join(letter.decode() if _PLAIN.match(letter) else f"_{letter.hex().upper()}" for letter in letters)
    if len(kind) + 1 + len(encoded) <= limit:
        return f"{kind}-{encoded}"
    return f"{kind}__{hashlib.sha256(raw).hexdigest()}"


class DurableMemory:
    """Reads, writes and forgets the events of one AgentCore Memory resource.

    Writes happen in the background on one thread, hence in the order in which they were asked for. Every method may
    raise botocore's ClientError or BotoCoreError; for `save` the returned future does.
    """

    def __init__(self, memory_id: str, region: str | None) -> None:
        self._memory_id = memory_id
        self._region = region
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory-writer")
        self._stamp = threading.Lock()
        self._last_stamp = 0

    @cached_property
    def _client(self) -> MemoryClient:
        # Made at first use: a cold start that only answers a ping need not load botocore's service model.
        client: MemoryClient = boto3.client("bedrock-agentcore", region_name=self._region)
        return client

    def load(self, scope: Scope) -> list[Utterance]:
        """The newest utterances of a thread, oldest first: those of up to 100 messages, tool results included."""
        page = self._client.list_events(
            memoryId=self._memory_id, actorId=scope.actor_id, sessionId=scope.session_id, maxResults=PAGE
        )
        events: Sequence[dict[str, Any]] = page["events"]
        if events:
            # The clock of the microVM that wrote last may be ahead of this one's; what follows must still sort after.
            self._not_before(round(events[0]["eventTimestamp"].timestamp() * 1000))
        return [utterance for event in reversed(events) for utterance in _utterances(event)]

    def save(self, scope: Scope, utterance: Utterance) -> Future[None]:
        """Stores an utterance in the background; it is durable when the future is done."""
        return self._writer.submit(self._create, scope, utterance, self._next_stamp())

    def forget(self, scope: Scope) -> int:
        """Deletes every event of a thread and returns their number, once the writes asked for before are done."""
        return self._writer.submit(self._delete_all, scope).result()

    def _create(self, scope: Scope, utterance: Utterance, stamp: int) -> None:
        self._client.create_event(
            memoryId=self._memory_id,
            actorId=scope.actor_id,
            sessionId=scope.session_id,
            eventTimestamp=stamp / 1000,
            payload=[{"conversational": {"role": utterance.role, "content": {"text": utterance.text[:MAX_TEXT]}}}],
        )

    def _delete_all(self, scope: Scope) -> int:
        where = {"memoryId": self._memory_id, "actorId": scope.actor_id, "sessionId": scope.session_id}
        found: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = self._client.list_events(**where, includePayloads=False, maxResults=PAGE, **more)
            found += [event["eventId"] for event in page["events"]]
            if not page.get("nextToken"):
                break
            more = {"nextToken": page["nextToken"]}
        for event_id in found:
            self._client.delete_event(**where, eventId=event_id)
        return len(found)

    def _next_stamp(self) -> int:
        """Milliseconds since the epoch, strictly rising: AgentCore Memory orders events by them and by nothing else."""
        with self._stamp:
            self._last_stamp = max(self._last_stamp + 1, time.time_ns() // 1_000_000)
            return self._last_stamp

    def _not_before(self, stamp: int) -> None:
        with self._stamp:
            self._last_stamp = max(self._last_stamp, stamp)


def _utterances(event: dict[str, Any]) -> list[Utterance]:
    spoken = (item["conversational"] for item in event["payload"] if "conversational" in item)
    return [Utterance(item["role"], item["content"]["text"]) for item in spoken]
