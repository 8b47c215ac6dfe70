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

from agentcore_contracts import probe_memory

if TYPE_CHECKING:
    from agentcore_contracts.runtime import AgentCore

__all__ = ["PROBE", "describe", "memory", "of_emulator", "opened", "probe_options", "unmeasurable"]

PROBE = Path(__file__).parent / "probe"
"""The folder of the probe agent, as the starter toolkit and the emulator take it."""

DEFAULT = "contracts_http"
"""The probe's runtime that is meant where none is named."""

# Set once a run has found out.
_unmeasurable = pytest.StashKey[str]()

# botocore's bedrock-agentcore-control model: AgentRuntimeArn.
_ARN = re.compile(
    r"arn:aws[^:]*:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:runtime/[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}"
)


def probe_options(quirks: str, python: Path | None = None, *, alone: bool = False) -> list[str]:
    """Options of `agentcore-emulator start` for the folder of the probe, or `alone` for its file agent.py.

    The interpreter of this run can run it as well.
    """
    platform = [] if alone else ["--platform", "contracts_v2=V2"]
    return ["--quirks", quirks, "--python", str(python or sys.executable), *platform]


def _start(config: pytest.Config) -> list[str]:
    """Target and options of `agentcore-emulator start`: the probe, or an agent as its developer would start it."""
    agent: Path | None = config.getoption("agentcore_agent")
    python: Path | None = config.getoption("agentcore_python")
    if agent is None:
        return [str(PROBE), *probe_options("off", python)]
    return [str(agent), *(["--python", str(python)] if python is not None else [])]


def describe(config: pytest.Config) -> str:
    """The target in words, for the summary."""
    wanted: str = config.getoption("agentcore_target")
    if wanted == "aws":
        return f"AWS, {_named_arn(config) or f'the agent runtime {DEFAULT}'}"
    if wanted != "emulator":
        return f"the emulator at {wanted}"
    agent: Path | None = config.getoption("agentcore_agent")
    return f"an emulator, started for this run{f' with {agent}' if agent else ''}"


def unmeasurable(config: pytest.Config) -> str | None:
    """Why AWS could not be called, in a sentence; None if it could, or is not what was asked for."""
    return config.stash.get(_unmeasurable, None)


@contextmanager
def opened(config: pytest.Config) -> Iterator[AgentCore]:
    """The agent runtime to call, until the end of the block.

    Skips, for everyone who asks, when AWS is wanted and cannot be called. Ends the run with a sentence when no emulator
    answers at the URL that was given.
    """
    wanted: str = config.getoption("agentcore_target")
    if wanted == "aws":
        runtime = _on_aws(config)
        if isinstance(runtime, str):
            config.stash[_unmeasurable] = runtime
            pytest.skip(f"nothing was measured: {runtime}")
        with closing(runtime):
            yield runtime
    elif wanted == "emulator":
        from agentcore_emulator.testing import EmulatorProcess

        with (
            EmulatorProcess(*_start(config)) as emulator,
            closing(of_emulator(emulator.info, emulator.arn, log=lambda: emulator.log, lasting=False)) as runtime,
        ):
            yield runtime
    else:
        info = _info(wanted)
        # The option alone: in the environment, the variable names the default agent, or one on AWS.
        arn = config.getoption("agentcore_arn")
        with closing(of_emulator(info, _checked(arn or info["default_arn"]))) as runtime:
            # What `agentcore-contracts deploy` has made goes before what the emulator was started with.
            if arn is None and DEFAULT in runtime.arns:
                with closing(runtime.named(DEFAULT)) as deployed:
                    yield deployed
            else:
                yield runtime


def _on_aws(config: pytest.Config) -> AgentCore | str:
    """The runtime that is named, or that `agentcore-contracts deploy` has made; or why there is none to call."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    from agentcore_contracts.runtime import AgentCore, listed

    arn = _named_arn(config)
    try:
        session = boto3.session.Session()
        if session.get_credentials() is None:
            return "there are no AWS credentials in the environment, in a profile or on this machine"
        if arn is None:
            # The client that lists is one for AWS, also in a shell whose AWS_ENDPOINT_URL is an emulator's.
            options: dict[str, Any] = {"ignore_configured_endpoint_urls": True}
            with closing(session.client("bedrock-agentcore-control", config=Config(**options))) as control:
                arn = listed(control).get(DEFAULT)
                region = control.meta.region_name
    except BotoCoreError as error:
        return f"the AWS credentials cannot be used: {error}"
    except ClientError as error:
        return f"the agent runtimes on AWS cannot be listed: {error}"
    if arn is None:
        return (
            f"there is no agent runtime {DEFAULT} in {region}; `agentcore-contracts deploy --region {region}` makes it,"
            " and --agentcore-arn or AGENTCORE_RUNTIME_ARN in the environment names another"
        )
    return AgentCore(session, arn)


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


def _named_arn(config: pytest.Config) -> str | None:
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
    """The id of a memory, until the end of the block: the one that was named, else the one that is deployed.

    An emulator that has none gets one for the block. Skips when AWS has none.
    """
    named: str | None = config.getoption("agentcore_memory_id")
    if agentcore.is_aws:
        named = named or os.environ.get("AGENTCORE_MEMORY_ID")
    if named is not None:
        yield named
        return
    with closing(agentcore.control()) as control:
        memory_id = _found_memory(control, agentcore)
        if memory_id is not None:
            yield memory_id
            return
        made = control.create_memory(**probe_memory.definition(f"contracts_{uuid.uuid4().hex}"))["memory"]["id"]
        control.get_waiter("memory_created").wait(memoryId=made)
        try:
            yield made
        finally:
            control.delete_memory(memoryId=made)


def _found_memory(control: Any, agentcore: AgentCore) -> str | None:
    """The memory that is deployed. Skips when AWS has none, or does not show it."""
    from botocore.exceptions import ClientError

    try:
        memory_id = probe_memory.found(control)
    except ClientError as error:
        if not agentcore.is_aws:
            raise
        pytest.skip(f"nothing was measured: the memories on AWS cannot be listed: {error}")
    if memory_id is None and agentcore.is_aws:
        pytest.skip(
            f"nothing was measured: there is no memory {probe_memory.NAME} in {agentcore.region};"
            f" `agentcore-contracts deploy --region {agentcore.region}` makes it, and --agentcore-memory-id or"
            " AGENTCORE_MEMORY_ID in the environment names another"
        )
    return memory_id
