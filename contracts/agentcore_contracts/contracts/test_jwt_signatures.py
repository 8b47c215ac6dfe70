"""Bearer tokens: only those that the issuer's own keys have signed are any good."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from agentcore_contracts import contract
from agentcore_contracts.contracts.tokens import (
    AUTHORIZER,
    REFUSED,
    REPORTS,
    Issuer,
    decoded,
    encoded,
    forged,
    invoke,
    parts,
)
from agentcore_contracts.runtime import AgentCore
from agentcore_contracts.strategies import texts

_RFC = "RFC 8725, which a service that verifies tokens keeps to; "


@pytest.fixture(scope="module")
def stranger() -> rsa.RSAPrivateKey:
    """A key that no issuer knows."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def runtime(jwt: AgentCore) -> AgentCore:
    """Whose sessions these are."""
    return jwt


@contract(
    "JW-020",
    title="A token that another key has signed is refused, whichever key it names",
    evidence="aws-docs",
    source=f"{AUTHORIZER}: signatures are verified by the issuer's keys",
)
@pytest.mark.parametrize("named", ["the issuer's", "none", "unknown"])
def test_another_key(jwt: AgentCore, issuer: Issuer, session: str, stranger: rsa.RSAPrivateKey, named: str) -> None:
    """All claims are right."""
    header, claims = parts(issuer.token())
    if named == "none":
        del header["kid"]
    elif named == "unknown":
        header["kid"] = "unknown"
    token = forged(header, claims, lambda text: stranger.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    assert invoke(jwt, session, token).status in REFUSED
    assert json.loads(invoke(jwt, session, issuer.token()).body)["count"] == 1


@contract(
    "JW-021",
    title="A key that the token itself brings, or says where to get, is not trusted",
    evidence="aws-docs",
    source=f"{_RFC}{AUTHORIZER}: the keys are those of discoveryUrl",
)
def test_a_key_of_its_own(jwt: AgentCore, issuer: Issuer, session: str, stranger: rsa.RSAPrivateKey) -> None:
    """Neither as `jwk` nor by `jku`."""
    numbers = stranger.public_key().public_numbers()
    key = {
        "kty": "RSA",
        "n": encoded(numbers.n.to_bytes(256, "big")),
        "e": encoded(numbers.e.to_bytes(3, "big")),
    }
    header, claims = parts(issuer.token())
    for more in ({"jwk": key}, {"jku": "http://127.0.0.1:9/jwks.json"}):
        token = forged(
            {**header, **more}, claims, lambda text: stranger.sign(text, padding.PKCS1v15(), hashes.SHA256())
        )
        assert invoke(jwt, session, token).status in REFUSED


@contract(
    "JW-022",
    title="A token without a signature is refused, however it writes `none`",
    evidence="aws-docs",
    source=f"{_RFC}{AUTHORIZER}: signatures are verified by the issuer's keys",
)
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None])
def test_no_signature(jwt: AgentCore, issuer: Issuer, session: str, algorithm: str | None) -> None:
    """All claims are right."""
    header, claims = parts(issuer.token())
    token = forged({**header, "alg": algorithm}, claims, lambda _: b"")
    assert invoke(jwt, session, token).status in REFUSED


@contract(
    "JW-023",
    title="A token that is signed with the issuer's public key as a secret is refused",
    evidence="aws-docs",
    source=f"{_RFC}{AUTHORIZER}: signatures are verified by the issuer's keys",
)
@pytest.mark.parametrize("algorithm", ["HS256", "RS256"])
def test_the_public_key_as_a_secret(jwt: AgentCore, issuer: Issuer, session: str, algorithm: str) -> None:
    """Which everybody knows; whatever algorithm the token names."""
    header, claims = parts(issuer.token())
    key = issuer.key()
    numbers = rsa.RSAPublicNumbers(*(int.from_bytes(decoded(key[name]), "big") for name in ("e", "n")))
    pem = numbers.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = forged({**header, "alg": algorithm}, claims, lambda text: hmac.new(pem, text, hashlib.sha256).digest())
    assert invoke(jwt, session, token).status in REFUSED


@contract(
    "JW-024",
    title="A token whose claims were changed after it was signed is refused",
    evidence="aws-docs",
    source=f"{AUTHORIZER}: signatures are verified by the issuer's keys",
)
@given(name=st.sampled_from(["sub", "exp", "aud", "scope", "new"]), value=texts() | st.integers())
def test_changed_claims(jwt: AgentCore, issuer: Issuer, warm_session: str, name: str, value: Any) -> None:
    """Also by one that nobody asks for."""
    token = issuer.token()
    header, claims = parts(token)
    changed = forged(header, {**claims, name: value}, lambda _: decoded(token.split(".")[2]))
    assert invoke(jwt, warm_session, changed).status in REFUSED


@contract(
    "JW-025",
    title="What is no token is refused with 403",
    evidence="field-report",
    source=f"{REPORTS}: 'OAuth authorization failed: Failed to parse token'",
)
@given(text=st.text("abcXYZ019-_.=", min_size=1, max_size=60))
def test_no_token_at_all(jwt: AgentCore, warm_session: str, text: str) -> None:
    """With dots or without."""
    assert invoke(jwt, warm_session, text).status == 403
