from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from agentcore_emulator.auth.provider import Provider, Unreachable
from agentcore_emulator.clock import Clock

DOCUMENT = "/tenant/.well-known/openid-configuration"
KEYS = "/tenant/keys"


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen=True)


@pytest.fixture
def provider(idp: Any, clock: Clock) -> Provider:
    return Provider(idp.discovery_url, clock, aws=False)


async def test_the_keys_are_asked_for_once_in_five_minutes(idp: Any, provider: Provider, clock: Clock) -> None:
    assert idp.asked == []
    found = await asyncio.gather(*(provider.key("first") for _ in range(5)))
    assert found == [idp.public("first")] * 5
    assert provider.issuer == idp.url
    assert idp.asked == [DOCUMENT, KEYS]
    await clock.advance(299)
    await provider.key("first")
    assert len(idp.asked) == 2
    idp.add_key("second", alone=True)
    await clock.advance(1)
    assert await provider.key("first") is None
    assert idp.asked == [DOCUMENT, KEYS] * 2


async def test_a_new_key_is_found_at_once(idp: Any, provider: Provider) -> None:
    await provider.key("first")
    for name in ("second", "third"):
        idp.add_key(name)
        assert await provider.key(name) == idp.public(name)
    assert idp.asked == [DOCUMENT, KEYS] * 3


async def test_keys_that_do_not_exist_are_asked_for_once_in_ten_seconds(
    idp: Any, provider: Provider, clock: Clock
) -> None:
    await provider.key("first")
    for name in ("a", "b", "c"):
        assert await provider.key(name) is None
    assert len(idp.asked) == 4
    assert await provider.key("first") is not None
    await clock.advance(10)
    assert await provider.key("d") is None
    assert len(idp.asked) == 6


async def test_a_token_without_a_key_id_means_the_only_key(idp: Any, provider: Provider, clock: Clock) -> None:
    assert await provider.key(None) == idp.public("first")
    idp.add_key("second")
    await clock.advance(300)
    assert await provider.key(None) is None


async def test_an_issuer_that_is_gone(idp: Any, provider: Provider, clock: Clock) -> None:
    await provider.key("first")
    idp.close()
    assert await provider.key("first") is not None
    for key, seconds in (("other", 0), ("first", 300)):
        await clock.advance(seconds)
        with pytest.raises(Unreachable, match=r"of the issuer cannot be read: .*; see that the issuer runs, or make"):
            await provider.key(key)


async def test_an_issuer_that_comes_back_is_asked_again(idp: Any, provider: Provider) -> None:
    document = idp.documents[DOCUMENT]
    idp.documents[DOCUMENT] = 503
    with pytest.raises(Unreachable, match="it answers 503"):
        await provider.key("first")
    idp.documents[DOCUMENT] = document
    assert await provider.key("first") is not None


async def test_no_redirect_is_followed(idp: Any, provider: Provider) -> None:
    idp.documents[DOCUMENT] = 302
    idp.documents["/moved"] = b"{}"
    with pytest.raises(Unreachable, match="it answers 302"):
        await provider.key("first")
    assert idp.asked == [DOCUMENT]


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        (DOCUMENT, b"<html>", "it is not JSON"),
        (DOCUMENT, b"[" * 100_000, "it is not JSON"),
        (DOCUMENT, b"\xff", "it is not JSON"),
        (DOCUMENT, b"[]", "it is no JSON object"),
        (DOCUMENT, b"{}", "it is no discovery document"),
        (DOCUMENT, b'{"issuer": "x", "jwks_uri": 5}', "it is no discovery document"),
        (DOCUMENT, b'{"issuer": "x", "jwks_uri": "nothing"}', "nothing of the issuer cannot be read"),
        (DOCUMENT, b'{"issuer": "x", "jwks_uri": "http://[x"}', "cannot be read"),
        (DOCUMENT, b'{"issuer": "x", "jwks_uri": "file:///etc/passwd"}', "cannot be read"),
        (KEYS, b"{}", "it is no JSON Web Key Set"),
        (KEYS, 404, "it answers 404"),
    ],
)
async def test_what_is_no_issuer(idp: Any, provider: Provider, path: str, content: Any, why: str) -> None:
    idp.documents[path] = content
    with pytest.raises(Unreachable, match=why):
        await provider.key("first")


async def test_what_is_no_key_is_passed_over(idp: Any, provider: Provider) -> None:
    idp.publish({"issuer": idp.url, "jwks_uri": f"{idp.url}/keys"}, {"keys": [1, {}, idp.public("first")]})
    assert await provider.key("first") == idp.public("first")


@pytest.mark.parametrize(
    "host",
    [
        "cognito-idp.us-east-1.amazonaws.com",
        "COGNITO-IDP.us-east-1.AmazonAWS.com.",
        "cognito-idp.cn-north-1.amazonaws.com.cn",
        "cognito-idp.us-east-1.api.aws",
        "amazonaws.com",
    ],
)
async def test_aws_is_not_asked(host: str, clock: Clock, idp: Any) -> None:
    sentence = "nothing is sent to AWS unless --passthrough cognito-idp is given"
    with pytest.raises(Unreachable, match=sentence):
        await Provider(f"https://{host}/pool/.well-known/openid-configuration", clock, aws=False).key("x")
    # Nor because an issuer on this machine says so.
    idp.documents[DOCUMENT] = json.dumps({"issuer": "x", "jwks_uri": f"https://{host}/keys"}).encode()
    with pytest.raises(Unreachable, match=sentence):
        await Provider(idp.discovery_url, clock, aws=False).key("x")


async def test_a_proxy_does_not_come_before_an_issuer_on_this_machine(
    idp: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert await provider.key("first") is not None
