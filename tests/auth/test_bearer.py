from __future__ import annotations

import base64

import pytest

from agentcore_emulator.auth.bearer import bearer_token, is_signed

MARKER = "base64UrlBearerAuthorization"


def encoded(token: str) -> str:
    return base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({"authorization": "Bearer a.b.c"}, "a.b.c"),
        ({"authorization": "bearer  a.b.c "}, "a.b.c"),
        ({"authorization": "Bearer"}, None),
        ({"authorization": "Basic abc"}, None),
        ({"sec-websocket-protocol": MARKER}, None),
        ({"sec-websocket-protocol": "chat"}, None),
        ({"sec-websocket-protocol": f"{MARKER}.{encoded('a.b.c?')}, {MARKER}"}, "a.b.c?"),
        ({"sec-websocket-protocol": f"chat,{MARKER.lower()}.{encoded('a.b.c')}"}, "a.b.c"),
        # One that is said to be there and is none.
        ({"sec-websocket-protocol": f"{MARKER}.!"}, "!"),
        ({"sec-websocket-protocol": f"{MARKER}.\xe4"}, "\xe4"),
        ({"sec-websocket-protocol": f"{MARKER}.{encoded('x' * 3073)}"}, encoded("x" * 3073)),
        # The header is looked at first.
        ({"authorization": "Basic abc", "sec-websocket-protocol": f"{MARKER}.{encoded('a')}"}, None),
    ],
)
def test_where_a_token_is(headers: dict[str, str], token: str | None) -> None:
    assert bearer_token(headers) == token


def test_the_longest_token_of_a_subprotocol() -> None:
    token = "x" * 3072
    assert len(encoded(token)) == 4096
    assert bearer_token({"sec-websocket-protocol": f"{MARKER}.{encoded(token)}"}) == token


@pytest.mark.parametrize(
    ("headers", "query", "signed"),
    [
        ({}, [], False),
        ({"authorization": "AWS4-HMAC-SHA256 x"}, [], True),
        ({"authorization": "Bearer AWS4-HMAC-SHA256"}, [], False),
        ({}, [("X-Amz-Signature", "")], True),
        ({}, [("X-Amz-Date", "")], False),
    ],
)
def test_what_is_signed(headers: dict[str, str], query: list[tuple[str, str]], signed: bool) -> None:
    assert is_signed(headers, query) is signed
