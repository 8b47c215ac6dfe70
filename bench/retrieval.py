"""RetrieveMemoryRecords: how much of what answers a question it finds, and how long it takes among many records."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from agentcore_emulator.testing import EmulatorProcess
from bench.effort import Effort
from bench.load import post
from bench.report import Row, median, spread
from bench.subjects import AGENT, address

__all__ = ["run"]

_LABELLED = Path(__file__).with_suffix(".yaml")
_KINDS = ("text", "embeddings")
_AIM = 20.0


def run(state: Path, effort: Effort) -> list[Row]:
    """Both ways of finding records, one after the other on the same state; the second one has to index it first."""
    people: dict[str, Any] = yaml.safe_load(_LABELLED.read_text("utf-8"))
    folder = str(state / "retrieval")
    memories: tuple[str, str] | None = None
    rows: list[Row] = []
    for kind in _KINDS:
        with EmulatorProcess(AGENT, "--state-dir", folder, "--quirks", "off", "--retrieval", kind) as emulator:
            if memories is None:
                memories = _memory(emulator, "few", _labelled(people)), _memory(emulator, "many", _many(people, effort))
            few, many = memories
            rows += _quality(
                kind, [(asked, _found(emulator, few, person, asked)) for person, asked in _questions(people)]
            )
            for what, path in {"all": "/", "one person's": "/facts/person0/"}.items():
                rounds = [_times(emulator, many, path, people, effort) for _ in range(effort.rounds)]
                p50 = median([median(times) for times in rounds])
                name = f"{kind}: Retrieve among {what} of {effort.records:,} records, p50"
                spent = spread([median(times) for times in rounds], "ms", 1)
                rows.append(Row(name, f"{p50:.1f} ms", spent, f"≤ {_AIM:.0f} ms", p50 <= _AIM))
    return rows


def _labelled(people: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Namespace and text of every fact."""
    for name, person in people.items():
        for text in person["facts"].values():
            yield f"/facts/{name}/", text


def _many(people: Mapping[str, Any], effort: Effort) -> Iterator[tuple[str, str]]:
    """So many records, in which each of very many people has told all the facts."""
    everything = [text for _, text in _labelled(people)]
    told = ((f"/facts/person{number}/", text) for number in itertools.count() for text in everything)
    return itertools.islice(told, effort.records)


def _questions(people: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, person in people.items():
        for question in person["questions"]:
            finds = {person["facts"][fact] for fact in question["finds"]}
            yield name, {"ask": question["ask"], "finds": finds}


def _memory(emulator: EmulatorProcess, name: str, told: Iterator[tuple[str, str]]) -> str:
    """The id of a new memory with these records."""
    control = emulator.client("bedrock-agentcore-control")
    memory_id: str = control.create_memory(name=f"{name}{os.getpid()}", eventExpiryDuration=30)["memory"]["id"]
    while batch := list(itertools.islice(told, 100)):
        records = [
            {"requestIdentifier": "r", "namespaces": [namespace], "content": {"text": text}, "timestamp": 0}
            for namespace, text in batch
        ]
        body = json.dumps({"records": records}).encode()
        post(address(emulator), f"/memories/{memory_id}/memoryRecords/batchCreate", 1, body=body)
    return memory_id


def _found(
    emulator: EmulatorProcess, memory_id: str, person: str, asked: Mapping[str, Any]
) -> Sequence[tuple[str, float]]:
    """All facts of a person with their scores, in the order in which they were found."""
    found = emulator.client("bedrock-agentcore").retrieve_memory_records(
        memoryId=memory_id,
        namespace=f"/facts/{person}/",
        searchCriteria={"searchQuery": asked["ask"], "topK": 100},
        maxResults=100,
    )
    return [(record["content"]["text"], record["score"]) for record in found["memoryRecordSummaries"]]


def _quality(kind: str, answers: Sequence[tuple[Mapping[str, Any], Sequence[tuple[str, float]]]]) -> list[Row]:
    """What part of the facts that answer a question is among the first five, and how far scores tell them apart."""
    recalls = [len({text for text, _ in found[:5]} & asked["finds"]) / len(asked["finds"]) for asked, found in answers]
    on = [score for asked, found in answers for text, score in found if text in asked["finds"]]
    off = [score for asked, found in answers for text, score in found if text not in asked["finds"]]
    return [
        Row(f"{kind}: recall@5", f"{sum(recalls) / len(recalls):.2f}", f"{len(recalls)} questions"),
        Row(f"{kind}: answers that score 0.3 or more", f"{sum(s >= 0.3 for s in on) / len(on):.0%}", f"of {len(on)}"),
        Row(f"{kind}: others that score below 0.2", f"{sum(s < 0.2 for s in off) / len(off):.0%}", f"of {len(off)}"),
    ]


def _times(
    emulator: EmulatorProcess, memory_id: str, path: str, people: Mapping[str, Any], effort: Effort
) -> Sequence[float]:
    """The milliseconds of each question, asked by plain HTTP."""
    asked = itertools.islice(itertools.cycle([asked["ask"] for _, asked in _questions(people)]), effort.requests)
    times: list[float] = []
    for question in asked:
        body = json.dumps({"namespacePath": path, "searchCriteria": {"searchQuery": question}}).encode()
        times += post(address(emulator), f"/memories/{memory_id}/retrieve", 1, body=body)
    return times
