"""Errors as clients of each of AWS's protocols read them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from agentcore_emulator.errors import AWSError
from agentcore_emulator.wire.request import Answer
from agentcore_emulator.wire.service import error_answer

__all__ = ["worded"]

# Those of the protocol rest-xml, by the name in a credential scope. The protocols query and ec2 show in the request.
_REST_XML: Final = frozenset({"s3", "s3express", "route53", "cloudfront"})


def worded(error: AWSError, service: str, headers: Mapping[str, str], request_id: str) -> Answer:
    """The error for whoever sent a request with these `headers`. Shapes: botocore's parsers of the protocols."""
    kind = headers.get("content-type", "")
    if kind.startswith("application/x-amz-json"):
        answer = error_answer(error, request_id)
        return Answer(answer.status, answer.headers, json.dumps({"__type": error.code, **error.members()}).encode())
    if not kind.startswith("application/x-www-form-urlencoded") and service not in _REST_XML:
        return error_answer(error, request_id)
    text = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    if service == "ec2":
        text = f"<Response><Errors>{text}</Errors><RequestID>{request_id}</RequestID></Response>"
    elif service != "s3":
        text = f"<ErrorResponse>{text}<RequestId>{request_id}</RequestId></ErrorResponse>"
    lines = [("content-type", "text/xml"), ("x-amzn-errortype", error.code), ("x-amzn-requestid", request_id)]
    return Answer(error.status, lines, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())
