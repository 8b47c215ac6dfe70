import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agentcore_emulator.config import Settings
from agentcore_emulator.environment import (
    client_environment,
    command_environment,
    guest_environment,
    misleading,
    no_proxy,
    proxy_environment,
)
from agentcore_emulator.project import AgentRuntime, load
from agentcore_emulator.proxy.trust import Trust

URL = "http://127.0.0.1:5000"
ARN = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/agent-0123456789"
SETTINGS = Settings()
TRUST = Trust(Path("/certificates/bundle.pem"), Path("/certificates/extra.pem"))
PROXY = proxy_environment(URL, "http://127.0.0.1:15000", TRUST, {})


@pytest.fixture
def runtime(tmp_path: Path) -> AgentRuntime:
    (tmp_path / "agent.py").touch()
    [runtime] = load(Settings(target=tmp_path / "agent.py"))
    return runtime


def test_what_a_client_needs() -> None:
    assert client_environment(URL, replace(SETTINGS, region="eu-west-1"), ARN, {"HTTPS_PROXY": "x"}) == {
        "AWS_ENDPOINT_URL": URL,
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AGENTCORE_EMULATOR_URL": URL,
        "AGENTCORE_RUNTIME_ARN": ARN,
        "HTTPS_PROXY": "x",
    }


def test_a_commands_clients_see_no_aws_setting_of_the_caller(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile mine]\nregion = ap-south-1\naws_access_key_id = k\naws_secret_access_key = s\n")
    caller = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_CONFIG_FILE": str(config),
        "AWS_PROFILE": "mine",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/credentials",
        "BEDROCK_AGENTCORE_DP_ENDPOINT": "https://bedrock-agentcore.us-east-1.amazonaws.com",
    }
    script = """
import boto3, os
session = boto3.Session()
credentials = session.get_credentials()
print(session.available_profiles, session.region_name, credentials.access_key, credentials.token)
print(session.client("s3").meta.endpoint_url, session.client("bedrock-agentcore").meta.endpoint_url)
print("BEDROCK_AGENTCORE_DP_ENDPOINT" in os.environ)
"""
    environment = command_environment(client_environment(URL, SETTINGS, ARN, {}), caller)
    shown = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == ["[] us-east-1 emulator None", f"{URL} {URL}", "False"]


def test_a_command_keeps_everything_else() -> None:
    environment = command_environment({"AWS_ENDPOINT_URL": URL}, {"PATH": "/bin", "HOME": "/home/me", "AWS_PAGER": ""})
    assert environment["PATH"] == "/bin"
    assert environment["HOME"] == "/home/me"
    assert "AWS_PAGER" not in environment


def test_an_agent_has_its_own_arn_and_its_configured_variables(runtime: AgentRuntime) -> None:
    agent = replace(runtime, environment={"GREETING": "hello", "AWS_REGION": "eu-west-1", "PATH": "/opt"})
    environment = guest_environment(
        URL, SETTINGS, agent, PROXY, {"PATH": "/bin", "AWS_REGION": "ap-south-1", "LANG": "C"}
    )
    assert environment["AGENTCORE_RUNTIME_ARN"] == runtime.arn
    assert environment["AWS_ENDPOINT_URL"] == URL
    assert environment["GREETING"] == "hello"
    assert environment["PATH"] == "/opt"
    assert environment["LANG"] == "C"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["HTTPS_PROXY"] == PROXY["HTTPS_PROXY"]


def test_an_a2a_agent_learns_its_address(runtime: AgentRuntime) -> None:
    name = "AGENTCORE_RUNTIME_URL"
    a2a = replace(runtime, protocol="A2A")
    path = (
        f"/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2F{a2a.runtime_id}/invocations"
    )
    assert guest_environment(URL, SETTINGS, a2a, PROXY, {name: "https://real.example"})[name] == URL + path
    own = replace(a2a, environment={name: "https://mine.example/"})
    assert guest_environment(URL, SETTINGS, own, PROXY, {})[name] == "https://mine.example/"
    assert name not in guest_environment(URL, SETTINGS, runtime, PROXY, {})


def test_an_agent_does_not_see_how_to_reach_the_store(runtime: AgentRuntime) -> None:
    caller = {"AGENTCORE_EMULATOR_STORE": "postgresql+psycopg://ada:secret@db.test/notes", "MINE": "1"}
    environment = guest_environment(URL, Settings(), runtime, PROXY, caller)
    assert environment["MINE"] == "1"
    assert "secret" not in str(environment)


def test_an_agents_variables_cannot_lead_it_out_of_the_emulator(runtime: AgentRuntime) -> None:
    leads = {
        "AWS_ENDPOINT_URL": "https://aws.example.com",
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_PROFILE": "mine",
        "AWS_CONFIG_FILE": "/home/me/.aws/config",
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "BEDROCK_AGENTCORE_CP_ENDPOINT": "https://aws.example.com",
        "HTTPS_PROXY": "http://proxy.example.com",
        "no_proxy": "amazonaws.com",
    }
    bare = guest_environment(URL, SETTINGS, runtime, PROXY, {})
    assert guest_environment(URL, SETTINGS, replace(runtime, environment=leads), PROXY, leads) == bare


@pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning")
def test_the_sdk_learns_the_agents_arn_from_it(runtime: AgentRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
    from bedrock_agentcore.runtime import app

    environment = guest_environment(URL, SETTINGS, runtime, PROXY, {})
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", environment["OTEL_RESOURCE_ATTRIBUTES"])
    monkeypatch.setattr(app, "_runtime_arn_cache", app._UNRESOLVED)
    assert app._parse_runtime_arn() == runtime.arn
    assert f"service.name={runtime.name}.DEFAULT" in environment["OTEL_RESOURCE_ATTRIBUTES"].split(",")


def test_no_exporter_is_set_and_telemetry_can_be_switched_off_as_on_aws(runtime: AgentRuntime) -> None:
    names = [name for name in guest_environment(URL, SETTINGS, runtime, PROXY, {}) if name.startswith("OTEL_")]
    assert names == ["OTEL_RESOURCE_ATTRIBUTES"]
    agent = replace(runtime, environment={"DISABLE_ADOT_OBSERVABILITY": "true"})
    assert not any(name.startswith("OTEL_") for name in guest_environment(URL, SETTINGS, agent, PROXY, {}))


def test_what_a_shell_must_unset() -> None:
    names = ["AWS_REGION", "AWS_SESSION_TOKEN", "HOME", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"]
    assert misleading(names) == ["AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_SESSION_TOKEN"]


def test_what_leads_to_the_proxy_and_has_it_trusted() -> None:
    environment = proxy_environment(URL, "http://127.0.0.1:15000", TRUST, {"HTTPS_PROXY": "http://company:1"})
    assert environment == {
        "HTTPS_PROXY": "http://127.0.0.1:15000",
        "https_proxy": "http://127.0.0.1:15000",
        "no_proxy": "localhost,127.0.0.1,::1",
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "SSL_CERT_FILE": "/certificates/bundle.pem",
        "AWS_CA_BUNDLE": "/certificates/bundle.pem",
        "REQUESTS_CA_BUNDLE": "/certificates/bundle.pem",
        "CURL_CA_BUNDLE": "/certificates/bundle.pem",
        "NODE_EXTRA_CA_CERTS": "/certificates/extra.pem",
        "NODE_USE_ENV_PROXY": "1",
    }


@pytest.mark.parametrize(
    ("caller", "value"),
    [
        ({}, "localhost,127.0.0.1,::1,192.0.2.7"),
        ({"no_proxy": "a.example, b.example,"}, "a.example,b.example,localhost,127.0.0.1,::1,192.0.2.7"),
        ({"NO_PROXY": "127.0.0.1,10.0.0.0/8"}, "127.0.0.1,10.0.0.0/8,localhost,::1,192.0.2.7"),
        ({"NO_PROXY": "*"}, "localhost,127.0.0.1,::1,192.0.2.7"),
        ({"NO_PROXY": ".amazonaws.com,a.example,aws,com"}, "a.example,localhost,127.0.0.1,::1,192.0.2.7"),
    ],
)
def test_proxies_stay_out_of_what_is_near_and_not_of_aws_names(caller: dict[str, str], value: str) -> None:
    assert no_proxy("http://192.0.2.7:4747", caller) == {"no_proxy": value, "NO_PROXY": value}
