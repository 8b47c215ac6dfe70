"""What contracts of long-term memory need of a memory: its strategies, and the records that they make."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Literal, NoReturn, cast

import pytest

from agentcore_contracts.memory import Memory

__all__ = ["LongTerm", "StrategyType", "record", "words"]

StrategyType = Literal["SEMANTIC", "USER_PREFERENCE", "SUMMARIZATION", "EPISODIC"]
Record = dict[str, Any]

# The SDK's own tests wait as long (tests_integ/memory, wait_for_memories and the tests of its store).
_EXTRACTION_SECONDS = 240.0
_INDEXING_SECONDS = 60.0


class LongTerm:
    """A memory's strategies and records; `shown` is what GetMemory shows of it."""

    def __init__(self, memory: Memory, shown: dict[str, Any]) -> None:
        self.memory = memory
        self.client = memory.client
        self.shown = shown

    def strategy(self, kind: StrategyType) -> dict[str, Any]:
        """The built-in strategy of that type. Skips if the memory has none."""
        strategies: list[dict[str, Any]] = self.shown.get("strategies", [])
        for strategy in strategies:
            if strategy["type"] == kind:
                return strategy
        return self._lacks(f"strategy of the type {kind}")

    def needs_keys(self) -> None:
        """Skip if the memory does not index the keys of `probe_memory.definition`."""
        if not {"colour", "tags", "weight"} <= {key["key"] for key in self.shown.get("indexedKeys", [])}:
            self._lacks("indexed keys colour, tags and weight")

    def _lacks(self, what: str) -> NoReturn:
        pytest.skip(
            f"nothing was measured: the memory {self.memory.id} has no {what}; the one that"
            " `agentcore-contracts deploy` makes has"
        )

    def namespace(self, kind: StrategyType, conversation: str, actor: str | None = None) -> str:
        """Where the records of a conversation belong, with a slash at either end."""
        strategy = self.strategy(kind)
        return self._filled(strategy, strategy["namespaceTemplates"][0], conversation, actor)

    def reflections(self, conversation: str) -> str:
        """Where the reflections on a conversation's episodes belong."""
        strategy = self.strategy("EPISODIC")
        template = strategy["configuration"]["reflection"]["episodicReflectionConfiguration"]["namespaceTemplates"][0]
        return self._filled(strategy, template, conversation, None)

    def _filled(self, strategy: dict[str, Any], template: str, conversation: str, actor: str | None) -> str:
        values = {
            "actorId": actor or self.memory.actor,
            "sessionId": conversation,
            "memoryStrategyId": strategy["strategyId"],
        }
        for name, value in values.items():
            template = template.replace(f"{{{name}}}", value)
        return f"/{template.strip('/')}/"

    def say(self, conversation: str, *lines: str, second: int = 0, **members: Any) -> dict[str, Any]:
        """Save an event in which user and assistant take turns, the user first; the `Event`."""
        payload = [
            {"conversational": {"content": {"text": line}, "role": ("USER", "ASSISTANT")[number % 2]}}
            for number, line in enumerate(lines)
        ]
        return self.memory.add("", conversation, second=second, payload=payload, **members)

    def records(self, namespace: str, **members: Any) -> list[Record]:
        """The records of all pages of ListMemoryRecords in a namespace."""
        found: list[Record] = []
        request = {"memoryId": self.memory.id, "namespace": namespace, **members}
        while True:
            page = self.client.list_memory_records(**request)
            found += page["memoryRecordSummaries"]
            if not page.get("nextToken"):
                return found
            request["nextToken"] = page["nextToken"]

    def extracted(self, namespace: str, holds: Callable[[list[Record]], Any] = bool) -> list[Record]:
        """The records of a namespace: at once on an emulator, which waits for what is due; as soon as AWS has them.

        That is when `holds` is true of them, or after four minutes.
        """
        return self.memory.until(lambda: self.records(namespace), lambda found: bool(holds(found)), _EXTRACTION_SECONDS)

    def make(self, *texts: str, namespace: str | None = None, **members: Any) -> list[str]:
        """Save records by BatchCreateMemoryRecords, and see to it that they are listed; their ids.

        Without `namespace` in the actor's own, `members` are further members of each record.
        """
        namespace = namespace or self.own()
        records = [
            {
                "requestIdentifier": f"record-{number}",
                "namespaces": [namespace],
                "content": {"text": text},
                "timestamp": self.memory.start,
                **members,
            }
            for number, text in enumerate(texts)
        ]
        answer = self.client.batch_create_memory_records(memoryId=self.memory.id, records=records)
        assert answer["failedRecords"] == []
        ids = [record["memoryRecordId"] for record in answer["successfulRecords"]]
        self.indexed(lambda: {record["memoryRecordId"] for record in self.records(namespace)}, lambda x: x >= set(ids))
        return ids

    def own(self, name: str = "records") -> str:
        """A namespace of the actor's that no strategy uses."""
        return f"/contracts/{name}/{self.memory.actor}/"

    def indexed(self, read: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
        """What `read` gives; on AWS, asked for up to a minute until `holds` is true of it."""
        return self.memory.until(read, holds, _INDEXING_SECONDS)

    def search(self, namespace: str, query: str, **criteria: Any) -> list[Record]:
        """The first page of RetrieveMemoryRecords; `criteria` are further members of its `searchCriteria`."""
        found = self.client.retrieve_memory_records(
            memoryId=self.memory.id,
            namespace=namespace,
            searchCriteria={"searchQuery": query, **criteria},
            maxResults=100,
        )
        return cast("list[Record]", found["memoryRecordSummaries"])


def record(text: str, namespace: str, **members: Any) -> dict[str, Any]:
    """A record of BatchCreateMemoryRecords."""
    return {
        "requestIdentifier": "record-0",
        "namespaces": [namespace],
        "content": {"text": text},
        "timestamp": datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        **members,
    }


def words(records: list[Record]) -> list[str]:
    """The texts of records."""
    return [record["content"]["text"] for record in records]
