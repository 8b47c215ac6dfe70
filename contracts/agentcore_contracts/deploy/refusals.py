"""What AWS has refused, in one sentence that says what to do next."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

__all__ = ["sentence"]

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403"})
_UNKNOWN: Final = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
    }
)
# Where the permission for an operation has another name (Service Authorization Reference).
_ACTIONS: Final = {
    "HeadBucket": "s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "CreateMultipartUpload": "s3:PutObject",
    "DeleteObjects": "s3:DeleteObject",
    "GetBucketTagging": "s3:GetBucketTagging",
    "PutBucketTagging": "s3:PutBucketTagging",
    "CreateBucket": "s3:CreateBucket",
    "DeleteBucket": "s3:DeleteBucket",
    "PutObject": "s3:PutObject",
    "GetCallerIdentity": "sts:GetCallerIdentity",
}


def sentence(error: BotoCoreError | ClientError) -> str:
    """The sentence, without a full stop."""
    if isinstance(error, NoCredentialsError):
        return (
            "there are no AWS credentials in the environment, in a profile or on this machine; set AWS_PROFILE, or keys"
        )
    if isinstance(error, BotoCoreError):
        return f"AWS cannot be called: {str(error).rstrip('.')}; check --region, --endpoint-url and the network"
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"].rstrip(".")
    operation = error.operation_name
    if code in _DENIED:
        return f"AWS denies {_action(operation)} ({message}); allow it to whoever runs this, and run it again"
    if code in _UNKNOWN:
        return f"AWS does not take the credentials ({message}); sign in again, or set AWS_PROFILE"
    return f"{operation} failed with {code}: {message}; what is there stays, so run this again once that is mended"


def _action(operation: str) -> str:
    if operation in _ACTIONS:
        return _ACTIONS[operation]
    is_iam = operation.endswith(("Role", "RolePolicy", "RoleTags"))
    return f"{'iam' if is_iam else 'bedrock-agentcore'}:{operation}"
