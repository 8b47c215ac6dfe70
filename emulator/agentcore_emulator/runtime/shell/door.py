"""Lets clients in to shells: finds the shell that one asks for, or starts it."""

from __future__ import annotations

import functools
import re
import sys
import uuid
from typing import Any, Final

from starlette.requests import ClientDisconnect

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import (
    ConflictException,
    NotImplementedException,
    RuntimeClientError,
    ValidationException,
)
from agentcore_emulator.runtime.executing import executing
from agentcore_emulator.runtime.front import Visit
from agentcore_emulator.runtime.session import Invocation, Session, SessionKey
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.runtime.shell.connection import Connection
from agentcore_emulator.runtime.shell.conversation import converse
from agentcore_emulator.runtime.shell.shell import Shell
from agentcore_emulator.runtime.websocket import own_acceptance, take_over

__all__ = ["Shells"]

# SDK, `bedrock_agentcore/runtime/models.py`.
_SHELL_ID_HEADER: Final = "X-Amzn-Bedrock-AgentCore-Shell-Id"

# SDK, `bedrock_agentcore/runtime/shell/_validation.py`.
_SHELL_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,127}")

# AWS developer guide, "Quotas for Amazon Bedrock AgentCore": per agent runtime, those that nobody looks at included.
_MOST_SHELLS: Final = 10

# What a terminal in a browser is; no shell is told.
_ENVIRON: Final = {"TERM": "xterm-256color"}


class _Refused(RuntimeClientError):
    """424: AWS developer guide: the member `error` tells the causes apart."""

    code = RuntimeClientError.__name__

    def members(self) -> dict[str, Any]:
        """The JSON body."""
        return {**super().members(), "error": self.message}


class Shells:
    """All shells of an emulator."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        # None for one that is being started.
        self._shells: dict[tuple[SessionKey, str], Shell | None] = {}

    async def __call__(self, visit: Visit) -> None:
        """Let the client of a visit work at a shell in its session, which is started if need be.

        Raises `AWSError` as long as the client's request is not accepted; see `conversation` for what comes then.
        """
        if sys.platform != "linux":
            raise NotImplementedException("InvokeAgentRuntimeCommandShell outside Linux", "bedrock-agentcore")
        accept = visit.call.accept
        if accept is None:
            raise ValidationException("This path takes WebSocket connections alone; send an Upgrade: websocket")
        lines = own_acceptance(visit.call.headers)
        shell_id = visit.request.get("shellId") or str(uuid.uuid4())
        if not _SHELL_ID.fullmatch(shell_id):
            raise _Refused(
                "The shell id is not valid: it has 1 to 128 letters, digits, hyphens and underscores, and begins with a"
                " letter or a digit"
            )
        find = functools.partial(self._find_or_start, visit.key, shell_id)
        async with executing(self._sessions, self._clock, visit, find) as (use, (shell, known)):
            try:
                client = take_over(accept, [*visit.own_headers(), (_SHELL_ID_HEADER, shell_id), *lines])
            except ClientDisconnect:
                use.session.journal.happened(f"shell {shell_id}: its client went away before it was there")
                if not known:  # Nobody has been told of it.
                    await shell.end()
                raise
            # From here on it is not the connection that keeps the session, but what is said on it.
            use.over()
            use.session.journal.happened(f"shell {shell_id}: {'connected again' if known else 'started'}")
            await converse(Connection(*client), shell, self._clock, reconnected=known)

    async def _find_or_start(self, key: SessionKey, shell_id: str, use: Invocation) -> tuple[Shell, bool]:
        """The shell, and whether it was there. Raises `AWSError` or `CannotExecute`."""
        place = (key, shell_id)
        shell = self._shells.get(place)
        if shell is not None and shell.ending:
            await shell.end()
            shell = self._shells.get(place)
        if shell is not None and shell.session is use.session:
            return shell, True
        if shell is None and place in self._shells:
            raise ConflictException("Another connection is claiming the same shellId, please retry")
        if sum(of.runtime_id == key.runtime_id for of, _ in self._shells) >= _MOST_SHELLS:
            raise _Refused(f"The maximum of {_MOST_SHELLS} concurrent shells is reached; close one and retry")
        self._shells[place] = None
        try:
            shell = await self._start(use.session, shell_id)
        except BaseException:
            del self._shells[place]
            raise
        self._shells[place] = shell
        return shell, False

    async def _start(self, session: Session, shell_id: str) -> Shell:
        assert session.microvm is not None, "a shell in a session that is not provisioned"
        execution = await session.microvm.execute(["bash"], terminal=True, environ=_ENVIRON)
        return Shell(shell_id, session, execution, self._clock, self._forget)

    def _forget(self, shell: Shell) -> None:
        place = (shell.session.key, shell.shell_id)
        if self._shells.get(place) is shell:
            del self._shells[place]
