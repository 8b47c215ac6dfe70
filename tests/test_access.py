from __future__ import annotations

from typing import Any

import httpx
import pytest

from agentcore_emulator.access import AccessCheck

Headers = dict[str, str]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def answer(headers: Headers) -> httpx.Response:
    transport = httpx.ASGITransport(AccessCheck(hello, allowed=["Mine.Test", "192.168.7.7"]))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:4747") as client:
        return await client.post("/", headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:4747"},
        {"host": "LOCALHOST."},
        {"host": "app.localhost:1"},
        {"host": "127.8.9.10"},
        {"host": "[::1]:4747"},
        {"host": "mine.test"},
        {"host": "192.168.7.7:4747"},
        {"host": "bedrock-agentcore.us-east-1.amazonaws.com"},
        {"host": "bedrock-agentcore.us-east-1.api.aws:443"},
        {"origin": "http://localhost:3000"},
        {"origin": "https://mine.test"},
        {"origin": "http://[::1]:3000", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
async def test_what_is_the_developers_own_may_pass(headers: Headers) -> None:
    assert (await answer(headers)).text == "hello"


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"host": "evil.test"}, "Host evil.test"),
        ({"host": "localhost.evil.test"}, "Host localhost.evil.test"),
        ({"host": "evil.test@localhost.evil.test"}, "Host evil.test@"),
        ({"host": "notamazonaws.com"}, "Host notamazonaws.com"),
        ({"host": "0.0.0.0:4747"}, "Host 0.0.0.0"),
        ({"host": "10.0.0.1"}, "Host 10.0.0.1"),
        ({"host": ""}, "Host"),
        ({"host": "["}, "Host ["),
        ({"host": "caf\xe9"}, "Host café"),
        ({"origin": "https://evil.test"}, "Origin https://evil.test"),
        ({"origin": "null"}, "Origin null"),
        ({"origin": ""}, "Origin"),
        ({"origin": "http://["}, "Origin http://["),
        ({"origin": "http://\xff"}, "Origin http://"),
        ({"origin": "https://evil.s3.amazonaws.com"}, "Origin https://evil.s3.amazonaws.com"),
        ({"origin": "http://localhost", "host": "evil.test"}, "Host evil.test"),
        ({"sec-fetch-site": "cross-site"}, "A page of another site"),
    ],
)
async def test_what_a_foreign_page_might_have_sent_is_refused(headers: Headers, named: str) -> None:
    refused = await answer({name: value.encode("latin-1") for name, value in headers.items()})  # type: ignore[misc]
    assert refused.status_code == 403
    assert refused.text.startswith(named)
    assert "--allow-host" in refused.text
