"""Agents that files configure, by the control plane."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentcore_emulator.testing import EmulatorError, EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from .conftest import Deployer

YAML = """
default_agent: guarded
agents:
  guarded:
    entrypoint: agent.py
    aws:
      lifecycle_configuration: {idle_runtime_session_timeout: 60, max_lifetime: 120}
      protocol_configuration: {server_protocol: HTTP}
    authorizer_configuration:
      customJWTAuthorizer:
        discoveryUrl: https://issuer.example/.well-known/openid-configuration
        allowedClients: [a-client]
        customClaims:
          - inboundTokenClaimName: role
            inboundTokenClaimValueType: STRING_ARRAY
            authorizingClaimMatchValue:
              claimMatchOperator: CONTAINS_ANY
              claimMatchValue: {matchValueStringList: [admin, user]}
    request_header_configuration: {requestHeaderAllowlist: [Authorization]}
"""


def test_they_are_listed_and_got(deployer: Deployer) -> None:
    arn = deployer.emulator.arn
    [listed] = [
        each for each in deployer.control.list_agent_runtimes()["agentRuntimes"] if each["agentRuntimeArn"] == arn
    ]
    assert (listed["agentRuntimeName"], listed["status"]) == ("from_file", "READY")
    runtime_id = listed["agentRuntimeId"]
    shown = deployer.control.get_agent_runtime(agentRuntimeId=runtime_id, agentRuntimeVersion="1")
    assert {name: shown[name] for name in ("agentRuntimeArn", "agentRuntimeVersion", "platformVersion")} == {
        "agentRuntimeArn": arn,
        "agentRuntimeVersion": "1",
        "platformVersion": "V1",
    }
    assert shown["lifecycleConfiguration"] == {"idleRuntimeSessionTimeout": 900, "maxLifetime": 28_800}
    deployer.refused(
        "ResourceNotFoundException",
        deployer.control.get_agent_runtime,
        agentRuntimeId=runtime_id,
        agentRuntimeVersion="9",
    )
    [endpoint] = deployer.control.list_agent_runtime_endpoints(agentRuntimeId=runtime_id)["runtimeEndpoints"]
    got = deployer.control.get_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="DEFAULT")
    assert {name: got[name] for name in endpoint} == endpoint
    assert (endpoint["name"], endpoint["status"], endpoint["liveVersion"]) == ("DEFAULT", "READY", "1")


def test_nothing_but_their_files_changes_them(deployer: Deployer, puppet_file: Path) -> None:
    control = deployer.control
    runtime_id = deployer.emulator.arn.rpartition("/")[2]
    which = {"agentRuntimeId": runtime_id}
    artifact = {"agentRuntimeArtifact": deployer.artifact(), "roleArn": "arn:aws:iam::123456789012:role/agent"}
    begin = f"from_file is configured by a file in {puppet_file.parent}, not by CreateAgentRuntime: "
    for operation, more in (
        (control.update_agent_runtime, artifact),
        (control.delete_agent_runtime, {}),
        (control.create_agent_runtime_endpoint, {"name": "prod"}),
        (control.update_agent_runtime_endpoint, {"endpointName": "DEFAULT"}),
        (control.delete_agent_runtime_endpoint, {"endpointName": "DEFAULT"}),
    ):
        assert deployer.refused("ConflictException", operation, **which, **more).startswith(begin)
    assert control.list_tags_for_resource(resourceArn=deployer.emulator.arn)["tags"] == {}
    deployer.refused("ValidationException", control.tag_resource, resourceArn=deployer.emulator.arn, tags={"a": "b"})


def test_a_yaml_is_shown_as_it_would_be_deployed(
    tmp_path: Path, puppet: str, make_deployer: Callable[..., Deployer]
) -> None:
    (tmp_path / "agent.py").write_text(puppet, encoding="utf-8")
    (tmp_path / ".bedrock_agentcore.yaml").write_text(YAML, encoding="utf-8")
    with EmulatorThread(tmp_path) as emulator:
        control = make_deployer(emulator).control
        shown = control.get_agent_runtime(agentRuntimeId=emulator.arn.rpartition("/")[2])
        assert shown["lifecycleConfiguration"] == {"idleRuntimeSessionTimeout": 60, "maxLifetime": 120}
        assert shown["requestHeaderConfiguration"] == {"requestHeaderAllowlist": ["authorization"]}
        assert shown["authorizerConfiguration"]["customJWTAuthorizer"] == {
            "discoveryUrl": "https://issuer.example/.well-known/openid-configuration",
            "allowedClients": ["a-client"],
            "customClaims": [
                {
                    "inboundTokenClaimName": "role",
                    "inboundTokenClaimValueType": "STRING_ARRAY",
                    "authorizingClaimMatchValue": {
                        "claimMatchOperator": "CONTAINS_ANY",
                        "claimMatchValue": {"matchValueStringList": ["admin", "user"]},
                    },
                }
            ],
        }


def test_a_redeploy_is_a_version_and_only_files_have_one(deployer: Deployer, puppet_file: Path) -> None:
    with EmulatorProcess(puppet_file) as emulator:
        other = type(deployer)(emulator, deployer.puppet)
        deployed = other.create("deployed")
        runtime_id = emulator.arn.rpartition("/")[2]
        session = new_session()
        other.call(emulator.arn, "answer(1)", session)
        assert emulator.redeploy() == {"from_file": 2}
        versions = other.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
        assert [each["agentRuntimeVersion"] for each in versions] == ["2", "1"]
        with pytest.raises(EmulatorError, match="UpdateAgentRuntime makes new versions of it"):
            emulator.redeploy("deployed")
        assert other.word(deployed["agentRuntimeArn"]) == "one"


def test_a_file_goes_before_what_was_deployed_under_its_arn(
    deployer: Deployer, puppet_file: Path, tmp_path: Path, puppet: str
) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    with EmulatorProcess(puppet_file, *state) as emulator:
        made = type(deployer)(emulator, puppet).create("twice")
    project = tmp_path / "project"
    project.mkdir()
    (project / "agent.py").write_text(puppet, encoding="utf-8")
    (project / ".bedrock_agentcore.yaml").write_text(
        "agents:\n  twice:\n    entrypoint: agent.py\n    bedrock_agentcore:\n"
        f"      agent_arn: {made['agentRuntimeArn']}",
        encoding="utf-8",
    )
    with EmulatorProcess(project, *state) as emulator:
        other = type(deployer)(emulator, puppet)
        assert emulator.arn == made["agentRuntimeArn"]
        assert other.call(emulator.arn, "answer('word.py' in os.listdir())") is False
        listed = other.control.list_agent_runtimes()["agentRuntimes"]
        assert [each["agentRuntimeId"] for each in listed] == [made["agentRuntimeId"]]
        assert f"{made['agentRuntimeArn']} is configured by a file" in emulator.log
    with EmulatorProcess(puppet_file, *state) as emulator:
        assert type(deployer)(emulator, puppet).word(made["agentRuntimeArn"]) == "one"
