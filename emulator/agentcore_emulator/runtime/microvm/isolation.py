"""Finds out how far this system can isolate guests without root: by namespaces, or only as processes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentcore_emulator.config import IsolationKind
from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, BootFailure, MicroVMSpec

__all__ = ["Isolation", "cannot_isolate", "choose"]


@dataclass(frozen=True)
class Isolation:
    """How the guests of one agent runtime are isolated, and why it is not better if it could be."""

    kind: IsolationKind
    reason: str = ""

    def __str__(self) -> str:
        """For the banner."""
        if self.kind == "namespaces":
            return "namespaces  (own files, process ids and host name)"
        return f"plain  ({self.reason})" if self.reason else "plain"


async def choose(wanted: IsolationKind | None, spec: MicroVMSpec) -> Isolation:
    """What is wanted, or without a wish the better one that works for an agent that is started as in `spec`.

    Raises `BootFailure` if namespaces are wanted and do not work.
    """
    if wanted == "plain":
        return Isolation("plain")
    problem = await _problem(spec)
    return Isolation("namespaces") if problem is None else cannot_isolate(wanted, problem)


def cannot_isolate(wanted: IsolationKind | None, reason: str) -> Isolation:
    """What is left where namespaces do not work. Raises `BootFailure` if they are what is wanted."""
    if wanted == "namespaces":
        raise BootFailure(f"there can be no namespaces: {reason}; start with --isolation plain")
    return Isolation("plain", "" if wanted == "plain" else reason)


async def _problem(spec: MicroVMSpec) -> str | None:
    """Why a guest cannot be isolated, found out by isolating one that does nothing."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    if spec.folder.path.is_relative_to(spec.project):
        return f"the project {spec.project} holds the emulator's own temporary files"
    spec = replace(spec, isolated=True)
    await asyncio.to_thread(spec.make_folder)
    try:
        return await _try([sys.executable, "-I", str(GUEST_FOLDER), "probe", json.dumps(spec.order()["isolation"])])
    finally:
        await asyncio.to_thread(spec.folder.remove)


async def _try(command: Sequence[str]) -> str | None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode == 0:
        return None
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"the attempt ended with status {process.returncode}"
