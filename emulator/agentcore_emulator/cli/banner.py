"""What `start` shows: where the emulator is, what it serves, and what to type next."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from agentcore_emulator import __version__
from agentcore_emulator.config import DEFAULT_PORT, Settings
from agentcore_emulator.store import place

if TYPE_CHECKING:
    from agentcore_emulator.project import AgentRuntime

__all__ = ["show", "warn_if_public"]


def show(
    console: Console,
    settings: Settings,
    runtimes: list[AgentRuntime],
    isolation: Mapping[str, object],
    url: str,
    proxy: str,
) -> None:
    """Prints the banner; its last line starts with `Ready` and names the URL."""
    public = not _is_loopback(settings.host)
    rows = [("URL", url if public else f"{url}  (this machine only)")]
    rows.append(("AWS names", f"by the proxy {proxy}, for clients that insist on them"))
    for runtime in runtimes:
        default = "  (default)" if runtime is runtimes[0] and len(runtimes) > 1 else ""
        platform = "" if runtime.platform == "V1" else f"  on {runtime.platform}"
        rows.append((f"{runtime.protocol} agent", f"{runtime.name}  {runtime.arn}{platform}{default}"))
    for text, names in _by_text(isolation).items():
        rows.append(("Isolation", text if len(names) == len(runtimes) else f"{text} for {', '.join(names)}"))
    if settings.clock == "virtual":
        rows.append(("Clock", f"stands still until it is advanced: POST {url}/_emulator/clock/advance"))
    rows.append(("Quirks", str(settings.quirks)))
    rows.append(("Memory", _memory(settings)))
    if settings.passthrough:
        rows.append(("Real AWS", f"{', '.join(sorted(settings.passthrough))}  (with your own credentials)"))
    if settings.debug:
        rows.append(("Debugging", "deadlines and health pings are off"))
    rows.append(("Next", _next_command(url)))
    _print(console, Text(f"agentcore-emulator {__version__}", style="bold"))
    width = max(len(label) for label, _ in rows)
    for label, value in rows:
        _print(console, Text.assemble((f"  {label:<{width}}  ", "dim"), value))
    warn_if_public(console, settings.host)
    # No style: colour codes before it would hide the word from whoever waits for a line that starts with it.
    _print(console, Text(f"Ready at {url} (Ctrl-C stops it)"))


def _memory(settings: Settings) -> str:
    if settings.ephemeral:
        return "kept until the emulator ends"
    return _short(settings.state_dir) if settings.store is None else place(settings.store)


def _by_text(isolation: Mapping[str, object]) -> dict[str, list[str]]:
    """The agents' names by how they are isolated."""
    found: dict[str, list[str]] = {}
    for name, kind in isolation.items():
        found.setdefault(str(kind), []).append(name)
    return found


def warn_if_public(console: Console, host: str) -> None:
    """Says so if other machines can reach the emulator."""
    if not _is_loopback(host):
        message = (
            f"WARNING: listening on {host}, so whoever reaches this machine can run your agent and read its memory."
        )
        _print(console, Text(message, style="bold red"))


def _print(console: Console, text: Text) -> None:
    # Without soft_wrap, Rich would break an ARN at the 80th column wherever the output is no terminal.
    console.print(text, soft_wrap=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _next_command(url: str) -> str:
    # The default port is where `env` looks by itself, in whatever folder it is typed.
    if url == f"http://127.0.0.1:{DEFAULT_PORT}":
        return 'eval "$(agentcore-emulator env)"'
    return f'eval "$(agentcore-emulator env --url {url})"'


def _short(folder: Path) -> str:
    here = Path.cwd()
    return f"{folder.relative_to(here)}/" if folder.is_relative_to(here) and folder != here else f"{folder}/"
