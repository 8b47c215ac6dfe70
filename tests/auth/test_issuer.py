"""The built-in issuer itself, and its routes of the admin API."""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from agentcore_emulator.auth.issuer import Issuer
from agentcore_emulator.clock import Clock
from agentcore_emulator.testing import EmulatorError

URL = "http://localhost/_emulator/issuer"


async def test_a_token_is_signed_with_the_published_key(tmp_path: Path) -> None:
    clock = Clock(frozen=True)
    issuer = Issuer(tmp_path, clock)
    token = await issuer.mint(URL, 60, {"sub": "ada"})
    key_id = jwt.get_unverified_header(token)["kid"]
    key = await issuer.key(key_id)
    assert key is not None
    assert await issuer.key_set() == {"keys": [key]}
    assert not set(key) & {"d", "p", "q"}
    claims = jwt.decode(token, jwt.PyJWK(dict(key)), issuer=URL)
    now = int(clock.time())
    assert {**claims, "jti": ""} == {"iss": URL, "iat": now, "exp": now + 60, "sub": "ada", "jti": ""}
    assert await issuer.key("other") is None
    assert await issuer.key(None) is None


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def test_keys_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        await Issuer(tmp_path, Clock()).key_set()
    finally:
        os.umask(previous)
    assert modes(tmp_path) == {"issuer.json": 0o600}


async def test_keys_outlive_the_emulator(tmp_path: Path) -> None:
    first = Issuer(tmp_path, Clock())
    await first.rotate(drop=False)
    published = await first.key_set()
    assert len(published["keys"]) == 2
    second = Issuer(tmp_path, Clock())
    assert await second.key_set() == published
    new = await second.rotate(drop=True)
    assert [key["kid"] for key in (await second.key_set())["keys"]] == [new]
    assert [key["kid"] for key in (await Issuer(tmp_path, Clock()).key_set())["keys"]] == [new]


async def test_the_first_calls_agree_on_a_key(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path, Clock())
    made = await asyncio.gather(*(issuer.mint(URL, 60, {}) for _ in range(5)))
    [key] = (await issuer.key_set())["keys"]
    assert {jwt.get_unverified_header(token)["kid"] for token in made} == {key["kid"]}


@pytest.mark.parametrize("content", ["", "[]", '{"keys": [{"kid": "x", "pem": "-----BEGIN"}]}', '{"keys": [1]}'])
async def test_keys_that_cannot_be_read_are_replaced(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "issuer.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        published = await Issuer(tmp_path, Clock()).key_set()
    assert "holds no keys that can be read" in caplog.text
    assert await Issuer(tmp_path, Clock()).key_set() == published


# Its routes


def test_the_discovery_document_is_where_its_issuer_is(caller: Any) -> None:
    for host in (caller.emulator.url, caller.emulator.url.replace("127.0.0.1", "localhost")):
        url = f"{host}/_emulator/issuer"
        document = httpx.get(f"{url}/.well-known/openid-configuration").json()
        assert document["issuer"] == url
        assert httpx.get(document["jwks_uri"]).json() == caller.emulator.admin.get("issuer/jwks.json")


def test_by_default_a_token_is_what_the_default_agent_accepts(caller: Any) -> None:
    answer = httpx.post(f"{caller.emulator.url}/_emulator/issuer/token")
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    claims = jwt.decode(caller.remembered(body["access_token"]), options={"verify_signature": False})
    assert {name: claims[name] for name in ("aud", "client_id", "scope", "sub", "department", "groups")} == {
        "aud": "orders",
        "client_id": "shop",
        "scope": "agent/invoke",
        "sub": "local-user",
        "department": "sales",
        "groups": ["staff"],
    }


def test_what_is_asked_for_goes_before_what_the_agent_accepts(caller: Any) -> None:
    token = caller.token(
        audience=["x", "y"],
        client_id=None,
        scopes=["a", "b"],
        subject="ada",
        claims={"aud": "z", "groups": None, "n": 1},
    )
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["scope"], claims["sub"], claims["n"]) == ("z", "a b", "ada", 1)
    assert not {"client_id", "groups"} & set(claims)
    open_claims = jwt.decode(caller.token(agent="open"), options={"verify_signature": False})
    assert set(open_claims) == {"iss", "iat", "exp", "jti", "sub"}


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"scope": ["a"]}, "'scope' is not one of runtime, audience"),
        ({"runtime": "nobody"}, "there is no agent runtime 'nobody'"),
        ({"expires_in": "1h"}, "'expires_in' is a whole number of seconds"),
        ({"expires_in": True}, "'expires_in' is a whole number of seconds"),
        ({"expires_in": 10**12}, "'expires_in' is a whole number of seconds"),
        ({"scopes": "a b"}, "'scopes' is a list of texts"),
        ({"audience": [1]}, "'audience' is a list of texts"),
        ({"client_id": 5}, "'client_id' is a text"),
        ({"claims": [1]}, "is an object"),
        ({"claims": {"iss": 5}}, "Issuer"),
    ],
)
def test_a_token_that_cannot_be(caller: Any, asked: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EmulatorError, match=complaint):
        caller.emulator.admin.post("issuer/token", asked)


def test_a_rotation_that_cannot_be(caller: Any) -> None:
    with pytest.raises(EmulatorError, match="'drop' is true or false"):
        caller.emulator.admin.post("issuer/rotate", {"drop": "yes"})
