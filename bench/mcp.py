"""A call of an MCP tool through the emulator, and by the same client to the same server directly."""

from __future__ import annotations

import socket
from pathlib import Path

from agentcore_emulator.testing import EmulatorProcess
from bench.effort import Effort
from bench.pairs import side_by_side
from bench.report import Row
from bench.subjects import address, direct, invocations
from bench.tool import measure

__all__ = ["run"]

# In a folder of its own, for beside this module it would find it as `mcp`.
_SERVER = Path(__file__).parent / "servers" / "mcp_server.py"

_AIM = 1.5


def run(_: Path, effort: Effort) -> list[Row]:
    """One session each in every round."""
    with (
        EmulatorProcess(_SERVER, "--protocol", "MCP", "--quirks", "off") as emulator,
        direct(_SERVER, _connect) as alone,
    ):
        through = f"http://{address(emulator)}{invocations(emulator)}"
        measure(through, effort.requests)
        measure(f"http://{alone}/mcp", effort.requests)
        return side_by_side(
            lambda: measure(through, effort.requests),
            lambda: measure(f"http://{alone}/mcp", effort.requests),
            rounds=effort.rounds,
            aim=_AIM,
        )


def _connect(address: str) -> None:
    host, _, port = address.partition(":")
    socket.create_connection((host, int(port))).close()
