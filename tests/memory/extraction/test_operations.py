from __future__ import annotations

from typing import Any

import pytest

from agentcore_emulator.errors import ResourceNotFoundException, ValidationException
from agentcore_emulator.memory.extraction.extractor import ExtractionFailure, Memo, Work

FACTS = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
SUMMARY = {"summaryMemoryStrategy": {"name": "Summary", "namespaceTemplates": ["/summary/{actorId}/{sessionId}/"]}}


class Failing:
    """Fails until it is told to work; then every message is a memo."""

    concurrency = 2

    def __init__(self) -> None:
        self.works = False
        self.order: list[str] = []

    async def extract(self, work: Work) -> list[Memo]:
        texts = [message.text for message in work.messages]
        if not self.works:
            raise ExtractionFailure("The model is away")
        self.order += texts
        return [Memo(text, text) for text in texts]


@pytest.fixture
async def failing(bench: Any) -> Failing:
    extractor = Failing()
    await bench.create(FACTS, SUMMARY)
    bench.start(extractor)
    return extractor


def source(*texts: str) -> dict[str, Any]:
    return {"inline": {"payload": [{"conversational": {"role": "USER", "content": {"text": text}}} for text in texts]}}


async def ingest(bench: Any, *texts: str, **more: Any) -> str:
    given = {"actorId": "ada", "contentTimestamp": 1_000_000_000, "source": source(*texts)}
    session: str = (await bench.call("IngestData", **{**given, **more}))["sessionId"]
    return session


async def test_what_is_ingested_is_remembered_without_an_event(bench: Any) -> None:
    await bench.create(FACTS)
    bench.start()
    session = await ingest(bench, "I like tea")
    assert len(session) == 36
    (record,) = await bench.records("/facts/ada")
    assert record["content"]["text"] == "The user likes tea."
    assert record["createdAt"] == pytest.approx(bench.clock.time(), abs=0.01)
    assert (await bench.call("ListSessions", actorId="ada"))["sessionSummaries"] == []
    assert (await bench.call("ListEvents", actorId="ada", sessionId=session))["events"] == []


async def test_documents_can_be_ingested_too(bench: Any) -> None:
    await bench.create(FACTS)
    bench.start()
    await ingest(bench, source={"inline": {"payload": [{"json": {"content": {"home": {"city": "Rome"}}}}]}})
    assert await bench.texts() == ["The home's city is Rome."]


async def test_an_ingestion_keeps_its_session_and_metadata(bench: Any) -> None:
    entry = {"key": "team", "type": "STRING", "extractionType": "STRICTLY_CONSISTENT"}
    summary = {**SUMMARY["summaryMemoryStrategy"], "memoryRecordSchema": {"metadataSchema": [entry]}}
    await bench.create({"summaryMemoryStrategy": summary})
    bench.start()
    assert await ingest(bench, "I like tea", sessionId="s1", metadata={"team": {"stringValue": "blue"}}) == "s1"
    (record,) = await bench.records("/summary/ada/s1")
    assert record["metadata"]["team"] == {"stringValue": "blue"}


async def test_a_repeated_token_ingests_once(bench: Any, failing: Failing) -> None:
    failing.works = True
    first = await ingest(bench, "a", clientToken="t")
    await bench.records()
    assert await ingest(bench, "b", clientToken="t") == first
    assert await ingest(bench, "b", clientToken="u") != first
    await bench.records()
    assert sorted(failing.order) == ["a", "a", "b", "b"]
    await bench.clock.advance(86_400)
    assert await ingest(bench, "c", clientToken="t") != first


@pytest.mark.parametrize("moment", [-1, 253_402_300_800])
async def test_a_time_that_cannot_be_is_refused(bench: Any, moment: float) -> None:
    await bench.create(FACTS)
    with pytest.raises(ValidationException, match="contentTimestamp"):
        await ingest(bench, "a", contentTimestamp=moment)


async def test_a_memory_has_to_be_there(bench: Any) -> None:
    bench.memory = "missing-0123456789"
    for operation, given in (
        ("IngestData", {"actorId": "a", "contentTimestamp": 1, "source": source("a")}),
        ("ListMemoryExtractionJobs", {}),
        ("StartMemoryExtractionJob", {"extractionJob": {"jobId": "j"}}),
    ):
        with pytest.raises(ResourceNotFoundException):
            await bench.call(operation, **given)


async def test_a_job_that_failed_is_listed(bench: Any, failing: Failing) -> None:
    event = await bench.say("a", "b")
    facts, summary = sorted(await bench.failed(), key=lambda job: job["strategyId"])
    assert facts.pop("jobID") != summary["jobID"]
    assert facts.pop("strategyId").startswith("Facts-")
    assert facts == {
        "messages": {"messagesList": [{"eventId": event["eventId"], "messageIndex": index} for index in (0, 1)]},
        "status": "FAILED",
        "failureReason": "The model is away",
        "sessionId": "s",
        "actorId": "ada",
    }
    assert await bench.texts() == []


async def test_jobs_are_narrowed_and_paged(bench: Any, failing: Failing) -> None:
    for actor in ("ada", "bob"):
        for session in ("s", "t"):
            await bench.say("a", actor=actor, session=session)
    everything = await bench.failed()
    assert len(everything) == 8
    strategy = everything[0]["strategyId"]
    for narrowed, count in (
        ({"status": "FAILED"}, 8),
        ({"actorId": "ada"}, 4),
        ({"sessionId": "t", "strategyId": strategy}, 2),
        ({"actorId": "eve"}, 0),
    ):
        assert len(await bench.failed(filter=narrowed)) == count
    listed: list[Any] = []
    more: dict[str, Any] = {}
    while True:
        page = await bench.call("ListMemoryExtractionJobs", maxResults=3, **more)
        listed += page["jobs"]
        if "nextToken" not in page:
            break
        more = {"nextToken": page["nextToken"]}
    assert listed == everything
    with pytest.raises(ValidationException):
        await bench.call("ListMemoryExtractionJobs", filter={"actorId": "ada"}, **more)


async def test_what_was_ingested_names_no_events(bench: Any, failing: Failing) -> None:
    await ingest(bench, "a")
    assert [job["messages"] for job in await bench.failed()] == [{"messagesList": []}] * 2


async def test_a_job_that_is_started_again_brings_its_records(bench: Any, failing: Failing) -> None:
    await bench.say("a")
    job = (await bench.failed())[0]["jobID"]
    failing.works = True
    assert await bench.call("StartMemoryExtractionJob", extractionJob={"jobId": job}) == {"jobId": job}
    assert await bench.texts() == ["a"]
    assert len(await bench.failed()) == 1
    with pytest.raises(ResourceNotFoundException, match=job):
        await bench.call("StartMemoryExtractionJob", extractionJob={"jobId": job})


async def test_one_that_fails_again_is_listed_again(bench: Any, failing: Failing) -> None:
    await bench.say("a")
    before = await bench.failed()
    await bench.call("StartMemoryExtractionJob", extractionJob={"jobId": before[0]["jobID"]})
    assert await bench.failed() == before


async def test_earlier_ones_of_the_session_come_along(bench: Any, failing: Failing) -> None:
    for text in ("a", "b", "c"):
        await bench.say(text)
    await bench.say("other", session="t")
    jobs = [job for job in await bench.failed() if job["strategyId"].startswith("Facts-") and job["sessionId"] == "s"]
    failing.works = True
    await bench.call("StartMemoryExtractionJob", extractionJob={"jobId": jobs[1]["jobID"]})
    await bench.records()
    assert failing.order == ["a", "b"]


async def test_a_job_of_another_memory_is_not_found(bench: Any, failing: Failing) -> None:
    await bench.say("a")
    job = (await bench.failed())[0]["jobID"]
    await bench.create(FACTS, name="other")
    with pytest.raises(ResourceNotFoundException):
        await bench.call("StartMemoryExtractionJob", extractionJob={"jobId": job})
