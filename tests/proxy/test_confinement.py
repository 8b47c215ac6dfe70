"""That no AWS name gets out of an emulator, whose every way out is a proxy that remembers what it was asked for."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_emulator.aws_names import AWS_DOMAINS
from agentcore_emulator.environment import command_environment
from agentcore_emulator.testing import EmulatorProcess, new_session

AWS = "bedrock-agentcore.us-east-1.amazonaws.com"

# Loaded by every interpreter that is started with it, and so by the emulator and its guests.
GUARD = """
import ipaddress, sys

def look(event, arguments):
    if event == "socket.connect":
        host = arguments[1][0] if isinstance(arguments[1], tuple) else ""
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0] or ""
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    try:
        near = host in ("", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        near = False
    if not near:
        with open(RECORD, "a") as record:
            record.write(f"{event} {host}\\n")

sys.addaudithook(look)
"""


class Outside:
    """The way out: a proxy that refuses all it is asked for, and remembers the heads."""

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                head = connection.recv(65536)
                if head == b"end":
                    return
                self.heads.append(head)
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    def close(self) -> None:
        with socket.create_connection(self._listener.getsockname()) as last:
            last.sendall(b"end")
        self._thread.join()
        self._listener.close()


class Confined:
    """An emulator whose only way out is watched."""

    def __init__(self, emulator: EmulatorProcess, outside: Outside, record: Path) -> None:
        self.emulator = emulator
        self.outside = outside
        self.record = record
        proxy = urlsplit(emulator.info["environment"]["HTTPS_PROXY"])
        self.address = (proxy.hostname or "", proxy.port or 0)

    def recorded(self) -> list[str]:
        """What was looked up or connected to beyond this machine."""
        return self.record.read_text().splitlines() if self.record.exists() else []

    def say(self, *pieces: bytes) -> bytes:
        """What the proxy has answered by the time that it has answered each piece once, or ended the connection."""
        answer = b""
        with socket.create_connection(self.address, timeout=60) as client, suppress(ConnectionError):
            for piece in pieces:
                client.sendall(piece)
                answer += client.recv(65536)
        return answer

    def check(self) -> None:
        """That nothing of AWS was asked for outside."""
        asked = b"\n".join(self.outside.heads).lower()
        assert not any(domain.encode() in asked for domain in AWS_DOMAINS)
        assert self.recorded() == []


@pytest.fixture(scope="module")
def confined(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[Confined]:
    folder = tmp_path_factory.mktemp("confined")
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(f"RECORD = {str(folder / 'record')!r}\n{GUARD}")
    (folder / "project").mkdir()
    agent = folder / "project" / "agent.py"
    agent.write_text(puppet, encoding="utf-8")
    outside = Outside()
    paths = ":".join([str(folder / "guard"), *filter(None, sys.path)])
    environment = {
        "HTTPS_PROXY": outside.url,
        "https_proxy": outside.url,
        "NO_PROXY": "",
        "no_proxy": "",
        "PYTHONPATH": paths,
    }
    environment |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CONFIG_FILE": os.devnull}
    with EmulatorProcess(
        agent, "--quirks", "off", "--isolation", "plain", "--passthrough", "bedrock-runtime", env=environment
    ) as emulator:
        yield Confined(emulator, outside, folder / "record")
    outside.close()


def test_the_watch_sees_what_does_get_out(confined: Confined) -> None:
    assert b"the proxy 127.0.0.1 port" in confined.say(b"CONNECT example.test:443 HTTP/1.1\r\n\r\n")
    assert confined.outside.heads[-1].startswith(b"CONNECT example.test:443 ")
    guest = confined.emulator.client("bedrock-agentcore")
    code = "try: socket.create_connection(('no.such.host.invalid', 1))\nexcept OSError: answer(1)"
    answer = guest.invoke_agent_runtime(
        agentRuntimeArn=confined.emulator.arn,
        runtimeSessionId=new_session(),
        contentType="text/x-python",
        payload=code,
    )
    assert answer["response"].read() == b"1"
    assert confined.recorded() == ["socket.getaddrinfo no.such.host.invalid"]
    confined.record.unlink()
    confined.outside.heads.clear()


@pytest.mark.parametrize(
    "pieces",
    [
        [f"CONNECT {AWS}:443 HTTP/1.1\r\n\r\n".encode(), b"GET / HTTP/1.1\r\n\r\n"],
        [f"CONNECT {AWS.upper()}.:80 HTTP/1.1\r\n\r\n".encode(), b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n"],
        [f"CONNECT {AWS}:22 HTTP/1.1\r\n\r\n".encode(), b"SSH-2.0-x\r\n"],
        [f"CONNECT {AWS}..:443 HTTP/1.1\r\n\r\n".encode(), b"GET / HTTP/1.1\r\n\r\n"],
        [f"CONNECT {AWS} HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT x@{AWS}:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT example.test@{AWS}:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT {AWS}:443@example.test:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT {AWS.replace('.com', '%2ecom')}:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT {AWS}\t:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT {AWS}\0:443 HTTP/1.1\r\n\r\n".encode()],
        [AWS.replace(".", "\u3002").join(["CONNECT ", ":443 HTTP/1.1\r\n\r\n"]).encode()],
        [f"CONNECT {AWS}:443 HTTP/1.0\r\n\r\n".encode(), b"GET / HTTP/1.0\r\n\r\n"],
        [f"CONNECT [{AWS}]:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT https://{AWS}:443 HTTP/1.1\r\n\r\n".encode()],
        [f"GET http://{AWS}/ HTTP/1.1\r\nHost: example.test\r\n\r\n".encode()],
        [f"GET https://{AWS}/ HTTP/1.1\r\n\r\n".encode()],
        [f"GET http://example.test/ HTTP/1.1\r\nHost: {AWS}\r\n\r\n".encode()],
        [f"GET http://{AWS}/ HTTP/1.1\r\n\r\nGET http://example.test/ HTTP/1.1\r\nHost: example.test\r\n\r\n".encode()],
        [f"GET http://{AWS}/ HTTP/1.1\r\n\r\nCONNECT {AWS}:443 HTTP/1.1\r\n\r\n".encode()],
        [f"connect {AWS}:443 HTTP/1.1\r\n\r\n".encode()],
        [f"CONNECT {AWS}:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode(), b"0\r\n\r\n"],
    ],
)
def test_however_it_is_asked_for(confined: Confined, pieces: list[bytes]) -> None:
    assert confined.say(*pieces).startswith(b"HTTP/1.1 ")
    confined.check()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    begin=st.sampled_from(["CONNECT ", "GET http://", "CONNECT example.test", ""]),
    middle=st.text("ab.:@[]/% \t\r\nAWS-0", max_size=12),
    end=st.sampled_from([":443 HTTP/1.1\r\n\r\n", " HTTP/1.1\r\n\r\n", ". HTTP/1.1\r\nHost: x\r\n\r\n"]),
)
def test_whatever_surrounds_it(confined: Confined, begin: str, middle: str, end: str) -> None:
    for name in (f"{middle}{AWS}", f"{AWS}{middle}"):
        confined.say(f"{begin}{name}{end}".encode())
        # `example.test/amazonaws.com:443` is nobody's name, and `amazonaws.com.a` not AWS's.
        for head in confined.outside.heads:
            host = head.split()[1].rpartition(b":")[0].lower().rstrip(b".")
            assert not host.endswith(tuple(domain.encode() for domain in AWS_DOMAINS))
    assert confined.recorded() == []
    confined.outside.heads.clear()


def test_clients_and_guests_with_the_environment_they_are_given(confined: Confined) -> None:
    script = f"""
import boto3, requests
asked = {{"s3": "list_buckets", "dynamodb": "list_tables", "bedrock-agentcore-control": "list_gateways"}}
for service, operation in asked.items():
    client = boto3.client(service, endpoint_url=f"https://{{service}}.us-east-1.amazonaws.com")
    client.meta.events.register("needs-retry", lambda **_: False)
    try:
        getattr(client, operation)()
        print(200)
    except client.exceptions.ClientError as error:
        print(error.response["ResponseMetadata"]["HTTPStatusCode"])
print(requests.get("https://{AWS}:8443/").status_code)
"""
    environment = command_environment(confined.emulator.info["environment"], {})
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["200", "200", "501", "501"]
    confined.check()


def test_notices_that_services_send_to_addresses(confined: Confined) -> None:
    sns = confined.emulator.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://example.test/")
    assert sns.publish(TopicArn=topic, Message="hello")["MessageId"]
    assert confined.outside.heads == []
    assert confined.recorded() == []


def test_only_what_is_passed_through_is_asked_for_outside(confined: Confined) -> None:
    environment: dict[str, Any] = confined.emulator.info["environment"]
    body = b"{}"
    context = ssl.create_default_context(cafile=environment["SSL_CERT_FILE"])
    name = "bedrock-runtime.us-east-1.amazonaws.com"
    with socket.create_connection(confined.address, timeout=60) as client:
        client.sendall(f"CONNECT {name}:443 HTTP/1.1\r\n\r\n".encode())
        assert b" 200 " in client.recv(65536)
        with context.wrap_socket(client, server_hostname=name) as tls:
            credential = "AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/bedrock/aws4_request"
            head = f"POST /model/x/converse HTTP/1.1\r\nHost: {name}\r\nAuthorization: {credential}\r\n"
            tls.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            answer = b""
            while data := tls.recv(65536):
                answer += data
    # It is asked for with the developer's own settings, which name the proxy that refuses it.
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert [head.split(b"\r\n")[0] for head in confined.outside.heads] == [f"CONNECT {name}:443 HTTP/1.1".encode()]
    confined.outside.heads.clear()
