from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentcore_emulator.auth import configuration
from agentcore_emulator.auth.authorizer import Authorizer, ClaimRule
from agentcore_emulator.config import ProjectError
from agentcore_emulator.located_yaml import read

from .conftest import AUTHORIZER

URL = "https://idp.example.com/.well-known/openid-configuration"


@pytest.fixture
def parse(tmp_path: Path) -> Any:
    """Reads an `authorizer_configuration` from a file."""
    file = tmp_path / "project.yaml"

    def parse(value: Any) -> Authorizer | None:
        file.write_text(yaml.safe_dump({"authorizer_configuration": value}), encoding="utf-8")
        return configuration.read(read(file)["authorizer_configuration"])

    return parse


def rule(kind: str, operator: str, **value: Any) -> dict[str, Any]:
    return {
        "inboundTokenClaimName": "groups",
        "inboundTokenClaimValueType": kind,
        "authorizingClaimMatchValue": {"claimMatchValue": value, "claimMatchOperator": operator},
    }


@pytest.mark.parametrize("value", [None, {}, {"customJWTAuthorizer": None}])
def test_no_authorizer(parse: Any, value: Any) -> None:
    assert parse(value) is None


def test_every_member(parse: Any) -> None:
    value = {**AUTHORIZER, "advertisedScopeMapping": {"agent/admin": "api://agent/admin"}, "privateEndpoint": {"x": 1}}
    assert parse({"customJWTAuthorizer": value}) == Authorizer(
        discovery_url=AUTHORIZER["discoveryUrl"],
        audience=("orders", "billing"),
        clients=("shop", "desk"),
        scopes=("agent/invoke", "agent/admin"),
        claims=(ClaimRule("department", ("sales",)), ClaimRule("groups", ("staff", "guests"), array=True)),
        advertised={"agent/admin": "api://agent/admin"},
    )


def test_an_array_that_is_to_hold_one_string(parse: Any) -> None:
    rules = [rule("STRING_ARRAY", "CONTAINS", matchValueString="staff")]
    assert parse({"customJWTAuthorizer": {"discoveryUrl": URL, "customClaims": rules}}).claims == (
        ClaimRule("groups", ("staff",), array=True),
    )


@pytest.mark.parametrize(
    ("authorizer", "line", "complaint"),
    [
        ({}, 2, "discoveryUrl: is missing; it names the issuer's OpenID Connect discovery document"),
        ({"allowedClients": ["a"]}, 3, "discoveryUrl: is missing"),
        ({"discoveryUrl": URL + "?x=y"}, 3, f"discoveryUrl: '{URL}?x=y' is not a URL that ends in"),
        ({"discoveryUrl": "https://idp.example.com"}, 3, "discoveryUrl: 'https://idp.example.com' is not a URL"),
        ({"discoveryUrl": "ftp://a/.well-known/openid-configuration"}, 3, "discoveryUrl: 'ftp://a"),
        ({"discoveryUrl": URL}, 3, "AgentCore asks for at least one of allowedAudience, allowedClients, allowedScopes"),
        (
            {"allowedClient": ["a"], "discoveryUrl": URL},
            4,
            "AgentCore has no such setting; did you mean allowedClients?",
        ),
        ({"allowedClients": [], "discoveryUrl": URL}, 3, "allowedClients: is not a list that holds something"),
        ({"allowedClients": "a", "discoveryUrl": URL}, 3, "allowedClients: is not a list that holds something"),
        ({"allowedAudience": ["a", 1], "discoveryUrl": URL}, 5, "allowedAudience[1]: 1 is not a text"),
        ({"allowedScopes": ["a b"], "discoveryUrl": URL}, 4, "allowedScopes[0]: 'a b' is not of the form"),
        (
            {"advertisedScopeMapping": {"b": "c"}, "allowedScopes": ["a"], "discoveryUrl": URL},
            4,
            "advertisedScopeMapping.b: 'b' is not one of allowedScopes",
        ),
        (
            {"allowedClients": ["a"], "allowedWorkloadConfiguration": {}, "discoveryUrl": URL},
            5,
            "allowedWorkloadConfiguration: is for calls by way of AgentCore Gateway",
        ),
        (
            {"customClaims": [rule("STRING", "CONTAINS", matchValueString="a")], "discoveryUrl": URL},
            5,
            "claimMatchOperator: 'CONTAINS' is not one of EQUALS",
        ),
        (
            {"customClaims": [rule("NUMBER", "EQUALS", matchValueString="a")], "discoveryUrl": URL},
            9,
            "inboundTokenClaimValueType: 'NUMBER' is not one of STRING, STRING_ARRAY",
        ),
        (
            {"customClaims": [rule("STRING_ARRAY", "CONTAINS_ANY", matchValueString="a")], "discoveryUrl": URL},
            7,
            "AgentCore has no such setting; did you mean matchValueStringList?",
        ),
        (
            {"customClaims": [rule("STRING_ARRAY", "CONTAINS_ANY")], "discoveryUrl": URL},
            6,
            "matchValueStringList: is missing",
        ),
        (
            {"customClaims": [rule("STRING", "EQUALS", matchValueString="a b")], "discoveryUrl": URL},
            7,
            "matchValueString: 'a b' is not of the form",
        ),
    ],
)
def test_what_the_control_plane_would_not_take(parse: Any, authorizer: Any, line: int, complaint: str) -> None:
    with pytest.raises(ProjectError, match=re.escape(complaint)) as failure:
        parse({"customJWTAuthorizer": authorizer})
    assert re.match(rf".*project\.yaml:{line}: authorizer_configuration\.customJWTAuthorizer", str(failure.value))


def test_another_authorizer_than_that(parse: Any) -> None:
    with pytest.raises(ProjectError, match="did you mean customJWTAuthorizer"):
        parse({"customJwtAuthorizer": {}})
