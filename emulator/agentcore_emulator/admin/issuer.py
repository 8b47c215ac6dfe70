"""The built-in issuer, by the admin API: what identity providers publish of themselves, and tokens to order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from agentcore_emulator.admin.body import BadRequest, read_object
from agentcore_emulator.auth.issuer import PATH, Issuer
from agentcore_emulator.auth.resource import base_url
from agentcore_emulator.runtime.agents import Agents

__all__ = ["issuer_routes"]

_MEMBERS: Final = ("runtime", "audience", "client_id", "scopes", "claims", "subject", "expires_in")

_LIFETIME: Final = 3600
_LONGEST_LIFETIME: Final = 10 * 365 * 86_400
_SUBJECT: Final = "local-user"

# RFC 6749, section 5.1, of answers that hold a token.
_NOT_KEPT: Final = {"cache-control": "no-store"}


def issuer_routes(issuer: Issuer, agents: Agents) -> list[BaseRoute]:
    """The routes below `/issuer`."""

    async def get_configuration(request: Request) -> JSONResponse:
        """`GET /issuer/.well-known/openid-configuration`: the discovery document."""
        url = _url(request)
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks.json",
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def get_key_set(_: Request) -> JSONResponse:
        """`GET /issuer/jwks.json`: the public keys."""
        return JSONResponse(await issuer.key_set())

    async def rotate(request: Request) -> JSONResponse:
        """`POST /issuer/rotate {"drop": false}`: sign with a new key; with `drop`, tokens of the old ones are bad."""
        drop = (await read_object(request)).get("drop", False)
        if not isinstance(drop, bool):
            raise BadRequest("'drop' is true or false")
        return JSONResponse({"kid": await issuer.rotate(drop=drop)})

    async def mint(request: Request) -> JSONResponse:
        """`POST /issuer/token`: a token that `runtime` accepts, the default one without a name.

        `audience`, `client_id` and `scopes` go before what the runtime asks for, null and an empty list leave a claim
        out; `claims` go before everything. `expires_in` is in seconds, and may be negative.
        """
        asked = await read_object(request)
        for name in asked:
            if name not in _MEMBERS:
                raise BadRequest(f"{name!r} is not one of {', '.join(_MEMBERS)}")
        lifetime = _lifetime(asked.get("expires_in", _LIFETIME))
        claims = {"sub": _SUBJECT, **_example(agents, asked.get("runtime")), **_claims(asked)}
        wanted = {name: value for name, value in claims.items() if value is not None}
        try:
            token = await issuer.mint(_url(request), lifetime, wanted)
        except ValueError as error:
            raise BadRequest(str(error)) from None
        return JSONResponse(
            {"access_token": token, "token_type": "Bearer", "expires_in": lifetime}, 201, headers=_NOT_KEPT
        )

    return [
        Route("/issuer/.well-known/openid-configuration", get_configuration),
        Route("/issuer/jwks.json", get_key_set),
        Route("/issuer/rotate", rotate, methods=["POST"]),
        Route("/issuer/token", mint, methods=["POST"]),
    ]


def _url(request: Request) -> str:
    return base_url(request.scope) + PATH


def _lifetime(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LONGEST_LIFETIME:
        raise BadRequest(f"'expires_in' is a whole number of seconds, up to {_LONGEST_LIFETIME}")
    return value


def _example(agents: Agents, name: Any) -> dict[str, Any]:
    """Claims that a runtime accepts."""
    runtime = next((agent.runtime for agent in agents if name in (None, agent.runtime.name)), None)
    if runtime is None:
        raise BadRequest(f"there is no agent runtime {name!r}")
    return runtime.authorizer.example() if runtime.authorizer is not None else {}


def _claims(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The claims that are asked for by name. None stands for one that is to be left out."""
    claims: dict[str, Any] = {}
    for member, claim in (("client_id", "client_id"), ("subject", "sub")):
        if member in asked:
            claims[claim] = asked[member]
            if not isinstance(asked[member], str | None):
                raise BadRequest(f"{member!r} is a text")
    if "audience" in asked:
        audience = asked["audience"] if isinstance(asked["audience"], str) else _texts(asked, "audience")
        claims["aud"] = audience or None
    if "scopes" in asked:
        claims["scope"] = " ".join(_texts(asked, "scopes")) or None
    extra = asked.get("claims") or {}
    if not isinstance(extra, dict):
        raise BadRequest("'claims' is an object of claims")
    return {**claims, **extra}


def _texts(asked: Mapping[str, Any], member: str) -> list[str]:
    values: Any = asked[member] or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadRequest(f"{member!r} is a list of texts")
    return values
