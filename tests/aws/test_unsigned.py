from __future__ import annotations

import pytest

from agentcore_emulator.aws.unsigned import bucket_named, by_form, by_host


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("iam.amazonaws.com", "iam"),
        ("sts.eu-central-1.amazonaws.com:443", "sts"),
        ("secretsmanager-fips.us-gov-west-1.amazonaws.com", "secretsmanager"),
        ("logs.us-east-1.api.aws", "logs"),
        ("sqs.cn-north-1.amazonaws.com.cn", "sqs"),
        ("s3.amazonaws.com", "s3"),
        ("S3.us-west-2.AMAZONAWS.com.", "s3"),
        ("s3-us-west-2.amazonaws.com", "s3"),
        ("s3.dualstack.eu-west-1.amazonaws.com", "s3"),
        ("bucket.s3.amazonaws.com", "s3"),
        ("my.dotted.bucket.s3.eu-west-1.amazonaws.com", "s3"),
        ("bucket.s3-accelerate.amazonaws.com", "s3"),
        ("s3-outposts.us-east-1.amazonaws.com", "s3-outposts"),
        ("bedrock-agentcore.us-east-1.amazonaws.com", None),
        ("bedrock-runtime.us-east-1.amazonaws.com", None),
        ("127.0.0.1:4747", None),
        ("localhost", None),
        ("amazonaws.com.example.com", None),
        ("[::1", None),
        ("", None),
    ],
)
def test_by_host(host: str, service: str | None) -> None:
    assert by_host(host) == service


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "service"),
    [
        ("GET", b"/b/k", b"AWSAccessKeyId=x&Signature=y&Expires=1", {}, "s3"),
        ("GET", b"/b/k", b"", {"authorization": "AWS key:signature"}, "s3"),
        ("GET", b"/b/k", b"", {}, None),
        ("POST", b"/", b"", {"x-amz-target": "AWSCognitoIdentityProviderService.SignUp"}, "cognito-idp"),
        ("POST", b"/", b"", {"x-amz-target": "AWSCognitoIdentityService.GetId"}, "cognito-identity"),
        ("POST", b"/", b"", {"x-amz-target": "DynamoDB_20120810.ListTables"}, None),
        ("POST", b"/", b"", FORM, "sts"),
        ("POST", b"/b/k", b"", FORM, None),
    ],
)
def test_by_form(method: str, path: bytes, query: bytes, headers: dict[str, str], service: str | None) -> None:
    assert by_form(method, path, query, headers) == service


@pytest.mark.parametrize(
    ("host", "path", "bucket"),
    [
        ("127.0.0.1:4747", b"/bucket/key", "bucket"),
        ("127.0.0.1:4747", b"/bucket", "bucket"),
        ("127.0.0.1:4747", b"/", ""),
        ("127.0.0.1:4747", b"*", ""),
        ("bucket.localhost:4747", b"/key", "bucket"),
        ("localhost:4747", b"/b%75cket/%ff", "bucket"),
    ],
)
def test_bucket_named(host: str, path: bytes, bucket: str) -> None:
    assert bucket_named(host, path) == bucket
