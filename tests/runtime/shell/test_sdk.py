"""The SDK's own client at a shell."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection

from agentcore_emulator.testing import EmulatorProcess, new_session

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # Of what the SDK uses.
    from bedrock_agentcore.runtime import AgentCoreRuntimeClient
    from bedrock_agentcore.runtime.shell import OAuthAuth, PresignedAuth, ReconnectConfig, ShellChannel, ShellSession

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="shells are Linux's"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # The SDK connects in websockets' older way.
]


@pytest.fixture(scope="module")
def emulator(guarded: Path) -> Iterator[EmulatorProcess]:
    with EmulatorProcess(guarded, "--quirks", "off", "--clock", "virtual") as process:
        yield process


@pytest.fixture
def client(emulator: EmulatorProcess, monkeypatch: pytest.MonkeyPatch) -> AgentCoreRuntimeClient:
    """One that goes to the emulator instead of the AWS host name that it insists on, and is the SDK's but for that."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")

    class Redirected(AgentCoreRuntimeClient):
        def _build_shell_url(self, *arguments: Any, **options: Any) -> str:
            url = str(super()._build_shell_url(*arguments, **options))
            return url.replace("wss://bedrock-agentcore.us-east-1.amazonaws.com", f"ws{emulator.url[4:]}")

    return Redirected("us-east-1")


async def output(shell: ShellSession, until: str) -> str:
    """What a shell prints, up to and with some text."""
    printed = ""
    async for frame in shell:
        if frame.channel is ShellChannel.STDOUT:
            printed += frame.text
        if until in printed:
            return printed
    raise AssertionError(f"it ended with {printed[-1000:]!r}")


@pytest.mark.parametrize("auth", ["sigv4", "presigned", "oauth"])
async def test_a_shell(emulator: EmulatorProcess, client: AgentCoreRuntimeClient, auth: str) -> None:
    session = new_session()
    arn = emulator.arns["guarded" if auth == "oauth" else "open"]
    mode: Any = auth
    if auth == "presigned":
        mode = PresignedAuth()
    elif auth == "oauth":
        mode = OAuthAuth(emulator.token(agent="guarded"))
    async with client.open_shell(arn, session_id=session, auth=mode) as shell:
        assert shell.session_id == session
        await shell.resize(120, 40)
        await shell.send("stty size; echo do''ne\n")
        assert "40 120\r\n" in await output(shell, "done\r\n")
        await shell.send("exit 5\n")
        last = [frame async for frame in shell][-1]
    assert last.channel is ShellChannel.STATUS
    assert (shell.exit_code, shell.kicked) == (5, False)


async def test_it_is_found_again(emulator: EmulatorProcess, client: AgentCoreRuntimeClient) -> None:
    session = new_session()
    async with client.open_shell(emulator.arn, session_id=session, shell_id="mine") as shell:
        assert shell.shell_id == "mine"
        await shell.send("X=kept; echo do''ne\n")
        await output(shell, "done\r\n")
    async with client.open_shell(emulator.arn, session_id=session, shell_id="mine") as shell:
        await shell.send("echo $X$X\n")
        await output(shell, "keptkept\r\n")
        async with client.open_shell(emulator.arn, session_id=session, shell_id="mine") as newer:
            assert [frame async for frame in shell if frame.channel is not ShellChannel.STDOUT] == []
            assert shell.kicked
            await newer.send("echo $X$X$X\n")
            await output(newer, "keptkeptkept\r\n")


async def test_it_reconnects_by_itself(emulator: EmulatorProcess, client: AgentCoreRuntimeClient) -> None:
    again = asyncio.Event()
    config = ReconnectConfig(base_delay=0.01, on_reconnect=again.set)
    async with client.open_shell(emulator.arn, session_id=new_session(), reconnect_config=config) as shell:
        await shell.send("X=kept; echo do''ne\n")
        await output(shell, "done\r\n")
        cast("ClientConnection", shell._ws).transport.abort()
        reading = asyncio.create_task(output(shell, "keptkept\r\n"))
        await again.wait()
        await shell.send("echo $X$X\n")
        await reading


async def test_the_end_of_the_session(emulator: EmulatorProcess, client: AgentCoreRuntimeClient) -> None:
    for end in (
        lambda session: emulator.client("bedrock-agentcore").stop_runtime_session(
            agentRuntimeArn=emulator.arn, runtimeSessionId=session
        ),
        emulator.kill_session,
    ):
        session = new_session()
        async with client.open_shell(emulator.arn, session_id=session) as shell:
            await shell.send("echo do''ne\n")
            await output(shell, "done\r\n")
            await asyncio.to_thread(end, session)
            assert all([frame.channel is not ShellChannel.STDERR async for frame in shell])
            assert shell.exit_code is None


UNCHANGED = """
import asyncio, os
from bedrock_agentcore.runtime import AgentCoreRuntimeClient, ShellChannel

async def main():
    client = AgentCoreRuntimeClient(os.environ["AWS_REGION"])
    async with client.open_shell(os.environ["AGENTCORE_RUNTIME_ARN"]) as shell:
        await shell.send("echo $((6 * 7)); exit 3\\n")
        async for frame in shell:
            if frame.channel == ShellChannel.STDOUT:
                print(frame.text, end="")
    print("exit code", shell.exit_code)

asyncio.run(main())
"""


def test_unchanged_under_exec(isolation: str, write_agent: Callable[[str], Path], puppet: str, tmp_path: Path) -> None:
    program = tmp_path / "client.py"
    program.write_text(UNCHANGED, encoding="utf-8")
    options = ["--quirks", "off", "--isolation", isolation]
    command = [sys.executable, "-m", "agentcore_emulator", "exec", str(write_agent(puppet)), *options, "--"]
    done = subprocess.run([*command, sys.executable, str(program)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "\n42\n" in done.stdout.replace("\r", "")
    assert done.stdout.endswith("exit code 3\n")
