"""The forms of an entrypoint: what the SDK gives it, and what becomes of what it returns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import json_values, payloads, texts

_SDK = "bedrock-agentcore 1.25 runtime/app.py"


def in_the_form(agentcore: AgentCore, session: str, form: str) -> None:
    """Have the session's entrypoint be one of `probe/forms.py`."""
    agentcore.invoke({"do": "become", "form": form}, session)


@contract(
    "RT-110",
    title="A function and a coroutine function answer with one JSON value",
    evidence="sdk-source",
    source=f"{_SDK}, _handle_invocation and _invoke_handler",
)
@pytest.mark.parametrize("form", ["function", "coroutine"])
def test_one_value(agentcore: AgentCore, session: str, form: str) -> None:
    """Whatever may be the payload's other members."""
    in_the_form(agentcore, session, form)

    @given(payload=payloads(value=json_values()))
    def check(payload: dict[str, Any]) -> None:
        answer = agentcore.invoke(payload, session)
        assert answer.content_type == "application/json"
        assert answer.raw == json.dumps(payload["value"], ensure_ascii=False).encode()

    check()


@contract(
    "RT-111",
    title="A generator function and an asynchronous one answer with a stream",
    evidence="sdk-source",
    source=f"{_SDK}, _handle_invocation: isgenerator and isasyncgen of what was returned",
)
@pytest.mark.parametrize("form", ["generator", "asynchronous generator"])
def test_many_values(agentcore: AgentCore, session: str, form: str) -> None:
    """Of two values."""
    in_the_form(agentcore, session, form)
    with agentcore.stream({"value": [1]}, session) as events:
        assert list(events) == [[1], [1]]


@contract(
    "RT-112",
    title="A second parameter gets the context if its name is `context`; with another name it must have a default",
    evidence="sdk-source",
    source=f"{_SDK}, _takes_context",
)
def test_the_context(agentcore: AgentCore) -> None:
    """Else the call fails, with 424."""
    expected = {"context": ["v", "RequestContext"], "default": ["v", "default"]}
    for form, value in expected.items():
        session = agentcore.new_session()
        in_the_form(agentcore, session, form)
        assert agentcore.invoke({"value": "v"}, session).json == value
    session = agentcore.new_session()
    in_the_form(agentcore, session, "another second")
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError):
        agentcore.invoke({"value": "v"}, session)


@contract(
    "RT-113",
    title="The status of an HTTPException that the entrypoint raises is named in the 424, its text is not",
    evidence="sdk-source",
    source=f"{_SDK}, _handle_invocation: except HTTPException; the message as users of the service report it",
    since="1.4.4",
)
@pytest.mark.parametrize("status", [400, 403, 404, 418, 500, 503])
def test_http_exceptions(agentcore: AgentCore, warm_session: str, status: int) -> None:
    """The client sees neither its status nor its text as HTTP."""
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError) as raised:
        agentcore.invoke({"do": "refuse", "status": status, "message": "out of ink"}, warm_session)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert f"({status})" in raised.value.response["Error"]["Message"]
    assert "out of ink" not in f"{raised.value.response}"


@contract(
    "RT-068",
    title="Whatever the text of an exception, the client is told the same",
    evidence="field-report",
    source="Users' reports of the message, in issues of awslabs/agentcore-samples and aws/bedrock-agentcore-sdk-python",
)
@given(text=texts())
def test_any_exception(agentcore: AgentCore, warm_session: str, text: str) -> None:
    """And the session lives on."""
    with pytest.raises(agentcore.client.exceptions.RuntimeClientError) as raised:
        agentcore.invoke({"do": "fail", "message": text}, warm_session)
    assert raised.value.response["Error"]["Message"] == (
        "Received error (500) from runtime. Please check your CloudWatch logs for more information."
    )


@contract(
    "RT-034",
    title="Any JSON value that is returned as its text arrives after decoding it twice",
    evidence="sdk-source",
    source=f"{_SDK}, _safe_serialize_to_json_string",
)
@given(value=json_values())
def test_texts_of_any_value(agentcore: AgentCore, warm_session: str, value: Any) -> None:
    """Decoding it once gives the text."""
    held = json.dumps(value)
    answer = agentcore.invoke({"do": "echo", "value": held}, warm_session)
    assert answer.json == held
    assert json.dumps(json.loads(answer.json)) == held


@contract(
    "RT-035",
    title="Any JSON value that is yielded as its text arrives after decoding its event twice",
    evidence="sdk-source",
    source=f"{_SDK}, _convert_to_sse",
)
@given(value=json_values())
def test_streamed_texts_of_any_value(agentcore: AgentCore, warm_session: str, value: Any) -> None:
    """As in an answer of one value."""
    held = json.dumps(value)
    with agentcore.stream({"do": "stream", "values": [held]}, warm_session) as events:
        assert list(events) == [held]
