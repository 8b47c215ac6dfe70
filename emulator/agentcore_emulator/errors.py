"""The errors that the emulator's services answer with, as AWS names them.

    AWSError
    ├── ValidationException             400  reason, fieldList
    ├── UnauthorizedException           401
    ├── ServiceQuotaExceededException   402
    ├── AccessDeniedException           403
    │   ├── IncompleteSignatureException         --verify-signatures: these four
    │   ├── InvalidSignatureException
    │   ├── MissingAuthenticationTokenException
    │   └── UnrecognizedClientException
    ├── ResourceNotFoundException       404
    ├── McpRequestUnacceptableException 406  MCP alone
    ├── ConflictException               409
    ├── RetryableConflictException      409  boto3 tries again by itself
    ├── RuntimeClientError              424  whatever the agent did wrong
    ├── ThrottlingException             429  runtime plane
    ├── ThrottledException              429  memory plane
    ├── InternalServerException         500  runtime and model plane
    ├── ServiceException                500  memory plane
    ├── NotImplementedException         501  modelled by AWS, not built here
    ├── ServiceUnavailableException     503  --passthrough: real AWS cannot be reached
    └── GatewayTimeout                  504  no answer within the synchronous limit

Statuses and names: botocore's models of `bedrock-agentcore`, `bedrock-agentcore-control` and `bedrock-runtime`; for
signatures, AWS's "Common Errors" and what REST-JSON services answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

__all__ = [
    "AWSError",
    "AccessDeniedException",
    "ConflictException",
    "GatewayTimeout",
    "IncompleteSignatureException",
    "InternalServerException",
    "InvalidSignatureException",
    "McpRequestUnacceptableException",
    "MissingAuthenticationTokenException",
    "NotImplementedException",
    "ResourceNotFoundException",
    "RetryableConflictException",
    "RuntimeClientError",
    "ServiceException",
    "ServiceQuotaExceededException",
    "ServiceUnavailableException",
    "ThrottledException",
    "ThrottlingException",
    "UnauthorizedException",
    "UnrecognizedClientException",
    "ValidationException",
]


class AWSError(Exception):
    """An error that a client sees: HTTP `status`, `code` in `x-amzn-ErrorType`, `members` in the JSON body.

    `headers` are sent beside it.
    """

    status: ClassVar[int] = 500

    def __init__(self, message: str, *, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.headers = tuple(headers)

    @property
    def code(self) -> str:
        """The name by which botocore finds the error's shape."""
        return type(self).__name__

    def members(self) -> dict[str, Any]:
        """The JSON body."""
        return {"message": self.message}


class ValidationException(AWSError):
    """400: the request breaks a rule of the model, or of the service behind it.

    `fields` are `(member path, what is wrong)`; `reason` is one of the model's `ValidationExceptionReason`.
    """

    status = 400

    def __init__(
        self,
        message: str,
        *,
        reason: str = "FieldValidationFailed",
        fields: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.fields = tuple(fields)

    def members(self) -> dict[str, Any]:
        """The JSON body, with the modelled `reason` and `fieldList`."""
        body: dict[str, Any] = {"message": self.message, "reason": self.reason}
        if self.fields:
            body["fieldList"] = [{"name": name, "message": text} for name, text in self.fields]
        return body


class UnauthorizedException(AWSError):
    """401: no credentials, or not the kind that this runtime takes."""

    status = 401


class ServiceQuotaExceededException(AWSError):
    """402: AgentCore answers quota with 402, not 429 (botocore model)."""

    status = 402


class AccessDeniedException(AWSError):
    """403."""

    status = 403


class IncompleteSignatureException(AccessDeniedException):
    """403: a signature of which something is missing."""


class InvalidSignatureException(AccessDeniedException):
    """403: a signature that is wrong, or of another time."""


class MissingAuthenticationTokenException(AccessDeniedException):
    """403: no signature."""


class UnrecognizedClientException(AccessDeniedException):
    """403: signed with keys that are not the emulator's."""


class ResourceNotFoundException(AWSError):
    """404."""

    status = 404


class McpRequestUnacceptableException(AWSError):
    """406: a client of MCP that does not accept both of its media types (AWS developer guide, MCP contract)."""

    status = 406


class ConflictException(AWSError):
    """409, final: the resource is in a state that forbids the call."""

    status = 409


class RetryableConflictException(AWSError):
    """409, passing: another operation on the same session is under way. botocore retries it."""

    status = 409


class RuntimeClientError(AWSError):
    """424: the agent failed. AWS discards what the agent said and points to CloudWatch."""

    status = 424


class ThrottlingException(AWSError):
    """429 of the runtime and model planes."""

    status = 429


class ThrottledException(AWSError):
    """429 of the memory plane, which uses another name for it."""

    status = 429


class InternalServerException(AWSError):
    """500 of the runtime and model planes."""


class ServiceException(AWSError):
    """500 of the memory plane."""


class NotImplementedException(AWSError):
    """501: AWS has this operation and the emulator does not.

    Sent as `NotImplemented`. botocore does not retry it.
    """

    status = 501

    def __init__(self, operation: str, service: str) -> None:
        super().__init__(f"{operation} of {service} is not implemented by agentcore-emulator")

    @property
    def code(self) -> str:
        """Not an AWS shape, so the name carries no `Exception`."""
        return "NotImplemented"


class ServiceUnavailableException(AWSError):
    """503: real AWS cannot be reached. botocore tries again, three times in all by default."""

    status = 503


class GatewayTimeout(AWSError):
    """504: the agent did not answer within the synchronous limit of 15 minutes (AWS developer guide, quotas)."""

    status = 504
