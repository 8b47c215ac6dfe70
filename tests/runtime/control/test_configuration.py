from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.auth.authorizer import Authorizer, ClaimRule
from agentcore_emulator.errors import NotImplementedException, ValidationException
from agentcore_emulator.runtime.control import configuration

if TYPE_CHECKING:
    from .conftest import Deployer


def artifact(**code: Any) -> dict[str, Any]:
    location = {"s3": {"bucket": "artifacts", "prefix": "a.zip"}}
    return {"codeConfiguration": {"code": location, "runtime": "PYTHON_3_13", "entryPoint": ["main.py"], **code}}


def read(**members: Any) -> dict[str, Any]:
    given = {"agentRuntimeArtifact": artifact(), "roleArn": "arn:aws:iam::123456789012:role/agent", **members}
    return configuration.read(configuration.members(given, members.get("platformVersion", "V1")))


def test_what_is_not_said() -> None:
    assert read() == {
        "protocol": "HTTP",
        "port": None,
        "path": None,
        "idle_timeout": 900.0,
        "max_lifetime": 28_800.0,
        "start_up_seconds": 30.0,
        "platform": "V1",
        "session_storage": None,
        "authorizer": None,
        "header_allowlist": frozenset(),
        "environment": {},
    }


def test_what_is_said() -> None:
    claim = {
        "inboundTokenClaimName": "role",
        "inboundTokenClaimValueType": "STRING",
        "authorizingClaimMatchValue": {
            "claimMatchValue": {"matchValueString": "admin"},
            "claimMatchOperator": "EQUALS",
        },
    }
    discovery = "https://issuer.example/.well-known/openid-configuration"
    found = read(
        protocolConfiguration={"serverProtocol": "MCP", "port": 8100, "path": "/here"},
        lifecycleConfiguration={"idleRuntimeSessionTimeout": 60, "maxLifetime": 1_209_600},
        platformVersion="V2",
        filesystemConfigurations=[{"sessionStorage": {"mountPath": "/mnt/data/"}}],
        authorizerConfiguration={"customJWTAuthorizer": {"discoveryUrl": discovery, "customClaims": [claim]}},
        requestHeaderConfiguration={"requestHeaderAllowlist": ["Authorization", "X-Colour"]},
        environmentVariables={"A": "b"},
    )
    assert found == {
        "protocol": "MCP",
        "port": 8100,
        "path": "/here",
        "idle_timeout": 60.0,
        "max_lifetime": 1_209_600.0,
        "start_up_seconds": 30.0,
        "platform": "V2",
        "session_storage": "data",
        "authorizer": Authorizer(discovery_url=discovery, claims=(ClaimRule("role", ("admin",)),)),
        "header_allowlist": frozenset({"authorization", "x-colour"}),
        "environment": {"A": "b"},
    }


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"lifecycleConfiguration": {"idleRuntimeSessionTimeout": 600, "maxLifetime": 599}},
            "idleRuntimeSessionTimeout must be less than or equal to maxLifetime",
        ),
        ({"platformVersion": "V3"}, "Invalid platformVersion: 'V3' is not one of V1, V2"),
        (
            {"environmentVariables": {"A": "x" * 4096}},
            "Invalid environmentVariables: the variables have 4097 bytes in all, and on platform version V1 they have"
            " at most 4096",
        ),
        (
            {"environmentVariables": {"A": "é" * 768}, "platformVersion": "V2"},
            "Invalid environmentVariables: the variables have 1537 bytes in all, and on platform version V2 they have"
            " at most 1536",
        ),
        (
            {"requestHeaderConfiguration": {"requestHeaderAllowlist": ["Authorization"]}},
            "Invalid requestHeaderConfiguration.requestHeaderAllowlist: 'Authorization' may be allowed only with a"
            " customJWTAuthorizer in authorizer_configuration",
        ),
        (
            {"requestHeaderConfiguration": {"requestHeaderAllowlist": ["A", "a"]}},
            "Invalid requestHeaderConfiguration.requestHeaderAllowlist: it holds 'A' twice (case does not count)",
        ),
        (
            {
                "authorizerConfiguration": {
                    "customJWTAuthorizer": {"discoveryUrl": "https://a.example/.well-known/openid-configuration"}
                }
            },
            "Invalid authorizerConfiguration: authorizerConfiguration.customJWTAuthorizer: AgentCore asks for at least"
            " one of allowedAudience, allowedClients, allowedScopes, customClaims",
        ),
        (
            {"agentRuntimeArtifact": artifact(entryPoint=["main.sh"])},
            "Invalid agentRuntimeArtifact.codeConfiguration.entryPoint: 'main.sh' is not a Python file of the zip",
        ),
        (
            {"agentRuntimeArtifact": artifact(entryPoint=["../main.py"])},
            "Invalid agentRuntimeArtifact.codeConfiguration.entryPoint: '../main.py' is not a Python file of the zip",
        ),
        (
            {"agentRuntimeArtifact": artifact(entryPoint=["gunicorn", "main.py"])},
            "Invalid agentRuntimeArtifact.codeConfiguration.entryPoint: before the Python file there can be"
            " opentelemetry-instrument, and not 'gunicorn'",
        ),
        (
            {"filesystemConfigurations": [{"sessionStorage": {"mountPath": f"/mnt/{name}"}} for name in "ab"]},
            "Invalid filesystemConfigurations: the emulator has one sessionStorage for a session",
        ),
        (
            {"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/mnt/.."}}]},
            "Invalid filesystemConfigurations: mountPath leads out of /mnt",
        ),
    ],
)
def test_what_cannot_be(members: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationException) as caught:
        read(**members)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("members", "what"),
    [
        (
            {"agentRuntimeArtifact": {"containerConfiguration": {"containerUri": "public.ecr.aws/a/b:c"}}},
            "agentRuntimeArtifact.containerConfiguration",
        ),
        ({"agentRuntimeArtifact": artifact(runtime="NODE_22")}, "codeConfiguration.runtime NODE_22"),
        ({"hooksConfiguration": {"build": {"warmup": {}}}}, "hooksConfiguration"),
        ({"allowedPorts": [{"port": 8081}]}, "allowedPorts"),
        ({"filesystemConfigurations": [{"efsAccessPoint": {}}]}, "filesystemConfigurations.efsAccessPoint"),
    ],
)
def test_what_the_emulator_lacks(members: dict[str, Any], what: str) -> None:
    with pytest.raises(NotImplementedException) as caught:
        read(**members)
    expected = f"{what} of bedrock-agentcore-control is not implemented by agentcore-emulator"
    assert caught.value.message == expected


def test_an_instrumented_file_is_run_as_it_is() -> None:
    settings = {"agentRuntimeArtifact": artifact(entryPoint=["opentelemetry-instrument", "src/main.py"])}
    assert configuration.entry_file(settings) == "src/main.py"
    assert configuration.wanted_python(settings) == "3.13"


def test_nothing_is_made_of_what_is_refused(deployer: Deployer) -> None:
    container = {"containerConfiguration": {"containerUri": "public.ecr.aws/a/b:c"}}
    message = deployer.refused(
        "NotImplemented", deployer.create, name="refused", wait=False, agentRuntimeArtifact=container
    )
    assert "containerConfiguration" in message
    for error, members in (
        ("ValidationException", {"platformVersion": "V3"}),
        ("ValidationException", {"lifecycleConfiguration": {"maxLifetime": 1_209_601}}),
        ("ValidationException", {"clientToken": "-" * 33}),
        ("ValidationException", {"roleArn": "nobody"}),
    ):
        deployer.refused(error, deployer.create, name="refused", wait=False, **members)
    listed = deployer.control.list_agent_runtimes()["agentRuntimes"]
    assert "refused" not in [each["agentRuntimeName"] for each in listed]
