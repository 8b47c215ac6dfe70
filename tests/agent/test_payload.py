from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from payload import MAX_PROMPT, PayloadError, Request, read, wants_stream
from strands.types.json_dict import JSONSerializableDict

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "mode": st.sampled_from(["chat", "ping", "memory_query", "forget"]) | json_values,
        "prompt": st.text(st.characters(), max_size=20) | json_values,
        "user_id": json_values,
        "memory_session_id": json_values,
        "stream": json_values,
        "else": json_values,
    },
)


def test_defaults() -> None:
    expected = Request(mode="chat", prompt="Hi", user_id="anonymous", memory_session_id="main", stream=False)
    assert read({"prompt": "Hi"}) == expected
    assert read({"prompt": "Hi", "user_id": None, "stream": None}) == expected


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        (None, "not null"),
        ([], "not a list"),
        ("hello", "not text"),
        (3, "not a number"),
        (True, "not true or false"),
        ({}, "'prompt' is missing"),
        ({"prompt": 3}, "'prompt' must be text, not a number"),
        ({"prompt": ""}, "'prompt' is empty"),
        ({"prompt": " \n"}, "'prompt' is empty"),
        ({"prompt": "x" * (MAX_PROMPT + 1)}, "'prompt' holds 20,001 characters; the most is 20,000"),
        ({"prompt": "x", "user_id": ["ada"]}, "'user_id' must be text, not a list"),
        ({"prompt": "x", "user_id": 0}, "'user_id' must be text, not a number"),
        ({"prompt": "x", "user_id": ""}, "'user_id' is empty"),
        ({"prompt": "x", "memory_session_id": {}}, "'memory_session_id' must be text, not an object"),
        ({"prompt": "x", "stream": "yes"}, "'stream' must be true or false, not text"),
        ({"prompt": "x", "stream": 1}, "'stream' must be true or false, not a number"),
        ({"mode": "pong"}, "no mode 'pong'; choose one of chat, forget, memory_query, ping"),
        ({"mode": "x" * 500}, "no mode 'x"),
        ({"mode": True}, "'mode' must be text, not true or false"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(payload: Any, sentence: str) -> None:
    with pytest.raises(PayloadError) as refusal:
        read(payload)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 200


@given(payloads)
def test_both_kinds_of_payload_are_read_alike(payload: dict[str, Any]) -> None:
    outcomes = []
    for form in (payload, JSONSerializableDict(payload)):
        try:
            outcomes.append(str(read(form)))
        except PayloadError as error:
            outcomes.append(str(error))
        assert wants_stream(form) is (payload.get("stream") is True)
    assert outcomes[0] == outcomes[1]


@given(payloads | json_values)
@example({"prompt": "\ud800 and \udfff"})
def test_anything_is_read_or_refused(payload: Any) -> None:
    try:
        request = read(payload)
    except PayloadError:
        return
    (request.prompt + request.user_id + request.memory_session_id).encode()
