"""`--passthrough`: requests for chosen services go to real AWS, signed anew with the developer's own credentials.

Clients and agents keep the emulator's fake credentials. Head and body are relayed as bytes in both directions, so an
event stream arrives piece by piece and an error as AWS worded it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import httpx
from botocore.auth import AUTH_TYPE_MAPS, BaseSigner, BearerAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.tokens import FrozenAuthToken
from starlette.types import Receive, Scope, Send

from agentcore_emulator.errors import AccessDeniedException, ServiceUnavailableException, ValidationException

__all__ = ["LARGEST_BODY", "Passthrough"]

_log = logging.getLogger(__name__)

# A signature covers the whole body, so that is held in memory. AWS's own limit for InvokeAgentRuntime, the largest.
LARGEST_BODY = 100_000_000

# What belongs to one connection (RFC 9110, section 7.6.1) or to the signature that is replaced.
_DROPPED = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade expect host content-length authorization date x-amz-date x-amz-security-token "
    b"x-amz-content-sha256".split()
)
# The server in front sets a date of its own; two would be read as none.
_DROPPED_FROM_ANSWER = frozenset(
    b"connection keep-alive proxy-authenticate te trailer transfer-encoding upgrade date".split()
)

# RFC 9110, section 7.6.3: how a proxy notices that it talks to itself.
_VIA = b"1.1 agentcore-emulator"

_Lines = list[tuple[bytes, bytes]]


class Passthrough:
    """Relays requests for `services` (botocore's names, such as `bedrock-runtime`) to AWS.

    Nothing of botocore's session is touched before the first request: profiles, SSO and credential processes are asked
    only by those who want this. Where to send comes from botocore's own client for the service, and so honours
    `AWS_ENDPOINT_URL_<SERVICE>` and the profile's settings.
    """

    def __init__(self, services: frozenset[str]) -> None:
        self._services = services
        self._lock = asyncio.Lock()
        self._developer: _Developer | None = None

    def __contains__(self, service: object) -> bool:
        return service in self._services

    async def __call__(self, service: str, region: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Relay one request, as an ASGI app.

        Raises, before anything was sent to the client: `AccessDeniedException` when there are no usable credentials,
        `ServiceUnavailableException` when AWS cannot be reached, `ValidationException` for a body over `LARGEST_BODY`.
        """
        body = await _body(receive)
        if body is None:
            return
        http, request = await self._signed(service, region, scope, body)
        relay = asyncio.ensure_future(_relay(service, http, request, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            # A client that goes away ends the call, since somebody pays for it.
            await asyncio.wait({relay, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = relay.done()
            relay.cancel()
            gone.cancel()
            await asyncio.gather(relay, gone, return_exceptions=True)
        if finished:
            relay.result()

    async def close(self) -> None:
        """Close the connections to AWS."""
        if self._developer is not None:
            await self._developer.http.aclose()

    async def _signed(
        self, service: str, region: str, scope: Scope, body: bytes
    ) -> tuple[httpx.AsyncClient, httpx.Request]:
        try:
            # One at a time: neither a botocore session nor what it asks for credentials likes threads.
            async with self._lock:
                if self._developer is None:
                    self._developer = await asyncio.to_thread(_Developer)
                developer = self._developer
                endpoint, signer = await asyncio.to_thread(developer.signer, service, region)
            if any(name == b"via" and _VIA in value for name, value in scope["headers"]):
                raise AccessDeniedException(
                    f"{service} is passed through to {endpoint}, which is this emulator itself; unset AWS_ENDPOINT_URL "
                    "and HTTPS_PROXY in the shell that starts it"
                )
            return developer.http, await asyncio.to_thread(_sign, signer, endpoint, scope, body)
        except (BotoCoreError, OSError, ValueError) as error:
            # An endpoint that is no URL is a ValueError, a bundle of certificates that is not there an OSError.
            raise AccessDeniedException(
                f"{service} cannot be passed through to AWS with the settings of the shell that started the "
                f"emulator: {error}; set AWS_PROFILE or keys there, or leave out --passthrough {service}"
            ) from error


class _Developer:
    """The session of whoever started the emulator. Made in a thread, as it reads files and loads certificates."""

    def __init__(self) -> None:
        # Here, in the thread: a tenth of a second.
        from botocore.session import Session

        self._session = Session()
        bundle = self._session.get_config_variable("ca_bundle")
        self.http = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=bundle) if bundle else True,
            # Only the client knows how long a model may take, and goes away when that is over.
            timeout=httpx.Timeout(None, connect=10),
            limits=httpx.Limits(max_connections=None),
        )
        self._endpoints: dict[tuple[str, str], tuple[str, str, str]] = {}

    def signer(self, service: str, region: str) -> tuple[str, BaseSigner]:
        """Where a service's requests go, and what signs them. Blocks, perhaps on the network, as botocore does."""
        if (service, region) not in self._endpoints:
            client = self._session.create_client(service, region_name=region)
            version: str = client.meta.config.signature_version  # type: ignore[attr-defined]  # not in the stubs
            self._endpoints[service, region] = client.meta.endpoint_url, client.meta.service_model.signing_name, version
        endpoint, signing_name, version = self._endpoints[service, region]
        # botocore prefers a Bedrock API key over all other credentials, and knows such keys for no other service.
        key = os.environ.get("AWS_BEARER_TOKEN_BEDROCK") if signing_name == "bedrock" else None
        if key:
            return endpoint, BearerAuth(FrozenAuthToken(key))  # type: ignore[arg-type]  # the stubs say str
        credentials = self._session.get_credentials()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
        scheme: Callable[..., BaseSigner] = AUTH_TYPE_MAPS[version]
        return endpoint, scheme(frozen, signing_name, region)


class _ExactURL(httpx.URL):
    """A URL whose path and query go on as they came; httpx would write them its own way.

    Its extension `target` would do the same, but also to the CONNECT that is sent to a proxy on the way.
    """

    def __init__(self, endpoint: str, target: bytes) -> None:
        super().__init__(endpoint)
        self._target = target

    @property
    def raw_path(self) -> bytes:
        """What stands in the request line."""
        return self._target


def _sign(signer: BaseSigner, endpoint: str, scope: Scope, body: bytes) -> httpx.Request:
    """The same request to `endpoint`, signed. The path goes on exactly as it came."""
    base = urlsplit(endpoint)
    asked = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    target = base.path.rstrip("/").encode("latin-1") + asked
    signed = AWSRequest(scope["method"], f"{base.scheme}://{base.netloc}{target.decode('latin-1')}", data=body)
    others: _Lines = []
    for name, value in _without(scope["headers"], _DROPPED):
        # All that SigV4 asks for. Anything else may be changed by a proxy on the way.
        if name == b"content-type" or name.startswith(b"x-amz-"):
            signed.headers.add_header(name.decode("latin-1"), value.decode("latin-1"))
        else:
            others.append((name, value))
    signer.add_auth(signed)
    others += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in signed.headers.items()]
    others.append((b"via", _VIA))
    request = httpx.Request(scope["method"], endpoint, headers=others, content=body)
    request.url = _ExactURL(endpoint, target)
    return request


async def _relay(service: str, http: httpx.AsyncClient, request: httpx.Request, send: Send) -> None:
    try:
        response = await http.send(request, stream=True)
    except httpx.TransportError as error:
        raise ServiceUnavailableException(
            f"{service} cannot be reached at {request.url.host} ({str(error) or type(error).__name__}); check the "
            f"network, or leave out --passthrough {service}"
        ) from error
    try:
        headers = _without(response.headers.raw, _DROPPED_FROM_ANSWER)
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        async for piece in response.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except httpx.TransportError as error:
        # No last piece: the server in front then cuts the client's connection, as AWS's was.
        _log.error("the answer of %s was cut off: %s", service, error or type(error).__name__)
        return
    finally:
        await response.aclose()
    await send({"type": "http.response.body", "body": b""})


def _without(lines: Iterable[tuple[bytes, bytes]], dropped: frozenset[bytes]) -> _Lines:
    """Header lines with lower-case names, less those dropped and those that the Connection header names."""
    lowered = [(name.lower(), value) for name, value in lines]
    named = {part.strip().lower() for name, value in lowered if name == b"connection" for part in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in dropped and name not in named]


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when the client goes away before its end."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > LARGEST_BODY:
            raise ValidationException(
                f"The request body is larger than {LARGEST_BODY} bytes, which is as much as can be passed through",
                reason="CannotParse",
            )
        if not message.get("more_body"):
            return b"".join(pieces)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
