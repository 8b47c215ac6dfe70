from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from mcp.shared.auth import ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed

from agentcore_emulator.auth.resource import base_url

BELOW = "invocations/.well-known/oauth-protected-resource"


def test_the_document_is_for_whoever_has_no_token_yet(caller: Any) -> None:
    answer = caller.ask(below=BELOW, method="GET")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-amzn-requestid"]
    assert answer.json() == {
        "resource": caller.emulator.url + caller.path("guarded"),
        "authorization_servers": ["http://127.0.0.1:1"],
        "scopes_supported": ["agent/invoke", "agent/admin"],
        "bearer_methods_supported": ["header"],
    }


def test_a_client_of_mcp_takes_it_for_that_of_its_server(caller: Any) -> None:
    for base in (caller.emulator.url, caller.emulator.url.replace("127.0.0.1", "localhost")):
        answer = httpx.get(base + caller.path("guarded", BELOW))
        metadata = ProtectedResourceMetadata.model_validate_json(answer.content)
        server = f"{base}{caller.path('guarded')}?qualifier=DEFAULT"
        assert check_resource_allowed(server, str(metadata.resource))


def test_an_agent_that_takes_signatures_has_none(caller: Any) -> None:
    answer = caller.ask(agent="open", below=BELOW, method="GET")
    assert answer.status_code == 404
    assert answer.headers["x-amzn-errortype"] == "ResourceNotFoundException"


def test_nor_has_one_that_does_not_exist(caller: Any) -> None:
    arn = caller.emulator.arn.replace("guarded", "missing")
    answer = httpx.get(f"{caller.emulator.url}/runtimes/{quote(arn, safe='')}/{BELOW}")
    assert answer.status_code == 404
    assert caller.ask(below=BELOW, method="GET", query="?qualifier=other").status_code == 404


@pytest.mark.parametrize(
    ("host", "url"),
    [
        (b"localhost:4747", "http://localhost:4747"),
        (b"[::1]:4747", "http://[::1]:4747"),
        (b"bedrock-agentcore.us-east-1.amazonaws.com", "http://bedrock-agentcore.us-east-1.amazonaws.com"),
        (b'a"b@localhost', "http://[::1]:1"),
        (None, "http://[::1]:1"),
    ],
)
def test_the_emulator_as_its_client_calls_it(host: bytes | None, url: str) -> None:
    headers = [] if host is None else [(b"host", host)]
    assert base_url({"scheme": "http", "server": ("::1", 1), "headers": headers}) == url
