"""`--verify-signatures`: every AWS request must be signed with the emulator's keys.

The signature is computed anew with botocore's own signer and compared. AWS documentation, "Signature Version 4 signing
process"; errors: as services of the same protocol (REST-JSON) answer.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from botocore.auth import UNSIGNED_PAYLOAD, SigV4Auth
from botocore.awsrequest import AWSRequest, HTTPHeaders
from botocore.credentials import Credentials
from starlette.requests import Request as HTTPRequest
from starlette.types import Message, Receive, Scope

from agentcore_emulator.clock import Clock
from agentcore_emulator.environment import KEY
from agentcore_emulator.errors import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
    ValidationException,
)

__all__ = ["LARGEST_BODY", "Signatures"]

LARGEST_BODY: Final = 100_000_000
"""Bytes of a body that is held in memory for its hash: AWS's own limit for InvokeAgentRuntime, the largest."""

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_TIME: Final = "%Y%m%dT%H%M%SZ"
_TIME_FORM: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")

# Seconds for which a signature holds; no presigned URL of AgentCore may hold for longer (SDK,
# `bedrock_agentcore/runtime/agent_core_runtime_client.py`).
_LONGEST: Final = 300
# S3 user guide, "Sharing objects with presigned URLs": seven days.
_LONGEST_OF_S3: Final = 7 * 24 * 3600

_WRONG: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_UNKNOWN_KEY: Final = "The security token included in the request is invalid."
_QUERY_SIGNATURE: Final = "X-Amz-Signature"


@dataclass(frozen=True)
class _Claim:
    """What a request says of its signature. `seconds` is for how long it holds."""

    key: str
    region: str
    service: str
    time: str
    signed_headers: Sequence[str]
    signature: str
    seconds: float = _LONGEST
    has_session_token: bool = False
    presigned: bool = False


class Signatures:
    """Checks requests against the emulator's keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._credentials = Credentials(KEY, KEY)

    async def check(self, scope: Scope, receive: Receive) -> Receive:
        """Refuse a request that is not signed, or not rightly; what is returned gives the body, as `receive` did.

        Raises `MissingAuthenticationTokenException`, `IncompleteSignatureException`, `UnrecognizedClientException`,
        `InvalidSignatureException`, and `ValidationException` for a body over `LARGEST_BODY`. Read for its hash is
        every body but one that is claimed to be `UNSIGNED-PAYLOAD`. Of S3 the chunks of a body that is coded
        `aws-chunked`, and the body of a presigned URL, are not looked at.
        """
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        claim = _claim(headers, scope["query_string"])
        if claim.key != KEY or claim.has_session_token:
            raise UnrecognizedClientException(_UNKNOWN_KEY)
        self._check_time(claim)
        claimed = headers.get("x-amz-content-sha256")
        if claimed is None and claim.service == "s3" and claim.presigned:
            body_hash = UNSIGNED_PAYLOAD
        elif claimed == UNSIGNED_PAYLOAD or (claimed and claim.service == "s3" and claimed.startswith("STREAMING-")):
            body_hash = claimed
        else:
            body = await _held(scope, receive, headers)
            body_hash = hashlib.sha256(body).hexdigest()
            receive = _replayed(body, receive)
        if claimed not in (None, body_hash) or not self._is_right(claim, scope, headers, body_hash):
            raise InvalidSignatureException(_WRONG)
        return receive

    def _check_time(self, claim: _Claim) -> None:
        try:
            if not _TIME_FORM.fullmatch(claim.time):
                raise ValueError
            signed = datetime.strptime(claim.time, _TIME).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise IncompleteSignatureException(
                f"Date must be in ISO-8601 'basic format'. Got '{claim.time:.40}'."
            ) from None
        now = self._clock.time()
        # A client signs in real time, whatever the emulator's clock shows, and an agent under --guest-time by just that
        # clock. Of a second that an advance fell into, a stamp is counted as after it.
        age = min(now - signed, now - self._clock.at(signed + 1), key=abs)
        if age > claim.seconds:
            raise InvalidSignatureException(_out_of_time("Signature expired", claim.time, now, -claim.seconds))
        if age < -_LONGEST:
            raise InvalidSignatureException(_out_of_time("Signature not yet current", claim.time, now, _LONGEST))

    def _is_right(self, claim: _Claim, scope: Scope, headers: Mapping[str, str], body_hash: str) -> bool:
        host = headers.get("host", "")
        # The SDK signs its WebSocket URLs without the port.
        for signed_host in (host, re.sub(r":[0-9]+$", "", host)):
            signer = _Signer(self._credentials, claim, {**headers, "host": signed_host}, body_hash)
            if hmac.compare_digest(signer.expected(scope).encode(), claim.signature.encode()):
                return True
        return False


class _Signer(SigV4Auth):
    """Signs what a client claims to have signed."""

    def __init__(self, credentials: Credentials, claim: _Claim, headers: Mapping[str, str], body_hash: str) -> None:
        super().__init__(credentials, claim.service, claim.region)
        self._claim = claim
        self._headers = headers
        self._body_hash = body_hash

    def expected(self, scope: Scope) -> str:
        """The signature that the request ought to have."""
        pieces = scope["query_string"].decode("latin-1").split("&")
        query = "&".join(piece for piece in pieces if not piece.startswith(f"{_QUERY_SIGNATURE}="))
        # The host is taken from the headers. A URL with the client's own could be none.
        request: Any = AWSRequest(scope["method"], f"http://emulator{scope['raw_path'].decode('latin-1')}?{query}")
        request.context["timestamp"] = self._claim.time
        return str(self.signature(self.string_to_sign(request, self.canonical_request(request)), request))

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        """Those that the client names, and no others."""
        picked = HTTPHeaders()
        for name in self._claim.signed_headers:
            if name in self._headers:
                picked[name] = self._headers[name]
        return picked

    def _normalize_url_path(self, path: str) -> str:
        # As botocore's S3SigV4Auth: keys are signed as they are sent.
        return path if self._claim.service == "s3" else str(super()._normalize_url_path(path))  # type: ignore[misc]

    def payload(self, request: AWSRequest) -> str:
        """The body's hash, which is known."""
        return self._body_hash


def _claim(headers: Mapping[str, str], query_string: bytes) -> _Claim:
    """Read what a request says of its signature, in its headers or else in its URL."""
    authorization = headers.get("authorization", "").strip()
    query = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    if authorization:
        scheme, _, rest = authorization.partition(" ")
        parts = {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in rest.split(","))}
        time, prefix, seconds = headers.get("x-amz-date", ""), "", str(_LONGEST)
        token = "x-amz-security-token" in headers
    elif _QUERY_SIGNATURE in query:
        parts, prefix, scheme = query, "X-Amz-", query.get("X-Amz-Algorithm", "")
        time, seconds = query.get("X-Amz-Date", ""), query.get("X-Amz-Expires", "")
        token = "X-Amz-Security-Token" in query
    else:
        raise MissingAuthenticationTokenException("Missing Authentication Token")
    where = "The URL" if prefix else "Authorization header"
    if scheme != _ALGORITHM:
        raise IncompleteSignatureException(f"{where} requires the algorithm '{_ALGORITHM}'.")
    values = []
    for name in ("Credential", "Signature", "SignedHeaders"):
        values.append(parts.get(prefix + name, ""))
        if not values[-1]:
            raise IncompleteSignatureException(f"{where} requires '{prefix}{name}' parameter.")
    credential, signature, names = values
    if not time:
        raise IncompleteSignatureException(f"{where} requires existence of 'X-Amz-Date'.")
    if not re.fullmatch(r"[0-9]{1,9}", seconds):
        raise IncompleteSignatureException("X-Amz-Expires should be a number of seconds.")
    key, *rest_of_scope = credential.rsplit("/", 4)
    if len(rest_of_scope) != 4 or rest_of_scope[3] != "aws4_request":
        raise IncompleteSignatureException("Credential must have exactly 5 slash-delimited elements.")
    signed = names.lower().split(";")
    if "host" not in signed:
        raise InvalidSignatureException("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    _, region, service, _ = rest_of_scope
    longest = _LONGEST_OF_S3 if service == "s3" else _LONGEST
    return _Claim(key, region, service, time, signed, signature, min(int(seconds), longest), token, prefix != "")


def _out_of_time(what: str, stamp: str, now: float, by: float) -> str:
    shown, limit = (datetime.fromtimestamp(moment, UTC).strftime(_TIME) for moment in (now, now + by))
    than = "is now earlier than" if by < 0 else "is still later than"
    return f"{what}: {stamp} {than} {limit} ({shown} {'-' if by < 0 else '+'} {abs(by) / 60:g} min.)"


async def _held(scope: Scope, receive: Receive, headers: Mapping[str, str]) -> bytes:
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return b""
    pieces: list[bytes] = []
    size = 0
    async for piece in HTTPRequest(scope, receive).stream():
        size += len(piece)
        if size > LARGEST_BODY:
            raise ValidationException(
                f"The request body is larger than {LARGEST_BODY} bytes, which is as much as a signature is checked of",
                reason="CannotParse",
            )
        pieces.append(piece)
    return b"".join(pieces)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
