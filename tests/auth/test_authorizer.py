from __future__ import annotations

from typing import Any

import pytest

from agentcore_emulator.auth.authorizer import Authorizer, ClaimRule

URL = "https://idp.example.com/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        (URL, "https://idp.example.com"),
        ("https://a.b/tenant/v2.0/.well-known/openid-configuration", "https://a.b/tenant/v2.0"),
        ("https://a.b/.well-known/oauth-authorization-server/tenant", "https://a.b/tenant"),
    ],
)
def test_the_issuer_behind_a_discovery_url(url: str, issuer: str) -> None:
    assert Authorizer(discovery_url=url).issuer == issuer


@pytest.mark.parametrize(
    ("members", "claims", "unmet"),
    [
        ({}, {}, None),
        ({"audience": ("a", "b")}, {"aud": "b"}, None),
        ({"audience": ("a", "b")}, {"aud": ["c", "a"]}, None),
        ({"audience": ("a",)}, {"aud": "a b"}, "aud"),
        ({"audience": ("a",)}, {"aud": {"a": 1}}, "aud"),
        ({"clients": ("a",)}, {"client_id": "a"}, None),
        ({"clients": ("a",)}, {"azp": "a", "cid": "a", "appid": "a"}, "client_id"),
        ({"clients": ("a",)}, {"client_id": ["a"]}, "client_id"),
        ({"scopes": ("a", "b")}, {"scope": "x b"}, None),
        ({"scopes": ("a",)}, {"scp": ["a"]}, None),
        ({"scopes": ("a",)}, {"scp": "x a"}, None),
        ({"scopes": ("a",)}, {"scope": "ab", "scp": None}, "scope"),
        ({"audience": ("a",), "clients": ("a",)}, {"aud": "a"}, "client_id"),
        ({"clients": ("a",), "claims": (ClaimRule("dept", ("x",)),)}, {"client_id": "a"}, "dept"),
    ],
)
def test_what_keeps_a_token_out(members: dict[str, Any], claims: dict[str, Any], unmet: str | None) -> None:
    assert Authorizer(discovery_url=URL, **members).unmet(claims) == unmet


@pytest.mark.parametrize(
    ("rule", "value", "met"),
    [
        (ClaimRule("c", ("x",)), "x", True),
        (ClaimRule("c", ("x",)), "X", False),
        (ClaimRule("c", ("x",)), ["x"], False),
        (ClaimRule("c", ("x",)), None, False),
        (ClaimRule("c", ("x",), array=True), ["a", "x"], True),
        (ClaimRule("c", ("x", "y"), array=True), ["y"], True),
        (ClaimRule("c", ("x",), array=True), ["a", {}], False),
        (ClaimRule("c", ("x",), array=True), "x", False),
    ],
)
def test_a_rule_for_a_claim(rule: ClaimRule, value: Any, met: bool) -> None:
    assert rule.met_by({"c": value}) is met


def test_the_example_is_one_that_may_pass() -> None:
    rules = (ClaimRule("dept", ("x",)), ClaimRule("groups", ("y", "z"), array=True))
    authorizer = Authorizer(discovery_url=URL, audience=("a",), clients=("c", "d"), scopes=("s",), claims=rules)
    assert authorizer.unmet(authorizer.example()) is None
    assert authorizer.example() == {"aud": "a", "client_id": "c", "scope": "s", "dept": "x", "groups": ["y"]}


def test_scopes_are_advertised_under_other_names() -> None:
    authorizer = Authorizer(discovery_url=URL, scopes=("a", "b"), advertised={"a": "api://x/a"})
    assert authorizer.advertised_scopes == ["api://x/a", "b"]
