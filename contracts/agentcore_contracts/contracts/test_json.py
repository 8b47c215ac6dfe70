"""JSON: what a payload may be, and what becomes of it on its way to the entrypoint and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import json_values

_REQUEST = "bedrock-agentcore 1.25 runtime/app.py, _handle_invocation: await request.json()"
_RESPONSE = "bedrock-agentcore 1.25 runtime/app.py, _safe_serialize_to_json_string"


@contract(
    "RT-020",
    title="Any JSON value in a payload reaches the entrypoint, and any that it returns reaches the client, as the bytes"
    " of json.dumps(value, ensure_ascii=False)",
    evidence="sdk-source",
    source=_RESPONSE,
)
@given(value=json_values())
def test_any_value(agentcore: AgentCore, warm_session: str, value: Any) -> None:
    """Integers keep their digits, doubles their bits, text its characters, objects their order."""
    answer = agentcore.invoke({"do": "echo", "value": value}, warm_session)
    assert answer.content_type == "application/json"
    assert answer.raw == json.dumps(value, ensure_ascii=False).encode("utf-8")


@contract(
    "RT-021",
    title="A payload need not be an object: the entrypoint gets the list, string, number, boolean or null",
    evidence="sdk-source",
    source=_REQUEST,
)
@given(value=json_values().filter(lambda value: not isinstance(value, dict)))
@example(value=None)
@example(value="")
def test_any_payload(agentcore: AgentCore, warm_session: str, value: Any) -> None:
    """The probe returns what is no object as it came."""
    assert agentcore.invoke(value, warm_session).raw == json.dumps(value, ensure_ascii=False).encode("utf-8")


@contract(
    "RT-022",
    title="NaN and the infinities pass both ways as Python's bare words, which are no JSON",
    evidence="sdk-source",
    source=f"{_RESPONSE}: json.dumps with its default allow_nan",
)
def test_no_numbers(agentcore: AgentCore, session: str) -> None:
    """A client in another language than Python cannot read this."""
    answer = agentcore.invoke(b'{"do": "echo", "value": [NaN, Infinity, -Infinity]}', session)
    assert answer.raw == b"[NaN, Infinity, -Infinity]"


@contract(
    "RT-023",
    title="A lone surrogate reaches the entrypoint, and in an answer becomes 424",
    evidence="sdk-source",
    source=f"{_RESPONSE}: ensure_ascii=False leaves it for UTF-8 to refuse, which counts as a failed handler",
)
def test_lone_surrogates(agentcore: AgentCore, session: str) -> None:
    """JSON can escape one; UTF-8 cannot encode it."""
    assert agentcore.invoke({"do": "code_points", "value": "a\ud800"}, session).json == [0x61, 0xD800]
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
        agentcore.invoke({"do": "echo", "value": "a\ud800"}, session)


@contract(
    "RT-024",
    title="A body that is no JSON or no UTF-8, or has a number of more than 4,300 digits, does not reach the entrypoint"
    " and is answered with 424",
    evidence="sdk-source",
    source=f"{_REQUEST}; its 400, or 500 for the number, which Python's json refuses, becomes 424 as every error of an"
    " agent (AWS developer guide, 'Troubleshoot AgentCore Runtime')",
)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"plain", b'"\xff"', b"1" * 4301], ids=["empty", "cut", "text", "Latin-1", "long number"]
)
def test_bodies_that_are_no_json(agentcore: AgentCore, session: str, body: bytes) -> None:
    """The entrypoint's counter does not move."""
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 1
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
        agentcore.invoke(body, session)
    assert agentcore.invoke({"do": "count"}, session).json["count"] == 2
