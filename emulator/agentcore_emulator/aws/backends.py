"""moto's services as WSGI applications. Importing this module costs half a second, so it is done in a thread."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from flask import Flask
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.datastructures import Headers
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.test import run_wsgi_app

from agentcore_emulator.aws.wsgi import Answer
from agentcore_emulator.errors import NotImplementedException

__all__ = ["Backends"]

_log = logging.getLogger(__name__)

# How many are open in this process, and whether moto has anything of those before them. To forget takes seconds, which
# a process that ends does not have.
_open = 0
_used = False

# Names that moto's dispatcher gives instead of a host.
_NAMES: Final = frozenset({"dynamodb", "dynamodb_v20111205", "dynamodbstreams", "s3control", "sesv2"})

# moto's modules that send requests to addresses that clients have given.
_SENDERS: Final = ("moto.sns.models", "moto.firehose.models")


class Backends:
    """Answers requests with moto's state, which is one for all emulators of a process that are open at a time."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        self._applications: dict[str, Flask] = {}
        self._lock = threading.Lock()
        # Functions and jobs would run in containers, whose images come from the network.
        for service in ("lambda", "batch"):
            default_user_config[service] = {"use_docker": False}
        # The policies of AWS's own, which there are in every account.
        default_user_config["iam"] = {"load_aws_managed_policies": True}
        global _open, _used
        if _used and not _open:
            BackendDict.reset()
            reset_model_data()
        _open += 1
        _used = True

    def close(self) -> None:
        """Leave what there is to other emulators of this process; without any, the next one forgets it."""
        global _open
        _open -= 1

    def answer(self, service: str, region: str, environ: dict[str, Any], names: Iterable[str]) -> Answer:
        """Answer a request that is signed for `service`; `names` are the header names as sent.

        Raises `NotImplementedException` for what moto lacks.
        """
        environ = {**environ, "HTTP_X_MOTO_ACCOUNT_ID": self._account_id}
        _preserve_names(environ, names)
        try:
            application = self._application(service, region, environ)
            pieces, line, headers = run_wsgi_app(application, environ)
            status = int(line.split(" ", 1)[0])
            if (
                status == HTTPStatus.NOT_FOUND
                and headers.get("Content-Length") == "0"
                and environ["REQUEST_METHOD"] != "HEAD"
            ):
                # moto/core/responses.py, `call_action`: there is no such operation.
                raise NotImplementedError
        except NotImplementedError:
            raise NotImplementedException(_operation(environ), service) from None
        except ModuleNotFoundError as error:
            raise _MissingPackage(service, error.name or str(error)) from None
        except KeyError as error:
            if error.args != (region,):
                raise
            raise _NoRegion(region, service) from None
        return Answer(status, _lines(headers), pieces, getattr(pieces, "close", None))

    def has_bucket(self, name: str) -> bool:
        """Whether S3 has a bucket of this name."""
        from moto.s3.models import s3_backends

        return any(name in backend.buckets for backend in list(s3_backends[self._account_id].values()))

    def _application(self, service: str, region: str, environ: dict[str, Any]) -> Flask:
        # moto finds the service by the credential scope, which a presigned request has in its URL, and others nowhere.
        authorization = f"AWS4-HMAC-SHA256 Credential=emulator/20260101/{region}/{service}/aws4_request, "
        try:
            host = self._dispatcher.infer_service_region_host(
                {**environ, "HTTP_AUTHORIZATION": authorization}, environ["PATH_INFO"]
            )
        except (KeyError, IndexError):
            # DynamoDB without a target.
            raise NotImplementedError from None
        with self._lock:
            name = self._backend(str(host))
            if name == "s3" and service != "s3":
                # Its pattern holds for every name that begins so.
                raise NotImplementedError
            if name not in self._applications:
                self._applications[name] = _make(name)
            return self._applications[name]

    def _backend(self, host: str) -> str:
        for name, pattern in self._dispatcher.backend_url_patterns:
            if pattern.match(f"http://{host}"):
                return str(name)
        if host in _NAMES:
            return host
        raise NotImplementedError


class _MissingPackage(NotImplementedException):
    """501: moto has the service, but needs a package for it that is not installed."""

    def __init__(self, service: str, package: str) -> None:
        super().__init__("", service)
        self.message = (
            f"{service} needs the package {package}, which is not installed where agentcore-emulator is; "
            'install "moto[server]" there'
        )


class _NoRegion(NotImplementedException):
    """501: a region that moto does not know."""

    def __init__(self, region: str, service: str) -> None:
        super().__init__("", service)
        self.message = f"moto, which answers for {service} in agentcore-emulator, knows no region {region!r}"


class _NoRequests:
    """Instead of the package requests: nothing of moto's leaves the machine."""

    @staticmethod
    def post(url: str, *_: object, **__: object) -> None:
        """Send nothing, and say so."""
        _log.warning("nothing was sent to %s, as AWS services that moto answers for send nothing", url)


def _make(name: str) -> Flask:
    application = create_backend_app(name)  # type: ignore[arg-type]  # one of its many names
    for sender in map(sys.modules.get, _SENDERS):
        if sender is not None:
            sender.requests = _NoRequests  # type: ignore[attr-defined]
    # A key of S3 may have empty segments, and a redirect to another key would be wrong.
    application.url_map.merge_slashes = False
    for unknown in (NotFound, MethodNotAllowed):
        application.register_error_handler(unknown, _refuse)
    return application


def _refuse(_: Exception) -> Any:
    """For paths that moto has no handler for: its own errors are of other classes."""
    raise NotImplementedError


def _preserve_names(environ: dict[str, Any], names: Iterable[str]) -> None:
    """Tell moto of header names with underscores, which the environment cannot keep apart from hyphens."""
    preserved = {environ_key_for_header(name): name for name in names if should_preserve_original_header_name(name)}
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved


def _operation(environ: Mapping[str, Any]) -> str:
    """What was asked for, in words: the operation's name where the protocol says it, else method and path."""
    target = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
    if target:
        return target
    if str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"]
        body.seek(0)
        action: str | None = dict(parse_qsl(body.read().decode("utf-8", "replace"))).get("Action")
        if action:
            return action
    return f"{environ['REQUEST_METHOD']} {environ['RAW_URI']:.200}"


def _lines(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
