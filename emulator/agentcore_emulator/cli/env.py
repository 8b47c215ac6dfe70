"""`agentcore-emulator env`: the environment that points a shell at an emulator which is already running."""

from __future__ import annotations

import os
import shlex

import typer

from agentcore_emulator.cli import options, running
from agentcore_emulator.config import STATE_DIR

__all__ = ["env"]


def env(url: running.Url = None, state_dir: options.StateDir = STATE_DIR) -> None:
    """Print what points a shell at a running emulator.

    In a POSIX shell:  eval "$(agentcore-emulator env)"
    """
    emulator = running.find(url, state_dir)
    environment = emulator.info()["environment"]
    # Imported here because it takes as long as all the rest of this command's start.
    from agentcore_emulator.environment import misleading, no_proxy

    unset = misleading(os.environ)
    if unset:
        typer.echo(f"unset {' '.join(unset)}")
    for name, value in {**environment, **no_proxy(emulator.url, os.environ)}.items():
        typer.echo(f"export {name}={shlex.quote(str(value))}")
