"""Reads a `customJWTAuthorizer` as the starter toolkit keeps it, which is the form that the control plane takes.

Members, patterns and limits: botocore's `bedrock-agentcore-control` model, `CustomJWTAuthorizerConfiguration`. Every
complaint names the file and the line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from agentcore_emulator.auth.authorizer import Authorizer, ClaimRule
from agentcore_emulator.located_yaml import Node

__all__ = ["read"]

_DISCOVERY_URL: Final = re.compile(
    r"https?://[^\s?#/]+(/[^\s?#]+)?/\.well-known/(openid-configuration|oauth-authorization-server)(/[^\s?#]+)?"
)
_ANY: Final = re.compile(r".+", re.DOTALL)
_SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,255}")
_CLAIM: Final = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
_VALUE: Final = re.compile(r"[A-Za-z0-9_.-]{1,255}")

_LISTS: Final = {"allowedAudience": _ANY, "allowedClients": _ANY, "allowedScopes": _SCOPE}
# AWS developer guide, "Configure inbound JWT authorizer": one of these is required.
_ONE_OF: Final = (*_LISTS, "customClaims")
# By which way AWS reaches the issuer. The emulator reaches it from this machine.
_UNUSED: Final = ("privateEndpoint", "privateEndpointOverrides", "certificateConfigurations")
_MEMBERS: Final = ("discoveryUrl", *_ONE_OF, "advertisedScopeMapping", "allowedWorkloadConfiguration", *_UNUSED)

_MOST_ADVERTISED: Final = 50

# The operators of a claim's type, each with the member that holds its value (AWS developer guide, same page).
_OPERATORS: Final = {
    "STRING": {"EQUALS": "matchValueString"},
    "STRING_ARRAY": {"CONTAINS": "matchValueString", "CONTAINS_ANY": "matchValueStringList"},
}


def read(configuration: Node) -> Authorizer | None:
    """The authorizer of an agent's `authorizer_configuration`, None if it has none. Raises `ProjectError`."""
    _known(configuration, ("customJWTAuthorizer",))
    node = configuration["customJWTAuthorizer"]
    if node.value is None:
        return None
    _known(node, _MEMBERS)
    url = node["discoveryUrl"]
    text = url.text()
    if text is None:
        raise url.error("is missing; it names the issuer's OpenID Connect discovery document")
    if not _DISCOVERY_URL.fullmatch(text):
        raise url.error(f"{text!r} is not a URL that ends in /.well-known/openid-configuration")
    workloads = node["allowedWorkloadConfiguration"]
    if workloads.value is not None:
        raise workloads.error("is for calls by way of AgentCore Gateway, which the emulator does not have; take it out")
    if all(node[name].value is None for name in _ONE_OF):
        raise node.error(f"AgentCore asks for at least one of {', '.join(_ONE_OF)}")
    audience, clients, scopes = (_texts(node[name], form) for name, form in _LISTS.items())
    return Authorizer(
        discovery_url=text,
        audience=audience,
        clients=clients,
        scopes=scopes,
        claims=tuple(_rule(element) for element in _elements(node["customClaims"])),
        advertised=_advertised(node["advertisedScopeMapping"], scopes),
    )


def _known(node: Node, names: Sequence[str]) -> None:
    for key, child in node.items():
        if key not in names:
            near = get_close_matches(key, names, n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise child.error(f"AgentCore has no such setting{hint}")


def _elements(node: Node) -> tuple[Node, ...]:
    if node.value is None:
        return ()
    if not isinstance(node.value, list) or not node.value:
        raise node.error("is not a list that holds something")
    return node.elements


def _texts(node: Node, form: re.Pattern[str]) -> tuple[str, ...]:
    return tuple(_text(element, form) for element in _elements(node))


def _text(node: Node, form: re.Pattern[str]) -> str:
    text = node.text()
    if text is None:
        raise node.error("is missing")
    if not form.fullmatch(text):
        raise node.error(f"{text!r} is not of the form that AgentCore takes: {form.pattern}")
    return text


def _chosen(node: Node, names: Sequence[str]) -> str:
    text = node.text()
    if text is None or text not in names:
        raise node.error(f"{text!r} is not one of {', '.join(names)}")
    return text


def _rule(node: Node) -> ClaimRule:
    _known(node, ("inboundTokenClaimName", "inboundTokenClaimValueType", "authorizingClaimMatchValue"))
    match = node["authorizingClaimMatchValue"]
    _known(match, ("claimMatchValue", "claimMatchOperator"))
    kind = _chosen(node["inboundTokenClaimValueType"], tuple(_OPERATORS))
    operator = _chosen(match["claimMatchOperator"], tuple(_OPERATORS[kind]))
    member = _OPERATORS[kind][operator]
    value = match["claimMatchValue"]
    _known(value, (member,))
    single = member == "matchValueString"
    values = (_text(value[member], _VALUE),) if single else _texts(value[member], _VALUE)
    if not values:
        raise value[member].error("is missing")
    return ClaimRule(_text(node["inboundTokenClaimName"], _CLAIM), values, array=kind == "STRING_ARRAY")


def _advertised(node: Node, scopes: Sequence[str]) -> dict[str, str]:
    items = node.items()
    if len(items) > _MOST_ADVERTISED:
        raise node.error(f"it holds {len(items)} scopes, and AgentCore takes {_MOST_ADVERTISED}")
    for scope, child in items:
        if scope not in scopes:
            raise child.error(f"{scope!r} is not one of allowedScopes")
    return {scope: _text(child, _SCOPE) for scope, child in items}
