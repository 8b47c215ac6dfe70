"""`agentcore-contracts`, run as a program against a real emulator."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentcore_contracts.deploy.account import Account
from agentcore_contracts.deploy.runtimes import wanted
from agentcore_emulator.testing import EmulatorProcess

CHANGES = (": created", ": tagged", ": uploaded", ": has its policy", ": updated", ": deleted")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agentcore_contracts.deploy", *arguments]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, **options
    )


def at(emulator: EmulatorProcess, what: str, *more: str) -> subprocess.CompletedProcess[str]:
    return run(what, "--region", "us-east-1", "--endpoint-url", emulator.url, "--yes", *more)


def state(emulator: EmulatorProcess) -> dict[str, Any]:
    """Everything that is there, and its versions."""
    control, account = emulator.client("bedrock-agentcore-control"), Account("us-east-1", emulator.url)
    s3, iam = emulator.client("s3"), emulator.client("iam")
    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    return {
        "runtimes": sorted(
            (one["agentRuntimeId"], one["agentRuntimeVersion"], one["status"])
            for one in control.list_agent_runtimes()["agentRuntimes"]
        ),
        "memories": [(one["id"], one["status"]) for one in control.list_memories()["memories"]],
        "roles": [one["RoleName"] for one in iam.list_roles()["Roles"]],
        "buckets": buckets,
        "zips": [one["Key"] for one in s3.list_objects_v2(Bucket=account.bucket)["Contents"]]
        if account.bucket in buckets
        else [],
    }


def check_it_works(emulator: EmulatorProcess) -> None:
    control, client = emulator.client("bedrock-agentcore-control"), emulator.client("bedrock-agentcore")
    arns = {one["agentRuntimeName"]: one["agentRuntimeArn"] for one in control.list_agent_runtimes()["agentRuntimes"]}
    for name in ("contracts_http", "contracts_v2"):
        answer = client.invoke_agent_runtime(agentRuntimeArn=arns[name], payload=b'{"do": "count"}')
        assert json.loads(answer["response"].read())["count"] == 1
    assert client.get_agent_card(agentRuntimeArn=arns["contracts_a2a"])["agentCard"]["name"]


# Ends itself, as by kill -9, as soon as it has said that something is changed.
SHORT_LIVED = f"""
import os, signal, sys
from agentcore_contracts.deploy import cli

say = cli._say

def say_and_die(text):
    say(text)
    if text.endswith({CHANGES}) or ": uploaded" in text:
        os.kill(os.getpid(), signal.SIGKILL)

cli._say = say_and_die
sys.exit(cli.main())
"""


def killed_at_each_change(emulator: EmulatorProcess, what: str) -> int:
    """Runs a command again and again, each time until it has changed something, when it is killed; how often it was."""
    arguments = [sys.executable, "-c", SHORT_LIVED, what, "--region", "us-east-1", "--endpoint-url", emulator.url]
    kills = 0
    while True:
        ended = subprocess.run([*arguments, "--yes"], capture_output=True, text=True, timeout=120)
        assert ended.stderr == ""
        if ended.returncode == 0:
            return kills
        assert ended.returncode == -signal.SIGKILL
        kills += 1


def test_deployed_twice_and_destroyed(emulator: EmulatorProcess) -> None:
    before = state(emulator)
    first = at(emulator, "deploy")
    assert (first.returncode, first.stderr) == (0, "")
    made = state(emulator)
    assert len(made["runtimes"]) == len(before["runtimes"]) + len(wanted())
    assert [len(made[kind]) for kind in ("memories", "roles", "buckets", "zips")] == [1, 1, 1, 1]
    second = at(emulator, "deploy")
    assert second.returncode == 0
    assert not any(change in second.stdout for change in CHANGES)
    assert state(emulator) == made
    check_it_works(emulator)
    gone = at(emulator, "destroy")
    assert (gone.returncode, gone.stderr) == (0, "")
    assert state(emulator) == before
    assert "there is nothing of agentcore-contracts" in at(emulator, "destroy").stdout


def test_killed_at_each_step(emulator: EmulatorProcess) -> None:
    before = state(emulator)
    # The bucket, the zip, of the role two, the runtimes, the memory; moto may know the bucket's tags from before.
    assert killed_at_each_change(emulator, "deploy") >= 5 + len(wanted())
    made = state(emulator)
    assert {status for _, _, status in made["runtimes"]} == {"READY"}
    assert {version for _, version, _ in made["runtimes"]} == {"1"}
    assert len(made["memories"]) == 1
    check_it_works(emulator)
    assert killed_at_each_change(emulator, "destroy") == 3 + len(wanted())
    assert state(emulator) == before


def test_interrupted_by_hand(emulator: EmulatorProcess) -> None:
    arguments = command("deploy", "--region", "us-east-1", "--endpoint-url", emulator.url, "--yes")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if ": created" in line)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr is not None
        assert process.stderr.read() == (
            "agentcore-contracts: interrupted; run the same again to finish it, or `destroy` to take it away\n"
        )
        assert process.wait() == 130
    assert at(emulator, "deploy").returncode == 0
    assert at(emulator, "destroy").returncode == 0


def test_what_others_have_made_is_left_alone(emulator: EmulatorProcess) -> None:
    account = Account("us-east-1", emulator.url)
    iam = emulator.client("iam")
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_role(RoleName=account.role, AssumeRolePolicyDocument=trust)
    refused = at(emulator, "deploy")
    assert refused.returncode == 1
    assert f"there is a role {account.role} already that agentcore-contracts has not made" in refused.stderr
    assert at(emulator, "destroy").returncode == 0
    assert iam.get_role(RoleName=account.role)
    iam.delete_role(RoleName=account.role)


def test_it_asks(emulator: EmulatorProcess) -> None:
    before = state(emulator)
    for what in ("deploy", "destroy"):
        if what == "destroy":
            assert at(emulator, "deploy").returncode == 0
            before = state(emulator)
        asked = subprocess.run(
            command(what, "--region", "us-east-1", "--endpoint-url", emulator.url),
            input="n\n",
            capture_output=True,
            text=True,
        )
        assert asked.returncode == 1
        assert asked.stderr.splitlines()[-1] == "agentcore-contracts: nothing was done"
        assert state(emulator) == before
    assert at(emulator, "destroy").returncode == 0


def test_a_version_of_the_sdk_is_for_aws(emulator: EmulatorProcess) -> None:
    refused = at(emulator, "deploy", "--sdk-version", "1.12.0")
    assert refused.returncode == 2
    assert "an emulator's agents have the packages of its own interpreter" in refused.stderr


@pytest.mark.parametrize("what", ["deploy", "destroy"])
def test_nobody_there(what: str) -> None:
    ended = run(what, "--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:9", "--yes")
    assert ended.returncode == 1
    assert ended.stderr.startswith("agentcore-contracts: AWS cannot be called: Could not connect to the endpoint URL")
    assert ended.stderr.count("\n") == 1


def test_no_credentials(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nothing = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "HOME": str(tmp_path)}
    ended = run("deploy", "--region", "us-east-1", "--yes", env={**kept, **nothing})
    assert ended.returncode == 1
    assert "there are no AWS credentials" in ended.stderr
