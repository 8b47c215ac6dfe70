"""Real clients that insist on AWS's names, in the environment that `exec` and `env` give them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agentcore_emulator.environment import command_environment
from agentcore_emulator.testing import EmulatorProcess, new_session

HOST = "bedrock-agentcore.us-east-1.amazonaws.com"

AGENT = """
from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()

@app.entrypoint
def invoke(payload):
    return {"heard": payload}

@app.websocket
async def talk(ws, context):
    await ws.accept()
    await ws.send_json([await ws.receive_text(), context.session_id])
    await ws.close()

app.run()
"""


def start(folder: Path, *options: str) -> EmulatorProcess:
    (folder / "project").mkdir()
    file = folder / "project" / "agent.py"
    file.write_text(AGENT, encoding="utf-8")
    return EmulatorProcess(file, "--quirks", "off", "--state-dir", str(folder / "state"), *options)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with start(tmp_path_factory.mktemp("clients")) as process:
        yield process


@pytest.fixture(scope="module")
def verifying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """One that checks signatures, in which the name of the host is."""
    with start(tmp_path_factory.mktemp("verifying"), "--verify-signatures") as process:
        yield process


def run(emulator: EmulatorProcess, *command: str) -> str:
    """What a command prints in the environment of `env`."""
    environment = command_environment(emulator.info["environment"], os.environ)
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def python(emulator: EmulatorProcess, script: str, *arguments: str) -> list[str]:
    return run(emulator, sys.executable, "-c", script, *arguments).splitlines()


BOTO3 = """
import boto3, json, os, sys, uuid
from botocore.config import Config
for host in ["bedrock-agentcore.us-east-1.amazonaws.com", "bedrock-agentcore.us-east-1.api.aws:443",
             "bedrock-agentcore-fips.us-west-2.amazonaws.com"]:
    client = boto3.client("bedrock-agentcore", endpoint_url=f"https://{host}")
    answer = client.invoke_agent_runtime(
        agentRuntimeArn=os.environ["AGENTCORE_RUNTIME_ARN"], runtimeSessionId=str(uuid.uuid4()), payload=b'{"at": 1}'
    )
    print(json.load(answer["response"]))
del os.environ["AWS_ENDPOINT_URL"]
control = boto3.client("bedrock-agentcore-control", config=Config(use_dualstack_endpoint=True))
print(control.meta.endpoint_url, control.list_memories()["memories"])
print(boto3.client("s3").list_buckets()["Buckets"])
"""


def test_boto3_under_exec(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT, encoding="utf-8")
    caller = {**os.environ, "NO_PROXY": "*", "HTTPS_PROXY": "http://company.invalid:3128"}
    command = [sys.executable, "-m", "agentcore_emulator", "exec", str(tmp_path / "agent.py"), "--ephemeral"]
    ended = subprocess.run(
        [*command, "--", sys.executable, "-c", BOTO3], env=caller, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[:4] == [
        *["{'heard': {'at': 1}}"] * 3,
        "https://bedrock-agentcore-control.us-east-1.api.aws []",
    ]
    assert lines[4] == "[]"


def test_signatures_are_those_for_aws_names(verifying: EmulatorProcess) -> None:
    script = """
import boto3, json, os, sys, uuid
url = "https://bedrock-agentcore.us-east-1.amazonaws.com"
keys = {"aws_access_key_id": "emulator", "aws_secret_access_key": sys.argv[1]}
client = boto3.client("bedrock-agentcore", endpoint_url=url, **keys)
answer = client.invoke_agent_runtime(
    agentRuntimeArn=os.environ["AGENTCORE_RUNTIME_ARN"], runtimeSessionId=str(uuid.uuid4()), payload=b"1"
)
print(json.load(answer["response"]))
"""
    assert python(verifying, script, "emulator") == ["{'heard': 1}"]
    environment = command_environment(verifying.info["environment"], os.environ)
    command = [sys.executable, "-c", script, "another"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert "AccessDeniedException" in ended.stderr or "InvalidSignature" in ended.stderr


def test_requests_httpx_and_urllib(emulator: EmulatorProcess) -> None:
    script = """
import sys, urllib.error, urllib.request
import httpx, requests
url = "https://sts.eu-central-1.amazonaws.com/nothing"
print(requests.get(url).status_code, httpx.get(url).status_code)
try:
    urllib.request.urlopen(url)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
try:
    requests.get("https://no.such.host.invalid/")
except requests.RequestException as error:
    print(error)
"""
    first, second, third = python(emulator, script)
    assert first == "501 501"
    assert second == '501 {"message":"GET /nothing of sts is not implemented by agentcore-emulator"}'
    assert "Tunnel connection failed: 502 Bad Gateway: there is no address of no.such.host.invalid" in third


@pytest.mark.skipif(shutil.which("curl") is None, reason="NOT TESTED, there is no curl")
def test_curl(emulator: EmulatorProcess) -> None:
    url = f"https://{HOST}/runtimes/{emulator.arn.replace('/', '%2F')}/invocations"
    header = f"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: {new_session()}"
    for more in ([], ["--proxytunnel"], ["--cacert", emulator.info["environment"]["NODE_EXTRA_CA_CERTS"]]):
        shown = run(emulator, "curl", "-sS", *more, "-d", "[1]", "-H", header, url)
        assert json.loads(shown) == {"heard": [1]}


@pytest.fixture(scope="module")
def node() -> tuple[int, int]:
    """The version of the Node that is here."""
    if shutil.which("node") is None:
        pytest.skip("NOT TESTED, there is no node")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, *_ = version.strip().removeprefix("v").split(".")
    return int(major), int(minor)


def test_node_by_itself(emulator: EmulatorProcess, node: tuple[int, int]) -> None:
    if not (node >= (24, 0) or (22, 21) <= node < (23, 0)):
        pytest.skip(f"NOT TESTED, Node {node[0]}.{node[1]} does not read HTTPS_PROXY by itself; 22.21 and 24 do")
    script = f"""
    fetch("https://{HOST}/nothing").then(async answer => console.log(answer.status, await answer.text()));
    """
    shown = run(emulator, "node", "-e", script)
    assert shown == '501 {"message":"GET /nothing of sts is not implemented by agentcore-emulator"}\n'


def test_node_trusts_it(emulator: EmulatorProcess, node: tuple[int, int]) -> None:
    script = f"""
    const http = require("http"), https = require("https");
    const {{ hostname, port }} = new URL(process.env.HTTPS_PROXY);
    http.request({{ hostname, port, method: "CONNECT", path: "{HOST}:443" }}).on("connect", (_, socket) => {{
        https.get("https://{HOST}/nothing", {{ socket, agent: false }}, answer => console.log(answer.statusCode));
    }}).end();
    """
    assert run(emulator, "node", "-e", script) == "501\n"


@pytest.mark.skipif(shutil.which("keytool") is None, reason="NOT TESTED, there is no Java with keytool")
def test_java(emulator: EmulatorProcess, tmp_path: Path) -> None:
    (tmp_path / "Ask.java").write_text(f"""
    import java.net.URI;
    import java.net.http.*;

    class Ask {{
        public static void main(String[] arguments) throws Exception {{
            var request = HttpRequest.newBuilder(URI.create("https://{HOST}/nothing")).build();
            var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode());
        }}
    }}
    """)
    environment, store = emulator.info["environment"], str(tmp_path / "store.p12")
    # Of a file it takes the first certificate, which is the emulator's own.
    options = ["-noprompt", "-file", environment["NODE_EXTRA_CA_CERTS"], "-keystore", store, "-storepass", "changeit"]
    run(emulator, "keytool", "-importcert", *options)
    proxy = urlsplit(environment["HTTPS_PROXY"])
    settings = [f"-Dhttps.proxyHost={proxy.hostname}", f"-Dhttps.proxyPort={proxy.port}"]
    settings += [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    assert run(emulator, "java", *settings, str(tmp_path / "Ask.java")) == "501\n"


# WebSockets, by the SDK's own client

SDK = """
import asyncio, json, os, sys
import websockets
from bedrock_agentcore.runtime import AgentCoreRuntimeClient

client = AgentCoreRuntimeClient("us-east-1")
arn, session = os.environ["AGENTCORE_RUNTIME_ARN"], sys.argv[1]

async def talk(url, headers=None):
    async with websockets.connect(url, additional_headers=headers) as connection:
        await connection.send("hello")
        print(url.partition("/runtimes")[0], await connection.recv())

async def main():
    # Its headers name Host, Upgrade and Sec-WebSocket-Key, which the library sends as well.
    await talk(*client.generate_ws_connection(arn, session_id=session))
    await talk(client.generate_presigned_url(arn, session_id=session))
    print(client.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session)["statusCode"])

asyncio.run(main())
"""


@pytest.mark.parametrize("endpoint", ["as env has it", "AWS's own"])
def test_the_sdks_runtime_client(verifying: EmulatorProcess, endpoint: str) -> None:
    session = new_session()
    begin = "" if endpoint == "as env has it" else 'import os\ndel os.environ["AWS_ENDPOINT_URL"]\n'
    first, second, third = python(verifying, begin + SDK, session)
    place, _, said = first.partition(" ")
    assert place == f"wss://{HOST}"
    assert json.loads(said) == ["hello", session]
    place, _, said = second.partition(" ")
    assert place == f"wss://{HOST}"
    assert json.loads(said) == ["hello", session]
    assert third == "200"


def test_the_emulators_end_ends_what_clients_hold_open(emulator: EmulatorProcess, tmp_path: Path) -> None:
    with start(tmp_path) as ending:
        proxy = urlsplit(ending.info["environment"]["HTTPS_PROXY"])
        context = ssl.create_default_context(cafile=ending.info["environment"]["SSL_CERT_FILE"])
        address = (proxy.hostname or "", proxy.port or 0)
        tunnel, names = (socket.create_connection(address, timeout=60) for _ in range(2))
        there = urlsplit(emulator.url)
        tunnel.sendall(f"CONNECT {there.netloc} HTTP/1.1\r\n\r\n".encode())
        names.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        assert b" 200 " in tunnel.recv(1000)
        assert b" 200 " in names.recv(1000)
        with tunnel, context.wrap_socket(names, server_hostname=HOST) as tls:
            tls.sendall(f"GET /nothing HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            answer = b""
            while not answer.endswith(b"}"):
                answer += tls.recv(65536)
            assert ending.stop() == 0
            assert tls.recv(65536) == b""
            assert tunnel.recv(65536) == b""
    assert "Warning" not in ending.log
    assert "Traceback" not in ending.log
