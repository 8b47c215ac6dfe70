"""Finds the emulator that is running, and asks it something."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from agentcore_emulator.cli import options, state_file
from agentcore_emulator.config import DEFAULT_PORT

__all__ = ["Running", "Url", "find"]

_TIMEOUT: Final = 5.0
_START: Final = "start one with `agentcore-emulator start`"


def _use_project_table(ctx: typer.Context, url: str | None) -> str | None:
    options.use_project_table(ctx, None)
    return url


Url = Annotated[
    str | None,
    typer.Option(
        is_eager=True,
        callback=_use_project_table,
        envvar=f"{options.ENVIRONMENT_PREFIX}URL",
        show_default="the one that was started with this state folder",
        help="The emulator to ask.",
    ),
]


class Running:
    """The emulator at `url`; `missing` is what to say if nobody answers there."""

    def __init__(self, url: str, missing: str) -> None:
        self.url = url
        self.missing = missing

    def info(self) -> dict[str, Any]:
        """What it says about itself."""
        status, info = self._ask("GET", "/_emulator/info", None)
        if status != 200 or not isinstance(info, dict) or "environment" not in info:
            raise self._other(status)
        return info

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send something to its admin API, and return the answer."""
        status, answer = self._ask("POST", path, json.dumps(body).encode())
        if not isinstance(answer, dict):
            raise self._other(status)
        if status >= 300:
            raise typer.TyperException(str(answer.get("message", f"{self.url}{path} answers {status}")))
        return answer

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        # A plain connection, because a proxy must not come between.
        host, port = _host_and_port(self.url)
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        try:
            connection.request(method, path, body)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise typer.TyperException(self.missing) from error
        finally:
            connection.close()
        try:
            return response.status, json.loads(content)
        except ValueError:
            return response.status, None

    def _other(self, status: int) -> typer.TyperException:
        return typer.TyperException(f"what answers at {self.url} is not an agentcore-emulator (status {status})")


def find(url: str | None, state_dir: Path) -> Running:
    """The emulator at `url`, else the one that belongs to the state folder, else the one at the default port."""
    if url is not None:
        return Running(url, f"no emulator answers at {url}; {_START}")
    try:
        found = state_file.read(state_dir)
    except ValueError as error:
        raise typer.TyperException(f"{error}; delete it and {_START}") from error
    file = state_dir / state_file.FILE_NAME
    if found is not None:
        address, pid = found
        return Running(address, f"the emulator named in {file} ({address}, process {pid}) has ended; {_START}")
    address = f"http://127.0.0.1:{DEFAULT_PORT}"
    return Running(address, f"no emulator is running: there is no {file}, and none at {address}; {_START}")


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname:
            return parts.hostname, parts.port or 80
    except ValueError:
        pass
    raise typer.TyperException(f"{url!r} is not a URL of the form http://host:port")
