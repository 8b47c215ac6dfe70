"""Bearer tokens: who may call an agent runtime."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="token-for-any-audience",
        file="auth/authorizer.py",
        old='if self.audience and not _in_common(self.audience, claims.get("aud")):',
        new='if self.audience and "aud" not in claims:',
        breaks="A token that was made for another service is a way into the agent.",
        contracts=("JW-011",),
    ),
    Mutant(
        name="token-without-the-scope",
        file="auth/authorizer.py",
        old='for name in ("scope", "scp")):',
        new='for name in ("scope", "scp")) and not claims:',
        breaks="Who was not granted a scope calls the agent all the same.",
        contracts=("JW-011",),
    ),
    Mutant(
        name="token-that-has-expired",
        file="auth/tokens.py",
        old="""
    if expires <= now:
        raise Refused("Ineffectual token, has expired")
    if expires < now + _SHORTEST_LIFE:
        raise Refused("Ineffectual token, will expire within the next minute")
""",
        new="\n",
        breaks="A token is good for ever.",
        contracts=("JW-014",),
    ),
    Mutant(
        name="token-that-is-not-valid-yet",
        file="auth/tokens.py",
        old="if begins is None or begins > now + _LAG:",
        new="if begins is None:",
        breaks="A token is good before its time.",
        contracts=("JW-014",),
    ),
    Mutant(
        name="token-whose-signature-is-wrong",
        file="auth/tokens.py",
        old='                "verify_exp": False,\n',
        new='                "verify_signature": False,\n                "verify_exp": False,\n',
        breaks="Whoever can write JSON calls the agent as anybody.",
        contracts=("JW-024",),
    ),
    Mutant(
        name="token-beside-a-signature",
        file="auth/inbound.py",
        old="        if is_signed(call.headers, call.query):\n            raise AccessDeniedException(_MISMATCH)\n",
        new="",
        breaks="A runtime that takes tokens looks over a signature that is sent beside one.",
        contracts=("JW-004",),
    ),
    Mutant(
        name="token-instead-of-a-signature",
        file="auth/inbound.py",
        old="            if token is not None:\n                raise AccessDeniedException(_MISMATCH)\n",
        new="",
        breaks="A runtime that takes signatures takes any bearer token instead.",
        contracts=("JW-003",),
    ),
)
