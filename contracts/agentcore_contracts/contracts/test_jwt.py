"""Bearer tokens: whom an agent runtime with a `customJWTAuthorizer` lets in, and whom not.

The tokens are of an emulator's own issuer, which every authorizer of an emulator trusts; so these run nowhere else.
What the probe's authorizer asks for stands in its .bedrock_agentcore.yaml.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from agentcore_contracts import contract
from agentcore_contracts.runtime import AgentCore, Raw
from agentcore_contracts.strategies import texts
from agentcore_emulator.testing import Admin

_INBOUND = "AWS developer guide, 'Authenticate and authorize with Inbound Auth'"
_AUTHORIZER = "AWS developer guide, 'Configure inbound JWT authorizer'"
_WEBSOCKET = "AWS developer guide, 'Get started with bidirectional streaming using WebSocket'"
_RFC = "RFC 8725, which a service that verifies tokens keeps to; "
_REPORTS = "Reports of what deployed runtimes answer"

_SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
_WORKLOAD = "workloadaccesstoken"
_SUBPROTOCOL = "base64UrlBearerAuthorization"

_AUDIENCES = ("agentcore-contracts", "agentcore-contracts-too")
_CLIENTS = ("contracts-client", "contracts-client-too")
_SCOPES = ("contracts/invoke", "contracts/all")

# AWS's guide says that a bad token is refused, and not by which of these; reports have both.
_REFUSED = (401, 403)


class Issuer:
    """The emulator's issuer."""

    def __init__(self, runtime: AgentCore) -> None:
        assert runtime.endpoint is not None
        self._admin = Admin(runtime.endpoint)

    def token(self, **asked: Any) -> str:
        """One that the probe's authorizer takes, but for what is asked."""
        return str(self._admin.post("issuer/token", {"runtime": "contracts_jwt", **asked})["access_token"])

    def key(self) -> dict[str, Any]:
        """A public key of its."""
        return dict(self._admin.get("issuer/jwks.json")["keys"][0])


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A token's header and its claims."""
    header, claims, _ = token.split(".")
    return json.loads(_decoded(header)), json.loads(_decoded(claims))


def _forged(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{_encoded(sign(text.encode()))}"


def _invoke(jwt: AgentCore, session: str, token: str | None, payload: Any = None, query: str = "") -> Raw:
    """By the token alone, without a signature."""
    headers = {"content-type": "application/json", _SESSION: session}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps(payload or {"do": "count"}).encode()
    return jwt.send("POST", f"invocations{query}", headers=headers, body=body, signed=False)


def _get(url: str) -> Any:
    """What is there for everybody."""
    with build_opener(ProxyHandler({})).open(url, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def issuer(jwt: AgentCore) -> Issuer:
    """Who makes tokens."""
    return Issuer(jwt)


@pytest.fixture(scope="module")
def stranger() -> rsa.RSAPrivateKey:
    """A key that no issuer knows."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def session(jwt: AgentCore) -> str:
    """A session id that nobody has used."""
    return jwt.new_session()


@pytest.fixture(scope="module")
def warm_session(jwt: AgentCore) -> str:
    """A session for the many examples of a property that leaves nothing behind in it."""
    return jwt.new_session()


# Which kind of credentials


@contract(
    "JW-001",
    title="A runtime with an authorizer takes a good token without a signature, and sessions are what they are",
    evidence="aws-docs",
    source=_INBOUND,
)
def test_a_good_token(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """Another token leads to the same session."""
    counts = [json.loads(_invoke(jwt, session, issuer.token()).body)["count"] for _ in range(2)]
    assert counts == [1, 2]


@contract(
    "JW-002",
    title="A signature is no way into a runtime that takes tokens: 403 AccessDeniedException",
    evidence="field-report",
    source=f"{_REPORTS} to the wrong kind: 'Authorization method mismatch'",
)
def test_a_signature(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """boto3 can do nothing else; the agent has not seen it."""
    with pytest.raises(jwt.client.exceptions.AccessDeniedException) as raised:
        jwt.invoke({"do": "count"}, session)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert json.loads(_invoke(jwt, session, issuer.token()).body)["count"] == 1


@contract(
    "JW-003",
    title="A token is no way into a runtime that takes signatures: 403, without a word of who issues tokens",
    evidence="aws-docs",
    source=f"{_INBOUND}: 403 without WWW-Authenticate",
)
def test_a_token_for_signatures(agentcore: AgentCore, issuer: Issuer) -> None:
    """Although it would be good elsewhere."""
    answer = _invoke(agentcore, agentcore.new_session(), issuer.token())
    assert answer.status == 403
    assert "www-authenticate" not in answer.headers


@contract(
    "JW-004",
    title="A signature beside a good token is refused: a runtime takes one or the other, never both",
    evidence="aws-docs",
    source=_INBOUND,
)
def test_both(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """The signature is in the URL, as the header has room for one."""
    query = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"
    assert _invoke(jwt, session, issuer.token(), query=query).status == 403
    assert json.loads(_invoke(jwt, session, issuer.token()).body)["count"] == 1


@contract(
    "JW-005",
    title="Without a token the answer is 401, and WWW-Authenticate leads to the runtime's resource metadata",
    evidence="aws-docs",
    source=f"{_INBOUND}: resource_metadata",
)
@pytest.mark.parametrize("query", ["", "?qualifier=DEFAULT"])
def test_no_token(jwt: AgentCore, session: str, query: str) -> None:
    """The URL holds the ARN, encoded, and the qualifier."""
    answer = _invoke(jwt, session, None, query=query)
    assert answer.status == 401
    challenge = re.match(r'Bearer resource_metadata="([^"]+)"', answer.headers["www-authenticate"])
    assert challenge is not None
    name = jwt.arn.replace(":", "%3A").replace("/", "%2F")
    place = f"/runtimes/{name}/invocations/.well-known/oauth-protected-resource?qualifier=DEFAULT"
    assert challenge[1].endswith(place)


@contract(
    "JW-006",
    title="The resource metadata is there for everybody, and names the issuer of the authorizer",
    evidence="aws-docs",
    source=f"{_INBOUND}: GetRuntimeProtectedResourceMetadata takes no credentials; RFC 9728",
)
def test_resource_metadata(jwt: AgentCore, session: str) -> None:
    """By the URL that the refusal has named."""
    challenge = re.search(r'"([^"]+)"', _invoke(jwt, session, None).headers["www-authenticate"])
    assert challenge is not None
    document = _get(challenge[1])
    assert document["authorization_servers"] == ["http://127.0.0.1:9"]
    assert document["resource"] == challenge[1].partition("/.well-known/")[0]
    assert document["scopes_supported"] == list(_SCOPES)


@contract(
    "JW-007",
    title="To stop a session takes the same kind of credentials as to invoke the agent",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session': works with a bearer token",
)
def test_stop(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """A signature does not do, a token does."""
    token = issuer.token()
    _invoke(jwt, session, token)
    with pytest.raises(jwt.client.exceptions.AccessDeniedException):
        jwt.stop(session)
    headers = {"content-type": "application/json", _SESSION: session, "authorization": f"Bearer {token}"}
    assert jwt.send("POST", "stopruntimesession", headers=headers, body=b"{}", signed=False).status == 200
    assert json.loads(_invoke(jwt, session, token).body)["count"] == 1


# Which claims


@contract(
    "JW-010",
    title="One of the audiences, one of the clients and one of the scopes are enough, beside whatever others",
    evidence="aws-docs",
    source=f"{_AUTHORIZER}; botocore 1.44 bedrock-agentcore-control model, CustomJWTAuthorizerConfiguration",
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
    assert _invoke(jwt, warm_session, token).status == 200


@contract(
    "JW-011",
    title="A token for another audience, of another client or without a scope that is asked for is refused",
    evidence="aws-docs",
    source=_AUTHORIZER,
)
@pytest.mark.parametrize("member", ["audience", "client_id", "scopes"])
@given(other=st.text("abcdefghij/-_", min_size=1, max_size=30) | st.none())
def test_other_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, member: str, other: str | None) -> None:
    """Whatever stands there, or nothing."""
    token = issuer.token(**{member: other if member == "client_id" else [other] if other else []})
    assert _invoke(jwt, warm_session, token).status in _REFUSED


@contract(
    "JW-012",
    title="A value that only begins, or ends, as one that is asked for is refused",
    evidence="aws-docs",
    source=f"{_AUTHORIZER}: values are compared whole",
)
@pytest.mark.parametrize("member", ["audience", "client_id", "scopes"])
@pytest.mark.parametrize("change", ["{}x", "x{}", "{}/", "upper"])
def test_similar_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, member: str, change: str) -> None:
    """Nor does another case do."""
    right = {"audience": _AUDIENCES, "client_id": _CLIENTS, "scopes": _SCOPES}[member][0]
    wrong = right.upper() if change == "upper" else change.format(right)
    token = issuer.token(**{member: wrong if member == "client_id" else [wrong]})
    assert _invoke(jwt, warm_session, token).status in _REFUSED


@contract(
    "JW-013",
    title="A custom claim must have the value that the authorizer asks for",
    evidence="aws-docs",
    source=f"{_AUTHORIZER}: customClaims, EQUALS",
)
@given(team=texts() | st.none() | st.integers() | st.lists(st.just("probes")))
def test_custom_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, team: Any) -> None:
    """A list that holds the value is not the value."""
    assert _invoke(jwt, warm_session, issuer.token(claims={"team": "probes"})).status == 200
    if team != "probes":
        assert _invoke(jwt, warm_session, issuer.token(claims={"team": team})).status in _REFUSED


@contract(
    "JW-014",
    title="A token that has expired, or is not valid yet, is refused",
    evidence="aws-docs",
    source=f"{_AUTHORIZER}: exp and nbf",
)
def test_times(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """By an hour."""
    now = _parts(issuer.token(expires_in=0))[1]["exp"]
    assert _invoke(jwt, session, issuer.token(expires_in=-3600)).status in _REFUSED
    early = issuer.token(expires_in=7200, claims={"nbf": now + 3600})
    assert _invoke(jwt, session, early).status in _REFUSED
    assert _invoke(jwt, session, issuer.token(claims={"nbf": now - 3600})).status == 200


@contract(
    "JW-015",
    title="What a token lacks is told with 401 and WWW-Authenticate",
    evidence="field-report",
    source=f"{_REPORTS}: 401 \"Claim '…' value mismatch with configuration.\"",
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
    answer = _invoke(jwt, session, issuer.token(**asked))
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer resource_metadata=")
    assert json.loads(answer.body)["message"] == f"Claim '{claim}' value mismatch with configuration."


@contract(
    "JW-016",
    title="A token that expires within a minute is refused already",
    evidence="field-report",
    source=f"{_REPORTS}: 'will expire within the next minute'",
)
def test_the_last_minute(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """So a client renews its token in time."""
    assert _invoke(jwt, session, issuer.token(expires_in=30)).status in _REFUSED
    assert _invoke(jwt, session, issuer.token(expires_in=90)).status == 200


# Whose signature


@contract(
    "JW-020",
    title="A token that another key has signed is refused, whichever key it names",
    evidence="aws-docs",
    source=f"{_AUTHORIZER}: signatures are verified by the issuer's keys",
)
@pytest.mark.parametrize("named", ["the issuer's", "none", "unknown"])
def test_another_key(jwt: AgentCore, issuer: Issuer, session: str, stranger: rsa.RSAPrivateKey, named: str) -> None:
    """All claims are right."""
    header, claims = _parts(issuer.token())
    if named == "none":
        del header["kid"]
    elif named == "unknown":
        header["kid"] = "unknown"
    token = _forged(header, claims, lambda text: stranger.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    assert _invoke(jwt, session, token).status in _REFUSED
    assert json.loads(_invoke(jwt, session, issuer.token()).body)["count"] == 1


@contract(
    "JW-021",
    title="A key that the token itself brings, or says where to get, is not trusted",
    evidence="aws-docs",
    source=f"{_RFC}{_AUTHORIZER}: the keys are those of discoveryUrl",
)
def test_a_key_of_its_own(jwt: AgentCore, issuer: Issuer, session: str, stranger: rsa.RSAPrivateKey) -> None:
    """Neither as `jwk` nor by `jku`."""
    numbers = stranger.public_key().public_numbers()
    key = {
        "kty": "RSA",
        "n": _encoded(numbers.n.to_bytes(256, "big")),
        "e": _encoded(numbers.e.to_bytes(3, "big")),
    }
    header, claims = _parts(issuer.token())
    for more in ({"jwk": key}, {"jku": "http://127.0.0.1:9/jwks.json"}):
        token = _forged(
            {**header, **more}, claims, lambda text: stranger.sign(text, padding.PKCS1v15(), hashes.SHA256())
        )
        assert _invoke(jwt, session, token).status in _REFUSED


@contract(
    "JW-022",
    title="A token without a signature is refused, however it writes `none`",
    evidence="aws-docs",
    source=f"{_RFC}{_AUTHORIZER}: signatures are verified by the issuer's keys",
)
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None])
def test_no_signature(jwt: AgentCore, issuer: Issuer, session: str, algorithm: str | None) -> None:
    """All claims are right."""
    header, claims = _parts(issuer.token())
    token = _forged({**header, "alg": algorithm}, claims, lambda _: b"")
    assert _invoke(jwt, session, token).status in _REFUSED


@contract(
    "JW-023",
    title="A token that is signed with the issuer's public key as a secret is refused",
    evidence="aws-docs",
    source=f"{_RFC}{_AUTHORIZER}: signatures are verified by the issuer's keys",
)
@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_the_public_key_as_a_secret(jwt: AgentCore, issuer: Issuer, session: str, algorithm: str) -> None:
    """Which everybody knows; whatever algorithm the token names."""
    header, claims = _parts(issuer.token())
    key = issuer.key()
    numbers = rsa.RSAPublicNumbers(*(int.from_bytes(_decoded(key[name]), "big") for name in ("e", "n")))
    pem = numbers.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = _forged({**header, "alg": algorithm}, claims, lambda text: hmac.new(pem, text, hashlib.sha256).digest())
    assert _invoke(jwt, session, token).status in _REFUSED


@contract(
    "JW-024",
    title="A token whose claims were changed after it was signed is refused",
    evidence="aws-docs",
    source=f"{_AUTHORIZER}: signatures are verified by the issuer's keys",
)
@given(name=st.sampled_from(["sub", "exp", "aud", "scope", "new"]), value=texts() | st.integers())
def test_changed_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, name: str, value: Any) -> None:
    """Also by one that nobody asks for."""
    token = issuer.token()
    header, claims = _parts(token)
    changed = _forged(header, {**claims, name: value}, lambda _: _decoded(token.split(".")[2]))
    assert _invoke(jwt, warm_session, changed).status in _REFUSED


@contract(
    "JW-025",
    title="What is no token is refused with 403",
    evidence="field-report",
    source=f"{_REPORTS}: 'OAuth authorization failed: Failed to parse token'",
)
@given(text=st.text("abcXYZ019-_.=", min_size=1, max_size=60))
def test_no_token_at_all(jwt: AgentCore, warm_session: str, text: str) -> None:
    """With dots or without."""
    assert _invoke(jwt, warm_session, text).status == 403


# What the agent learns


@contract(
    "JW-030",
    title="The agent gets the token if Authorization is on its allow-list",
    evidence="aws-docs",
    source="AWS developer guide, 'Pass custom headers to AgentCore Runtime': Authorization with a customJWTAuthorizer",
    since="1.1.0",
)
def test_the_agent_sees_the_token(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """As it came, in the request and in the SDK's context."""
    token = issuer.token()
    seen = json.loads(_invoke(jwt, session, token, {"do": "headers"}).body)
    assert seen["request"]["authorization"] == f"Bearer {token}"
    assert seen["context"]["Authorization"] == f"Bearer {token}"


@contract(
    "JW-031",
    title="The agent gets a workload access token for who calls with a token or, signed, for a user; else it gets none",
    evidence="aws-docs",
    source=f"{_INBOUND}: WorkloadAccessToken; GetWorkloadAccessTokenForJWT and ForUserId",
    since="1.1.0",
)
def test_workload_access_tokens(jwt: AgentCore, agentcore: AgentCore, issuer: Issuer, session: str) -> None:
    """Which is not the caller's own token."""
    token = issuer.token()
    by_token = json.loads(_invoke(jwt, session, token, {"do": "headers"}).body)["request"]
    assert by_token[_WORKLOAD] not in ("", token)
    here = agentcore.new_session()
    assert agentcore.invoke({"do": "headers"}, here, runtimeUserId="somebody").json["request"][_WORKLOAD]
    assert _WORKLOAD not in agentcore.invoke({"do": "headers"}, here).json["request"]


# WebSockets


@contract(
    "JW-040",
    title="A WebSocket brings its token in Authorization; without a good one it is refused before the upgrade",
    evidence="aws-docs",
    source=_WEBSOCKET,
    since="1.1.0",
)
def test_a_connection(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """401 with WWW-Authenticate without any, and 401 or 403 with a bad one."""
    with pytest.raises(InvalidStatus) as refused:
        jwt.connect(session, auth="none")
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["www-authenticate"].startswith("Bearer resource_metadata=")
    for auth, token in (("none", issuer.token(expires_in=-1)), ("query", None)):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with pytest.raises(InvalidStatus) as refused:
            jwt.connect(session, auth=auth, headers=headers)  # type: ignore[arg-type]
        assert refused.value.response.status_code in _REFUSED
    with jwt.connect(session, auth="none", headers={"Authorization": f"Bearer {issuer.token()}"}) as connection:
        connection.send('{"do": "count"}')
        assert json.loads(connection.recv())["count"] == 1


@contract(
    "JW-041",
    title="A page brings its token as a subprotocol of the WebSocket, of which the bare name alone is chosen",
    evidence="aws-docs",
    source=f"{_WEBSOCKET}: base64UrlBearerAuthorization",
    since="1.1.0",
)
def test_a_token_as_a_subprotocol(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """The agent finds it in Authorization; a bad one is refused."""
    token = issuer.token()
    query = {_SESSION: session}
    offered = [f"{_SUBPROTOCOL}.{_encoded(token.encode())}", _SUBPROTOCOL]
    with jwt.connect(auth="none", query=query, subprotocols=offered) as connection:
        assert connection.subprotocol == _SUBPROTOCOL
        connection.send('{"do": "headers"}')
        assert json.loads(connection.recv())["request"]["authorization"] == f"Bearer {token}"
    expired = _encoded(issuer.token(expires_in=-1).encode())
    with pytest.raises(InvalidStatus) as refused:
        jwt.connect(auth="none", query=query, subprotocols=[f"{_SUBPROTOCOL}.{expired}", _SUBPROTOCOL])
    assert refused.value.response.status_code in _REFUSED
