"""Who is let in to an agent that asks for tokens, and to one that does not: a real emulator, real tokens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from agentcore_emulator.testing import EmulatorError, EmulatorProcess, new_session

from .conftest import NOWHERE

MISMATCH = "Authorization method mismatch."
USER = "x-amzn-bedrock-agentcore-runtime-user-id"
WORKLOAD = ("workloadaccesstoken", "x-amz-bedrock-agentcore-identity-wat")


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


def mismatch(claim: str) -> tuple[int, str]:
    return 401, f"Claim '{claim}' value mismatch with configuration."


# An agent that asks for tokens


def test_a_token_of_the_built_in_issuer_is_let_in_and_exchanged_for_a_workload_token(caller: Any) -> None:
    token = caller.token()
    answer = caller.ask(token)
    assert answer.status_code == 200
    heard = answer.json()
    assert heard["authorization"] == f"Bearer {token}"
    assert heard[WORKLOAD[0]] == heard[WORKLOAD[1]] != token


def test_no_token_is_sent_to_the_metadata(caller: Any) -> None:
    answer = caller.ask(query="?qualifier=DEFAULT")
    assert refusal(answer) == (401, "Missing Authentication Token")
    assert answer.headers["x-amzn-errortype"] == "UnauthorizedException"
    location = f"{caller.emulator.url}{caller.path('guarded')}/.well-known/oauth-protected-resource?qualifier=DEFAULT"
    challenge = f'Bearer resource_metadata="{location}", scope="agent/invoke agent/admin"'
    assert answer.headers["www-authenticate"] == challenge
    assert httpx.get(location).status_code == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "bearer", "Basic dXNlcjpwYXNz", "Token x"])
def test_what_brings_no_bearer_token_has_none(caller: Any, authorization: str) -> None:
    answer = caller.ask(headers={"authorization": authorization})
    assert refusal(answer) == (401, "Missing Authentication Token")


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"expires_in": -10}, (401, "Ineffectual token, has expired")),
        ({"expires_in": 59}, (401, "Ineffectual token, will expire within the next minute")),
        ({"claims": {"nbf": 4_000_000_000}}, (401, "Ineffectual token, is not valid yet")),
        ({"claims": {"exp": "soon"}}, mismatch("exp")),
        ({"audience": "others"}, mismatch("aud")),
        ({"audience": None}, mismatch("aud")),
        ({"client_id": "stranger"}, mismatch("client_id")),
        ({"client_id": None}, mismatch("client_id")),
        ({"scopes": ["agent"]}, mismatch("scope")),
        ({"scopes": []}, mismatch("scope")),
        ({"claims": {"department": "Sales"}}, mismatch("department")),
        ({"claims": {"department": ["sales"]}}, mismatch("department")),
        ({"claims": {"groups": []}}, mismatch("groups")),
        ({"claims": {"groups": "staff"}}, mismatch("groups")),
    ],
)
def test_a_token_that_does_not_do_is_refused_for_its_reason(
    caller: Any, asked: dict[str, Any], why: tuple[int, str]
) -> None:
    answer = caller.ask(caller.token(**asked))
    assert refusal(answer) == why
    assert answer.headers["www-authenticate"].startswith("Bearer resource_metadata=")


@pytest.mark.parametrize(
    "asked",
    [
        {"audience": ["others", "billing"], "client_id": "desk"},
        {"scopes": ["openid", "agent/admin"], "subject": "ada"},
        {"scopes": [], "claims": {"scp": "agent/invoke openid"}},
        {"claims": {"groups": ["others", "guests"], "department": "sales"}},
        {"expires_in": 100_000, "claims": {"nbf": 0, "extra": {"nested": [1, None]}}},
    ],
)
def test_any_of_the_values_that_the_authorizer_allows_will_do(caller: Any, asked: dict[str, Any]) -> None:
    assert caller.ask(caller.token(**asked)).status_code == 200


def test_a_changed_token_is_refused(caller: Any) -> None:
    head, body, signature = caller.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "client_id": "desk"}).encode()).rstrip(b"=").decode()
    answer = caller.ask(caller.remembered(f"{head}.{forged}.{signature}"))
    assert refusal(answer) == (401, "Token signature is not valid")


def test_the_public_key_makes_no_tokens(caller: Any) -> None:
    claims = jwt.decode(caller.token(), options={"verify_signature": False})
    [first, *_] = caller.emulator.admin.get("issuer/jwks.json")["keys"]
    pem = jwt.PyJWK(first).key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def encoded(part: dict[str, Any] | bytes) -> str:
        raw = part if isinstance(part, bytes) else json.dumps(part).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    algorithm = jwt.get_algorithm_by_name("HS256")
    for name in ("HS256", "none", "None", "RS1"):
        unsigned = f"{encoded({'alg': name, 'kid': first['kid'], 'typ': 'JWT'})}.{encoded(claims)}"
        signature = algorithm.sign(unsigned.encode(), pem) if name == "HS256" else b""
        answer = caller.ask(caller.remembered(f"{unsigned}.{encoded(signature)}"))
        assert refusal(answer) == (401, "Token is signed by an algorithm that is not accepted")


def test_a_key_that_a_token_brings_itself_counts_for_nothing(caller: Any, idp: Any) -> None:
    claims = jwt.decode(caller.token(), options={"verify_signature": False})
    [known, *_] = caller.emulator.admin.get("issuer/jwks.json")["keys"]
    own = {"jku": f"{idp.url}/keys", "x5u": f"{idp.url}/keys", "jwk": idp.public("first")}
    token = jwt.encode(claims, idp.keys["first"], "RS256", headers={"kid": known["kid"], **own})
    assert refusal(caller.ask(caller.remembered(token))) == (401, "Token signature is not valid")
    assert idp.asked == []


@pytest.mark.parametrize(
    "token", ["x", "a.b", "a.b.c", "....", "e30.e30.", "not a token", "W10.e30.e30", "%00.%ff.\xe4"]
)
def test_what_is_no_token_cannot_be_parsed(caller: Any, token: str) -> None:
    answer = caller.ask(headers={"authorization": f"Bearer {token}".encode("latin-1")})
    assert refusal(answer)[0] in (401, 403)
    if answer.status_code == 403:
        assert refusal(answer)[1] == "OAuth authorization failed: Failed to parse token"
        assert "www-authenticate" not in answer.headers


def test_a_user_id_beside_a_token_is_refused(caller: Any) -> None:
    answer = caller.ask(caller.token(), headers={USER: "ada"})
    assert answer.status_code == 400
    assert answer.json()["fieldList"] == [{"name": "runtimeUserId", "message": "must not be sent with a bearer token"}]


# Two, never both


def boto3_of(caller: Any, **options: Any) -> Any:
    return caller.emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}), **options)


def code_of(failure: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    response = failure.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_a_signed_call_is_not_for_an_agent_that_asks_for_tokens(caller: Any) -> None:
    arn = caller.emulator.arns["guarded"]
    calls: list[Callable[[], Any]] = [
        lambda: boto3_of(caller).invoke_agent_runtime(agentRuntimeArn=arn, payload=b""),
        lambda: boto3_of(caller).stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=new_session()),
    ]
    for call in calls:
        with pytest.raises(ClientError) as failure:
            call()
        status, code, message = code_of(failure)
        assert (status, code) == (403, "AccessDeniedException")
        assert message.startswith(MISMATCH)


def test_a_token_does_not_make_up_for_a_signed_url(caller: Any) -> None:
    answer = caller.ask(caller.token(), query="?X-Amz-Signature=0")
    assert answer.status_code == 403
    assert refusal(answer)[1].startswith(MISMATCH)


def test_a_token_is_not_for_an_agent_that_takes_signatures(caller: Any) -> None:
    answer = caller.ask(caller.token(), agent="open")
    assert answer.status_code == 403
    assert refusal(answer)[1].startswith(MISMATCH)
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("signed", [True, False])
def test_an_agent_that_takes_signatures_learns_of_a_user_alone(caller: Any, signed: bool) -> None:
    headers = {"authorization": "AWS4-HMAC-SHA256 anything"} if signed else {}
    assert not set(caller.ask(agent="open", headers=headers).json()) & {*WORKLOAD, USER, "authorization"}
    heard = caller.ask(agent="open", headers={**headers, USER: "ada"}).json()
    assert heard[WORKLOAD[0]] == heard[WORKLOAD[1]]
    assert USER not in heard


# Other operations, other ways


def test_a_session_is_stopped_with_a_token(caller: Any) -> None:
    session = {"x-amzn-bedrock-agentcore-runtime-session-id": new_session()}
    assert caller.ask(caller.token(), headers=session).status_code == 200
    stop = {"below": "stopruntimesession", "code": "{}", "headers": session}
    assert refusal(caller.ask(**stop)) == (401, "Missing Authentication Token")
    assert refusal(caller.ask(caller.token(client_id="stranger"), **stop)) == mismatch("client_id")
    assert caller.ask(caller.token(), **stop).status_code == 200
    assert caller.ask(caller.token(), **stop).status_code == 404


def websocket(caller: Any, agent: str, protocols: list[str], token: str | None = None) -> httpx.Response:
    """The answer to a request for a WebSocket that the puppet, which serves none, refuses if it gets there."""
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "sec-websocket-version": "13",
        **({"sec-websocket-protocol": ", ".join(protocols)} if protocols else {}),
    }
    answer: httpx.Response = caller.ask(token, agent=agent, below="ws", method="GET", headers=headers)
    return answer


def test_a_page_brings_its_token_as_a_subprotocol(caller: Any) -> None:
    marker = "base64UrlBearerAuthorization"

    def offered(token: str) -> list[str]:
        encoded = base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()
        return [caller.remembered(f"{marker}.{encoded}"), marker]

    assert websocket(caller, "guarded", []).status_code == 401
    assert websocket(caller, "guarded", [marker]).status_code == 401
    assert refusal(websocket(caller, "guarded", offered("x"))) == (
        403,
        "OAuth authorization failed: Failed to parse token",
    )
    assert refusal(websocket(caller, "guarded", offered(caller.token(scopes=[])))) == mismatch("scope")
    # Let in, and refused by the agent.
    assert websocket(caller, "guarded", offered(caller.token())).status_code == 424
    assert websocket(caller, "guarded", [], caller.token()).status_code == 424
    assert websocket(caller, "open", offered(caller.token())).status_code == 403
    assert websocket(caller, "open", []).status_code == 424


@pytest.mark.parametrize("by_header", [True, False])
def test_a_websocket_is_opened_with_a_token(talkers: EmulatorProcess, by_header: bool) -> None:
    token = talkers.token()
    marker = "base64UrlBearerAuthorization"
    if by_header:
        connection = connect(talkers.websocket_url(), additional_headers={"authorization": f"Bearer {token}"})
    else:
        encoded = base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()
        offered = [Subprotocol(f"{marker}.{encoded}"), Subprotocol(marker)]
        connection = connect(talkers.websocket_url(), subprotocols=offered)
    with connection:
        heard = json.loads(connection.recv())
    assert connection.subprotocol == (None if by_header else marker)
    assert heard["authorization"] == f"Bearer {token}"
    assert heard[WORKLOAD[0]] == heard[WORKLOAD[1]]
    assert "sec-websocket-protocol" not in heard
    assert token not in talkers.log


def test_a_websocket_without_a_good_token_is_refused_before_it_is_one(talkers: EmulatorProcess) -> None:
    for token, status in ((None, 401), (talkers.token(client_id="stranger"), 401), ("x", 403)):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        with pytest.raises(InvalidStatus) as refused:
            connect(talkers.websocket_url(), additional_headers=headers)
        assert refused.value.response.status_code == status


# Keys and issuers


def test_a_rotated_key_keeps_its_tokens_good_until_it_is_dropped(make_project: Any, make_caller: Any) -> None:
    project = make_project(guarded={"discoveryUrl": NOWHERE, "allowedClients": ["shop"]})
    with EmulatorProcess(project, "--quirks", "off", "--isolation", "plain") as emulator:
        caller = make_caller(emulator)
        old = caller.token()
        emulator.admin.post("issuer/rotate", {})
        new = caller.token()
        assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
        assert [caller.ask(token).status_code for token in (old, new)] == [200, 200]
        emulator.admin.post("issuer/rotate", {"drop": True})
        # Now a token of some other issuer, which cannot be asked.
        for token in (old, new):
            status, message = refusal(caller.ask(token))
            assert status == 403
            assert message.startswith("OAuth authorization failed: the keys of the token's issuer cannot be had")
        assert caller.ask(caller.token()).status_code == 200
        assert f"{NOWHERE} of the issuer cannot be read" in emulator.log
        caller.no_secret_is_logged()


def test_tokens_outlive_a_restart_and_end_with_their_state_folder(
    make_project: Any, make_caller: Any, tmp_path: Path
) -> None:
    project = make_project(guarded={"discoveryUrl": NOWHERE, "allowedClients": ["shop"]})
    options = ("--isolation", "plain", "--quirks", "off", "--state-dir")
    with EmulatorProcess(project, *options, str(tmp_path / "state")) as emulator:
        token = emulator.token()
    with EmulatorProcess(project, *options, str(tmp_path / "state")) as emulator:
        assert make_caller(emulator).ask(token).status_code == 200
    with EmulatorProcess(project, *options, str(tmp_path / "another")) as emulator:
        assert make_caller(emulator).ask(token).status_code == 403


def test_another_emulator_is_an_issuer_like_any_other(
    make_project: Callable[..., Path], make_caller: Any, write_agent: Callable[[str], Path], puppet: str, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(outside, "--isolation", "plain") as issuer:
        discovery = f"{issuer.url}/_emulator/issuer/.well-known/openid-configuration"
        project = make_project(guarded={"discoveryUrl": discovery, "allowedClients": ["shop"]})
        with EmulatorProcess(project, "--quirks", "off", "--isolation", "plain") as emulator:
            caller = make_caller(emulator)

            def theirs(**asked: Any) -> str:
                token: str = caller.remembered(issuer.token(**asked))
                return token

            assert caller.ask(theirs(client_id="shop")).status_code == 200
            assert refusal(caller.ask(theirs())) == mismatch("client_id")
            assert refusal(caller.ask(theirs(client_id="shop", claims={"iss": "https://else"}))) == mismatch("iss")
            assert refusal(caller.ask(theirs(client_id="shop", expires_in=-1)))[0] == 401
            # A key that was not there before is asked for at once.
            issuer.admin.post("issuer/rotate", {})
            rotated = theirs(client_id="shop")
            assert caller.ask(rotated).status_code == 200
            issuer.stop()
            # Known keys are good for a while without it; an unknown one is not.
            assert caller.ask(rotated).status_code == 200
            unknown = jwt.encode(
                {"exp": time.time() + 1000}, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "new"}
            )
            status, message = refusal(caller.ask(caller.remembered(unknown)))
            assert status == 403
            assert message.startswith("OAuth authorization failed: the keys")
            assert caller.ask(caller.token(client_id="shop")).status_code == 200
            assert f"{discovery} of the issuer cannot be read" in emulator.log
            caller.no_secret_is_logged()


def test_a_key_that_the_issuer_does_not_have_is_no_fault_of_its_own(
    make_project: Any, make_caller: Any, idp: Any
) -> None:
    project = make_project(guarded={"discoveryUrl": idp.discovery_url, "allowedClients": ["shop"]})
    with EmulatorProcess(project, "--quirks", "off", "--isolation", "plain") as emulator:
        caller = make_caller(emulator)
        good = caller.remembered(idp.token({"client_id": "shop"}))
        assert caller.ask(good).status_code == 200
        stranger = jwt.encode({"client_id": "shop"}, idp.keys["first"], "RS256", headers={"kid": "stranger"})
        assert refusal(caller.ask(caller.remembered(stranger))) == (
            401,
            "Token is signed with a key that its issuer does not have",
        )
        caller.no_secret_is_logged()


def test_real_aws_is_not_asked_for_keys(make_project: Any, make_caller: Any) -> None:
    pool = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI/.well-known/openid-configuration"
    project = make_project(guarded={"discoveryUrl": pool, "allowedClients": ["shop"]})
    with EmulatorProcess(project, "--quirks", "off", "--isolation", "plain") as emulator:
        caller = make_caller(emulator)
        assert caller.ask(caller.token()).status_code == 200
        theirs = jwt.encode({}, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "theirs"})
        assert caller.ask(caller.remembered(theirs)).status_code == 403
        caller.no_secret_is_logged()
    # What was printed last is there for certain when it has ended.
    assert "nothing is sent to AWS unless --passthrough cognito-idp is given" in emulator.log


def test_a_token_expires_by_the_clock_of_its_issuer(make_project: Any, make_caller: Any, idp: Any) -> None:
    project = make_project(guarded={"discoveryUrl": idp.discovery_url, "allowedClients": ["shop"]})
    with EmulatorProcess(project, "--isolation", "plain", "--quirks", "off", "--clock", "virtual") as emulator:
        caller = make_caller(emulator)
        token = caller.token(expires_in=3600)
        emulator.clock.advance(3539)
        assert caller.ask(token).status_code == 200
        emulator.clock.advance(3)
        assert refusal(caller.ask(token)) == (401, "Ineffectual token, will expire within the next minute")
        emulator.clock.advance(60)
        assert refusal(caller.ask(token)) == (401, "Ineffectual token, has expired")
        assert caller.ask(caller.token()).status_code == 200
        theirs: dict[str, Any] = {"client_id": "shop", "exp": int(time.time()) + 600}
        assert caller.ask(caller.remembered(idp.token(theirs))).status_code == 200
        theirs["exp"] -= 1200
        late = caller.remembered(idp.token(theirs))
        assert refusal(caller.ask(late)) == (401, "Ineffectual token, has expired")


# Anything


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    authorization=st.binary(max_size=200).map(lambda raw: raw.translate(None, bytes([*range(32), 127])).strip(b" ")),
    bearer=st.booleans(),
    agent=st.sampled_from(["guarded", "open"]),
)
def test_no_authorization_header_is_a_fault(caller: Any, authorization: bytes, bearer: bool, agent: str) -> None:
    value = (b"Bearer " + authorization).strip() if bearer else authorization
    answer = caller.ask(agent=agent, headers={"authorization": value}, code="answer({})")
    assert answer.status_code < 500
    assert agent == "open" or answer.status_code in (401, 403)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "zip"]), _JSON, max_size=5),
    claims=_JSON | st.dictionaries(st.sampled_from(["exp", "nbf", "aud", "iss", "scope", "client_id"]), _JSON),
    known=st.booleans(),
    signature=st.binary(max_size=20),
)
def test_no_token_is_a_fault(caller: Any, header: dict[str, Any], claims: Any, known: bool, signature: bytes) -> None:
    if known:
        [key, *_] = caller.emulator.admin.get("issuer/jwks.json")["keys"]
        header = {"alg": "RS256", "kid": key["kid"], **header}
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    assert caller.ask(token).status_code in (401, 403)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(["exp", "nbf", "iat", "aud", "iss", "sub", "jti", "scope", "scp", "client_id", "groups"]), _JSON
    )
)
def test_no_claim_of_a_token_that_is_signed_is_a_fault(caller: Any, claims: dict[str, Any]) -> None:
    try:
        token = caller.token(claims=claims)
    except EmulatorError as error:
        # What the issuer declines, in a sentence.
        if "500" in str(error):
            raise
        return
    assert caller.ask(token).status_code in (200, 401, 403)
