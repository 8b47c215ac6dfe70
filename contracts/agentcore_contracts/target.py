"""What `--agentcore-target` names, made ready to be called."""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

import pytest

if TYPE_CHECKING:
    from agentcore_contracts.runtime import AgentCore

__all__ = ["PROBE", "describe", "memory", "of_emulator", "opened", "probe_options", "unmeasurable"]

PROBE = Path(__file__).parent / "probe"
"""The folder of the probe agent, as the starter toolkit and the emulator take it."""

# botocore's bedrock-agentcore-control model: AgentRuntimeArn.
_ARN = re.compile(
    r"arn:aws[^:]*:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:runtime/[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}"
)


def probe_options(quirks: str) -> list[str]:
    """Options of `agentcore-emulator start` for the probe, which the interpreter of this run can run."""
    return ["--quirks", quirks, "--python", sys.executable]


def describe(config: pytest.Config) -> str:
    """The target in words, for the summary."""
    wanted: str = config.getoption("agentcore_target")
    if wanted == "aws":
        return f"AWS, {_arn(config) or 'no agent runtime'}"
    return "an emulator, started for this run" if wanted == "emulator" else f"the emulator at {wanted}"


def unmeasurable(config: pytest.Config) -> str | None:
    """Why AWS cannot be called, in a sentence; None if it can, or is not what was asked for."""
    if config.getoption("agentcore_target") != "aws":
        return None
    arn = _arn(config)
    if arn is None:
        return "no agent runtime is named by --agentcore-arn or by AGENTCORE_RUNTIME_ARN in the environment"
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        credentials = botocore.session.Session().get_credentials()
    except BotoCoreError as error:
        return f"the AWS credentials cannot be read: {error}"
    if credentials is None:
        return "there are no AWS credentials in the environment, in a profile or on this machine"
    return None


@contextmanager
def opened(config: pytest.Config) -> Iterator[AgentCore]:
    """The agent runtime to call, until the end of the block.

    Skips, for everyone who asks, when AWS is wanted and cannot be called. Ends the run with a sentence when no emulator
    answers at the URL that was given.
    """
    wanted: str = config.getoption("agentcore_target")
    reason = unmeasurable(config)
    if reason is not None:
        pytest.skip(f"nothing was measured: {reason}")
    if wanted == "aws":
        import boto3

        from agentcore_contracts.runtime import AgentCore

        arn = _arn(config)
        assert arn is not None
        with closing(AgentCore(boto3.session.Session(), arn)) as runtime:
            yield runtime
    elif wanted == "emulator":
        from agentcore_emulator.testing import EmulatorProcess

        with (
            EmulatorProcess(PROBE, *probe_options("off")) as emulator,
            closing(of_emulator(emulator.info, emulator.arn, log=lambda: emulator.log, lasting=False)) as runtime,
        ):
            yield runtime
    else:
        info = _info(wanted)
        # The option alone: in the environment, the variable names the default agent, or one on AWS.
        arn = _checked(config.getoption("agentcore_arn") or info["default_arn"])
        with closing(of_emulator(info, arn)) as runtime:
            yield runtime


def of_emulator(info: dict[str, Any], arn: str, **options: Any) -> AgentCore:
    """The runtime `arn` of the emulator whose `GET /_emulator/info` is `info`; `options` are `AgentCore`'s."""
    import boto3

    from agentcore_contracts.runtime import AgentCore

    # An emulator checks no signature; the developer's own keys are none of its business.
    session = boto3.session.Session(aws_access_key_id="emulator", aws_secret_access_key="emulator")  # noqa: S106 - no secret
    return AgentCore(session, arn, endpoint=info["url"], **options)


def _info(url: str) -> dict[str, Any]:
    # A proxy that the developer has set is for the world outside.
    direct = build_opener(ProxyHandler({}))
    try:
        with direct.open(f"{url}/_emulator/info", timeout=10) as answer:
            info: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        pytest.exit(f"--agentcore-target: no emulator answers at {url}: {error}", pytest.ExitCode.USAGE_ERROR)
    return {**info, "url": url}


def _arn(config: pytest.Config) -> str | None:
    arn: str | None = config.getoption("agentcore_arn") or os.environ.get("AGENTCORE_RUNTIME_ARN")
    return None if arn is None else _checked(arn)


def _checked(arn: str) -> str:
    if not _ARN.fullmatch(arn):
        pytest.exit(
            f"{arn!r} is not the ARN of an agent runtime, arn:aws:bedrock-agentcore:REGION:ACCOUNT:runtime/ID",
            pytest.ExitCode.USAGE_ERROR,
        )
    return arn


@contextmanager
def memory(config: pytest.Config, agentcore: AgentCore) -> Iterator[str]:
    """The id of a memory, until the end of the block: the one that was named, or on an emulator a new one.

    Skips when AWS is the target and no memory was named.
    """
    memory_id: str | None = config.getoption("agentcore_memory_id")
    if agentcore.is_aws:
        memory_id = memory_id or os.environ.get("AGENTCORE_MEMORY_ID")
        if memory_id is None:
            pytest.skip(
                "nothing was measured: no memory is named by --agentcore-memory-id or by AGENTCORE_MEMORY_ID in the"
                " environment"
            )
    if memory_id is not None:
        yield memory_id
        return
    with closing(agentcore.control()) as control:
        made = control.create_memory(name=f"contracts_{uuid.uuid4().hex[:12]}", eventExpiryDuration=7)["memory"]["id"]
        control.get_waiter("memory_created").wait(memoryId=made)
        try:
            yield made
        finally:
            control.delete_memory(memoryId=made)
