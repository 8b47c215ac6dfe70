from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from agentcore_contracts.strategies import (
    EventStream,
    Turn,
    actor_ids,
    conversations,
    invalid_session_ids,
    json_values,
    payloads,
    session_ids,
    sse_streams,
    texts,
)


def modelled(shape: str) -> tuple[int, int, re.Pattern[str]]:
    """The shortest and the longest of a string in botocore's model, and what it looks like."""
    rules = botocore.session.get_session().get_service_model("bedrock-agentcore").shape_for(shape).metadata
    return rules["min"], rules["max"], re.compile(rules.get("pattern", ".*"), re.ASCII)


@given(json_values())
def test_json_values_are_json(value: Any) -> None:
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    assert json.dumps(json.loads(text)) == json.dumps(value)


@given(texts())
def test_texts_can_be_sent(text: str) -> None:
    assert text.encode("utf-8").decode("utf-8") == text


def test_json_values_are_of_every_kind() -> None:
    for kind in (dict, list, str, bool, int, float, type(None)):
        assert type(find(json_values(), lambda value, kind=kind: type(value) is kind)) is kind  # type: ignore[misc]
    assert find(json_values(), lambda value: isinstance(value, int) and value > 2**64) > 2**64


@given(payloads(prompt=texts(), limit=st.integers(1, 9)))
def test_payloads_have_what_was_asked_for(payload: dict[str, Any]) -> None:
    assert isinstance(payload["prompt"], str)
    assert 1 <= payload["limit"] <= 9
    json.dumps(payload, allow_nan=False, ensure_ascii=False).encode("utf-8")


def test_payloads_have_more_and_have_not() -> None:
    asked = payloads(prompt=texts())
    assert find(asked, lambda payload: len(payload) == 1).keys() == {"prompt"}
    assert find(asked, lambda payload: len(payload) > 2)


@given(session_ids())
def test_session_ids_fit_requests_and_answers(session: str) -> None:
    shortest, _, _ = modelled("SessionType")
    _, longest, pattern = modelled("SessionId")
    assert shortest <= len(session) <= longest
    assert pattern.fullmatch(session)


@given(invalid_session_ids())
def test_invalid_session_ids_do_not(session: str) -> None:
    shortest, longest, _ = modelled("SessionType")
    assert session
    assert not shortest <= len(session) <= longest


@pytest.mark.parametrize("length", [33, 100])
def test_session_ids_of_the_limits(length: int) -> None:
    assert find(session_ids(), lambda session: len(session) == length)


@pytest.mark.parametrize("length", [1, 32, 257])
def test_invalid_session_ids_of_the_limits(length: int) -> None:
    assert find(invalid_session_ids(), lambda session: len(session) == length)


@given(actor_ids())
def test_actor_ids_are_as_the_model_says(actor: str) -> None:
    shortest, longest, pattern = modelled("ActorId")
    assert shortest <= len(actor) <= longest
    assert pattern.fullmatch(actor)


@pytest.mark.parametrize("sign", ["/", ":", "_", "-"])
def test_actor_ids_have_every_sign(sign: str) -> None:
    assert sign in find(actor_ids(), lambda actor: sign in actor)


@given(conversations(max_size=5))
def test_conversations_alternate(turns: list[Turn]) -> None:
    assert len(turns) <= 5
    assert [turn.role for turn in turns] == ["USER", "ASSISTANT"] * (len(turns) // 2) + ["USER"] * (len(turns) % 2)
    assert all(turn.text.strip() for turn in turns)


@pytest.mark.parametrize("length", [0, 1, 2, 8])
def test_conversations_of_every_length(length: int) -> None:
    assert len(find(conversations(), lambda turns: len(turns) == length)) == length


@given(sse_streams(max_size=4))
def test_the_body_of_a_stream_is_its_values(stream: EventStream) -> None:
    assert len(stream.values) <= 4
    events = stream.body.split(b"\n\n")
    assert events.pop() == b""
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in events)
    assert json.dumps([json.loads(event[6:]) for event in events]) == json.dumps(stream.values)


@pytest.mark.parametrize("frame", ["\n\n", "\u2028", "data: "])
def test_streams_hold_what_looks_like_their_frame(frame: str) -> None:
    def framed(stream: EventStream) -> bool:
        return any(isinstance(value, str) and frame in value for value in stream.values)

    assert find(sse_streams(), framed).values == [frame]
