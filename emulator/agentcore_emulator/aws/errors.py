"""Errors in XML, for the services whose clients read nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from agentcore_emulator.errors import AWSError
from agentcore_emulator.wire.request import Answer

__all__ = ["in_xml"]

# Those of the protocol rest-xml, by the name in a credential scope. The protocols query and ec2 show in the request.
_REST_XML: Final = frozenset({"s3", "s3express", "route53", "cloudfront"})


def in_xml(error: AWSError, service: str, headers: Mapping[str, str], request_id: str) -> Answer | None:
    """The error as a client of the protocols query, ec2 or rest-xml reads it; None for a client of JSON.

    `headers` are the request's. Shapes: botocore's parsers of these protocols.
    """
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if not form and service not in _REST_XML:
        return None
    text = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
    if service == "ec2":
        text = f"<Response><Errors>{text}</Errors><RequestID>{request_id}</RequestID></Response>"
    elif service == "s3":
        text = text.replace("</Error>", f"<RequestId>{request_id}</RequestId></Error>")
    else:
        text = f"<ErrorResponse>{text}<RequestId>{request_id}</RequestId></ErrorResponse>"
    lines = [("content-type", "text/xml"), ("x-amzn-errortype", error.code), ("x-amzn-requestid", request_id)]
    return Answer(error.status, lines, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode())
