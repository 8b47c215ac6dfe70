"""Decides who may call an agent runtime: whoever signs, or, with a `customJWTAuthorizer`, whoever has a token.

A runtime takes one of the two, never both (AWS developer guide, "Authenticate and authorize with Inbound Auth").
Statuses and texts are those that people report of deployed runtimes, where they do.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from agentcore_emulator.auth.authorizer import Authorizer
from agentcore_emulator.auth.bearer import bearer_token, is_signed
from agentcore_emulator.auth.issuer import Issuer
from agentcore_emulator.auth.provider import Provider, Unreachable
from agentcore_emulator.auth.resource import unauthorized
from agentcore_emulator.beginning import Beginning
from agentcore_emulator.call import Call
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import AccessDeniedException, ValidationException
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.front import Caller

if TYPE_CHECKING:
    from agentcore_emulator.auth.signatures import Signatures

__all__ = ["Inbound"]

_log = logging.getLogger(__name__)

_USER: Final = "x-amzn-bedrock-agentcore-runtime-user-id"

# SDK, `bedrock_agentcore/runtime/models.py`: the name that it reads, and the one that it reads first since 1.21.
_WORKLOAD_TOKEN: Final = ("workloadaccesstoken", "x-amz-bedrock-agentcore-identity-wat")

_MISMATCH: Final = (
    "Authorization method mismatch. The agent is configured for a different authorization method than what was used in "
    "your request. Check the agent's authorization configuration and ensure your request uses the matching method "
    "(OAuth or SigV4)"
)


class Inbound:
    """Admits callers. Without `signatures` those of SigV4 are not checked; `aws` allows issuers at real AWS."""

    def __init__(self, issuer: Issuer, clock: Clock, *, signatures: Signatures | None, aws: bool) -> None:
        self._issuer = issuer
        self._clock = clock
        self._signatures = signatures
        self._aws = aws
        self._providers: dict[str, Provider] = {}

    async def admit(self, runtime: AgentRuntime, call: Call) -> Caller:
        """The caller, with a workload access token for the agent if it is known for whom it calls.

        Raises `UnauthorizedException` for a token that is missing or not good enough, `AccessDeniedException` for one
        that is none and for the wrong kind of credentials, `ValidationException` for a user id beside a token, and
        what `Signatures.check` does. A token that a page has brought as a subprotocol becomes the call's Authorization
        header.
        """
        token = bearer_token(call.headers)
        if runtime.authorizer is None:
            if token is not None:
                raise AccessDeniedException(_MISMATCH)
            if self._signatures is not None:
                call.receive = Beginning(await self._signatures.check(call.scope, call.receive))
            return _caller(known=_USER in call.headers)
        if is_signed(call.headers, call.query):
            raise AccessDeniedException(_MISMATCH)
        if token is None:
            raise unauthorized(runtime, call, "Missing Authentication Token")
        if _USER in call.headers:
            raise ValidationException(
                "X-Amzn-Bedrock-AgentCore-Runtime-User-Id goes with signed requests; a token itself says who calls",
                fields=[("runtimeUserId", "must not be sent with a bearer token")],
            )
        await self._check(runtime, runtime.authorizer, call, token)
        call.headers = {**call.headers, "authorization": f"Bearer {token}"}
        return _caller(known=True)

    async def _check(self, runtime: AgentRuntime, authorizer: Authorizer, call: Call, text: str) -> None:
        # A tenth of a second, for those alone who have an authorizer.
        from agentcore_emulator.auth import tokens

        def log(why: str) -> None:
            _log.warning("[%s] the token of a call of %s is refused: %s", runtime.name, call.operation.name, why)

        try:
            token = tokens.read(text)
            claims = await self._claims(authorizer, token)
            unmet = authorizer.unmet(claims)
            if unmet is not None:
                log(f"its {unmet} is {claims.get(unmet)!r:.200}")
                raise unauthorized(runtime, call, _mismatch(unmet))
        except tokens.Unreadable:
            log("it is no JSON Web Token")
            raise AccessDeniedException("OAuth authorization failed: Failed to parse token") from None
        except tokens.Refused as refused:
            log(str(refused))
            raise unauthorized(runtime, call, str(refused)) from None
        except Unreachable as unreachable:
            log(str(unreachable))
            raise AccessDeniedException(
                "OAuth authorization failed: the keys of the token's issuer cannot be had; the emulator's log says why"
            ) from None

    async def _claims(self, authorizer: Authorizer, token: Any) -> Mapping[str, Any]:
        """The claims of a token of the built-in issuer or of the authorizer's, whose signature and times are right."""
        from agentcore_emulator.auth import tokens

        key = await self._issuer.key(token.key_id)
        if key is not None:
            # Its URL may have changed since, and only it has the key.
            claims = tokens.verified(token, key)
            tokens.check_times(claims, self._clock.time())
            return claims
        provider = self._providers.get(authorizer.discovery_url)
        if provider is None:
            provider = Provider(authorizer.discovery_url, self._clock, aws=self._aws)
            self._providers[authorizer.discovery_url] = provider
        key = await provider.key(token.key_id)
        if key is None:
            raise tokens.Refused("Token is signed with a key that its issuer does not have")
        claims = tokens.verified(token, key)
        if claims.get("iss") != provider.issuer:
            raise tokens.Refused(_mismatch("iss"))
        # Another issuer knows nothing of the emulator's clock.
        tokens.check_times(claims, self._clock.real())
        return claims


def _mismatch(claim: str) -> str:
    return f"Claim '{claim}' value mismatch with configuration."


def _caller(*, known: bool) -> Caller:
    """A caller; for a known one AWS gets an opaque token from AgentCore Identity, whose place a random one takes."""
    if not known:
        return Caller()
    workload_token = secrets.token_urlsafe(96)
    return Caller([(name, workload_token) for name in _WORKLOAD_TOKEN])
