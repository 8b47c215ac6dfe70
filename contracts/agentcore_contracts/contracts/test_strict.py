"""The quirks under `strict`, for any payload: what an agent that reads with `payload.get(key)` alone can rely on.

Levels are the emulator's, so these run on an emulator of their own, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import EventStream, json_values, payloads, sse_streams, texts
from agentcore_contracts.target import PROBE, of_emulator, probe_options

_NOTES = "github.com/avparkhi/AWS-BedrockAgentCore-Testing, notes of a week with the service, 2026-02-16"
_STRANDS = "strands-agents strands/types/json_dict.py, JSONSerializableDict.get"

_CUT = 1024


@pytest.fixture(scope="module")
def strict(pytestconfig: pytest.Config) -> Iterator[AgentCore]:
    """The probe under `strict`."""
    from agentcore_emulator.testing import EmulatorProcess

    if pytestconfig.getoption("agentcore_target") != "emulator":
        pytest.skip("levels of quirks are those of an emulator started for the run: --agentcore-target emulator")
    options = probe_options("strict", pytestconfig.getoption("agentcore_python"), alone=True)
    with (
        EmulatorProcess(PROBE / "agent.py", *options) as emulator,
        closing(of_emulator(emulator.info, emulator.arn, lasting=False)) as agentcore,
    ):
        yield agentcore


@pytest.fixture(scope="module")
def strict_session(strict: AgentCore) -> str:
    """A session of it."""
    return strict.new_session()


@contract(
    "QU-006",
    title="payload-type: under strict payload.get(key) gives every value of an object, and None for what is not there",
    evidence="field-report",
    source=f"{_NOTES}, gotcha 1; {_STRANDS}",
)
@given(payload=payloads(value=json_values()), absent=st.booleans())
def test_any_payload(strict: AgentCore, strict_session: str, payload: dict[str, Any], absent: bool) -> None:
    """As far as the first 1,024 bytes tell."""
    if absent:
        del payload["value"]
    payload = {key: value for key, value in payload.items() if key != "do"} | {"do": "echo"}
    whole = json.dumps(payload.get("value"), ensure_ascii=False).encode()
    assert strict.invoke(payload, strict_session).raw == whole[:_CUT]


@contract(
    "QU-007",
    title="payload-type: under strict a payload that is no object reaches the entrypoint as it is",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _handle_invocation: await request.json()",
)
@given(value=json_values().filter(lambda value: not isinstance(value, dict)))
def test_what_is_no_object(strict: AgentCore, strict_session: str, value: Any) -> None:
    """There is nothing to wrap."""
    assert strict.invoke(value, strict_session).raw == json.dumps(value, ensure_ascii=False).encode()[:_CUT]


@contract(
    "QU-008",
    title="truncation: under strict an answer is whole up to 1,024 bytes, and its first 1,024 bytes beyond",
    evidence="field-report",
    source=f"{_NOTES}, gotcha 4; it arises in clients that take botocore's first piece for the answer",
)
@given(size=st.integers(0, 2100))
@example(size=_CUT - 3)
@example(size=_CUT - 2)
@example(size=_CUT - 1)
def test_any_size(strict: AgentCore, strict_session: str, size: int) -> None:
    """Quotes included, so that a string of 1,022 characters just fits."""
    answer = strict.invoke({"do": "text", "size": size}, strict_session).raw
    assert len(answer) == min(size + 2, _CUT)
    assert answer.endswith(b'"') == (size + 2 <= _CUT)


@contract(
    "QU-009",
    title="truncation: under strict a stream is never cut, whatever its events hold",
    evidence="field-report",
    source=f"{_NOTES}, gotcha 4",
)
@given(stream=sse_streams(), more=texts())
def test_any_stream(strict: AgentCore, strict_session: str, stream: EventStream, more: str) -> None:
    """A long event follows."""
    long = more + "x" * _CUT
    answer = strict.invoke({"do": "stream", "values": [*stream.values, long]}, strict_session)
    assert answer.raw == stream.body + f"data: {json.dumps(long, ensure_ascii=False)}\n\n".encode()
