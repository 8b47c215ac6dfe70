from __future__ import annotations

import math
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from agentcore_emulator.auth import tokens

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()

KEYS: dict[str, tuple[Any, dict[str, Any]]] = {
    "RSA": (RSA, RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True)),
    "EC": (EC, ECAlgorithm.to_jwk(EC.public_key(), as_dict=True)),
    "OKP": (ED, OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True)),
}


@pytest.mark.parametrize(
    ("kind", "algorithm"), [("RSA", "RS256"), ("RSA", "RS512"), ("RSA", "PS256"), ("EC", "ES256"), ("OKP", "EdDSA")]
)
def test_a_key_that_names_no_algorithm_is_for_those_of_its_kind(kind: str, algorithm: str) -> None:
    private, public = KEYS[kind]
    token = tokens.read(jwt.encode({"sub": "ada"}, private, algorithm, headers={"kid": "k"}))
    assert token.key_id == "k"
    assert tokens.verified(token, public) == {"sub": "ada"}


@pytest.mark.parametrize(
    "changes", [{"alg": "RS512"}, {"use": "enc"}, {"kty": "EC"}, {"kty": "oct", "k": "c2VjcmV0"}, {"n": 1}, {"n": "!"}]
)
def test_a_key_that_does_not_fit(changes: dict[str, Any]) -> None:
    private, public = KEYS["RSA"]
    token = tokens.read(jwt.encode({}, private, "RS256"))
    assert tokens.verified(token, public) == {}
    with pytest.raises(tokens.Refused):
        tokens.verified(token, {**public, **changes})


def test_a_key_that_is_too_short() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    token = tokens.read(jwt.encode({}, RSA, "RS256"))
    with pytest.raises(tokens.Refused):
        tokens.verified(token, RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30", "e30.e30.é", "\ud800.a.b"])
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(tokens.Unreadable):
        tokens.read(text)


def test_errors_hold_nothing_of_the_token() -> None:
    text = jwt.encode({"sub": "ada"}, RSA, "RS256")
    with pytest.raises(tokens.Refused) as refused:
        tokens.verified(tokens.read(text), KEYS["EC"][1])
    with pytest.raises(tokens.Unreadable) as unreadable:
        tokens.read(text.replace(".", "!"))
    for error in (refused.value, unreadable.value):
        assert not any(part in str(error) for part in text.split("."))
        assert error.__suppress_context__


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"exp": 1060}, None),
        ({"exp": 1060.5, "nbf": 1060}, None),
        ({"exp": math.inf, "nbf": -5}, None),
        ({"exp": 1059}, "will expire within the next minute"),
        ({"exp": 1000}, "has expired"),
        ({"exp": 2000, "nbf": 1061}, "is not valid yet"),
        ({"exp": 2000, "nbf": "1"}, "is not valid yet"),
        ({}, "'exp'"),
        ({"exp": "2000"}, "'exp'"),
        ({"exp": True}, "'exp'"),
        ({"exp": math.nan}, "'exp'"),
    ],
)
def test_times(claims: dict[str, Any], why: str | None) -> None:
    if why is None:
        tokens.check_times(claims, 1000)
        return
    with pytest.raises(tokens.Refused, match=why):
        tokens.check_times(claims, 1000)
