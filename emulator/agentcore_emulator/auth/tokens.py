"""Reads and verifies one token, with PyJWT. No error holds anything of the token."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jwt

__all__ = ["Refused", "Token", "Unreadable", "check_times", "read", "verified"]

# Asymmetric ones alone: with HMAC, or none at all, whoever knows an issuer's public key could make tokens of it.
_ALGORITHMS: Final = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
)

# Observed: a deployed runtime refuses a token that expires within a minute.
_SHORTEST_LIFE: Final = 60.0
# In seconds, by which this machine's clock may lag behind the issuer's.
_LAG: Final = 60.0


class Unreadable(Exception):
    """A text that is no JSON Web Token."""


class Refused(Exception):
    """A token that is not accepted; the message says why, in the words of AWS where they are known."""


class Token(NamedTuple):
    """A token before it is verified. Of its header, no more than these two is ever looked at (RFC 8725)."""

    text: str
    key_id: str | None
    algorithm: str


def read(text: str) -> Token:
    """The token that a text is, whose signature may be wrong. Raises `Unreadable`, and `Refused` for its algorithm."""
    try:
        header = jwt.get_unverified_header(text)
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Unreadable from None
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise Refused("Token is signed by an algorithm that is not accepted")
    return Token(text, header.get("kid"), algorithm)


def verified(token: Token, key: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a token that was signed with a JSON Web Key; their times are not checked. Raises `Refused`."""
    if key.get("alg", token.algorithm) != token.algorithm or key.get("use", "sig") != "sig":
        raise Refused("Token is signed by another algorithm than its key is for")
    try:
        # Times are those of the emulator's clock, which PyJWT does not know; the rest is the authorizer's.
        claims: dict[str, Any] = jwt.decode(
            token.text,
            jwt.PyJWK(dict(key), algorithm=token.algorithm),
            algorithms=[token.algorithm],
            options={
                "enforce_minimum_key_length": True,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        raise Refused("Token signature is not valid") from None
    return claims


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Raise `Refused` unless a token holds at `now`, and for another minute."""
    expires, begins = _time(claims.get("exp")), _time(claims.get("nbf", 0))
    if expires is None:
        raise Refused("Claim 'exp' value mismatch with configuration.")
    if expires <= now:
        raise Refused("Ineffectual token, has expired")
    if expires < now + _SHORTEST_LIFE:
        raise Refused("Ineffectual token, will expire within the next minute")
    if begins is None or begins > now + _LAG:
        raise Refused("Ineffectual token, is not valid yet")


def _time(value: Any) -> float | None:
    """A moment in seconds since the epoch, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return value
