"""A client of the admin API under `/_emulator/`, with the standard library alone."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["Admin", "EmulatorError"]


class EmulatorError(RuntimeError):
    """The emulator did not start, is not there, or refuses what it was asked; the message is its own sentence."""


class Admin:
    """The admin API of the emulator at `url`. What is sent and answered is JSON; paths are below `/_emulator/`."""

    def __init__(self, url: str) -> None:
        self.url = url
        # A proxy that the environment names cannot reach this machine's loopback address.
        self._opener = build_opener(ProxyHandler({}))

    def get(self, path: str) -> Any:
        """What is there. Raises `EmulatorError`."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """Send `body`. Raises `EmulatorError`."""
        return self._call("POST", path, body)

    def delete(self, path: str) -> None:
        """Take away what is there. Raises `EmulatorError`."""
        self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_emulator/{path}", data, {"content-type": "application/json"}, method=method)  # noqa: S310 - an emulator's own URL
        try:
            with self._opener.open(request) as answer:
                content = answer.read()
        except HTTPError as refusal:
            with refusal:
                raise EmulatorError(_sentence(refusal)) from None
        except URLError as error:
            raise EmulatorError(f"no emulator answers at {self.url}: {error.reason}") from None
        return json.loads(content) if content else None


def _sentence(refusal: HTTPError) -> str:
    content = refusal.read().decode("utf-8", "replace")
    try:
        return str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{refusal.status} for {refusal.url}: {content}"
