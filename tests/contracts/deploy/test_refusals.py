from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from agentcore_contracts.deploy.refusals import sentence


def refused(operation: str, code: str, message: str = "You may not.") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}}
    return ClientError(answer, operation)


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("HeadBucket", "s3:ListBucket"),
        ("PutObject", "s3:PutObject"),
        ("CreateRole", "iam:CreateRole"),
        ("PutRolePolicy", "iam:PutRolePolicy"),
        ("ListRoleTags", "iam:ListRoleTags"),
        ("CreateAgentRuntime", "bedrock-agentcore:CreateAgentRuntime"),
        ("CreateMemory", "bedrock-agentcore:CreateMemory"),
        ("GetCallerIdentity", "sts:GetCallerIdentity"),
    ],
)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "403"])
def test_what_is_denied_is_named(operation: str, action: str, code: str) -> None:
    said = sentence(refused(operation, code))
    assert said == f"AWS denies {action} (You may not); allow it to whoever runs this, and run it again"


def test_credentials() -> None:
    assert "set AWS_PROFILE" in sentence(NoCredentialsError())
    assert "sign in again" in sentence(refused("GetCallerIdentity", "ExpiredToken"))


def test_all_else() -> None:
    assert sentence(refused("CreateMemory", "ServiceQuotaExceededException", "Too many.")) == (
        "CreateMemory failed with ServiceQuotaExceededException: Too many; "
        "what is there stays, so run this again once that is mended"
    )
    assert sentence(EndpointConnectionError(endpoint_url="x", error="y")).startswith("AWS cannot be called: ")
