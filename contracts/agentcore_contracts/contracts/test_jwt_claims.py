"""Bearer tokens: which claims an authorizer asks for.

What the probe's asks for stands in its .bedrock_agentcore.yaml.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.contracts.tokens import AUTHORIZER, REFUSED, REPORTS, Issuer, invoke, parts
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import texts

_AUDIENCES = ("agentcore-contracts", "agentcore-contracts-too")
_CLIENTS = ("contracts-client", "contracts-client-too")
_SCOPES = ("contracts/invoke", "contracts/all")


@pytest.fixture(scope="module")
def runtime(jwt: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return jwt


@contract(
    "JW-010",
    title="One of the audiences, one of the clients and one of the scopes are enough, beside whatever others",
    evidence="aws-docs",
    source=f"{AUTHORIZER}; botocore 1.44 bedrock-agentcore-control model, CustomJWTAuthorizerConfiguration",
)
@given(
    audience=st.sampled_from(_AUDIENCES),
    client=st.sampled_from(_CLIENTS),
    scope=st.sampled_from(_SCOPES),
    others=st.lists(st.text("abc/.", min_size=1, max_size=8), max_size=2),
)
def test_what_is_enough(
    jwt: AgentCore, issuer: Issuer, warm_session: str, audience: str, client: str, scope: str, others: list[str]
) -> None:
    """An audience alone is a text, several are a list; scopes are one text."""
    token = issuer.token(
        audience=[*others, audience] if others else audience, client_id=client, scopes=[*others, scope]
    )
    assert invoke(jwt, warm_session, token).status == 200


@contract(
    "JW-011",
    title="A token for another audience, of another client or without a scope that is asked for is refused",
    evidence="aws-docs",
    source=AUTHORIZER,
)
@pytest.mark.parametrize("member", ["audience", "client_id", "scopes"])
@given(other=st.text("abcdefghij/-_", min_size=1, max_size=30) | st.none())
def test_other_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, member: str, other: str | None) -> None:
    """Whatever stands there, or nothing."""
    token = issuer.token(**{member: other if member == "client_id" else [other] if other else []})
    assert invoke(jwt, warm_session, token).status in REFUSED


@contract(
    "JW-012",
    title="A value that only begins, or ends, as one that is asked for is refused",
    evidence="aws-docs",
    source=f"{AUTHORIZER}: values are compared whole",
)
@pytest.mark.parametrize("member", ["audience", "client_id", "scopes"])
@pytest.mark.parametrize("change", ["{}x", "x{}", "{}/", "upper"])
def test_similar_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, member: str, change: str) -> None:
    """Nor does another case do."""
    right = {"audience": _AUDIENCES, "client_id": _CLIENTS, "scopes": _SCOPES}[member][0]
    wrong = right.upper() if change == "upper" else change.format(right)
    token = issuer.token(**{member: wrong if member == "client_id" else [wrong]})
    assert invoke(jwt, warm_session, token).status in REFUSED


@contract(
    "JW-013",
    title="A custom claim must have the value that the authorizer asks for",
    evidence="aws-docs",
    source=f"{AUTHORIZER}: customClaims, EQUALS",
)
@given(team=texts() | st.none() | st.integers() | st.lists(st.just("probes")))
def test_custom_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, team: Any) -> None:
    """A list that holds the value is not the value."""
    assert invoke(jwt, warm_session, issuer.token(claims={"team": "probes"})).status == 200
    if team != "probes":
        assert invoke(jwt, warm_session, issuer.token(claims={"team": team})).status in REFUSED


@contract(
    "JW-014",
    title="A token that has expired, or is not valid yet, is refused",
    evidence="aws-docs",
    source=f"{AUTHORIZER}: exp and nbf",
)
def test_times(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """By an hour."""
    now = parts(issuer.token(expires_in=0))[1]["exp"]
    assert invoke(jwt, session, issuer.token(expires_in=-3600)).status in REFUSED
    early = issuer.token(expires_in=7200, claims={"nbf": now + 3600})
    assert invoke(jwt, session, early).status in REFUSED
    assert invoke(jwt, session, issuer.token(claims={"nbf": now - 3600})).status == 200


@contract(
    "JW-015",
    title="What a token lacks is told with 401 and WWW-Authenticate",
    evidence="field-report",
    source=f"{REPORTS}: 401 \"Claim '…' value mismatch with configuration.\"",
)
@pytest.mark.parametrize(
    ("asked", "claim"),
    [
        ({"audience": "other"}, "aud"),
        ({"client_id": "other"}, "client_id"),
        ({"scopes": ["other"]}, "scope"),
        ({"claims": {"team": "other"}}, "team"),
    ],
)
def test_texts(jwt: AgentCore, issuer: Issuer, session: str, asked: dict[str, Any], claim: str) -> None:
    """The claim's name, and not its value."""
    answer = invoke(jwt, session, issuer.token(**asked))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer resource_metadata=")
    assert json.loads(answer.body)["message"] == f"Claim '{claim}' value mismatch with configuration."


@contract(
    "JW-016",
    title="A token that expires within a minute is refused already",
    evidence="field-report",
    source=f"{REPORTS}: 'will expire within the next minute'",
)
def test_the_last_minute(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """So a client renews its token in time."""
    assert invoke(jwt, session, issuer.token(expires_in=30)).status in REFUSED
    assert invoke(jwt, session, issuer.token(expires_in=90)).status == 200
