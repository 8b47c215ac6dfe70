"""`agentcore-emulator env`: the environment that points a shell at an emulator which is already running."""

from __future__ import annotations

import http.client
import json
import os
import shlex
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from agentcore_emulator.cli import options, state_file
from agentcore_emulator.config import DEFAULT_PORT, STATE_DIR

__all__ = ["env"]

_TIMEOUT: Final = 5.0
_START: Final = "start one with `agentcore-emulator start`"


def _use_project_table(ctx: typer.Context, url: str | None) -> str | None:
    options.use_project_table(ctx, None)
    return url


def env(
    url: Annotated[
        str | None,
        typer.Option(
            is_eager=True,
            callback=_use_project_table,
            envvar=f"{options.ENVIRONMENT_PREFIX}URL",
            show_default="the one that was started with this state folder",
            help="The emulator to ask.",
        ),
    ] = None,
    state_dir: options.StateDir = STATE_DIR,
) -> None:
    """Print what points a shell at a running emulator.

    In a POSIX shell:  eval "$(agentcore-emulator env)"
    """
    address, missing = _address(url, state_dir)
    environment = _info(address, missing)["environment"]
    # Imported here because it takes as long as all the rest of this command's start.
    from agentcore_emulator.environment import misleading, no_proxy

    unset = misleading(os.environ)
    if unset:
        typer.echo(f"unset {' '.join(unset)}")
    for name, value in {**no_proxy(address, os.environ), **environment}.items():
        typer.echo(f"export {name}={shlex.quote(str(value))}")


def _address(url: str | None, state_dir: Path) -> tuple[str, str]:
    """The URL to ask, and what to say if nobody answers there."""
    if url is not None:
        return url, f"no emulator answers at {url}; {_START}"
    try:
        found = state_file.read(state_dir)
    except ValueError as error:
        raise typer.TyperException(f"{error}; delete it and {_START}") from error
    if found is not None:
        address, pid = found
        file = state_dir / state_file.FILE_NAME
        return address, f"the emulator named in {file} ({address}, process {pid}) has ended; {_START}"
    address = f"http://127.0.0.1:{DEFAULT_PORT}"
    file = state_dir / state_file.FILE_NAME
    return address, f"no emulator is running: there is no {file}, and none at {address}; {_START}"


def _info(url: str, missing: str) -> dict[str, Any]:
    """What the emulator says about itself. A plain connection, because a proxy must not come between."""
    host, port = _host_and_port(url)
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/_emulator/info")
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise typer.TyperException(missing) from error
    finally:
        connection.close()
    try:
        info = json.loads(body)
    except ValueError:
        info = None
    if response.status != 200 or not isinstance(info, dict) or "environment" not in info:
        raise typer.TyperException(f"what answers at {url} is not an agentcore-emulator (status {response.status})")
    return info


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname:
            return parts.hostname, parts.port or 80
    except ValueError:
        pass
    raise typer.TyperException(f"{url!r} is not a URL of the form http://host:port")
