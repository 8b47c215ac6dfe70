"""The emulator's own front door without a socket, for its parts that call an AWS service as any client does.

A request takes the way of any other: faults and latency meet it, `--verify-signatures` is content with it, and with
`--passthrough` real AWS answers it.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from functools import cache
from typing import Any, Final, cast

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from starlette.types import ASGIApp

from agentcore_emulator.environment import KEY

__all__ = ["PATIENCE_SECONDS", "ServiceClient", "open_client", "refusal"]

PATIENCE_SECONDS: Final = 120.0
"""How long an answer may take, in real time."""

_CODE: Final = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE: Final = re.compile(r'<Message>([^<]{1,500})</Message>|"message": ?"([^"]{1,500})"')


def open_client(app: ASGIApp, signing_name: str, region: str, scheme: type[SigV4Auth] = SigV4Auth) -> httpx.AsyncClient:
    """A client of `app`, the whole emulator as an ASGI app, that signs for one service; paths are its URLs."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://127.0.0.1",
        auth=_Signed(scheme(Credentials(KEY, KEY), signing_name, region)),
        timeout=PATIENCE_SECONDS,
    )


class ServiceClient:
    """Calls operations of a service whose requests need no path of their own, such as Kinesis or SNS.

    As boto3 does, from botocore's model, but without its socket and without its retries.
    """

    def __init__(self, app: ASGIApp, service: str, region: str) -> None:
        self._service = service
        self._http = open_client(app, service, region)

    async def call(self, operation: str, **given: Any) -> dict[str, Any]:
        """The operation's output by member name. Raises botocore's `ClientError` for an error that is answered."""
        model = _model(self._service)
        operation_model, protocol = model.operation_model(operation), model.metadata["protocol"]
        request = create_serializer(protocol).serialize_to_request(given, operation_model)
        body, headers = request["body"], dict(request["headers"])
        response = await self._http.request(
            request["method"],
            request["url_path"],
            headers=headers,
            **({"data": body} if isinstance(body, dict) else {"content": body}),
        )
        answer = {"status_code": response.status_code, "headers": response.headers, "body": response.content}
        # Their stubs want a shape even of what has no output.
        parsed: Any = create_parser(protocol).parse(answer, cast("Shape", operation_model.output_shape))
        if response.status_code >= httpx.codes.MULTIPLE_CHOICES:
            raise ClientError(parsed, operation)
        return dict(parsed)


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def refusal(response: httpx.Response) -> str:
    """What a service that speaks XML, or whoever stands before it, says why not: `NoSuchKey: The specified key …`."""
    text = response.text[:4_000]
    code, message = _CODE.search(text), _MESSAGE.search(text)
    said = [code[1] if code else str(response.status_code), *((message[1] or message[2],) if message else ())]
    return ": ".join(said)


class _Signed(httpx.Auth):
    """Signs with the emulator's own keys."""

    requires_request_body = True

    def __init__(self, signer: SigV4Auth) -> None:
        self._signer = signer

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign the one request."""
        signed = AWSRequest(request.method, str(request.url), data=request.content)
        self._signer.add_auth(signed)
        request.headers.update(signed.headers.items())
        yield request
