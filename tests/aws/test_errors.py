from __future__ import annotations

import json

import pytest

from agentcore_emulator.aws.errors import worded
from agentcore_emulator.errors import NotImplementedException

FORM = "application/x-www-form-urlencoded; charset=utf-8"
ERROR = (
    "<Error><Code>NotImplemented</Code><Message>A&lt;B of x is not implemented by agentcore-emulator</Message></Error>"
)


@pytest.mark.parametrize(
    ("service", "kind", "document"),
    [
        ("s3", "", ERROR),
        ("route53", "", f"<ErrorResponse>{ERROR}<RequestId>id</RequestId></ErrorResponse>"),
        ("iam", FORM, f"<ErrorResponse>{ERROR}<RequestId>id</RequestId></ErrorResponse>"),
        ("ec2", FORM, f"<Response><Errors>{ERROR}</Errors><RequestID>id</RequestID></Response>"),
    ],
)
def test_xml(service: str, kind: str, document: str) -> None:
    answer = worded(NotImplementedException("A<B", "x"), service, {"content-type": kind}, "id")
    assert answer.status == 501
    assert answer.body.decode().partition("\n")[2] == document


@pytest.mark.parametrize("kind", ["application/x-amz-json-1.1", "application/json", ""])
def test_json(kind: str) -> None:
    answer = worded(NotImplementedException("A", "x"), "logs", {"content-type": kind}, "id")
    said = json.loads(answer.body)
    assert said.pop("__type", None) == ("NotImplemented" if "x-amz" in kind else None)
    assert said == {"message": "A of x is not implemented by agentcore-emulator"}
    assert dict(answer.headers)["x-amzn-ErrorType"] == "NotImplemented"
