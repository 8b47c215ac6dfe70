"""The environment variables that point a program at the emulator, and keep it away from AWS.

Three programs need one: a client in the user's own shell (`agentcore-emulator env`), a command that is run beside an
emulator (`exec`), and an agent inside a microVM.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, urlsplit

from agentcore_emulator.aws_names import meets_aws_names
from agentcore_emulator.config import Settings
from agentcore_emulator.project import AgentRuntime
from agentcore_emulator.proxy.trust import BUNDLE_VARIABLES, NODE_VARIABLE, Trust

__all__ = [
    "KEY",
    "client_environment",
    "command_environment",
    "guest_environment",
    "misleading",
    "no_proxy",
    "proxy_environment",
]

KEY: Final = "emulator"
"""The access key and its secret. Any others will do as well, unless the emulator is to check signatures."""

# Where botocore looks for profiles. It takes a device for a file that is not there (`os.path.isfile`).
_NO_PROFILES: Final = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

# Variables that lead a client elsewhere although AWS_ENDPOINT_URL and keys are set. A profile hides the keys from some
# SDKs; a session token that is not the keys' own breaks signatures; an endpoint for one service beats the common one;
# the bedrock_agentcore SDK prefers its own variables over botocore's.
_MISLEADING: Final = frozenset(
    {
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
        "BEDROCK_AGENTCORE_DP_ENDPOINT",
        "BEDROCK_AGENTCORE_CP_ENDPOINT",
        "BEDROCK_AGENTCORE_CONTROL_ENDPOINT",
        "BEDROCK_AGENTCORE_CONTROL_SERVICE",
    }
)
_SERVICE_ENDPOINT: Final = "AWS_ENDPOINT_URL_"

# What an agent's own configuration may not set: with these its calls would leave the machine, or be signed with the
# developer's own keys.
_EMULATORS_OWN: Final = frozenset(
    {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_EC2_METADATA_DISABLED",
        *_NO_PROFILES,
        *(spelling for name in ("https_proxy", "no_proxy") for spelling in (name, name.upper())),
    }
)

# Where no proxy is of any use.
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def client_environment(url: str, settings: Settings, default_arn: str, proxy: Mapping[str, str]) -> dict[str, str]:
    """What makes an AWS client talk to the emulator at `url`; `default_arn` is the runtime to invoke.

    `proxy` is a `proxy_environment`, for clients that insist on AWS's host names.

    BEDROCK_AGENTCORE_DP_ENDPOINT is left out on purpose: the SDK's builder of WebSocket URLs takes it only if its host
    ends in an AWS domain, and raises InvalidRegionError otherwise (bedrock_agentcore/_utils/endpoints.py).
    """
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AGENTCORE_EMULATOR_URL": url,
        "AGENTCORE_RUNTIME_ARN": default_arn,
        **proxy,
    }


def proxy_environment(url: str, proxy: str, trust: Trust, caller: Mapping[str, str]) -> dict[str, str]:
    """What makes a client go to the emulator at `url` for AWS's host names, through the proxy at the URL `proxy`.

    Programs differ in which variables they read: see `proxy.trust`. NODE_USE_ENV_PROXY has Node 24 (and 22.21) read
    HTTPS_PROXY at all (Node's documentation, "Command-line API").
    """
    return {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        **no_proxy(url, caller),
        **dict.fromkeys(BUNDLE_VARIABLES, str(trust.bundle)),
        NODE_VARIABLE: str(trust.extra),
        "NODE_USE_ENV_PROXY": "1",
    }


def command_environment(client: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment with every AWS setting in it replaced by those of `client_environment`."""
    kept = {name: value for name, value in caller.items() if not name.startswith("AWS_") and name not in _MISLEADING}
    return {**kept, **_NO_PROFILES, **client}


def guest_environment(
    url: str, settings: Settings, runtime: AgentRuntime, proxy: Mapping[str, str], caller: Mapping[str, str]
) -> dict[str, str]:
    """What an agent finds in its microVM: `command_environment`, the runtime's own ARN, its configured variables.

    Of the OpenTelemetry variables that a deployed agent has (observed: `printenv` of a deployed container), only
    OTEL_RESOURCE_ATTRIBUTES is set, from which the SDK learns the runtime's ARN
    (bedrock_agentcore/runtime/app.py, `_parse_runtime_arn`). The others name exporters; with no collector on this
    machine, an instrumented agent would spend its time on failing exports. As on AWS, DISABLE_ADOT_OBSERVABILITY=true
    takes it away (AWS developer guide, "observability-configure"). PYTHONUNBUFFERED makes a `print` show up in the log
    when it happens. AGENTCORE_RUNTIME_URL is the address that the SDK puts into the card of an A2A agent
    (bedrock_agentcore/runtime/a2a.py); on AWS it is for the user to set.
    """
    configured = {name: value for name, value in runtime.environment.items() if not _is_reserved(name)}
    # There may be a password in it.
    caller = {name: value for name, value in caller.items() if name != "AGENTCORE_EMULATOR_STORE"}
    environment = command_environment(client_environment(url, settings, runtime.arn, proxy), caller)
    environment["PYTHONUNBUFFERED"] = "1"
    if runtime.protocol == "A2A":
        environment["AGENTCORE_RUNTIME_URL"] = f"{url}/runtimes/{quote(runtime.arn, safe='')}/invocations"
    if configured.get("DISABLE_ADOT_OBSERVABILITY", "").lower() != "true":
        environment["OTEL_RESOURCE_ATTRIBUTES"] = ",".join(
            (
                f"service.name={runtime.name}.DEFAULT",
                "aws.service.type=gen_ai_agent",
                f"aws.log.group.names=/aws/bedrock-agentcore/runtimes/{runtime.runtime_id}-DEFAULT",
                f"cloud.resource_id={runtime.arn}/runtime-endpoint/DEFAULT:DEFAULT",
            )
        )
    return {**environment, **configured}


def misleading(names: Iterable[str]) -> list[str]:
    """Those of a shell's variables that must be unset before `client_environment` holds there."""
    return sorted(name for name in names if name in _MISLEADING or name.startswith(_SERVICE_ENDPOINT))


def no_proxy(url: str, caller: Mapping[str, str]) -> dict[str, str]:
    """What keeps every proxy out of the way to `url` and to this machine, and away from what the caller's stays out of.

    But for AWS's names: those are to reach the emulator, which only its proxy sees to.
    """
    listed = (caller.get("no_proxy") or caller.get("NO_PROXY") or "").split(",")
    kept = [host for host in map(str.strip, listed) if host and not meets_aws_names(host)]
    value = ",".join(dict.fromkeys([*kept, *_LOOPBACK, urlsplit(url).hostname or ""]))
    # Programs differ in which spelling they read, and in which one wins.
    return {"no_proxy": value, "NO_PROXY": value}


def _is_reserved(name: str) -> bool:
    return name in _EMULATORS_OWN or name in _MISLEADING or name.startswith(_SERVICE_ENDPOINT)
