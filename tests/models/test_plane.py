from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from agentcore_emulator.clock import Clock
from agentcore_emulator.models import ModelPlane, RuleFileError

Converse = Callable[[ModelPlane, Mapping[str, Any]], dict[str, Any]]
Stream = Callable[[ModelPlane, Mapping[str, Any]], list[dict[str, Any]]]
Serve = Callable[[ModelPlane], AbstractContextManager[str]]

CALCULATOR = {"toolSpec": {"name": "calculator", "inputSchema": {"json": {"type": "object"}}}}
PLANE = ModelPlane()


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


def message_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that a stream tells, in the form that Converse returns."""
    content: list[dict[str, Any]] = []
    starts: dict[int, dict[str, Any]] = {}
    deltas: dict[int, list[str]] = {}
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart"
    assert kinds[-2:] == ["messageStop", "metadata"]
    for event in events:
        for kind, payload in event.items():
            if kind == "contentBlockStart":
                starts[payload["contentBlockIndex"]] = payload["start"]["toolUse"]
            elif kind == "contentBlockDelta":
                delta = payload["delta"]
                piece = delta["text"] if "text" in delta else delta["toolUse"]["input"]
                deltas.setdefault(payload["contentBlockIndex"], []).append(piece)
            elif kind == "contentBlockStop":
                index = payload["contentBlockIndex"]
                assert index == len(content)
                whole = "".join(deltas[index])
                content.append({"toolUse": {**starts[index], "input": whole}} if index in starts else {"text": whole})
    return {"role": events[0]["messageStart"]["role"], "content": content}


TEXTS = st.text(min_size=1, max_size=60).filter(str.strip) | st.sampled_from(
    ["what is 14 * 3?", "and that plus 34?", "14 + 34 = 48.", "what was the result?", "my name is Ada", "tell a story"]
)
TOOL_NAMES = st.sampled_from(["calculator", "clock"])


@st.composite
def tool_rounds(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    ids = [f"t{number}.{i}" for i in range(draw(st.integers(1, 2)))]
    inputs = st.dictionaries(st.sampled_from(["expression", "x"]), st.none() | st.integers() | TEXTS)
    contents = st.lists(st.builds(lambda t: {"text": t}, st.text()) | st.just({"json": {"a": [1]}}), max_size=2)
    calls = [{"toolUse": {"toolUseId": id_, "name": draw(TOOL_NAMES), "input": draw(inputs)}} for id_ in ids]
    results = [{"toolResult": {"toolUseId": id_, "content": draw(contents)}} for id_ in ids]
    return [{"role": "assistant", "content": calls}, {"role": "user", "content": results}]


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """What Converse takes: turns that alternate, tool calls with their results, limits."""
    messages: list[dict[str, Any]] = []
    turns = draw(st.integers(1, 3))
    for number in range(turns):
        messages.append(user(draw(TEXTS)))
        if draw(st.booleans()):
            messages += draw(tool_rounds(number))
        if number < turns - 1:
            messages.append({"role": "assistant", "content": [{"text": draw(TEXTS)}]})
    choice = draw(st.sampled_from([{}, {"auto": {}}, {"any": {}}, {"tool": {"name": "calculator"}}]))
    request: dict[str, Any] = {
        "messages": messages,
        "toolConfig": {"tools": [CALCULATOR], **({"toolChoice": choice} if choice else {})},
        "inferenceConfig": {},
    }
    if draw(st.booleans()):
        request["inferenceConfig"]["maxTokens"] = draw(st.integers(1, 40))
    if draw(st.booleans()):
        request["inferenceConfig"]["stopSequences"] = draw(st.lists(st.sampled_from([" ", ".", "script", "="])))
    return request


@settings(deadline=None)
@given(request=requests())
def test_a_stream_tells_what_converse_returns(converse: Converse, stream: Stream, request: dict[str, Any]) -> None:
    answer = converse(PLANE, request)
    events = stream(PLANE, request)
    told = message_of(events)
    for block in told["content"]:
        if "toolUse" in block:
            whole = answer["stopReason"] == "tool_use"
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"]) if whole else {}
    assert told == answer["output"]["message"]
    assert events[-2]["messageStop"]["stopReason"] == answer["stopReason"]
    assert events[-1]["metadata"]["usage"] == answer["usage"]
    limit = request["inferenceConfig"].get("maxTokens", float("inf"))
    assert answer["usage"]["outputTokens"] <= limit
    assert answer["usage"]["totalTokens"] == answer["usage"]["inputTokens"] + answer["usage"]["outputTokens"]
    assert sum("contentBlockDelta" in event for event in events) == answer["usage"]["outputTokens"]
    assert stream(ModelPlane(), request)[:-1] == events[:-1]


def test_the_service_refuses_before_a_stream_begins(session: boto3.Session, url: str) -> None:
    client = session.client("bedrock-runtime", endpoint_url=url)
    for call in (client.converse, client.converse_stream):
        with pytest.raises(ClientError, match=r"\(ValidationException\).*must start with a user message") as caught:
            call(modelId="any.model", messages=[{"role": "assistant", "content": [{"text": "hi"}]}])
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_every_model_id_is_answered_alike(session: boto3.Session, url: str) -> None:
    client = session.client("bedrock-runtime", endpoint_url=url)
    profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-sonnet-4-6"
    answers = [
        client.converse(modelId=id_, messages=[{"role": "user", "content": [{"text": "thanks"}]}])["output"]
        for id_ in ("amazon.nova-lite-v1:0", profile)
    ]
    assert answers[0]["message"]["content"] == [{"text": "You are welcome."}]
    assert answers[0] == answers[1]


def test_rules_of_a_file_come_first(tmp_path: Path, converse: Converse) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("rules: [{name: mine, when: {user: thanks}, say: Not at all.}]")
    answer = converse(ModelPlane([file]), {"messages": [user("thanks")]})
    assert answer["output"]["message"]["content"] == [{"text": "Not at all."}]


def test_a_rule_file_that_cannot_be_used_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError):
        ModelPlane([tmp_path / "missing.yaml"])


def test_the_log_says_what_no_rule_matched(converse: Converse, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "agentcore_emulator"):
        converse(PLANE, {"messages": [user("thanks")]})
        converse(PLANE, {"messages": [user("Why is the sky blue?")]})
    assert caplog.messages == ["scripted model: no rule matches 'Why is the sky blue?'"]


class SteppingClock(Clock):
    """Time passes only in sleeps, which end at once."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


PACED = """
pacing: {first_token_ms: 500, per_token_ms: 20}
rules:
  - {name: five, when: {user: five}, say: 1 2 3 4 5}
  - {name: own, when: {user: own}, say: 1 2, pacing: {per_token_ms: 7}}
  - {name: nothing, when: {user: nothing}, say: ""}
"""


@pytest.mark.parametrize(
    ("asked", "pauses", "latency_ms"),
    [("five", [0.5, 0.02, 0.02, 0.02, 0.02], 580), ("own", [0.0, 0.007], 7), ("nothing", [], 0)],
)
def test_pacing(
    tmp_path: Path, converse: Converse, stream: Stream, asked: str, pauses: list[float], latency_ms: int
) -> None:
    file = tmp_path / "paced.yaml"
    file.write_text(PACED)
    clock = SteppingClock()
    events = stream(ModelPlane([file], clock), {"messages": [user(asked)]})
    assert clock.slept == pauses
    assert events[-1]["metadata"]["metrics"] == {"latencyMs": latency_ms}
    whole = converse(ModelPlane([file], SteppingClock()), {"messages": [user(asked)]})
    assert whole["metrics"] == {"latencyMs": latency_ms}


class GatedClock(Clock):
    """Each sleep waits until the test lets it pass."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        assert await asyncio.to_thread(self.gate.acquire, timeout=30)


def test_each_token_is_sent_before_the_next_is_due(session: boto3.Session, serve: Serve) -> None:
    clock = GatedClock()
    with serve(ModelPlane((), clock)) as url:
        client = session.client("bedrock-runtime", endpoint_url=url)
        response = client.converse_stream(modelId="m", messages=[{"role": "user", "content": [{"text": "thanks"}]}])
        events = iter(response["stream"])
        assert "messageStart" in next(events)
        for token in ("You", " are", " welcom", "e."):
            clock.gate.release()
            assert next(events)["contentBlockDelta"]["delta"] == {"text": token}
        assert [next(iter(event)) for event in events] == ["contentBlockStop", "messageStop", "metadata"]
