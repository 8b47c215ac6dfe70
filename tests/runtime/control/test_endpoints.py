"""Endpoints, by boto3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.testing import new_session

if TYPE_CHECKING:
    from .conftest import Deployer

TOKEN = "a-token-that-is-long-enough-to-be-taken"


@pytest.fixture
def two_versions(deployer: Deployer) -> Any:
    """A runtime whose version 1 says "one", and whose version 2 says "two"."""
    made = deployer.create()
    deployer.update(made["agentRuntimeId"], deployer.says("two"))
    return made


def test_default_is_there_by_itself_and_stays(deployer: Deployer) -> None:
    made = deployer.create()
    which = {"agentRuntimeId": made["agentRuntimeId"], "endpointName": "DEFAULT"}
    found = deployer.control.get_agent_runtime_endpoint(**which)
    assert found["agentRuntimeEndpointArn"] == f"{made['agentRuntimeArn']}/runtime-endpoint/DEFAULT"
    assert (found["status"], found["liveVersion"], found["targetVersion"]) == ("READY", "1", "1")
    message = deployer.refused("ConflictException", deployer.control.update_agent_runtime_endpoint, **which)
    assert message == "The endpoint DEFAULT follows the newest version by itself"
    message = deployer.refused("ConflictException", deployer.control.delete_agent_runtime_endpoint, **which)
    assert message == "Default endpoints are removed when you delete the agent"
    message = deployer.refused(
        "ConflictException",
        deployer.control.create_agent_runtime_endpoint,
        agentRuntimeId=made["agentRuntimeId"],
        name="DEFAULT",
    )
    assert message == f"Agent runtime {made['agentRuntimeId']} has an endpoint named DEFAULT already"


def test_an_endpoint_stays_at_its_version_until_it_is_updated(deployer: Deployer, two_versions: Any) -> None:
    runtime_id, arn = two_versions["agentRuntimeId"], two_versions["agentRuntimeArn"]
    made = deployer.control.create_agent_runtime_endpoint(
        agentRuntimeId=runtime_id, name="prod", agentRuntimeVersion="1", description="for users"
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (made["status"], made["targetVersion"], made["endpointName"]) == ("CREATING", "1", "prod")
    assert deployer.word(arn, qualifier="prod") == "one"
    deployer.update(runtime_id, deployer.says("three"))
    assert [deployer.word(arn, qualifier=name) for name in ("prod", "DEFAULT")] == ["one", "three"]
    which = {"agentRuntimeId": runtime_id, "endpointName": "prod"}
    found = deployer.control.get_agent_runtime_endpoint(**which)
    assert (found["status"], found["liveVersion"], found["description"]) == ("READY", "1", "for users")
    assert re.fullmatch("prod-[a-zA-Z0-9]{10}", found["id"])
    session = new_session()
    assert deployer.word(arn, session, qualifier="prod") == "one"
    updated = deployer.control.update_agent_runtime_endpoint(**which, agentRuntimeVersion="2")
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (updated["status"], updated["liveVersion"], updated["targetVersion"]) == ("UPDATING", "1", "2")
    assert deployer.word(arn, qualifier="prod") == "two"
    assert deployer.word(arn, session, qualifier="prod") == "one", "a live session stays on its version"
    found = deployer.control.get_agent_runtime_endpoint(**which)
    assert (found["liveVersion"], found["description"]) == ("2", "for users")
    deployer.control.update_agent_runtime_endpoint(**which)
    assert deployer.control.get_agent_runtime_endpoint(**which)["liveVersion"] == "3", "without a version the newest"


def test_sessions_of_two_endpoints_are_two(deployer: Deployer, two_versions: Any) -> None:
    runtime_id, arn = two_versions["agentRuntimeId"], two_versions["agentRuntimeArn"]
    deployer.control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="prod")
    session = new_session()
    pids = [deployer.call(arn, "answer(os.getpid())", session, qualifier=name) for name in ("prod", "DEFAULT", "prod")]
    assert pids[0] == pids[2] != pids[1]
    living = [each for each in deployer.emulator.sessions() if each["session_id"] == session]
    assert {(each["endpoint"], each["version"]) for each in living} == {("prod", 2), ("DEFAULT", 2)}
    deployer.data.stop_runtime_session(agentRuntimeArn=arn, qualifier="prod", runtimeSessionId=session)
    living = [each for each in deployer.emulator.sessions() if each["session_id"] == session]
    assert [each["endpoint"] for each in living] == ["DEFAULT"]


def test_with_an_endpoint_goes_its_sessions(deployer: Deployer, two_versions: Any) -> None:
    runtime_id, arn = two_versions["agentRuntimeId"], two_versions["agentRuntimeArn"]
    deployer.control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="prod", agentRuntimeVersion="1")
    session = new_session()
    for name in ("prod", "DEFAULT"):
        deployer.word(arn, session, qualifier=name)
    message = deployer.refused("ConflictException", deployer.control.delete_agent_runtime, agentRuntimeId=runtime_id)
    assert message == "This agent has endpoints that must be deleted first"
    which = {"agentRuntimeId": runtime_id, "endpointName": "prod"}
    deleted = deployer.control.delete_agent_runtime_endpoint(**which)
    assert (deleted["status"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("DELETING", 202)
    message = deployer.refused("ResourceNotFoundException", deployer.word, arn=arn, qualifier="prod")
    assert message == f"No endpoint or agent runtime found with qualifier prod for agent {arn}"
    deployer.gone(lambda: deployer.control.get_agent_runtime_endpoint(**which))
    living = [each["endpoint"] for each in deployer.emulator.sessions() if each["session_id"] == session]
    assert living == ["DEFAULT"]
    assert deployer.emulator.session(session, agent=None)["state"] == "Idle"
    deployer.delete(runtime_id)


def test_one_token_makes_one_endpoint(deployer: Deployer) -> None:
    runtime_id = deployer.create()["agentRuntimeId"]
    create = deployer.control.create_agent_runtime_endpoint
    given = {"agentRuntimeId": runtime_id, "name": "prod", "clientToken": TOKEN}
    answers = [create(**given) for _ in range(2)]
    assert answers[0]["createdAt"] == answers[1]["createdAt"]
    assert "clientToken" in deployer.refused("ConflictException", create, **{**given, "description": "another"})
    message = deployer.refused("ConflictException", create, agentRuntimeId=runtime_id, name="prod")
    assert message == f"Agent runtime {runtime_id} has an endpoint named prod already"


def test_there_are_ten_endpoints(deployer: Deployer) -> None:
    runtime_id = deployer.create()["agentRuntimeId"]
    create = deployer.control.create_agent_runtime_endpoint
    names = [f"e{number}" for number in range(9)]
    for name in names:
        create(agentRuntimeId=runtime_id, name=name)
    deployer.refused("ServiceQuotaExceededException", create, agentRuntimeId=runtime_id, name="one_more")
    pages = deployer.control.get_paginator("list_agent_runtime_endpoints").paginate(
        agentRuntimeId=runtime_id, PaginationConfig={"PageSize": 4}
    )
    assert [each["name"] for page in pages for each in page["runtimeEndpoints"]] == ["DEFAULT", *names]


def test_what_is_not_there(deployer: Deployer) -> None:
    runtime_id = deployer.create()["agentRuntimeId"]
    control = deployer.control
    for operation in (
        control.get_agent_runtime_endpoint,
        control.update_agent_runtime_endpoint,
        control.delete_agent_runtime_endpoint,
    ):
        message = deployer.refused(
            "ResourceNotFoundException", operation, agentRuntimeId=runtime_id, endpointName="nobody"
        )
        assert message == f"No endpoint nobody found of agent runtime {runtime_id}"
    deployer.refused(
        "ResourceNotFoundException",
        control.create_agent_runtime_endpoint,
        agentRuntimeId=runtime_id,
        name="prod",
        agentRuntimeVersion="9",
    )
    assert control.list_agent_runtime_endpoints(agentRuntimeId="nobody-0123456789")["runtimeEndpoints"] == []


def test_an_endpoint_leads_to_no_version_that_has_failed(deployer: Deployer) -> None:
    runtime_id = deployer.create()["agentRuntimeId"]
    deployer.update(runtime_id, deployer.artifact(b""))
    message = deployer.refused(
        "ConflictException",
        deployer.control.create_agent_runtime_endpoint,
        agentRuntimeId=runtime_id,
        name="prod",
        agentRuntimeVersion="2",
    )
    assert message == f"Version 2 of {runtime_id} is UPDATE_FAILED"
