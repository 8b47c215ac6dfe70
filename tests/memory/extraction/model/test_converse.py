"""Asking a model through an ASGI app, and a whole emulator that does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentcore_emulator.memory.extraction.extractor import ExtractionFailure
from agentcore_emulator.memory.extraction.model import converse
from agentcore_emulator.memory.extraction.model.converse import Converse
from agentcore_emulator.testing import EmulatorProcess

ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "a"}, {"reasoningContent": {}}, {"text": "b"}]}}
}


def app(answer: Callable[[Request], Any]) -> Starlette:
    async def endpoint(request: Request) -> Response:
        response: Response = await answer(request)
        return response

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=["POST"])])


async def test_a_request_is_that_of_an_agent() -> None:
    seen: list[tuple[bytes, str, Any]] = []

    async def answer(request: Request) -> Response:
        seen.append((request.scope["raw_path"], request.headers["authorization"], await request.json()))
        return JSONResponse({**ANSWER, "stopReason": "end_turn"})

    assert await Converse(app(answer), "eu-west-1")("m/1:0", "system", "text") == "ab"
    ((path, authorization, body),) = seen
    assert path == b"/model/m%2F1%3A0/converse"
    assert "/eu-west-1/bedrock/aws4_request" in authorization
    assert body["system"] == [{"text": "system"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "text"}]}]


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (
            JSONResponse({"message": "Slow down"}, 429, {"x-amzn-errortype": "ThrottlingException:x"}),
            "ThrottlingException: Slow down",
        ),
        (Response("oops", 502), "502: oops"),
        (JSONResponse({**ANSWER, "stopReason": "max_tokens"}), "longer than"),
    ],
)
async def test_an_error_is_a_failure(response: Response, reason: str) -> None:
    async def answer(request: Request) -> Response:
        return response

    with pytest.raises(ExtractionFailure, match=reason):
        await Converse(app(answer), "us-east-1")("m", "s", "t")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output": {}}'])
async def test_an_empty_answer_says_nothing(body: bytes) -> None:
    async def answer(request: Request) -> Response:
        return Response(body)

    assert await Converse(app(answer), "us-east-1")("m", "s", "t") == ""


async def test_a_model_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(converse, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(ExtractionFailure, match="did not answer"):
        await Converse(app(answer), "us-east-1")("m", "s", "t")


RULES = """
rules:
  - name: facts
    when: {system: 'Step: semantic extraction', user: 'I like (?P<thing>\\w+)'}
    say: '[{{"fact": "The user is fond of {thing}."}}]'
  - name: nothing new
    when: {system: 'Step: consolidation'}
    say: '[{{"new": 1, "action": "SKIP"}}]'
"""


def test_a_whole_emulator_asks_its_scripted_model(tmp_path: Path, write_agent: Any, puppet: str) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    with EmulatorProcess(
        write_agent(puppet), "--ephemeral", "--verify-signatures", "--extraction", "model", "--model-rules", str(rules)
    ) as emulator:
        control, data = (emulator.client(name) for name in ("bedrock-agentcore-control", "bedrock-agentcore"))
        semantic = {"semanticMemoryStrategy": {"name": "Facts", "namespaceTemplates": ["/facts/{actorId}/"]}}
        created = control.create_memory(name="m", eventExpiryDuration=7, memoryStrategies=[semantic])["memory"]
        named: Any = {"memoryId": created["id"]}

        def say(text: str) -> None:
            payload: Any = [{"conversational": {"role": "USER", "content": {"text": text}}}]
            data.create_event(**named, actorId="ada", sessionId="s", eventTimestamp=1, payload=payload)

        for text in ("I like tea", "I like cocoa", "Hello"):
            say(text)
        records = data.list_memory_records(**named, namespace="/facts/ada/")["memoryRecordSummaries"]
        assert [record["content"]["text"] for record in records] == ["The user is fond of tea."]
        (job,) = data.list_memory_extraction_jobs(**named)["jobs"]
        assert "This is a scripted model" in job["failureReason"]
        assert job["jobID"] in emulator.log
        assert "--model-rules FILE" in job["failureReason"]
