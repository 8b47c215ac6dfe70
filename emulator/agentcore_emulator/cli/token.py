"""`agentcore-emulator token`: a bearer token for an agent that asks for one."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from agentcore_emulator.cli import options, running
from agentcore_emulator.config import STATE_DIR

__all__ = ["token"]

_DEFAULT = "what the agent accepts"


def token(
    url: running.Url = None,
    state_dir: options.StateDir = STATE_DIR,
    runtime: Annotated[
        str | None,
        typer.Option(help="The agent that is to accept it.", metavar="NAME", show_default="the default agent"),
    ] = None,
    client_id: Annotated[str | None, typer.Option(help="Its client_id.", metavar="ID", show_default=_DEFAULT)] = None,
    audience: Annotated[
        list[str] | None, typer.Option(help="Its aud; may be repeated.", metavar="AUDIENCE", show_default=_DEFAULT)
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="A scope; may be repeated.", metavar="SCOPE", show_default=_DEFAULT)
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option(help="Any other claim, its value JSON or a text; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Its sub, for whom it speaks.", metavar="ID", show_default="local-user")
    ] = None,
    expires_in: Annotated[
        int | None,
        typer.Option(
            help="Seconds for which it holds; negative for one that has expired.", metavar="N", show_default="3600"
        ),
    ] = None,
) -> None:
    """Print a token of a running emulator's own issuer, which its agents accept.

    As in:  curl -H "Authorization: Bearer $(agentcore-emulator token)" ...
    """
    asked: dict[str, Any] = {
        "runtime": runtime,
        "client_id": client_id,
        "audience": audience,
        "scopes": scope,
        "claims": dict(_claim(text) for text in claim) if claim else None,
        "subject": subject,
        "expires_in": expires_in,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    typer.echo(running.find(url, state_dir).post("/_emulator/issuer/token", given)["access_token"])


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--claim: {text!r} is not of the form name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
