"""The quirks of the platform, each at every level: what `strict` enforces, and what `warn` and `off` leave as it is.

Levels are the emulator's, so these run on an emulator of their own for each, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import pytest

from agentcore_contracts import contract
from agentcore_contracts.runtime import Answer
from agentcore_contracts.target import PROBE, of_emulator, probe_options

_NOTES = "github.com/avparkhi/AWS-BedrockAgentCore-Testing, notes of a week with the service, 2026-02-16"
_SERIALISE = "bedrock-agentcore 1.25 runtime/app.py, _safe_serialize_to_json_string"

_HELD = '{"a": 1}'
_LONG = "x" * 3000

# What is asked of the probe, once at each level.
_ASKED = {
    "payload-type": {"do": "payload_type"},
    "double-encoding": {"do": "echo", "value": _HELD},
    "stream-double-encoding": {"do": "stream", "values": [_HELD, {"a": 1}]},
    "truncation": {"do": "echo", "value": _LONG},
    "a long stream": {"do": "stream", "values": [_LONG]},
    "generator": {"do": "generator_function", "value": "lost"},
}


class Observed(NamedTuple):
    """What one level showed: the answers to `_ASKED`, and all that the emulator has printed."""

    level: str
    answers: dict[str, Answer]
    log: str

    def check_warning(self, quirk: str) -> None:
        """`warn` names the quirk and the agent's file; `off` says nothing."""
        lines = [line for line in self.log.splitlines() if f"quirk {quirk}:" in line]
        if self.level == "warn":
            assert [line for line in lines if "agent.py" in line]
        if self.level == "off":
            assert lines == []


@pytest.fixture(scope="module", params=["strict", "warn", "off"])
def observed(request: pytest.FixtureRequest) -> Iterator[Observed]:
    """One emulator's whole life at one level, so that its log is complete."""
    from agentcore_emulator.testing import EmulatorProcess

    if request.config.getoption("agentcore_target") != "emulator":
        pytest.skip("levels of quirks are those of an emulator started for the run: --agentcore-target emulator")
    level: str = request.param
    python = request.config.getoption("agentcore_python")
    with (
        EmulatorProcess(PROBE / "agent.py", *probe_options(level, python, alone=True)) as emulator,
        closing(of_emulator(emulator.info, emulator.arn, lasting=False)) as agentcore,
    ):
        session = agentcore.new_session()
        answers = {name: agentcore.invoke(payload, session) for name, payload in _ASKED.items()}
        agentcore.stop(session)
        emulator.stop()
        yield Observed(level, answers, emulator.log)


@contract(
    "QU-001",
    title="payload-type: under strict the payload refuses a default, subscripts and assignment; else it is a dict",
    evidence="field-report",
    source=f"{_NOTES}, gotcha 1; the type is Strands' JSONSerializableDict",
)
def test_payload_type(observed: Observed) -> None:
    """`payload.get(key)` works at every level, which is how the probe reads what to do."""
    seen = observed.answers["payload-type"].json
    if observed.level == "strict":
        assert seen == {"type": "JSONSerializableDict", "refused": ['get("a", 1)', '["do"]', '["b"] = 1']}
    else:
        assert seen["refused"] == []
    observed.check_warning("payload-type")


@contract(
    "QU-002",
    title="double-encoding: a returned string that holds JSON is encoded twice, at every level",
    evidence="sdk-source",
    source=f"{_SERIALISE}; and {_NOTES}, gotcha 2",
)
def test_double_encoding(observed: Observed) -> None:
    """The SDK does it, so there is nothing to enforce."""
    assert observed.answers["double-encoding"].raw == json.dumps(_HELD).encode()
    observed.check_warning("double-encoding")


@contract(
    "QU-003",
    title="stream-double-encoding: a yielded string that holds JSON arrives as a string, a yielded object as an object",
    evidence="sdk-source",
    source=f"{_SERIALISE}; and {_NOTES}, gotcha 3",
)
def test_stream_double_encoding(observed: Observed) -> None:
    """At every level."""
    assert observed.answers["stream-double-encoding"].raw == b'data: "{\\"a\\": 1}"\n\ndata: {"a": 1}\n\n'
    observed.check_warning("stream-double-encoding")


@contract(
    "QU-004",
    title="truncation: under strict an answer ends after 1,024 bytes, but not a stream; else it is whole",
    evidence="field-report",
    source=f"{_NOTES}, gotcha 4; it arises in clients that take botocore's first piece for the answer",
)
def test_truncation(observed: Observed) -> None:
    """A client that reads bodies whole sees it only under strict."""
    whole = json.dumps(_LONG).encode()
    assert observed.answers["truncation"].raw == (whole[:1024] if observed.level == "strict" else whole)
    assert observed.answers["a long stream"].raw == b"data: " + whole + b"\n\n"
    observed.check_warning("truncation")


@contract(
    "QU-005",
    title="generator: a function that has a yield in it streams, and what it returns arrives nowhere, at every level",
    evidence="sdk-source",
    source=f"bedrock-agentcore 1.25 runtime/app.py, _handle_invocation: isgenerator(result); and {_NOTES}, gotcha 5",
)
def test_generator(observed: Observed) -> None:
    """The SDK looks at the type of what the entrypoint has returned."""
    answer = observed.answers["generator"]
    assert answer.content_type.partition(";")[0] == "text/event-stream"
    assert answer.raw == b""
    observed.check_warning("generator")
