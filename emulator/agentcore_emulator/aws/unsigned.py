"""Which AWS service a request is for that carries no signature of version 4, as far as that shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from agentcore_emulator.aws_names import AWS_DOMAINS, is_aws_name

__all__ = ["bucket_named", "by_form", "by_host"]

# What stands between a service's name and the domain: dual-stack endpoints, and regions.
_PLACE: Final = re.compile(r"(\.dualstack)?(\.[a-z]{2,3}(-[a-z]+)+-[0-9]+)?$")
# S3's older and special endpoints: s3-us-west-2, s3-fips, s3-accelerate, but no other services whose names begin so.
_S3: Final = re.compile(r"s3(-([a-z]{2,3}(-[a-z]+)+-[0-9]+|fips|accelerate|external-1))?")

# Operations of Cognito that take no credentials are sent unsigned (Cognito developer guide, "signed versus unsigned").
_TARGETS: Final = {
    "AWSCognitoIdentityService": "cognito-identity",
    "AWSCognitoIdentityProviderService": "cognito-idp",
}


def by_host(host: str) -> str | None:
    """The service that a host name of AWS's names (`iam.amazonaws.com`, `BUCKET.s3.eu-west-1.amazonaws.com`).

    None for other hosts, and for the services of Bedrock, which are told by the path.
    """
    name = _hostname(host)
    if not is_aws_name(name):
        return None
    # The longest domain that fits: amazonaws.com.cn ends in none of the others, but api.aws.scloud must not be api.aws.
    domain = max((domain for domain in AWS_DOMAINS if name.endswith(f".{domain}")), key=len, default=name)
    label = _PLACE.sub("", name.removesuffix(f".{domain}")).rpartition(".")[2].removesuffix("-fips")
    if _S3.fullmatch(label):
        return "s3"
    return None if label.startswith("bedrock") else label or None


def by_form(method: str, raw_path: bytes, query: bytes, headers: Mapping[str, str]) -> str | None:
    """The service whose unsigned or older forms of a request this is; `headers` have lower-case names.

    S3's URLs signed by version 2, Cognito's operations by their target, and those of STS that exchange a token.
    """
    if b"Signature=" in query and b"AWSAccessKeyId=" in query:
        return "s3"
    if headers.get("authorization", "").startswith("AWS "):
        return "s3"
    target = _TARGETS.get(headers.get("x-amz-target", "").partition(".")[0])
    if target is not None:
        return target
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    return "sts" if form and method == "POST" and raw_path == b"/" else None


def bucket_named(host: str, raw_path: bytes) -> str:
    """The bucket that a request means if it is for S3: by the host, or by the first segment of the path."""
    name = _hostname(host)
    if name.endswith(".localhost"):
        return name.removesuffix(".localhost")
    return unquote_to_bytes(raw_path.split(b"/", 2)[1]).decode("utf-8", "replace") if b"/" in raw_path else ""


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""
