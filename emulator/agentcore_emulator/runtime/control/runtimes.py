"""Agent runtimes and their versions.

Wire facts: botocore's model of `bedrock-agentcore-control`; behaviour: AWS developer guide, "How it works" and
"AgentCore Runtime versioning and endpoints". Words of AWS are quoted where users report them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from agentcore_emulator import resource_ids
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ConflictException, ResourceNotFoundException, ServiceQuotaExceededException
from agentcore_emulator.paging import Listing
from agentcore_emulator.runtime.control import configuration, rows
from agentcore_emulator.runtime.control.deployments import Deployments
from agentcore_emulator.runtime.control.described import Configured
from agentcore_emulator.runtime.control.pages import page
from agentcore_emulator.runtime.control.tables import endpoints, runtimes, versions
from agentcore_emulator.store import Store
from agentcore_emulator.store.columns import milliseconds

__all__ = ["Runtimes"]

# AWS developer guide, quotas: in an account, and of an agent.
_MOST: Final = 1_000
_MOST_VERSIONS: Final = 1_000


class Runtimes:
    """CreateAgentRuntime, GetAgentRuntime, List…, UpdateAgentRuntime and DeleteAgentRuntime.

    Results are the output structures of the model. `arn` is what an id follows in an ARN, `platform` gives the platform
    version of a runtime, by its name, whose creator asks for none.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        deployments: Deployments,
        configured: Configured,
        arn: str,
        platform: Callable[[str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._deployments = deployments
        self._configured = configured
        self._arn = arn
        self._platform = platform

    async def create_agent_runtime(self, given: dict[str, Any]) -> dict[str, Any]:
        """The runtime, CREATING. The same request with the same clientToken gives the one that it has made.

        Raises ConflictException for a name that is taken and for another request's token, ValidationException, and
        ServiceQuotaExceededException.
        """
        name = given["agentRuntimeName"]
        settings = configuration.members(given, given.get("platformVersion") or self._platform(name))
        configuration.read(settings)
        now = milliseconds(self._clock.time())
        token = resource_ids.token_digest(given)
        taken = ConflictException(f"An agent runtime named {name} already exists")
        if any(agent.runtime.name == name for agent in self._configured):
            raise taken

        def create(connection: Connection) -> tuple[Row[Any], Row[Any], bool]:
            made = select(versions).where(versions.c.token == token, versions.c.number == 1)
            version = None if token is None else connection.execute(made).first()
            if version is not None:
                rows.refuse_another(version, given)
                query = select(runtimes).where(runtimes.c.key == version.runtime_key)
                return connection.execute(query).one(), version, False
            if connection.execute(select(runtimes.c.key).where(runtimes.c.name == name)).first():
                raise taken
            if connection.execute(select(func.count()).select_from(runtimes)).scalar_one() >= _MOST:
                raise ServiceQuotaExceededException(f"An account has at most {_MOST} agent runtimes in a region")
            runtime_id = resource_ids.new_resource_id(name)
            values = {"id": runtime_id, "arn": self._arn + runtime_id, "name": name, "created_at": now}
            connection.execute(insert(runtimes).values(tags=given.get("tags", {}), **values))
            runtime = rows.find(connection, runtime_id)
            self._add(connection, runtime, 1, settings, "CREATING", given, now)
            return runtime, rows.newest(connection, runtime), True

        runtime, version, new = await self._store.write(create)
        if new:
            self._deployments.deploy(runtime, 1)
        return {**_named(runtime, version), "createdAt": runtime.created_at / 1000, "status": "CREATING"}

    async def get_agent_runtime(self, given: dict[str, Any]) -> dict[str, Any]:
        """The runtime as its newest version has it, or another version. Raises ResourceNotFoundException."""
        runtime_id, number = given["agentRuntimeId"], given.get("agentRuntimeVersion")
        agent = self._configured.get(runtime_id)
        if agent is not None:
            if number is not None and int(number) not in agent.versions.live():
                raise ResourceNotFoundException(f"No version {number} found of agent runtime {runtime_id}")
            return self._configured.shown(agent, None if number is None else int(number))

        def get(connection: Connection) -> dict[str, Any]:
            runtime = rows.find(connection, runtime_id)
            if number is None:
                version = rows.newest(connection, runtime)
            else:
                version = rows.find_version(connection, runtime, number)
            return _shown(runtime, version)

        return await self._store.read(get)

    async def list_agent_runtimes(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"agentRuntimes", "nextToken"?}`: those that files configure, then the others, the newest first."""
        listed = [(f"0{number:09}", self._configured.summary(agent)) for number, agent in enumerate(self._configured)]

        def found(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
            return [
                (f"1{10**15 - row.key:016}", _summary(row, rows.newest(connection, row)))
                for row in connection.execute(select(runtimes)).all()
                if row.id not in self._configured
            ]

        listed += await self._store.read(found)
        return page(Listing("ListAgentRuntimes"), "agentRuntimes", listed, given)

    async def list_agent_runtime_versions(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"agentRuntimes", "nextToken"?}`: one for each version, the newest first.

        Of a runtime that a file configures, those that are current or have sessions. Raises ResourceNotFoundException.
        """
        runtime_id = given["agentRuntimeId"]
        agent = self._configured.get(runtime_id)
        if agent is not None:
            summaries = [(number, self._configured.summary(agent, number)) for number in agent.versions.live()]
        else:

            def found(connection: Connection) -> list[tuple[int, dict[str, Any]]]:
                runtime = rows.find(connection, runtime_id)
                return [(row.number, _summary(runtime, row)) for row in rows.of(connection, runtime)]

            summaries = await self._store.read(found)
        listed = [(f"{10**6 - number:07}", summary) for number, summary in summaries]
        return page(Listing("ListAgentRuntimeVersions", runtime_id), "agentRuntimes", listed, given)

    async def update_agent_runtime(self, given: dict[str, Any]) -> dict[str, Any]:
        """The runtime, UPDATING, with one more version, which has what is given and nothing of the one before.

        But for the platform version, which stays (a sample of awslabs). The same request with the same clientToken
        gives the version that it has made. Raises ConflictException while it is CREATING, UPDATING or DELETING, for one
        that a file configures and for another request's token; ResourceNotFoundException, ValidationException, and
        ServiceQuotaExceededException.
        """
        runtime_id = given["agentRuntimeId"]
        self._configured.refuse(runtime_id, "change its files and, with --reload or a redeploy, it has a new version")
        now = milliseconds(self._clock.time())
        token = resource_ids.token_digest(given)

        def change(connection: Connection) -> tuple[Row[Any], Row[Any], bool]:
            runtime = rows.find(connection, runtime_id)
            query = select(versions).where(versions.c.runtime_key == runtime.key, versions.c.token == token)
            made = None if token is None else connection.execute(query).first()
            if made is not None:
                rows.refuse_another(made, given)
                return runtime, made, False
            found = rows.of(connection, runtime)
            newest = found[0]
            rows.refuse_while_busy(runtime, newest, "update")
            if len(found) >= _MOST_VERSIONS:
                raise ServiceQuotaExceededException(f"An agent runtime has at most {_MOST_VERSIONS} versions")
            platform = given.get("platformVersion") or newest.settings["platformVersion"]
            settings = configuration.members(given, platform)
            configuration.read(settings)
            self._add(connection, runtime, newest.number + 1, settings, "UPDATING", given, now)
            return runtime, rows.newest(connection, runtime), True

        runtime, version, new = await self._store.write(change)
        if new:
            self._deployments.deploy(runtime, version.number)
        return {
            **_named(runtime, version),
            "createdAt": runtime.created_at / 1000,
            "lastUpdatedAt": version.created_at / 1000,
            "status": "UPDATING",
        }

    async def delete_agent_runtime(self, given: dict[str, Any]) -> dict[str, Any]:
        """The status DELETING: of the runtime, whose sessions end, or of the one version that is named.

        Raises ResourceNotFoundException, and ConflictException while it is CREATING, UPDATING or DELETING, while it has
        endpoints besides DEFAULT (or leading to the version), and for one that a file configures.
        """
        runtime_id, number = given["agentRuntimeId"], given.get("agentRuntimeVersion")
        self._configured.refuse(runtime_id, "start the emulator without it")
        if number is not None:
            return await self._delete_version(runtime_id, number)
        token = resource_ids.token_digest(given) or ""

        def mark(connection: Connection) -> tuple[Row[Any], bool]:
            runtime = rows.find(connection, runtime_id)
            if token and runtime.deleting == token:
                return runtime, False
            rows.refuse_while_busy(runtime, rows.newest(connection, runtime), "delete")
            if connection.execute(select(endpoints.c.key).where(endpoints.c.runtime_key == runtime.key)).first():
                # As users report it.
                raise ConflictException("This agent has endpoints that must be deleted first")
            connection.execute(update(runtimes).where(runtimes.c.key == runtime.key).values(deleting=token))
            return runtime, True

        runtime, new = await self._store.write(mark)
        if new:
            self._deployments.delete(runtime)
        return {"status": "DELETING", "agentRuntimeId": runtime_id}

    async def _delete_version(self, runtime_id: str, number: str) -> dict[str, Any]:
        def remove(connection: Connection) -> Row[Any]:
            runtime = rows.find(connection, runtime_id)
            version = rows.find_version(connection, runtime, number)
            newest = rows.newest(connection, runtime)
            rows.refuse_while_busy(runtime, newest, "delete a version of")
            if version.number == newest.number or version.number in rows.pinned(connection, runtime):
                raise ConflictException(f"Version {number} is the newest, or an endpoint leads to it")
            there = (versions.c.runtime_key == runtime.key) & (versions.c.number == version.number)
            connection.execute(delete(versions).where(there))
            return runtime

        runtime = await self._store.write(remove)
        self._deployments.delete_version(runtime, int(number))
        return {"status": "DELETING", "agentRuntimeId": runtime_id, "agentRuntimeVersion": number}

    def _add(
        self,
        connection: Connection,
        runtime: Row[Any],
        number: int,
        settings: dict[str, Any],
        status: str,
        given: dict[str, Any],
        now: int,
    ) -> None:
        connection.execute(
            insert(versions).values(
                runtime_key=runtime.key,
                number=number,
                settings=settings,
                status=status,
                token=resource_ids.token_digest(given),
                request=rows.digest(given),
                created_at=now,
                updated_at=now,
            )
        )


def _named(runtime: Row[Any], version: Row[Any]) -> dict[str, Any]:
    return {
        "agentRuntimeArn": runtime.arn,
        "agentRuntimeId": runtime.id,
        "agentRuntimeVersion": str(version.number),
    }


def _summary(runtime: Row[Any], version: Row[Any]) -> dict[str, Any]:
    """The model's `AgentRuntime`."""
    return {
        **_named(runtime, version),
        "agentRuntimeName": runtime.name,
        "description": version.settings.get("description", ""),
        "lastUpdatedAt": version.updated_at / 1000,
        "status": "DELETING" if runtime.deleting is not None else version.status,
    }


def _shown(runtime: Row[Any], version: Row[Any]) -> dict[str, Any]:
    """The output of GetAgentRuntime."""
    shown = {
        **_summary(runtime, version),
        "createdAt": runtime.created_at / 1000,
        **version.settings,
        "lifecycleConfiguration": configuration.lifecycle(version.settings),
    }
    if "description" not in version.settings:
        del shown["description"]
    if version.failure is not None:
        shown["failureReason"] = version.failure
    return shown
