"""A real emulator that is killed between events and their records."""

from __future__ import annotations

import concurrent.futures
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.testing import EmulatorProcess

FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
SUMMARY = {"summaryMemoryStrategy": {"name": "Summary", "namespaceTemplates": ["/summary/{actorId}/{sessionId}/"]}}


@pytest.fixture
def options(tmp_path: Path, write_agent: Any, puppet: str) -> list[str]:
    return [str(write_agent(puppet)), "--state-dir", str(tmp_path / "state"), "--isolation", "plain"]


def create(emulator: EmulatorProcess) -> str:
    control = emulator.client("bedrock-agentcore-control")
    given: Any = {"name": "m", "eventExpiryDuration": 7, "memoryStrategies": [FACTS, SUMMARY]}
    memory: str = control.create_memory(**given)["memory"]["id"]
    return memory


def say(data: Any, memory: str, text: str, actor: str = "ada") -> None:
    payload = [{"conversational": {"role": "USER", "content": {"text": text}}}]
    data.create_event(memoryId=memory, actorId=actor, sessionId="s", eventTimestamp=1, payload=payload)


def texts(data: Any, memory: str, path: str) -> list[str]:
    pages = data.get_paginator("list_memory_records").paginate(memoryId=memory, namespacePath=path)
    return [record["content"]["text"] for page in pages for record in page["memoryRecordSummaries"]]


def test_what_waits_is_done_after_the_next_start(options: list[str]) -> None:
    with EmulatorProcess(*options, "--extraction-delay", "3600") as emulator:
        memory = create(emulator)
        data = emulator.client("bedrock-agentcore")
        for number in range(20):
            say(data, memory, f"I own boat number {number}")
        assert texts(data, memory, "/") == []
        emulator.kill()
    with EmulatorProcess(*options, "--extraction-delay", "3600", "--clock", "virtual") as emulator:
        data = emulator.client("bedrock-agentcore")
        assert texts(data, memory, "/") == []
        emulator.clock.advance(3600)
        facts = [f"The user owns boat number {number}." for number in range(20)]
        assert sorted(texts(data, memory, "/facts/")) == sorted(facts)
        (summary,) = texts(data, memory, "/summary/")
        assert all(summary.count(fact) == 1 for fact in facts)


def test_what_is_under_way_when_the_emulator_dies_is_done_once(options: list[str]) -> None:
    said: set[str] = set()
    memory = ""
    for crash in range(3):
        with EmulatorProcess(*options) as emulator:
            memory = memory or create(emulator)
            data = emulator.client("bedrock-agentcore")

            def talk(worker: int, data: Any = data, memory: str = memory, crash: int = crash) -> None:
                for number in range(15):
                    thing = f"boat number {crash}-{worker}-{number}"
                    say(data, memory, f"I own {thing}", actor=f"actor{worker}")
                    said.add(thing)

            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(talk, range(4)))
            # The last events' jobs are under way, or not even begun.
            emulator.kill()
    with EmulatorProcess(*options) as emulator:
        data = emulator.client("bedrock-agentcore")
        facts = texts(data, memory, "/facts/")
        assert sorted(facts) == sorted(f"The user owns {thing}." for thing in said)
        summaries = " ".join(texts(data, memory, "/summary/"))
        assert all(summaries.count(f"owns {thing}.") == 1 for thing in said)
        assert data.list_memory_extraction_jobs(memoryId=memory)["jobs"] == []
