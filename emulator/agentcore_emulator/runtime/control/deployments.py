"""The work behind the statuses of agent runtimes: from a zip to an agent that is called, and to its end.

A version's files are in `<folder>/<runtime id>/<number>/`: `code` and, for sessions' storage, `storage`. What was under
way when an emulator ended, the next one with the same state goes on with.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from collections.abc import Callable, Container, Coroutine
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, delete, select, update

from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ConflictException
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.runtime.agents import DEFAULT_ENDPOINT, Agent, Agents
from agentcore_emulator.runtime.builder import Builder
from agentcore_emulator.runtime.control import configuration, rows
from agentcore_emulator.runtime.control.artifacts import ArtifactError, Code, unpack
from agentcore_emulator.runtime.control.deferred import Deferred
from agentcore_emulator.runtime.control.tables import endpoints, runtimes, versions
from agentcore_emulator.runtime.microvm.host import BootFailure
from agentcore_emulator.runtime.sessions import Sessions
from agentcore_emulator.store import Store, StoreError
from agentcore_emulator.store.columns import milliseconds

__all__ = ["Deployments"]

_log = logging.getLogger(__name__)

_FAILED: Final = {"CREATING": "CREATE_FAILED", "UPDATING": "UPDATE_FAILED"}

_VERSION: Final = "import sys; print('%d.%d' % sys.version_info[:2])"


class Deployments:
    """All that `CreateAgentRuntime` has made, at work. `python` runs it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        agents: Agents,
        sessions: Sessions,
        builder: Builder,
        folder: Path,
        python: Path,
    ) -> None:
        self._store = store
        self._clock = clock
        self._agents = agents
        self._sessions = sessions
        self._builder = builder
        self._code: Callable[[], Code] | None = None
        self._folder = folder
        self._python = python
        # By the runtime's id and the version's number, and those that have only their live sessions left.
        self._current: dict[tuple[str, int], Agent] = {}
        self._draining: dict[Agent, asyncio.Task[None]] = {}
        self._deploying: set[tuple[str, int]] = set()
        self._making = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, code: Callable[[], Code], shadowed: Container[str]) -> None:
        """Serve what is there, and go on with what was under way, but for runtimes with the ids `shadowed`.

        `code` gives where zips come from, once the first is wanted.
        """
        self._code = code

        def there(connection: Connection) -> list[tuple[Row[Any], Row[Any], int | None, list[Row[Any]]]]:
            found = connection.execute(select(runtimes).order_by(runtimes.c.key)).all()
            query = select(endpoints).order_by(endpoints.c.key)
            return [
                (
                    runtime,
                    rows.newest(connection, runtime),
                    rows.default_version(connection, runtime),
                    list(connection.execute(query.where(endpoints.c.runtime_key == runtime.key)).all()),
                )
                for runtime in found
            ]

        for runtime, newest, default, others in await self._store.read(there):
            if runtime.id in shadowed:
                _log.warning("%s is configured by a file, which goes before what was deployed under it", runtime.arn)
            elif runtime.deleting is not None:
                self.delete(runtime)
            else:
                routes = [(DEFAULT_ENDPOINT, default), *((row.name, row.version) for row in others if not row.deleting)]
                for name, number in routes:
                    if number is not None:
                        await self._restore(runtime, name, number)
                for row in others:
                    if row.deleting:
                        self.delete_endpoint(runtime, row.name)
                if newest.status in _FAILED:
                    self.deploy(runtime, newest.number)

    async def close(self) -> None:
        """Leave all that is under way as it is, and close what serves. Sessions must have ended."""
        tasks = [*self._tasks, *self._draining.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(agent.versions.close() for agent in [*self._current.values(), *self._draining]))

    def deploy(self, runtime: Row[Any], number: int) -> None:
        """Begin to make an agent of a version that is CREATING or UPDATING, for DEFAULT to lead to."""
        self._begin(self._deploy(runtime, number))

    def delete(self, runtime: Row[Any]) -> None:
        """Take no more calls for a runtime, and begin to end all that it has. Its row says that it is deleted."""
        agents = self._all_of(runtime)
        for name in self._agents.endpoints(runtime.arn):
            self._agents.remove(runtime.arn, name)
        for agent in agents:
            agent.leave()
        self._begin(self._delete(runtime, agents))

    def delete_endpoint(self, runtime: Row[Any], name: str) -> None:
        """Take no more calls for an endpoint, and begin to end its sessions. Its row says that it is deleted."""
        self._agents.remove(runtime.arn, name)
        self._begin(self._delete_endpoint(runtime, name))

    def delete_version(self, runtime: Row[Any], number: int) -> None:
        """Begin to end the sessions of a version that no endpoint leads to and whose row is gone."""
        self._begin(self._delete_version(runtime, number))

    async def prepare(self, runtime: Row[Any], version: Row[Any]) -> None:
        """See to it that endpoints can lead to a version. Raises ConflictException if they cannot."""
        try:
            await self._made(runtime, version)
        except (ArtifactError, BootFailure) as failure:
            raise ConflictException(f"Version {version.number} of {runtime.id} cannot be served: {failure}") from None

    async def route(self, runtime: Row[Any], name: str, version: Row[Any]) -> None:
        """Have calls of an endpoint, whose row says so, go to a version that is prepared."""
        await self._made(runtime, version, endpoint=name)
        await self._retire_unused(runtime)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _place(self, runtime: Row[Any], number: int) -> Path:
        return self._folder / str(runtime.id) / str(number)

    def _all_of(self, runtime: Row[Any]) -> list[Agent]:
        """Also those that have only their live sessions left."""
        return [agent for agent in [*self._current.values(), *self._draining] if agent.runtime.arn == runtime.arn]

    async def _restore(self, runtime: Row[Any], name: str, number: int) -> None:
        version = await self._store.read(lambda c: rows.find_version(c, runtime, number))
        try:
            await self._made(runtime, version, endpoint=name)
        except (ArtifactError, BootFailure) as failure:
            _log.error("%s, version %d, cannot be served any more: %s", runtime.name, number, failure)
            failed = "CREATE_FAILED" if number == 1 else "UPDATE_FAILED"
            await self._write(runtime, number, failed, str(failure))

    async def _deploy(self, runtime: Row[Any], number: int) -> None:
        version = await self._store.read(lambda c: rows.find_version(c, runtime, number))
        self._deploying.add((runtime.id, number))
        try:
            agent = await self._made(runtime, version, fetch=True)
            await self._boot(agent, version)
        except (ArtifactError, BootFailure) as failure:
            await self._failed(runtime, version, str(failure))
        except Exception:  # noqa: BLE001 - a fault of the emulator's, which nobody waits for here
            _log.exception("deploying version %d of %s failed inside the emulator", number, runtime.name)
            await self._failed(runtime, version, "agentcore-emulator failed; its log has the reason")
        else:
            # Before the status says so.
            self._agents.put(agent)
            await self._write(runtime, number, "READY", None)
            _log.info("%s: version %d is ready", runtime.name, number)
        finally:
            self._deploying.discard((runtime.id, number))
        await self._retire_unused(runtime)

    async def _made(
        self, runtime: Row[Any], version: Row[Any], *, fetch: bool = False, endpoint: str | None = None
    ) -> Agent:
        """The agent of a version, whose zip is fetched if that is wanted and its files are not there.

        Calls of `endpoint` go to it from then on.
        """
        project = self._place(runtime, version.number) / "code"
        if not await asyncio.to_thread(project.is_dir):
            if not fetch or self._code is None:
                raise ArtifactError(f"its files are not in {project} any more; update the agent runtime")
            location = version.settings["agentRuntimeArtifact"]["codeConfiguration"]["code"]["s3"]
            content = await self._code().fetch(location["bucket"], location["prefix"], location.get("versionId"))
            await asyncio.to_thread(unpack, content, project)
        async with self._making:
            agent = self._current.get((runtime.id, version.number))
            if agent is None:
                agent = await self._make(runtime, version, project)
                self._current[runtime.id, version.number] = agent
            if endpoint is not None:
                self._agents.put(agent, endpoint)
            return agent

    async def _make(self, runtime: Row[Any], version: Row[Any], project: Path) -> Agent:
        entrypoint = project / configuration.entry_file(version.settings)
        if not await asyncio.to_thread(entrypoint.is_file):
            raise ArtifactError(f"The zip file has no {entrypoint.relative_to(project)}, which is its entryPoint")
        described = AgentRuntime(
            name=runtime.name,
            runtime_id=runtime.id,
            arn=runtime.arn,
            entrypoint=entrypoint,
            project_dir=project,
            python=self._python,
            version=version.number,
            **configuration.read(version.settings),
        )
        agent = await self._builder.deployed(described, self._place(runtime, version.number) / "storage")
        await agent.update()
        return agent

    async def _boot(self, agent: Agent, version: Row[Any]) -> None:
        """Boot a new version as far as AWS does before the version is ready. Raises `BootFailure`.

        On V2 the agent itself, for its snapshot. On V1 nothing of it: what does not start there fails the first call
        (users' reports; AWS developer guide, "How it works"), and the log says so here.
        """
        name, wanted = agent.runtime.name, configuration.wanted_python(version.settings)
        has = await _python_version(agent.runtime.python)
        if has != wanted:
            _log.warning("%s asks for Python %s and runs on %s, %s", name, wanted, has, agent.runtime.python)
        try:
            await cast("Deferred", agent.versions.current.host).boot()
        except BootFailure as failure:
            if agent.runtime.platform == "V2":
                raise
            _log.error("%s: version %d will not start: %s", name, version.number, failure)

    async def _failed(self, runtime: Row[Any], version: Row[Any], why: str) -> None:
        _log.error("%s: version %d failed: %s", runtime.name, version.number, why)
        agent = self._current.pop((runtime.id, version.number), None)
        if agent is not None:
            await agent.versions.close()
        await asyncio.to_thread(shutil.rmtree, self._place(runtime, version.number), ignore_errors=True)
        await self._write(runtime, version.number, _FAILED[version.status], why)

    async def _write(self, runtime: Row[Any], number: int, status: str, failure: str | None) -> None:
        try:
            await self._store.write(lambda c: self._mark(c, runtime, number, status, failure))
        except StoreError as error:
            _log.error("the status of %s could not be kept: %s", runtime.name, error)

    def _mark(self, connection: Connection, runtime: Row[Any], number: int, status: str, failure: str | None) -> None:
        there = (versions.c.runtime_key == runtime.key) & (versions.c.number == number)
        now = milliseconds(self._clock.time())
        connection.execute(update(versions).where(there).values(status=status, failure=failure, updated_at=now))

    async def _retire_unused(self, runtime: Row[Any]) -> None:
        """Let go of versions that no endpoint leads to any more, each once its last session has ended."""
        # Under the lock, or an endpoint that begins to lead to one meanwhile would be overlooked.
        async with self._making:
            used = await self._store.read(lambda c: rows.pinned(c, runtime))
            for key in [key for key in self._current if key[0] == runtime.id and key[1] not in used]:
                if key not in self._deploying:
                    agent = self._current.pop(key)
                    self._draining[agent] = asyncio.create_task(self._drain(runtime, key[1], agent))

    async def _drain(self, runtime: Row[Any], number: int, agent: Agent) -> None:
        await agent.versions.retire()
        del self._draining[agent]
        if (runtime.id, number) not in self._current:
            # AWS developer guide, "Persistent file system": it is wiped by an update.
            await asyncio.to_thread(shutil.rmtree, self._place(runtime, number) / "storage", ignore_errors=True)

    async def _delete(self, runtime: Row[Any], agents: list[Agent]) -> None:
        await self._sessions.end_all(runtime.id)
        await asyncio.gather(*(agent.versions.retire() for agent in agents))
        for key in [key for key in self._current if key[0] == runtime.id]:
            del self._current[key]
        await asyncio.to_thread(shutil.rmtree, self._folder / runtime.id, ignore_errors=True)
        await self._store.write(lambda c: c.execute(delete(runtimes).where(runtimes.c.key == runtime.key)))
        _log.info("%s is deleted", runtime.name)

    async def _delete_endpoint(self, runtime: Row[Any], name: str) -> None:
        await self._sessions.end_all(runtime.id, endpoint=name)
        there = (endpoints.c.runtime_key == runtime.key) & (endpoints.c.name == name)
        await self._store.write(lambda c: c.execute(delete(endpoints).where(there)))
        await self._retire_unused(runtime)

    async def _delete_version(self, runtime: Row[Any], number: int) -> None:
        agents = [agent for agent in self._all_of(runtime) if agent.runtime.version == number]
        for agent in agents:
            agent.leave()
        await self._sessions.end_all(runtime.id, version=number)
        await asyncio.gather(*(agent.versions.retire() for agent in agents))
        self._current.pop((runtime.id, number), None)
        await asyncio.to_thread(shutil.rmtree, self._place(runtime, number), ignore_errors=True)


async def _python_version(python: Path) -> str:
    """Of an interpreter, as `3.11`; empty for one that does not say so."""
    if str(python) == sys.executable:
        return "{}.{}".format(*sys.version_info)
    process = await asyncio.create_subprocess_exec(
        python, "-c", _VERSION, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return said.decode("ascii", "replace").strip()
