"""What a runtime's `customJWTAuthorizer` asks of a token.

Members: botocore's `bedrock-agentcore-control` model, `CustomJWTAuthorizerConfiguration`; rules: AWS developer guide,
"Configure inbound JWT authorizer".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["WELL_KNOWN", "Authorizer", "ClaimRule"]

WELL_KNOWN: Final = re.compile(r"/\.well-known/(?:openid-configuration|oauth-authorization-server)")
"""What a discovery URL has after its issuer's host (OpenID Connect: after the issuer's path)."""


@dataclass(frozen=True)
class ClaimRule:
    """A claim that must equal the one string of `values`, or, as an `array`, hold at least one of them."""

    name: str
    values: tuple[str, ...]
    array: bool = False

    def met_by(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token with these claims may pass."""
        value = claims.get(self.name)
        if self.array:
            return isinstance(value, list) and any(wanted in value for wanted in self.values)
        return isinstance(value, str) and value in self.values


@dataclass(frozen=True, kw_only=True)
class Authorizer:
    """A `customJWTAuthorizer`. Of each member that is not empty a token must meet one value, of `claims` all rules.

    `advertised` has the names under which clients are told of scopes, where those differ.
    """

    discovery_url: str
    audience: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    claims: tuple[ClaimRule, ...] = ()
    advertised: Mapping[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """The issuer that the discovery URL belongs to (RFC 8414, section 3: its path may stand on either side)."""
        before, *after = WELL_KNOWN.split(self.discovery_url, maxsplit=1)
        return before + "".join(after)

    @property
    def advertised_scopes(self) -> list[str]:
        """The scopes as clients are told of them."""
        return [self.advertised.get(scope, scope) for scope in self.scopes]

    def unmet(self, claims: Mapping[str, Any]) -> str | None:
        """The name of the first claim that keeps a token out; None if it may pass.

        Observed on deployed runtimes: a client is looked for in `client_id` alone, and scopes in `scp` too, as Entra
        ID calls them.
        """
        return next(self._unmet(claims), None)

    def example(self) -> dict[str, Any]:
        """Claims that may pass."""
        found: dict[str, Any] = {rule.name: [rule.values[0]] if rule.array else rule.values[0] for rule in self.claims}
        if self.audience:
            found["aud"] = self.audience[0]
        if self.clients:
            found["client_id"] = self.clients[0]
        if self.scopes:
            found["scope"] = self.scopes[0]
        return found

    def _unmet(self, claims: Mapping[str, Any]) -> Iterator[str]:
        if self.audience and not _in_common(self.audience, claims.get("aud")):
            yield "aud"
        if self.clients and claims.get("client_id") not in self.clients:
            yield "client_id"
        if self.scopes and not any(_in_common(self.scopes, claims.get(name), apart=True) for name in ("scope", "scp")):
            yield "scope"
        yield from (rule.name for rule in self.claims if not rule.met_by(claims))


def _in_common(allowed: tuple[str, ...], value: Any, *, apart: bool = False) -> bool:
    """Whether a claim's value, a string or several, holds one of `allowed`; `apart` says that blanks part a string."""
    if isinstance(value, str):
        value = value.split() if apart else [value]
    return isinstance(value, list) and any(wanted in value for wanted in allowed)
