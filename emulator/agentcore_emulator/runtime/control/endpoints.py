"""Endpoints: names under which callers reach a version of an agent runtime.

DEFAULT is there by itself and follows the newest version; any other stays at its version until it is updated (AWS
developer guide, "AgentCore Runtime versioning and endpoints"). Wire facts: botocore's model.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from agentcore_emulator import resource_ids
from agentcore_emulator.clock import Clock
from agentcore_emulator.errors import ConflictException, ResourceNotFoundException, ServiceQuotaExceededException
from agentcore_emulator.paging import Listing
from agentcore_emulator.runtime.agents import DEFAULT_ENDPOINT
from agentcore_emulator.runtime.control import rows
from agentcore_emulator.runtime.control.deployments import Deployments
from agentcore_emulator.runtime.control.described import Configured
from agentcore_emulator.runtime.control.pages import page
from agentcore_emulator.runtime.control.tables import endpoints
from agentcore_emulator.store import Store
from agentcore_emulator.store.columns import milliseconds

__all__ = ["Endpoints"]

# AWS developer guide, quotas: of an agent, DEFAULT taken to be one of them.
_MOST: Final = 10

_FAILED: Final = ("CREATE_FAILED", "UPDATE_FAILED")


class Endpoints:
    """CreateAgentRuntimeEndpoint, GetAgentRuntimeEndpoint, List…, UpdateAgentRuntimeEndpoint and Delete….

    Results are the output structures of the model. An answer to a change has a transitional status, as AWS's has; the
    next look finds it READY.
    """

    def __init__(self, store: Store, clock: Clock, deployments: Deployments, configured: Configured) -> None:
        self._store = store
        self._clock = clock
        self._deployments = deployments
        self._configured = configured

    async def create_agent_runtime_endpoint(self, given: dict[str, Any]) -> dict[str, Any]:
        """The endpoint, leading to the version that is named, or to the newest that is ready.

        The same request with the same clientToken gives the endpoint that it has made. Raises ConflictException for a
        name that is taken, a version that is not ready, a runtime that is DELETING or that a file configures;
        ResourceNotFoundException, and ServiceQuotaExceededException.
        """
        runtime_id, name = given["agentRuntimeId"], given["name"]
        self._configured.refuse(runtime_id, f"it has the endpoint {DEFAULT_ENDPOINT} alone")
        now = milliseconds(self._clock.time())
        token = resource_ids.token_digest(given)
        await self._prepare(given)

        def create(connection: Connection) -> tuple[Row[Any], Row[Any], Row[Any]]:
            runtime = rows.find(connection, runtime_id)
            there = endpoints.c.runtime_key == runtime.key
            made = token and connection.execute(select(endpoints).where(there, endpoints.c.token == token)).first()
            if made:
                rows.refuse_another(made, given)
                return runtime, made, rows.find_version(connection, runtime, made.version)
            version = _target(connection, runtime, given)
            same = connection.execute(select(endpoints.c.key).where(there, endpoints.c.name == name)).first()
            if name == DEFAULT_ENDPOINT or same:
                raise ConflictException(f"Agent runtime {runtime_id} has an endpoint named {name} already")
            count = connection.execute(select(func.count()).select_from(endpoints).where(there)).scalar_one()
            if count + 1 >= _MOST:
                raise ServiceQuotaExceededException(f"An agent runtime has at most {_MOST} endpoints")
            connection.execute(
                insert(endpoints).values(
                    runtime_key=runtime.key,
                    id=resource_ids.new_resource_id(name),
                    arn=_arn(runtime, name),
                    name=name,
                    version=version.number,
                    description=given.get("description"),
                    tags=given.get("tags", {}),
                    deleting=False,
                    token=token,
                    request=rows.digest(given),
                    created_at=now,
                    updated_at=now,
                )
            )
            return runtime, rows.find_endpoint(connection, runtime, name), version

        runtime, endpoint, version = await self._store.write(create)
        if not endpoint.deleting:
            await self._deployments.route(runtime, name, version)
        return {
            "targetVersion": str(endpoint.version),
            "agentRuntimeEndpointArn": endpoint.arn,
            "agentRuntimeArn": runtime.arn,
            "agentRuntimeId": runtime.id,
            "endpointName": name,
            "status": "CREATING",
            "createdAt": endpoint.created_at / 1000,
        }

    async def get_agent_runtime_endpoint(self, given: dict[str, Any]) -> dict[str, Any]:
        """The endpoint. Raises ResourceNotFoundException."""
        runtime_id, name = given["agentRuntimeId"], given["endpointName"]
        agent = self._configured.get(runtime_id)
        if agent is not None:
            if name != DEFAULT_ENDPOINT:
                raise ResourceNotFoundException(f"No endpoint {name} found of agent runtime {runtime_id}")
            return self._configured.endpoint(agent)

        def get(connection: Connection) -> dict[str, Any]:
            runtime = rows.find(connection, runtime_id)
            if name == DEFAULT_ENDPOINT:
                return _default(connection, runtime)
            return _shown(runtime, rows.find_endpoint(connection, runtime, name))

        return await self._store.read(get)

    async def list_agent_runtime_endpoints(self, given: dict[str, Any]) -> dict[str, Any]:
        """`{"runtimeEndpoints", "nextToken"?}`: DEFAULT, then the others in the order of their creation.

        None of a runtime that there is not, for the model has no error for that.
        """
        runtime_id = given["agentRuntimeId"]
        agent = self._configured.get(runtime_id)

        def found(connection: Connection) -> list[tuple[str, dict[str, Any]]]:
            try:
                runtime = rows.find(connection, runtime_id)
            except ResourceNotFoundException:
                return []
            default = _default(connection, runtime)
            default.pop("failureReason", None)
            query = select(endpoints).where(endpoints.c.runtime_key == runtime.key)
            others = [(f"1{row.key:016}", _shown(runtime, row)) for row in connection.execute(query).all()]
            return [("0", default), *others]

        if agent is not None:
            listed = [("0", self._configured.endpoint(agent))]
        else:
            listed = await self._store.read(found)
        return page(Listing("ListAgentRuntimeEndpoints", runtime_id), "runtimeEndpoints", listed, given)

    async def update_agent_runtime_endpoint(self, given: dict[str, Any]) -> dict[str, Any]:
        """The endpoint, leading to the version that is named, or to the newest that is ready.

        Its live sessions stay on theirs. Raises ConflictException for DEFAULT and for all that
        CreateAgentRuntimeEndpoint does, and ResourceNotFoundException.
        """
        runtime_id, name = given["agentRuntimeId"], given["endpointName"]
        self._configured.refuse(runtime_id, f"it has the endpoint {DEFAULT_ENDPOINT} alone")
        if name == DEFAULT_ENDPOINT:
            raise ConflictException(f"The endpoint {DEFAULT_ENDPOINT} follows the newest version by itself")
        now = milliseconds(self._clock.time())
        await self._prepare(given)

        def change(connection: Connection) -> tuple[Row[Any], Row[Any], Row[Any], int]:
            runtime = rows.find(connection, runtime_id)
            endpoint = rows.find_endpoint(connection, runtime, name)
            if endpoint.deleting:
                raise ConflictException(f"The endpoint {name} of {runtime_id} is DELETING")
            version = _target(connection, runtime, given)
            values = {"version": version.number, "updated_at": now}
            if "description" in given:
                values["description"] = given["description"]
            connection.execute(update(endpoints).where(endpoints.c.key == endpoint.key).values(values))
            return runtime, rows.find_endpoint(connection, runtime, name), version, endpoint.version

        runtime, endpoint, version, before = await self._store.write(change)
        await self._deployments.route(runtime, name, version)
        shown = {**_shown(runtime, endpoint), "liveVersion": str(before), "status": "UPDATING"}
        return {member: value for member, value in shown.items() if member not in ("name", "id", "description")}

    async def delete_agent_runtime_endpoint(self, given: dict[str, Any]) -> dict[str, Any]:
        """The status DELETING; its sessions end.

        Raises ResourceNotFoundException, and ConflictException for DEFAULT and for a runtime that a file configures.
        """
        runtime_id, name = given["agentRuntimeId"], given["endpointName"]
        self._configured.refuse(runtime_id, f"it has the endpoint {DEFAULT_ENDPOINT} alone")

        def mark(connection: Connection) -> tuple[Row[Any], bool]:
            runtime = rows.find(connection, runtime_id)
            if name == DEFAULT_ENDPOINT:
                # As users report it.
                raise ConflictException("Default endpoints are removed when you delete the agent")
            endpoint = rows.find_endpoint(connection, runtime, name)
            connection.execute(update(endpoints).where(endpoints.c.key == endpoint.key).values(deleting=True))
            return runtime, not endpoint.deleting

        runtime, new = await self._store.write(mark)
        if new:
            self._deployments.delete_endpoint(runtime, name)
        return {"status": "DELETING", "agentRuntimeId": runtime_id, "endpointName": name}

    async def _prepare(self, given: dict[str, Any]) -> None:
        """Before anything is kept, see whether the version that an endpoint is to lead to can be served."""

        def wanted(connection: Connection) -> tuple[Row[Any], Row[Any]]:
            runtime = rows.find(connection, given["agentRuntimeId"])
            return runtime, _target(connection, runtime, given)

        await self._deployments.prepare(*await self._store.read(wanted))


def _target(connection: Connection, runtime: Row[Any], given: dict[str, Any]) -> Row[Any]:
    if runtime.deleting is not None:
        raise ConflictException(f"Agent runtime {runtime.id} is DELETING")
    number = given.get("agentRuntimeVersion") or rows.default_version(connection, runtime)
    if number is None:
        raise ConflictException(f"Agent runtime {runtime.id} has no version that is READY")
    version = rows.find_version(connection, runtime, number)
    if version.status != "READY":
        raise ConflictException(f"Version {version.number} of {runtime.id} is {version.status}")
    return version


def _arn(runtime: Row[Any], name: str) -> str:
    return f"{runtime.arn}/runtime-endpoint/{name}"


def _shown(runtime: Row[Any], endpoint: Row[Any]) -> dict[str, Any]:
    """The model's `AgentRuntimeEndpoint`."""
    shown = {
        "name": endpoint.name,
        "id": endpoint.id,
        "liveVersion": str(endpoint.version),
        "targetVersion": str(endpoint.version),
        "agentRuntimeEndpointArn": endpoint.arn,
        "agentRuntimeArn": runtime.arn,
        "status": "DELETING" if endpoint.deleting else "READY",
        "createdAt": endpoint.created_at / 1000,
        "lastUpdatedAt": endpoint.updated_at / 1000,
    }
    return shown if endpoint.description is None else {**shown, "description": endpoint.description}


def _default(connection: Connection, runtime: Row[Any]) -> dict[str, Any]:
    """The output of GetAgentRuntimeEndpoint for DEFAULT, which shares the fate of the newest version."""
    newest, live = rows.newest(connection, runtime), rows.default_version(connection, runtime)
    shown = {
        "name": DEFAULT_ENDPOINT,
        "id": DEFAULT_ENDPOINT + runtime.id[-11:],
        "targetVersion": str(newest.number),
        "agentRuntimeEndpointArn": _arn(runtime, DEFAULT_ENDPOINT),
        "agentRuntimeArn": runtime.arn,
        "status": "DELETING" if runtime.deleting is not None else newest.status,
        "createdAt": runtime.created_at / 1000,
        "lastUpdatedAt": newest.updated_at / 1000,
    }
    if live is not None:
        shown["liveVersion"] = str(live)
    if newest.status in _FAILED:
        shown["failureReason"] = newest.failure
    return shown
