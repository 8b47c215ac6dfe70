"""How an error of `InvokeAgentRuntime` goes back to a client of each protocol.

AWS developer guide, the error tables of "MCP protocol contract", "A2A protocol contract" and "AG-UI protocol contract".
Their texts say nothing of the reason, which is in the emulator's log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from agentcore_emulator import errors
from agentcore_emulator.config import Protocol
from agentcore_emulator.wire import body as json_body
from agentcore_emulator.wire.request import Answer
from agentcore_emulator.wire.service import error_answer

__all__ = ["answer"]


class _Wording(NamedTuple):
    """The code that stands in the envelope, the HTTP status around it, the text."""

    code: int | str
    status: int
    text: str


_EXISTS = "Resource conflict - Resource already exists"
_BUSY = "Session operation in progress, please retry"

_MCP_RATE = _Wording(-32003, 200, "Rate limit exceeded - Too many requests")
_A2A_RATE = _Wording(-32053, 429, "Rate limit exceeded - Too many requests")

# By protocol; what is not listed is worded as under AWSError, "any other exception". None is AWS's own form.
_WORDINGS: Mapping[str, Mapping[type[errors.AWSError], _Wording | None]] = {
    "MCP": {
        errors.UnauthorizedException: _Wording(-32001, 401, "Authentication error - Invalid credentials"),
        errors.AccessDeniedException: _Wording(-32002, 403, "Authorization error - Insufficient permissions"),
        errors.ThrottlingException: _MCP_RATE,
        errors.ServiceQuotaExceededException: _MCP_RATE,
        errors.ResourceNotFoundException: _Wording(
            -32004, 200, "Resource not found - Requested resource does not exist"
        ),
        errors.ConflictException: _Wording(-32005, 200, _EXISTS),
        errors.RetryableConflictException: _Wording(-32005, 200, _BUSY),
        errors.ValidationException: _Wording(-32006, 200, "Validation error - Invalid request data"),
        errors.RuntimeClientError: _Wording(
            -32010, 200, "Tool execution error - Please check your CloudWatch logs for more information"
        ),
        errors.McpRequestUnacceptableException: _Wording(
            -32011,
            406,
            "Accept Header Error - MCP protocol requires Accept header: application/json, text/event-stream",
        ),
        errors.AWSError: _Wording(-32603, 200, "Internal error - Server error"),
    },
    "A2A": {
        errors.UnauthorizedException: None,
        errors.AccessDeniedException: None,
        errors.ThrottlingException: _A2A_RATE,
        errors.ServiceQuotaExceededException: _A2A_RATE,
        errors.ResourceNotFoundException: _Wording(
            -32051, 404, "Resource not found - Requested resource does not exist"
        ),
        errors.ConflictException: _Wording(-32054, 409, _EXISTS),
        errors.RetryableConflictException: _Wording(-32054, 409, _BUSY),
        errors.ValidationException: _Wording(-32052, 400, "Validation error - Invalid request data"),
        errors.RuntimeClientError: _Wording(
            -32055, 424, "Runtime client error - Please check your CloudWatch logs for more information"
        ),
        errors.AWSError: _Wording(
            -32603, 500, "Internal error - An unexpected error occurred while processing the request"
        ),
    },
    "AGUI": {
        errors.UnauthorizedException: _Wording("UNAUTHORIZED", 401, "Authentication required or invalid credentials"),
        errors.AccessDeniedException: _Wording(
            "ACCESS_DENIED", 403, "Insufficient permissions for requested operation"
        ),
        errors.ThrottlingException: _Wording("RATE_LIMIT_EXCEEDED", 429, "Too many requests from client"),
        errors.ServiceQuotaExceededException: _Wording("SERVICE_QUOTA_EXCEEDED", 429, "Service quota exceeded"),
        errors.ConflictException: _Wording("SESSION_BUSY", 409, _EXISTS),
        errors.RetryableConflictException: _Wording("SESSION_BUSY", 409, _BUSY),
        errors.ValidationException: _Wording("VALIDATION_ERROR", 400, "Invalid request data or parameters"),
        errors.RuntimeClientError: _Wording(
            "AGENT_ERROR", 200, "Agent code failed during execution – check your CloudWatch logs"
        ),
        errors.AWSError: _Wording("INTERNAL_ERROR", 500, "An internal error occurred while processing the request"),
    },
}

_AWS: Mapping[type[errors.AWSError], _Wording | None] = {errors.AWSError: None}


def answer(protocol: Protocol, error: errors.AWSError, request_id: str, body: bytes) -> Answer:
    """The whole answer for `error`, as a client of `protocol` is told of it.

    `body` is the request's, as far as it was read; the `id` of the JSON-RPC message in it is that of the answer, null
    if there is none to be found. The error's own headers are kept.
    """
    wordings = _WORDINGS.get(protocol, _AWS)
    wording = next(wordings[kind] for kind in type(error).__mro__ if kind in wordings)
    if wording is None:
        return error_answer(error, request_id)
    if protocol == "AGUI":
        event = json_body.dump({"type": "RUN_ERROR", "code": wording.code, "message": wording.text})
        kind, content = "text/event-stream", b"data: " + event + b"\n\n"
    else:
        detail = {"code": wording.code, "message": wording.text}
        kind, content = "application/json", json_body.dump({"jsonrpc": "2.0", "id": _id(body), "error": detail})
    return Answer(wording.status, [("Content-Type", kind), ("x-amzn-RequestId", request_id), *error.headers], content)


def _id(body: bytes) -> str | int | None:
    """The `id` of the request; JSON-RPC has strings and numbers for it."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    value = message.get("id") if isinstance(message, dict) else None
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
