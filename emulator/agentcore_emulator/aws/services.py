"""Every AWS service that is not built here: moto's, behind the same port.

Nothing of moto is imported before the first such request. Its state is in memory, and gone when
the emulator ends.
"""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from agentcore_emulator.aws import unsigned, wsgi
from agentcore_emulator.aws.errors import worded
from agentcore_emulator.aws_names import is_aws_name
from agentcore_emulator.call import send_answer
from agentcore_emulator.errors import AWSError, NotImplementedException

if TYPE_CHECKING:
    from agentcore_emulator.aws.backends import Backends

__all__ = ["Services"]

_log = logging.getLogger(__name__)

_THREADS: Final = 8
_PORT: Final = re.compile(r":[0-9]+$")


class Services:
    """Answers for all services that moto has, with ARNs of `account_id`."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._lock = asyncio.Lock()
        self._backends: Backends | None = None
        self._threads = ThreadPoolExecutor(_THREADS, "aws")

    def close(self) -> None:
        """Take no more requests; what there is is gone, unless another emulator of this process has it too."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._backends is not None:
            self._backends.close()
            self._backends = None

    def service_of(self, scope: Scope, headers: Mapping[str, str]) -> str | None:
        """The service that a request without a signature of version 4 is for; None where that does not show."""
        host, raw_path = headers.get("host", ""), scope["raw_path"]
        found = unsigned.by_host(host) or unsigned.by_form(scope["method"], raw_path, scope["query_string"], headers)
        if found is None and self._backends is not None:
            bucket = unsigned.bucket_named(host, raw_path)
            return "s3" if bucket and self._backends.has_bucket(bucket) else None
        return found

    async def __call__(
        self, service: str, region: str, scope: Scope, receive: Receive, send: Send, request_id: str
    ) -> None:
        """Answer one request, as an ASGI app; what moto lacks, with 501. Raises Starlette's `ClientDisconnect`."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
        try:
            answer = await self._ask(service, region, scope, receive, headers)
        except AWSError as error:
            await send_answer(worded(error, service, headers, request_id), send)
            return
        try:
            await wsgi.send(answer, send)
        finally:
            if answer.close is not None:
                answer.close()

    async def _ask(
        self, service: str, region: str, scope: Scope, receive: Receive, headers: Mapping[str, str]
    ) -> wsgi.Answer:
        backends = await self._loaded()
        body = await wsgi.receive_body(scope, receive)
        with body.file:
            environ = wsgi.environment(scope, body, _host(headers.get("host", ""), service))
            names = [name.decode("latin-1") for name, _ in scope["headers"]]
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._threads, backends.answer, service, region, environ, names)
            except AWSError:
                raise
            except Exception as error:
                raise _failed(service, scope, error) from error

    async def _loaded(self) -> Backends:
        async with self._lock:
            if self._backends is None:
                self._backends = await asyncio.get_running_loop().run_in_executor(
                    self._threads, _load, self._account_id
                )
            return self._backends


def _load(account_id: str) -> Backends:
    # Here, in the thread: half a second.
    from agentcore_emulator.aws.backends import Backends

    return Backends(account_id)


def _failed(service: str, scope: Scope, error: Exception) -> AWSError:
    """What a request that moto has failed on is answered with, and said of in the log.

    It is no request of boto3's, or moto lacks something; 501, for nothing would be better when it is sent again.
    """
    what = f"{scope['method']} {scope['raw_path'].decode('latin-1')[:200]}"
    *_, (frame, line) = traceback.walk_tb(error.__traceback__)
    reason = f"{type(error).__name__}: {error!s:.300} in {frame.f_code.co_filename}:{line}"
    _log.warning("moto, which answers for %s, failed on %s (%r)", service, what, reason)
    failure = NotImplementedException(what, service)
    failure.message = f"moto, which answers for {service} in agentcore-emulator, failed on {what}: {reason}"
    return failure


def _host(host: str, service: str) -> str:
    """The host as moto is to see it, which takes every name with a dot in it for a bucket's."""
    if service != "s3":
        return host
    name, port = urlsplit(f"//{host}").hostname or "", _PORT.search(host)
    if is_aws_name(name) or name.endswith(".localhost"):
        return host
    return f"localhost{port[0] if port else ''}"
