"""One emulator: its planes, the app over them, the server, and the microVMs below, started and stopped as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import socket
from collections.abc import Generator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.types import ASGIApp

from agentcore_emulator import __version__, fault_file
from agentcore_emulator.admin import admin_app
from agentcore_emulator.app import make_app
from agentcore_emulator.auth.inbound import Inbound
from agentcore_emulator.auth.issuer import Issuer
from agentcore_emulator.aws.services import Services
from agentcore_emulator.clock import Clock
from agentcore_emulator.config import SQLITE_URL, STATE_FILE, ProjectError, Settings
from agentcore_emulator.connection import Connection
from agentcore_emulator.environment import client_environment
from agentcore_emulator.faults import Faults
from agentcore_emulator.latency import Latency
from agentcore_emulator.listening import CannotListen, listen, url_of
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.memory.extraction import Extractor
from agentcore_emulator.models import ModelPlane
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.proxy.opened import opened
from agentcore_emulator.proxy.proxy import Proxy
from agentcore_emulator.runtime import reload
from agentcore_emulator.runtime.agents import Agent, Agents
from agentcore_emulator.runtime.builder import Builder
from agentcore_emulator.runtime.control.plane import ControlPlane
from agentcore_emulator.runtime.front import Front
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.runtime.microvm.isolation import Isolation
from agentcore_emulator.runtime.microvm.resources import RunFolder
from agentcore_emulator.runtime.plane import RuntimePlane
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.store import Store, StoreError
from agentcore_emulator.tags import Tags

__all__ = ["Emulator", "StartError"]

_log = logging.getLogger(__name__)

_MEMORY_ID = "BEDROCK_AGENTCORE_MEMORY_ID"

# Ctrl-C is to have ended everything within two seconds. The sessions' end is what ends the calls in flight, so it must
# come before the server stops waiting for these.
_SHUTDOWN_GRACE_SECONDS = 0.8
_SERVER_GRACE_SECONDS = 1


class StartError(Exception):
    """The emulator cannot start; the message is one sentence that says why, and what to do."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: signals belong to the program that holds the emulator."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    def connection(self) -> Connection:
        """One more connection of this server's, whoever has accepted it."""
        return Connection(self.config, self.server_state, {})

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.listening.set()


def _is_news(record: logging.LogRecord) -> bool:
    # A relayed answer that broke off is left incomplete on purpose, and the session's journal says why. A call is
    # cancelled only when the emulator stops.
    cancelled = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return record.msg != "ASGI callable returned without completing response." and not cancelled


logging.getLogger("uvicorn.error").addFilter(_is_news)


class Emulator:
    """An emulator for these agents. `start`, then `serve` until `stop` is called; all within one event loop."""

    def __init__(self, settings: Settings, runtimes: Sequence[AgentRuntime]) -> None:
        self.settings = settings
        self.runtimes = list(runtimes)
        self.url = ""
        self.proxy_url = ""
        self.isolation: dict[str, Isolation] = {}
        self._environment: dict[str, str] = {}
        self._stack = contextlib.AsyncExitStack()
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind, look at the agents, open the store, serve. Raises `StartError` with nothing left behind."""
        try:
            await self._start()
        except (BootFailure, CannotListen, ProjectError, StoreError, ValueError) as error:
            await self._stack.aclose()
            raise StartError(str(error)) from None
        except BaseException:
            await self._stack.aclose()
            raise

    async def serve(self) -> None:
        """Return when the emulator has been stopped."""
        assert self._serving is not None, "serve() before start()"
        await asyncio.shield(self._serving)

    async def stop(self) -> None:
        """End the sessions, the server and all that was opened; a second call does nothing."""
        await self._stack.aclose()

    def info(self) -> Mapping[str, Any]:
        """What `GET /_emulator/info` answers."""
        arn = self.runtimes[0].arn
        return {
            "url": self.url,
            "version": __version__,
            "region": self.settings.region,
            "account_id": self.settings.account_id,
            "default_arn": arn,
            "runtimes": [
                {
                    "name": runtime.name,
                    "arn": runtime.arn,
                    "protocol": runtime.protocol,
                    "platform": runtime.platform,
                    "isolation": self.isolation[runtime.name].kind,
                }
                for runtime in self.runtimes
            ],
            "quirks": dict(self.settings.quirks),
            "environment": dict(self._environment),
        }

    async def _start(self) -> None:
        settings = self.settings
        listener = listen(settings.host, settings.port)
        self._stack.callback(listener.close)
        self.url = url_of(listener)
        clock = Clock(frozen=settings.clock == "virtual")
        latency = Latency(clock) if settings.latency == "observed" else None
        faults = Faults()
        if settings.faults:
            faults.add(fault_file.load(settings.faults))
        folder = RunFolder()
        self._stack.callback(folder.remove)
        state = folder.path / "state" if settings.ephemeral else settings.state_dir
        store = Store(f"{SQLITE_URL}{state / STATE_FILE}" if settings.ephemeral else settings.store_at)
        self._stack.push_async_callback(store.close)
        # It tunnels before there is a server for AWS's names: agents may want that while they boot.
        proxy = await self._stack.enter_async_context(opened(self.url, state, folder.path, clock.real(), os.environ))
        self.proxy_url = proxy.proxy.url
        self._environment = client_environment(self.url, settings, self.runtimes[0].arn, proxy.for_clients)
        passthrough = None
        if settings.passthrough:
            # Its HTTP client takes a tenth of a second to import.
            from agentcore_emulator.aws.passthrough import Passthrough

            passthrough = Passthrough(settings.passthrough)
            self._stack.push_async_callback(passthrough.close)

        others = Services(settings.account_id)
        self._stack.callback(others.close)
        memory = MemoryPlane(
            store,
            clock,
            settings.region,
            settings.account_id,
            settings.memory_delays,
            settings.retrieval,
            extraction_delay=settings.extraction_delay,
        )
        self._stack.push_async_callback(memory.close)
        await memory.open()
        self.runtimes = [await _with_memory(runtime, memory) for runtime in self.runtimes]
        sessions = Sessions(
            clock,
            debug=settings.debug,
            busy_needs_time=settings.busy_needs_time,
            # A guest that sees the emulator's time also stamps with it.
            moment=float if settings.guest_time else clock.at,
        )
        builder = Builder(settings, self.url, state, folder, clock, latency, proxy)
        agents = Agents(await self._boot_all(builder), settings.account_id)
        deployed, python = state / "runtimes", self.runtimes[0].python
        control = ControlPlane(store, clock, settings, agents, sessions, builder, deployed, python)
        self._stack.push_async_callback(control.close)
        signatures = None
        if settings.verify_signatures:
            # botocore's signer takes a tenth of a second to import.
            from agentcore_emulator.auth.signatures import Signatures

            signatures = Signatures(clock)
        issuer = Issuer(state, clock)
        inbound = Inbound(issuer, clock, signatures=signatures, aws="cognito-idp" in settings.passthrough)
        front = Front(agents, inbound, faults=faults, latency=latency)
        runtime = RuntimePlane(front, sessions, clock, debug=settings.debug, faults=faults)
        app = make_app(
            planes=[
                runtime,
                memory,
                control,
                Tags(store, clock, [memory.tagged, control.tagged]),
                ModelPlane([settings.model_rules] if settings.model_rules else [], clock),
            ],
            streaming=runtime.streaming,
            passthrough=passthrough,
            region=settings.region,
            # Whoever has it listen on an address of this machine calls it by that.
            allow_host=[*settings.allow_host, urlsplit(self.url).hostname or ""],
            admin=admin_app(self.info, clock, agents, sessions, faults, issuer),
            faults=faults,
            latency=latency,
            signatures=signatures,
            others=others,
        )
        memory.start(_extractor(settings, app), app)
        await control.open(app)
        await self._serve(app, listener, sessions, proxy.proxy)

    async def _boot_all(self, builder: Builder) -> list[Agent]:
        """Boot the agents side by side. What the first of them raises that fails is raised once all have come to rest:
        none of them is still booting when the emulator is cleared away."""
        booted = await asyncio.gather(*(self._boot(each, builder) for each in self.runtimes), return_exceptions=True)
        agents = []
        for each in booted:
            if isinstance(each, BaseException):
                raise each
            agents.append(each)
        return agents

    async def _boot(self, runtime: AgentRuntime, builder: Builder) -> Agent:
        agent, self.isolation[runtime.name] = await builder.agent(runtime)
        self._stack.push_async_callback(agent.versions.close)
        await agent.update()
        if self.settings.reload:
            watching = asyncio.create_task(reload.watch(agent))
            self._stack.callback(watching.cancel)
        return agent

    async def _serve(self, app: Any, listener: socket.socket, sessions: Sessions, proxy: Proxy) -> None:
        config = uvicorn.Config(
            app,
            loop="none",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_SERVER_GRACE_SECONDS,
        )
        server = _Server(config)
        serving = self._serving = asyncio.create_task(server.serve(sockets=[listener]))

        async def end() -> None:
            # Or it would go on to give the server connections, which no longer looks after them.
            await proxy.close()
            # Together: the server waits for answers in flight, and the end of their sessions is what ends them.
            server.should_exit = True
            await asyncio.gather(serving, sessions.close(grace=_SHUTDOWN_GRACE_SECONDS))

        self._stack.push_async_callback(end)
        await server.listening.wait()
        proxy.answer_with(server.connection)


def _extractor(settings: Settings, app: ASGIApp) -> Extractor | None:
    """Who makes memory records; None for the rules."""
    if settings.extraction == "rules":
        return None
    # Its HTTP client takes a tenth of a second to import.
    from agentcore_emulator.memory.extraction.model import Converse, Model

    return Model(Converse(app, settings.region))


async def _with_memory(runtime: AgentRuntime, plane: MemoryPlane) -> AgentRuntime:
    """The runtime with the variables that a deployed agent has for its memory, which is created if need be.

    So does `agentcore deploy` of the starter toolkit. Whoever sets BEDROCK_AGENTCORE_MEMORY_ID has chosen a memory.
    """
    wanted = runtime.memory
    if wanted is None or {**os.environ, **runtime.environment}.get(_MEMORY_ID):
        return runtime
    memory_id = await plane.ensure_memory(
        wanted.name, wanted.memory_id, wanted.event_expiry_days, long_term=wanted.long_term
    )
    _log.info("%s uses the memory %s", runtime.name, memory_id)
    own = {_MEMORY_ID: memory_id, "BEDROCK_AGENTCORE_MEMORY_NAME": wanted.name}
    return dataclasses.replace(runtime, environment={**own, **runtime.environment})
