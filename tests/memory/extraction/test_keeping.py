"""From memos to records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from agentcore_emulator.errors import ResourceNotFoundException
from agentcore_emulator.memory.extraction.extractor import Known, Memo, Work
from agentcore_emulator.memory.tables import DAY

SYSTEM = "x-amz-agentcore-memory-"


class Scripted:
    """An extractor that has its memos from the test, and remembers what it was asked."""

    concurrency = 2

    def __init__(self, *memos: Memo) -> None:
        self.memos = list(memos)
        self.works: list[Work] = []
        self.known: Sequence[Known] = ()

    async def extract(self, work: Work) -> Sequence[Memo]:
        self.works.append(work)
        self.known = await work.recall()
        return self.memos


def semantic(**more: Any) -> dict[str, Any]:
    return {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"], **more}}


def schema(*entries: tuple[str, str]) -> dict[str, Any]:
    return {
        "memoryRecordSchema": {
            "metadataSchema": [
                {"key": key, "type": kind, "extractionType": "STRICTLY_CONSISTENT"} for key, kind in entries
            ]
        }
    }


def own(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record["metadata"].items() if not key.startswith(SYSTEM)}


async def test_a_record_knows_where_it_belongs(bench: Any) -> None:
    await bench.create(semantic())
    bench.start(Scripted(Memo("The user likes tea.", "tea")))
    await bench.say("I like tea", eventTimestamp=1_000_000_000.5)
    (record,) = await bench.records("/facts/ada")
    assert record["content"] == {"text": "The user likes tea."}
    assert record["namespaces"] == ["/facts/ada/"]
    assert record["memoryStrategyId"].startswith("Facts-")
    assert record["metadata"][f"{SYSTEM}recordType"] == {"stringValue": "BASE"}
    full = (await bench.call("GetMemoryRecord", memoryRecordId=record["memoryRecordId"]))["memoryRecord"]
    assert full["timestamp"] == 1_000_000_000.5
    assert "expiresAt" not in full


async def test_one_subject_is_one_record_of_one_actor(bench: Any) -> None:
    await bench.create({"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/"]}})
    extractor = Scripted(Memo("The user likes tea.", "drink"))
    bench.start(extractor)
    await bench.say("…")
    (before,) = await bench.records()
    extractor.memos = [Memo("The user likes cocoa.", "drink")]
    await bench.say("…", session="another")
    (after,) = await bench.records()
    assert after["memoryRecordId"] != before["memoryRecordId"]
    with pytest.raises(ResourceNotFoundException):
        await bench.call("GetMemoryRecord", memoryRecordId=before["memoryRecordId"])
    assert after["content"]["text"] == "The user likes cocoa."
    await bench.say("…", actor="bob")
    assert len(await bench.records()) == 2
    assert list(extractor.known) == []


async def test_a_subject_can_be_long(bench: Any) -> None:
    await bench.create(semantic())
    bench.start(Scripted(Memo("a", "x" * 5_000), Memo("b", "x" * 5_000 + "y"), Memo("c", "x" * 5_000)))
    await bench.say("…")
    assert sorted(await bench.texts()) == ["b", "c"]


async def test_a_text_is_cut_to_what_a_record_holds(bench: Any) -> None:
    await bench.create(semantic())
    bench.start(Scripted(Memo("é" * 20_000, "s")))
    await bench.say("…")
    assert await bench.texts() == ["é" * 16_000]


async def test_an_extractor_learns_what_is_known(bench: Any) -> None:
    await bench.create(semantic())
    extractor = Scripted(Memo("a", "tea 1"), Memo("b", "tea 2"), Memo("c", "cocoa"))
    bench.start(extractor)
    await bench.say("…", actor="bob")
    await bench.say("…")
    await bench.say("…")
    await bench.records()
    assert {one.subject: one.text for one in extractor.known} == {"tea 1": "a", "tea 2": "b", "cocoa": "c"}
    recall = extractor.works[-1].recall
    assert {one.subject for one in await recall("tea ")} == {"tea 1", "tea 2"}
    assert len(await recall(limit=1)) == 1
    assert await recall(reflections=True) == []


async def test_metadata_of_the_event_is_copied_in_the_type_of_its_key(bench: Any) -> None:
    entries = [("team", "STRING"), ("tags", "STRINGLIST"), ("size", "NUMBER")]
    await bench.create(semantic(**schema(*entries)))
    bench.start(Scripted(Memo("a", "a", {"mood": {"stringValue": "good"}, "team": {"stringValue": "guessed"}})))
    given = {"team": "blue", "tags": "new", "size": "2.5", "other": "x"}
    await bench.say("…", metadata={key: {"stringValue": value} for key, value in given.items()})
    (record,) = await bench.records()
    assert own(record) == {
        "mood": {"stringValue": "good"},
        "team": {"stringValue": "blue"},
        "tags": {"stringListValue": ["new"]},
        "size": {"numberValue": 2.5},
    }


@pytest.mark.parametrize("value", ["", "many", "nan", "1e999"])
async def test_what_is_no_value_of_its_type_is_not_copied(bench: Any, value: str) -> None:
    await bench.create(semantic(**schema(("size", "NUMBER"), ("team", "STRING"))))
    bench.start(Scripted(Memo("a", "a")))
    await bench.say("…", metadata={"size": {"stringValue": value}})
    (record,) = await bench.records()
    assert own(record) == {}


async def test_records_expire_as_their_strategy_says(bench: Any) -> None:
    await bench.create(semantic(recordExpirySpecification={"recordExpiryDurationDays": 31}))
    bench.start(Scripted(Memo("a", "a")))
    await bench.say("…")
    (record,) = await bench.records()
    full = (await bench.call("GetMemoryRecord", memoryRecordId=record["memoryRecordId"]))["memoryRecord"]
    assert full["expiresAt"] - full["createdAt"] == pytest.approx(31 * DAY / 1000)
    await bench.clock.advance(31 * DAY / 1000)
    assert await bench.records() == []


async def test_reflections_have_a_namespace_of_their_own(bench: Any, strategies: Sequence[dict[str, Any]]) -> None:
    await bench.create(strategies[3])
    bench.start(Scripted(Memo("episode", "e"), Memo("lesson", "l", reflection=True)))
    await bench.say("…", "…", "Thanks, that worked")
    records = {record["content"]["text"]: record for record in await bench.records()}
    assert records["episode"]["namespaces"] == ["/episodes/ada/s/"]
    assert records["lesson"]["namespaces"] == ["/episodes/ada/"]
    assert records["lesson"]["metadata"][f"{SYSTEM}recordType"] == {"stringValue": "REFLECTION"}
