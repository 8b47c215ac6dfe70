"""Which of a caller's headers an agent may ask to be given.

Source: AWS developer guide, page "runtime-header-allowlist", and `RequestHeaderAllowlist` of botocore's
`bedrock-agentcore-control` model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["MAX_NAMES", "RESTRICTED", "check_name", "check_names"]

MAX_NAMES: Final = 20

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,255}")
_CUSTOM_PREFIX: Final = "x-amzn-bedrock-agentcore-runtime-custom-"
# The one `x-amz-` name that the runtime hands to agents: the workload's identity token.
_IDENTITY_TOKEN: Final = "x-amz-bedrock-agentcore-identity-wat"  # noqa: S105 - a header's name

RESTRICTED: Final = frozenset(
    name
    for group in (
        # authentication, content, caching
        "proxy-authorization www-authenticate accept accept-charset accept-encoding accept-language",
        "content-type content-length content-encoding content-language content-location content-range",
        "cache-control etag expires if-match if-modified-since if-none-match if-range if-unmodified-since",
        "last-modified pragma vary",
        # the connection and the request's context
        "connection keep-alive proxy-connection upgrade host user-agent referer from range accept-ranges",
        "transfer-encoding te trailer server date location retry-after set-cookie cookie link",
        # browser security and cross-origin rules
        "content-security-policy content-security-policy-report-only strict-transport-security",
        "x-content-type-options x-frame-options x-xss-protection referrer-policy permissions-policy",
        "cross-origin-embedder-policy cross-origin-opener-policy cross-origin-resource-policy origin",
        "access-control-allow-origin access-control-allow-methods access-control-allow-headers",
        "access-control-allow-credentials access-control-expose-headers access-control-max-age",
        "access-control-request-method access-control-request-headers",
        # client hints and proposals
        "accept-ch accept-ch-lifetime dpr width viewport-width downlink ect rtt save-data clear-site-data",
        "feature-policy expect-ct public-key-pins public-key-pins-report-only",
        # proxies, spoofable addresses, content delivery networks
        "via forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip x-requested-with x-csrf-token",
        "true-client-ip x-client-ip x-cluster-client-ip x-originating-ip x-source-ip x-original-url",
        "x-original-host x-rewrite-url cf-ray cf-connecting-ip x-amz-cf-id x-cache x-served-by",
        # WebSocket
        "sec-websocket-key sec-websocket-accept sec-websocket-version sec-websocket-protocol",
        "sec-websocket-extensions",
    )
    for name in group.split()
)


def check_name(name: str, *, jwt: bool) -> str:
    """The name in lower case; `jwt` says that the agent has a `customJWTAuthorizer`.

    Raises ValueError with the end of a sentence that begins with the name.
    """
    lower = name.lower()
    if not _NAME.fullmatch(name):
        raise ValueError("is not a header name: a letter, then up to 255 letters, digits, '-' or '_'")
    if lower == "authorization" and not jwt:
        raise ValueError("may be allowed only with a customJWTAuthorizer in authorizer_configuration")
    reserved = lower.startswith("x-amz-") and lower != _IDENTITY_TOKEN
    reserved |= lower.startswith("x-amzn-") and not lower.startswith(_CUSTOM_PREFIX)
    if reserved or lower in RESTRICTED:
        raise ValueError("is a header that AgentCore never passes to an agent")
    return lower


def check_names(names: Sequence[str]) -> None:
    """The rules for the list as a whole: 1 to 20 names, none twice. Raises ValueError with a sentence."""
    if not 1 <= len(names) <= MAX_NAMES:
        raise ValueError(f"it holds {len(names)} names, and AgentCore takes 1 to {MAX_NAMES}")
    lower = [name.lower() for name in names]
    for name in names:
        if lower.count(name.lower()) > 1:
            raise ValueError(f"it holds {name!r} twice (case does not count)")
