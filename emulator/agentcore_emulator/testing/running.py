"""An emulator that runs, wherever it does: what a test asks of it and has it do."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict
from urllib.parse import quote

from agentcore_emulator.testing.admin import Admin, EmulatorError
from agentcore_emulator.testing.controls import EmulatorClock, Faults

__all__ = ["RunningEmulator", "SessionInfo", "new_session"]


def new_session() -> str:
    """A session id that no other test has."""
    return f"session-{uuid.uuid4()}"


class SessionInfo(TypedDict):
    """One session, as `GET /_emulator/sessions` describes it.

    `runtime` is the agent's name. `state` is one of Provisioning, Active, Idle, Stopping and Stopped. Times are in
    seconds since the epoch, on the emulator's clock; `ended` and `reason` are there once the session takes no more
    calls. `log` holds the last 500 lines of what the agent has printed and of what befell the session.
    """

    runtime: str
    version: int
    endpoint: str
    session_id: str
    state: str
    pid: int | None
    created: float
    last_used: float
    in_flight: int
    ended: float | None
    reason: str | None
    log: list[str]


class RunningEmulator(ABC):
    """An emulator in the block of a `with`, on a free port, ephemeral unless given a `--state-dir` or a `--store`.

    `url`, `arn` (the default agent's) and `info` (the answer of `GET /_emulator/info`) are there once it is ready. What
    the admin API refuses raises `EmulatorError` with its sentence.
    """

    def __init__(self, target: str | Path, *options: str) -> None:
        self.url = ""
        self.arn = ""
        self.info: dict[str, Any] = {}
        self._runtime: Any = None
        kept = () if {"--state-dir", "--store"} & set(options) else ("--ephemeral",)
        self._arguments = [str(target), "--port", "0", *kept, *options]

    def __enter__(self) -> Self:
        """Start it and wait until it is ready. Raises `EmulatorError` if it does not get there."""
        self.url = self._start()
        try:
            self.info = self.admin.get("info")
        except BaseException:
            self.stop()
            raise
        self.arn = self.info["default_arn"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it as Ctrl-C does."""
        if self._runtime is not None:
            self._runtime.close()
        self.stop()

    @abstractmethod
    def _start(self) -> str:
        """Start it and return its URL."""

    @abstractmethod
    def stop(self) -> object:
        """End it as Ctrl-C does, with all its sessions."""

    @property
    def arns(self) -> dict[str, str]:
        """The agents' ARNs by their names, the default one first."""
        return {runtime["name"]: runtime["arn"] for runtime in self.info["runtimes"]}

    @cached_property
    def admin(self) -> Admin:
        """The admin API itself."""
        if not self.url:
            raise EmulatorError("the emulator has not been started; use it in a with block")
        return Admin(self.url)

    @cached_property
    def clock(self) -> EmulatorClock:
        """The emulator's time, and the way to move it."""
        return EmulatorClock(self.admin)

    @cached_property
    def faults(self) -> Faults:
        """The faults that are to strike."""
        return Faults(self.admin)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of `service` with nothing but the emulator's endpoint, a region and fake keys."""
        import boto3
        from botocore.config import Config

        settings: dict[str, Any] = {
            "endpoint_url": self.url,
            "region_name": self.info["region"],
            "aws_access_key_id": "emulator",
            "aws_secret_access_key": "emulator",
            **options,
            # A proxy that the environment names cannot reach this machine's loopback address.
            "config": Config(proxies={}).merge(options.get("config", Config())),
        }
        session: Any = boto3.session.Session()
        return session.client(service, **settings)

    def invoke(self, payload: Any, session: str | None = None, *, agent: str | None = None) -> Any:
        """Send `payload` as JSON to an agent, the default one without a name, and return its JSON answer.

        Without a session it is a new one. Raises what boto3 raises, and `ValueError` for an answer that is not JSON;
        for streams there is `client`.
        """
        if self._runtime is None:
            self._runtime = self.client("bedrock-agentcore")
        answer = self._runtime.invoke_agent_runtime(
            agentRuntimeArn=self.arn if agent is None else self.arns[agent],
            runtimeSessionId=session or new_session(),
            payload=json.dumps(payload),
        )
        return json.loads(answer["response"].read())

    def websocket_url(self, session: str | None = None, *, agent: str | None = None) -> str:
        """Where an agent's `/ws` is, the default one's without a name, in this session or in a new one."""
        arn = quote(self.arn if agent is None else self.arns[agent], safe="")
        session_id = quote(session or new_session(), safe="")
        path = f"/runtimes/{arn}/ws?X-Amzn-Bedrock-AgentCore-Runtime-Session-Id={session_id}"
        return f"ws{self.url.removeprefix('http')}{path}"

    def token(self, *, agent: str | None = None, **asked: Any) -> str:
        """A bearer token that an agent with an authorizer accepts, the default agent's without a name.

        `audience`, `client_id`, `scopes`, `claims`, `subject` and `expires_in` (seconds) go before what the agent asks
        for; None or an empty list leaves a claim out. Raises `EmulatorError` for what is none of these.
        """
        which = {} if agent is None else {"runtime": agent}
        return str(self.admin.post("issuer/token", {**which, **asked})["access_token"])

    def sessions(self) -> list[SessionInfo]:
        """The sessions that are there now, oldest first."""
        found: list[SessionInfo] = self.admin.get("sessions")["sessions"]
        return found

    def session(self, session_id: str, *, agent: str | None = None) -> SessionInfo:
        """The session that lives under this id, else the last one that did, with why it ended and all that it logged.

        Raises `EmulatorError` if there was none among the last hundred.
        """
        answer = self.admin.get("sessions")
        known: list[SessionInfo] = [*answer["ended"], *answer["sessions"]]
        for each in reversed(known):
            if each["session_id"] == session_id and agent in (None, each["runtime"]):
                return each
        raise EmulatorError(f"there is no session {session_id}, nor was there one among the last hundred that ended")

    def kill_session(self, session_id: str, *, agent: str | None = None) -> None:
        """Kill a session's microVM, as a crash would (SIGKILL), and wait for its end.

        Raises `EmulatorError` if none lives under this id, or several agents' do and none of them is named.
        """
        which = "" if agent is None else f"?runtime={quote(agent)}"
        self.admin.post(f"sessions/{quote(session_id)}/kill{which}", {})

    def redeploy(self, agent: str | None = None) -> dict[str, int]:
        """Make a new version of one agent, or of all without a name, and return the versions' numbers by name.

        New sessions run on it, live ones stay on theirs. Raises `EmulatorError` if it does not come up.
        """
        versions: dict[str, int] = self.admin.post("redeploy", {} if agent is None else {"runtime": agent})["versions"]
        return versions
