"""Bearer tokens: an agent runtime with a `customJWTAuthorizer` lets callers in by them, and by nothing else.

The tokens are of an emulator's own issuer, which every authorizer of an emulator trusts; so these run nowhere else.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest
from websockets.exceptions import InvalidStatus

from agentcore_contracts import contract
from agentcore_contracts.contracts import conversation
from agentcore_contracts.contracts.tokens import INBOUND, REFUSED, REPORTS, SESSION, Issuer, encoded, invoke
from agentcore_contracts.runtime import AgentCore

_WORKLOAD = "workloadaccesstoken"
_SUBPROTOCOL = "base64UrlBearerAuthorization"


def _get(url: str) -> Any:
    """What is there for everybody."""
    with build_opener(ProxyHandler({})).open(url, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def runtime(jwt: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return jwt


# Which kind of credentials


@contract(
    "JW-001",
    title="A runtime with an authorizer takes a good token without a signature, and sessions are what they are",
    evidence="aws-docs",
    source=INBOUND,
)
def test_a_good_token(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """Another token leads to the same session."""
    counts = [json.loads(invoke(jwt, session, issuer.token()).body)["count"] for _ in range(2)]
    assert counts == [1, 2]


@contract(
    "JW-002",
    title="A signature is no way into a runtime that takes tokens: 403 AccessDeniedException",
    evidence="field-report",
    source=f"{REPORTS} to the wrong kind: 'Authorization method mismatch'",
)
def test_a_signature(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """boto3 can do nothing else; the agent has not seen it."""
    with pytest.raises(jwt.client.exceptions.AccessDeniedException) as raised:
        jwt.invoke({"do": "count"}, session)
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert json.loads(invoke(jwt, session, issuer.token()).body)["count"] == 1


@contract(
    "JW-003",
    title="A token is no way into a runtime that takes signatures: 403, without a word of who issues tokens",
    evidence="aws-docs",
    source=f"{INBOUND}: 403 without WWW-Authenticate",
)
def test_a_token_for_signatures(agentcore: AgentCore, issuer: Issuer) -> None:
    """Although it would be good elsewhere."""
    answer = invoke(agentcore, agentcore.new_session(), issuer.token())
    assert answer.status == 403
    assert "www-authenticate" not in answer.headers


@contract(
    "JW-004",
    title="A signature beside a good token is refused: a runtime takes one or the other, never both",
    evidence="aws-docs",
    source=INBOUND,
)
def test_both(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """The signature is in the URL, as the header has room for one."""
    query = "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"
    assert invoke(jwt, session, issuer.token(), query=query).status == 403
    assert json.loads(invoke(jwt, session, issuer.token()).body)["count"] == 1


@contract(
    "JW-005",
    title="Without a token the answer is 401, and WWW-Authenticate leads to the runtime's resource metadata",
    evidence="aws-docs",
    source=f"{INBOUND}: resource_metadata",
)
@pytest.mark.parametrize("query", ["", "?qualifier=DEFAULT"])
def test_no_token(jwt: AgentCore, session: str, query: str) -> None:
    """The URL holds the ARN, encoded, and the qualifier."""
    answer = invoke(jwt, session, None, query=query)
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
    source=f"{INBOUND}: GetRuntimeProtectedResourceMetadata takes no credentials; RFC 9728",
)
def test_resource_metadata(jwt: AgentCore, session: str) -> None:
    """By the URL that the refusal has named."""
    challenge = re.search(r'"([^"]+)"', invoke(jwt, session, None).headers["www-authenticate"])
    assert challenge is not None
    document = _get(challenge[1])
    assert document["authorization_servers"] == ["http://127.0.0.1:9"]
    assert document["resource"] == challenge[1].partition("/.well-known/")[0]
    assert document["scopes_supported"] == ["contracts/invoke", "contracts/all"]


@contract(
    "JW-007",
    title="To stop a session takes the same kind of credentials as to invoke the agent",
    evidence="aws-docs",
    source="AWS developer guide, 'Stop a running session': works with a bearer token",
)
def test_stop(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """A signature does not do, a token does."""
    token = issuer.token()
    invoke(jwt, session, token)
    with pytest.raises(jwt.client.exceptions.AccessDeniedException):
        jwt.stop(session)
    headers = {"content-type": "application/json", SESSION: session, "authorization": f"Bearer {token}"}
    assert jwt.send("POST", "stopruntimesession", headers=headers, body=b"{}", signed=False).status == 200
    assert json.loads(invoke(jwt, session, token).body)["count"] == 1


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
    seen = json.loads(invoke(jwt, session, token, {"do": "headers"}).body)
    assert seen["request"]["authorization"] == f"Bearer {token}"
    assert seen["context"]["Authorization"] == f"Bearer {token}"


@contract(
    "JW-031",
    title="The agent gets a workload access token for who calls with a token or, signed, for a user; else it gets none",
    evidence="aws-docs",
    source=f"{INBOUND}: WorkloadAccessToken; GetWorkloadAccessTokenForJWT and ForUserId",
    since="1.1.0",
)
def test_workload_access_tokens(jwt: AgentCore, agentcore: AgentCore, issuer: Issuer, session: str) -> None:
    """Which is not the caller's own token."""
    token = issuer.token()
    by_token = json.loads(invoke(jwt, session, token, {"do": "headers"}).body)["request"]
    assert by_token[_WORKLOAD] not in ("", token)
    here = agentcore.new_session()
    assert agentcore.invoke({"do": "headers"}, here, runtimeUserId="somebody").json["request"][_WORKLOAD]
    assert _WORKLOAD not in agentcore.invoke({"do": "headers"}, here).json["request"]


# WebSockets


@contract(
    "JW-040",
    title="A WebSocket brings its token in Authorization; without a good one it is refused before the upgrade",
    evidence="aws-docs",
    source=conversation.GUIDE,
    since=conversation.SINCE,
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
            jwt.connect(session, auth=auth, headers=headers)  # type: ignore[arg-type]  # mypy: only str
        assert refused.value.response.status_code in REFUSED
    with jwt.connect(session, auth="none", headers={"Authorization": f"Bearer {issuer.token()}"}) as connection:
        connection.send('{"do": "count"}')
        assert json.loads(connection.recv())["count"] == 1


@contract(
    "JW-041",
    title="A page brings its token as a subprotocol of the WebSocket, of which the bare name alone is chosen",
    evidence="aws-docs",
    source=f"{conversation.GUIDE}: base64UrlBearerAuthorization",
    since=conversation.SINCE,
)
def test_a_token_as_a_subprotocol(jwt: AgentCore, issuer: Issuer, session: str) -> None:
    """The agent finds it in Authorization; a bad one is refused."""
    token = issuer.token()
    query = {SESSION: session}
    offered = [f"{_SUBPROTOCOL}.{encoded(token.encode())}", _SUBPROTOCOL]
    with jwt.connect(auth="none", query=query, subprotocols=offered) as connection:
        assert connection.subprotocol == _SUBPROTOCOL
        connection.send('{"do": "headers"}')
        assert json.loads(connection.recv())["request"]["authorization"] == f"Bearer {token}"
    expired = encoded(issuer.token(expires_in=-1).encode())
    with pytest.raises(InvalidStatus) as refused:
        jwt.connect(auth="none", query=query, subprotocols=[f"{_SUBPROTOCOL}.{expired}", _SUBPROTOCOL])
    assert refused.value.response.status_code in REFUSED
