"""Encoding of answers: once by the SDK, whatever the agent has done before. `test_quirks.py` has what that leads to."""

from __future__ import annotations

import json

from hypothesis import given

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import texts

_SERIALISE = "bedrock-agentcore 1.25 runtime/app.py, _safe_serialize_to_json_string"


@contract(
    "RT-030",
    title="A returned string arrives as a JSON string, quotes included",
    evidence="sdk-source",
    source=_SERIALISE,
)
@given(text=texts())
def test_strings(agentcore: AgentCore, warm_session: str, text: str) -> None:
    """So that a client which prints the body prints quotes."""
    answer = agentcore.invoke({"do": "echo", "value": text}, warm_session)
    assert answer.raw[:1] == answer.raw[-1:] == b'"'
    assert answer.json == text


@contract(
    "RT-031",
    title="A returned string that holds JSON is encoded once more: decoding once gives the string",
    evidence="sdk-source",
    source=_SERIALISE,
)
def test_strings_that_hold_json(agentcore: AgentCore, session: str) -> None:
    """Twice gives the object; and an object that is returned as such needs only once."""
    held = {"text": 'a "quoted" word'}
    assert agentcore.invoke({"do": "echo", "value": json.dumps(held)}, session).json == json.dumps(held)
    assert agentcore.invoke({"do": "echo", "value": held}, session).json == held


@contract(
    "RT-032",
    title="A returned object with one member that JSON cannot hold arrives as one string, Python's text of the object",
    evidence="sdk-source",
    source=f"{_SERIALISE}: json.dumps(str(obj)) when nothing else has worked",
)
def test_values_that_are_no_json(agentcore: AgentCore, session: str) -> None:
    """A date spoils the whole answer."""
    assert agentcore.invoke({"do": "not_json"}, session).json == "{'day': datetime.date(2026, 11, 23)}"


@contract(
    "RT-033",
    title="A Starlette response that an agent returns is passed through: its type, and its bytes as they are",
    evidence="sdk-source",
    source="bedrock-agentcore 1.25 runtime/app.py, _handle_invocation: isinstance(result, Response)",
    since="1.4.4",
)
def test_responses_of_the_agents_own(agentcore: AgentCore, session: str) -> None:
    """The way to answer with something else than JSON."""
    answer = agentcore.invoke({"do": "answer", "status": 200, "type": "text/csv", "body": 'é,"1"\r\n'}, session)
    assert answer.content_type.partition(";")[0] == "text/csv"
    assert answer.raw == 'é,"1"\r\n'.encode()
