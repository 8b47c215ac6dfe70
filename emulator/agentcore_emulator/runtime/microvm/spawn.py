"""The microVM host where forking is not safe (macOS): a fresh interpreter per session.

Slower by what the agent's imports take, and otherwise the same guest.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER, BootFailure, MicroVM, MicroVMSpec
from agentcore_emulator.runtime.microvm.link import Link
from agentcore_emulator.runtime.microvm.process import SpawnedProcess
from agentcore_emulator.runtime.microvm.resources import LogPipe, Sockets

__all__ = ["SpawnHost"]


class SpawnHost:
    """Starts the microVMs of one agent runtime, each as a new process of the agent's interpreter."""

    def __init__(self, *, python: Path, entrypoint: Path, project: Path, environ: Mapping[str, str]) -> None:
        self._python = python
        self._entrypoint = entrypoint
        self._folders = list(dict.fromkeys([entrypoint.parent, project]))
        self._environ = environ

    async def open(self) -> None:
        """Have the agent's interpreter look at the entry file; raise `BootFailure` if it cannot run there."""
        process = await self._run("check", json.dumps([str(self._entrypoint), [str(f) for f in self._folders]]))
        output, _ = await process.communicate()
        if process.returncode:
            lines = output.decode("utf-8", "replace").strip().splitlines()
            raise BootFailure(lines[-1] if lines else f"{self._python} exited with status {process.returncode}")

    async def start(self, spec: MicroVMSpec) -> MicroVM:
        """Spawn one microVM; it may not be ready yet. Raises `BootFailure`."""
        await asyncio.to_thread(spec.make_folder)
        link = Link(spec.on_finding)
        sockets = Sockets(spec.folder.socket)
        ours, theirs = socket.socketpair()
        log = LogPipe(spec.on_line)
        descriptors = [sockets.unix.fileno(), sockets.tcp.fileno(), log.write_end, theirs.fileno()]
        order = spec.folder.path / "order.json"
        order.write_text(json.dumps({"spec": spec.order(), "descriptors": descriptors}), encoding="utf-8")
        try:
            process = await self._run("spawn", str(order), descriptors)
        except BaseException:
            ours.close()
            raise
        finally:
            sockets.close()
            log.close_write_end()
            theirs.close()
        await link.open(ours)
        return MicroVM(SpawnedProcess(process), link=link, sockets=sockets, log=log, spec=spec)

    async def close(self) -> None:
        """Nothing is kept between sessions."""

    async def _run(self, kind: str, argument: str, descriptors: list[int] | None = None) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                str(self._python),
                "-u",
                str(GUEST_FOLDER),
                kind,
                argument,
                env=dict(self._environ),
                pass_fds=descriptors or [],
                start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL if descriptors else asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL if descriptors else asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            raise BootFailure(
                f"{self._python} cannot be started as the agent's interpreter: {error.strerror}; "
                "choose another with --python"
            ) from None
