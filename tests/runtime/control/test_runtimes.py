"""Agent runtimes and their versions, by boto3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Deployer

ROLE = "arn:aws:iam::123456789012:role/agent"
TOKEN = "a-token-that-is-long-enough-to-be-taken"


def shown(deployer: Deployer, runtime_id: str, **which: str) -> dict[str, Any]:
    found: dict[str, Any] = deployer.control.get_agent_runtime(agentRuntimeId=runtime_id, **which)
    return found


def status_code(answer: Any) -> int:
    code: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return code


def test_what_is_created_is_called_and_comes_back_as_it_was_given(deployer: Deployer) -> None:
    given: dict[str, Any] = {
        "agentRuntimeName": "every_member",
        "agentRuntimeArtifact": deployer.says("hello"),
        "roleArn": ROLE,
        "networkConfiguration": {"networkMode": "PUBLIC"},
        "description": "says hello",
        "requestHeaderConfiguration": {"requestHeaderAllowlist": ["X-Amzn-Bedrock-AgentCore-Runtime-Custom-Colour"]},
        "protocolConfiguration": {"serverProtocol": "HTTP"},
        "lifecycleConfiguration": {"idleRuntimeSessionTimeout": 60, "maxLifetime": 120},
        "environmentVariables": {"COLOUR": "red"},
        "platformVersion": "V1",
    }
    made = deployer.create(**given)
    assert status_code(made) == 202
    assert (made["status"], made["agentRuntimeVersion"]) == ("CREATING", "1")
    runtime_id = made["agentRuntimeId"]
    assert re.fullmatch("every_member-[a-zA-Z0-9]{10}", runtime_id)
    assert made["agentRuntimeArn"] == f"arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/{runtime_id}"
    answer = deployer.settled(runtime_id)
    assert (answer["status"], status_code(answer)) == ("READY", 200)
    assert {name: answer[name] for name in given} == given
    assert answer["createdAt"] == made["createdAt"] <= answer["lastUpdatedAt"]
    heard = deployer.call(
        made["agentRuntimeArn"], "import word; answer([word.TEXT, os.environ['COLOUR'], sorted(os.listdir())])"
    )
    assert heard == ["hello", "red", ["main.py", "word.py"]]


def test_a_lifecycle_is_filled_in_and_takes_effect(deployer: Deployer) -> None:
    plain, short = deployer.create(), deployer.create(lifecycleConfiguration={"maxLifetime": 120})
    lifecycles = [shown(deployer, made["agentRuntimeId"])["lifecycleConfiguration"] for made in (plain, short)]
    assert lifecycles == [
        {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28_800},
        {"idleRuntimeSessionTimeout": 120, "maxLifetime": 120},
    ]


def test_one_token_makes_one_runtime(deployer: Deployer) -> None:
    given: dict[str, Any] = {
        "agentRuntimeName": "once",
        "agentRuntimeArtifact": deployer.says("one"),
        "roleArn": ROLE,
        "clientToken": TOKEN,
    }
    first, second = deployer.create(**given), deployer.create(**given)
    assert first["agentRuntimeId"] == second["agentRuntimeId"]
    message = deployer.refused(
        "ConflictException", deployer.control.create_agent_runtime, **{**given, "description": "another"}
    )
    assert message == "The clientToken has been used for another request; use a new one"
    update = {name: value for name, value in given.items() if name != "agentRuntimeName"}
    update["agentRuntimeId"] = first["agentRuntimeId"]
    # The same token, but of another operation.
    for _ in range(2):
        with pytest.raises(deployer.control.exceptions.ConflictException):
            deployer.control.update_agent_runtime(**update)
    update["clientToken"] = TOKEN + "-2"
    versions = []
    for _ in range(2):
        versions.append(deployer.control.update_agent_runtime(**update)["agentRuntimeVersion"])
        deployer.settled(first["agentRuntimeId"])
    assert versions == ["2", "2"]


def test_a_name_is_taken_once(deployer: Deployer) -> None:
    made = deployer.create("taken")
    for name in ("taken", "from_file"):
        message = deployer.refused("ConflictException", deployer.create, name=name)
        assert message == f"An agent runtime named {name} already exists"
    deployer.delete(made["agentRuntimeId"])
    assert deployer.create("taken")["agentRuntimeId"] != made["agentRuntimeId"]


def test_an_update_replaces_everything_and_moves_default(deployer: Deployer) -> None:
    made = deployer.create(description="first", environmentVariables={"A": "b"})
    runtime_id, arn = made["agentRuntimeId"], made["agentRuntimeArn"]
    updated = deployer.update(runtime_id, deployer.says("two"))
    assert status_code(updated) == 202
    assert (updated["status"], updated["agentRuntimeVersion"]) == ("UPDATING", "2")
    assert deployer.word(arn) == "two"
    newest, first = shown(deployer, runtime_id), shown(deployer, runtime_id, agentRuntimeVersion="1")
    assert newest["agentRuntimeVersion"] == "2"
    assert not {"description", "environmentVariables"} & set(newest)
    assert (first["agentRuntimeVersion"], first["description"], first["status"]) == ("1", "first", "READY")
    versions = deployer.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
    assert [(each["agentRuntimeVersion"], each["description"]) for each in versions] == [("2", ""), ("1", "first")]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (b"no zip", "The zip file cannot be unpacked: File is not a zip file"),
        ({"other.py": ""}, "The zip file has no main.py, which is its entryPoint"),
        ({"main.py/file": ""}, "The zip file has no main.py, which is its entryPoint"),
        ({"../main.py": ""}, "The zip file has an entry that leads out of its folder: '../main.py'"),
    ],
)
def test_what_cannot_be_deployed_says_why(deployer: Deployer, files: Any, reason: str) -> None:
    made = deployer.create(agentRuntimeArtifact=deployer.artifact(files))
    answer = shown(deployer, made["agentRuntimeId"])
    assert (answer["status"], answer["failureReason"]) == ("CREATE_FAILED", reason)
    message = deployer.refused("ResourceNotFoundException", deployer.word, arn=made["agentRuntimeArn"])
    assert message == f"No agent runtime found with ARN or id {made['agentRuntimeArn']}"
    # And can be mended.
    deployer.update(made["agentRuntimeId"], deployer.says("mended"))
    assert deployer.word(made["agentRuntimeArn"]) == "mended"
    deployer.delete(made["agentRuntimeId"])


def test_an_update_that_fails_leaves_default_where_it_is(deployer: Deployer) -> None:
    made = deployer.create()
    runtime_id = made["agentRuntimeId"]
    deployer.update(runtime_id, deployer.artifact(b""))
    answer = shown(deployer, runtime_id)
    assert (answer["status"], answer["agentRuntimeVersion"]) == ("UPDATE_FAILED", "2")
    default = deployer.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
    assert (default["liveVersion"], default["targetVersion"], default["status"]) == ("1", "2", "UPDATE_FAILED")
    assert default["failureReason"] == answer["failureReason"]
    assert deployer.word(made["agentRuntimeArn"]) == "one"
    assert deployer.update(runtime_id, deployer.says("three"))["agentRuntimeVersion"] == "3"
    assert deployer.word(made["agentRuntimeArn"]) == "three"


def test_while_a_version_is_made_nothing_else_is(deployer: Deployer, make_fifo: Any) -> None:
    hold, reached = make_fifo("hold"), make_fifo("reached")
    slow = deployer.artifact({"main.py": f"{reached.put_here}\n{hold.get_here}\n{deployer.puppet}"})
    made = deployer.create(agentRuntimeArtifact=slow, platformVersion="V2", wait=False)
    reached.get()
    runtime_id = made["agentRuntimeId"]
    assert shown(deployer, runtime_id)["status"] == "CREATING"
    arguments = {"agentRuntimeArtifact": slow, "roleArn": ROLE}
    for action, operation, more in (
        ("update", deployer.control.update_agent_runtime, arguments),
        ("delete", deployer.control.delete_agent_runtime, {}),
    ):
        message = deployer.refused("ConflictException", operation, agentRuntimeId=runtime_id, **more)
        assert message == f"Agent runtime {runtime_id} is CREATING; {action} it when that is over"
    assert "is CREATING" not in deployer.refused(
        "ConflictException", deployer.control.create_agent_runtime_endpoint, agentRuntimeId=runtime_id, name="prod"
    )
    deployer.refused("ResourceNotFoundException", deployer.call, arn=made["agentRuntimeArn"], code="answer(1)")
    hold.put(10)
    assert deployer.settled(runtime_id)["status"] == "READY"
    assert deployer.call(made["agentRuntimeArn"], "answer(1)") == 1
    deployer.delete(runtime_id)


def test_lists_have_pages(deployer: Deployer) -> None:
    runtime_id = deployer.create("listed")["agentRuntimeId"]
    for _ in range(2):
        deployer.update(runtime_id, deployer.says("one"))
    pages = deployer.control.get_paginator("list_agent_runtimes").paginate(PaginationConfig={"PageSize": 2})
    listed = [each for page in pages for each in page["agentRuntimes"]]
    assert [each["agentRuntimeName"] for each in listed][:2] == ["from_file", "listed"], "files first, then the newest"
    assert len({each["agentRuntimeId"] for each in listed}) == len(listed)
    assert all(len(page["agentRuntimes"]) <= 2 for page in pages)
    pages = deployer.control.get_paginator("list_agent_runtime_versions").paginate(
        agentRuntimeId=runtime_id, PaginationConfig={"PageSize": 2}
    )
    assert [[each["agentRuntimeVersion"] for each in page["agentRuntimes"]] for page in pages] == [["3", "2"], ["1"]]
    message = deployer.refused(
        "ValidationException", deployer.control.list_agent_runtimes, nextToken="nobody-has-given-this"
    )
    assert message.startswith("Invalid nextToken")


def test_nothing_is_found_where_nothing_is(deployer: Deployer) -> None:
    runtime_id = deployer.create()["agentRuntimeId"]
    control, nobody = deployer.control, "nobody-0123456789"
    artifact = {"agentRuntimeArtifact": deployer.artifact(), "roleArn": ROLE}
    for operation, more in (
        (control.get_agent_runtime, {}),
        (control.list_agent_runtime_versions, {}),
        (control.delete_agent_runtime, {}),
        (control.update_agent_runtime, artifact),
    ):
        message = deployer.refused("ResourceNotFoundException", operation, agentRuntimeId=nobody, **more)
        assert message == f"No agent runtime found with id {nobody}"
    for operation in (control.get_agent_runtime, control.delete_agent_runtime):
        message = deployer.refused(
            "ResourceNotFoundException", operation, agentRuntimeId=runtime_id, agentRuntimeVersion="7"
        )
        assert message == f"No version 7 found of agent runtime {runtime_id}"


def test_a_version_is_deleted_alone(deployer: Deployer) -> None:
    made = deployer.create()
    runtime_id = made["agentRuntimeId"]
    deployer.update(runtime_id, deployer.says("two"))
    delete = deployer.control.delete_agent_runtime
    message = deployer.refused("ConflictException", delete, agentRuntimeId=runtime_id, agentRuntimeVersion="2")
    assert message == "Version 2 is the newest, or an endpoint leads to it"
    deleted = delete(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
    assert (deleted["status"], deleted["agentRuntimeVersion"], status_code(deleted)) == ("DELETING", "1", 202)
    versions = deployer.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
    assert [each["agentRuntimeVersion"] for each in versions] == ["2"]
    assert deployer.word(made["agentRuntimeArn"]) == "two"


def test_a_delete_may_be_said_again(deployer: Deployer) -> None:
    runtime_id = deployer.create()["agentRuntimeId"]
    # The first of them may be over before the second comes.
    token = {"agentRuntimeId": runtime_id, "clientToken": TOKEN + "-3"}
    assert deployer.control.delete_agent_runtime(**token)["agentRuntimeId"] == runtime_id
    deployer.gone(lambda: deployer.control.delete_agent_runtime(**token))
    deployer.gone(lambda: deployer.control.get_agent_runtime(agentRuntimeId=runtime_id))
