import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from agentcore_emulator.cli.state_file import FILE_NAME
from agentcore_emulator.testing import EmulatorProcess

from .conftest import COMMAND, Run, the_one_line


@pytest.fixture
def running(agent: Path, tmp_path: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(agent, "--state-dir", str(tmp_path / "state")) as emulator:
        yield emulator


def test_a_shell_is_pointed_at_the_running_emulator(
    running: EmulatorProcess, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    state = tmp_path / "state"
    show = "import boto3, os; print(boto3.client('s3').meta.endpoint_url, os.environ['AGENTCORE_RUNTIME_ARN'])"
    ask = f'eval "$({" ".join(COMMAND)} env --state-dir {state})" && {sys.executable} -c "{show}"'
    caller = {**clean_environment, "AWS_PROFILE": "mine", "AWS_ENDPOINT_URL_S3": "https://s3.example.com"}
    shown = subprocess.run(["sh", "-c", ask], env=caller, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == [running.url, running.arn]


def test_every_line_is_one_for_a_shell(running: EmulatorProcess, call: Run) -> None:
    shown = call("env", "--url", running.url)
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert all(line.startswith("export ") for line in lines)
    assert f"export AWS_ENDPOINT_URL={running.url}" in lines
    assert "export AWS_EC2_METADATA_DISABLED=true" in lines
    by_variable = call("env", AGENTCORE_EMULATOR_URL=running.url)
    assert by_variable.stdout == shown.stdout


def test_what_would_lead_elsewhere_is_unset_and_the_shells_exceptions_kept(running: EmulatorProcess, call: Run) -> None:
    shown = call(
        "env", "--url", running.url, AWS_SESSION_TOKEN="t", AWS_PROFILE="mine", NO_PROXY="mine.example,.amazonaws.com"
    )
    lines = shown.stdout.splitlines()
    assert lines[0] == "unset AWS_PROFILE AWS_SESSION_TOKEN"
    assert "export NO_PROXY=mine.example,localhost,127.0.0.1,::1" in lines


def test_aws_names_lead_to_the_emulators_proxy(running: EmulatorProcess, call: Run, tmp_path: Path) -> None:
    lines = call("env", "--url", running.url).stdout.splitlines()
    proxy = running.info["environment"]["HTTPS_PROXY"]
    assert f"by the proxy {proxy}, for clients that insist on them" in running.log
    assert f"export HTTPS_PROXY={proxy}" in lines
    assert f"export SSL_CERT_FILE={tmp_path / 'state' / 'certificates' / 'bundle.pem'}" in lines


def test_the_state_folder_of_the_project_is_looked_into(running: EmulatorProcess, call: Run, folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.agentcore-emulator]\nstate-dir = '../state'\n")
    assert f"export AWS_ENDPOINT_URL={running.url}" in call("env").stdout.splitlines()


def test_an_emulator_that_was_killed_is_not_taken_for_running(
    running: EmulatorProcess, call: Run, tmp_path: Path
) -> None:
    pid, url = running.pid, running.url
    running.kill()
    ended = call("env", "--state-dir", tmp_path / "state")
    assert ended.returncode == 1
    assert ended.stdout == ""
    file = tmp_path / "state" / FILE_NAME
    assert the_one_line(ended.stderr) == (
        f"the emulator named in {file} ({url}, process {pid}) has ended; start one with `agentcore-emulator start`"
    )


def test_nobody_at_the_url(call: Run) -> None:
    ended = call("env", "--url", "http://127.0.0.1:1")
    assert ended.returncode == 1
    assert the_one_line(ended.stderr).startswith("no emulator answers at http://127.0.0.1:1; start one")


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://a:port"])
def test_a_url_that_is_none(call: Run, url: str) -> None:
    ended = call("env", "--url", url)
    assert ended.returncode == 1
    assert the_one_line(ended.stderr) == f"{url!r} is not a URL of the form http://host:port"


def test_a_state_file_that_is_none(call: Run, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("{")
    ended = call("env", "--state-dir", tmp_path)
    assert ended.returncode == 1
    assert "is not readable as the address of an emulator; delete it and start one" in the_one_line(ended.stderr)


@pytest.mark.parametrize(("status", "body"), [(404, {}), (200, {}), (200, []), (200, None)])
def test_another_server_is_said_to_be_none(call: Run, status: int, body: object) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>" if body is None else json.dumps(body).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        ended = call("env", "--url", url)
        server.shutdown()
        thread.join()
    assert ended.returncode == 1
    assert the_one_line(ended.stderr) == f"what answers at {url} is not an agentcore-emulator (status {status})"
