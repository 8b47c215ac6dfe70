"""What a request to the control plane makes of an agent runtime.

The model's own rules have been checked by then; those here are of the AWS developer guide, at the page that each names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from agentcore_emulator import header_allowlist, located_yaml, toolkit_yaml
from agentcore_emulator.auth import configuration
from agentcore_emulator.config import ProjectError
from agentcore_emulator.errors import NotImplementedException, ValidationException

__all__ = ["entry_file", "lifecycle", "members", "read", "wanted_python"]

_MEMBERS: Final = (
    "agentRuntimeArtifact",
    "roleArn",
    "networkConfiguration",
    "description",
    "authorizerConfiguration",
    "requestHeaderConfiguration",
    "protocolConfiguration",
    "lifecycleConfiguration",
    "metadataConfiguration",
    "environmentVariables",
    "filesystemConfigurations",
    "platformVersion",
)
# What the emulator has nothing for.
_MISSING: Final = ("hooksConfiguration", "capacityProviderConfiguration", "allowedPorts", "resourceConfigurations")

_SERVICE: Final = "bedrock-agentcore-control"

# AWS developer guide, "Configure lifecycle settings".
_DEFAULT_IDLE: Final = 900
_DEFAULT_LIFETIME: Final = 28_800

# AWS developer guide, "How it works": bytes of all environment variables together, of a direct code deployment.
_ENVIRONMENT_BYTES: Final = {"V1": 4 * 1024, "V2": 1536}

# The one program that AWS's own examples put before the file. There is no collector on this machine for what it
# collects, so the file is run as it is.
_INSTRUMENTATION: Final = "opentelemetry-instrument"


def members(given: Mapping[str, Any], platform: str) -> dict[str, Any]:
    """What is kept of a request, with the `platform` version that it has if it names none.

    Raises `NotImplementedException` for what the emulator lacks.
    """
    for name in _MISSING:
        if given.get(name):
            raise NotImplementedException(name, _SERVICE)
    return {"platformVersion": platform, **{name: given[name] for name in _MEMBERS if name in given}}


def read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The members of `project.AgentRuntime` that `members` stand for, without those that lie in files.

    Raises `ValidationException`, and `NotImplementedException` for what the emulator lacks.
    """
    entry_file(settings)
    platform = settings["platformVersion"]
    if platform not in _ENVIRONMENT_BYTES:
        raise _invalid("platformVersion", f"{platform!r:.200} is not one of {', '.join(_ENVIRONMENT_BYTES)}")
    environment = settings.get("environmentVariables", {})
    size = sum(len(text.encode("utf-8", "surrogatepass")) for pair in environment.items() for text in pair)
    if size > _ENVIRONMENT_BYTES[platform]:
        limit = f"and on platform version {platform} they have at most {_ENVIRONMENT_BYTES[platform]}"
        raise _invalid("environmentVariables", f"the variables have {size} bytes in all, {limit}")
    times = lifecycle(settings)
    protocol = settings.get("protocolConfiguration", {})
    try:
        authorizer = configuration.read(
            located_yaml.of(settings.get("authorizerConfiguration"), "authorizerConfiguration")
        )
    except ProjectError as error:
        raise _invalid("authorizerConfiguration", str(error)) from None
    return {
        "protocol": protocol.get("serverProtocol", "HTTP"),
        "port": protocol.get("port"),
        "path": protocol.get("path"),
        "idle_timeout": float(times["idleRuntimeSessionTimeout"]),
        "max_lifetime": float(times["maxLifetime"]),
        "start_up_seconds": toolkit_yaml.START_UP_SECONDS["direct_code_deploy"],
        "platform": platform,
        "session_storage": _session_storage(settings),
        "authorizer": authorizer,
        "header_allowlist": _headers(settings, jwt=authorizer is not None),
        "environment": environment,
    }


def lifecycle(settings: Mapping[str, Any]) -> dict[str, int]:
    """The whole `LifecycleConfiguration`; a short lifetime alone shortens the idle timeout (same page)."""
    given = settings.get("lifecycleConfiguration", {})
    lifetime = given.get("maxLifetime", _DEFAULT_LIFETIME)
    idle = given.get("idleRuntimeSessionTimeout", min(_DEFAULT_IDLE, lifetime))
    if idle > lifetime:
        text = "idleRuntimeSessionTimeout must be less than or equal to maxLifetime"
        raise ValidationException(text, fields=[("lifecycleConfiguration", text)])
    return {"idleRuntimeSessionTimeout": idle, "maxLifetime": lifetime}


def entry_file(settings: Mapping[str, Any]) -> str:
    """The path of the entry file in the zip. Raises as `read` does."""
    artifact = settings["agentRuntimeArtifact"]
    if "codeConfiguration" not in artifact:
        # There is no container engine here.
        raise NotImplementedException("agentRuntimeArtifact.containerConfiguration", _SERVICE)
    code = artifact["codeConfiguration"]
    if not code["runtime"].startswith("PYTHON_"):
        raise NotImplementedException(f"codeConfiguration.runtime {code['runtime']}", _SERVICE)
    *before, file = code["entryPoint"]
    path = PurePosixPath(file)
    member = "agentRuntimeArtifact.codeConfiguration.entryPoint"
    if path.suffix != ".py" or path.is_absolute() or ".." in path.parts:
        raise _invalid(member, f"{file!r} is not a Python file of the zip")
    if before not in ([], [_INSTRUMENTATION]):
        raise _invalid(member, f"before the Python file there can be {_INSTRUMENTATION}, and not {before[0]!r}")
    return str(path)


def wanted_python(settings: Mapping[str, Any]) -> str:
    """The version of Python that is asked for, as `3.13`."""
    runtime: str = settings["agentRuntimeArtifact"]["codeConfiguration"]["runtime"]
    return runtime.removeprefix("PYTHON_").replace("_", ".")


def _session_storage(settings: Mapping[str, Any]) -> str | None:
    given = settings.get("filesystemConfigurations", [])
    for each in given:
        for kind in each:
            if kind != "sessionStorage":
                raise NotImplementedException(f"filesystemConfigurations.{kind}", _SERVICE)
    if len(given) > 1:
        raise _invalid("filesystemConfigurations", "the emulator has one sessionStorage for a session")
    if not given:
        return None
    name = PurePosixPath(given[0]["sessionStorage"]["mountPath"]).name
    if name == "..":
        raise _invalid("filesystemConfigurations", "mountPath leads out of /mnt")
    return name


def _headers(settings: Mapping[str, Any], *, jwt: bool) -> frozenset[str]:
    names = settings.get("requestHeaderConfiguration", {}).get("requestHeaderAllowlist")
    if names is None:
        return frozenset()
    found = set()
    member = "requestHeaderConfiguration.requestHeaderAllowlist"
    try:
        header_allowlist.check_names(names)
    except ValueError as error:
        raise _invalid(member, str(error)) from None
    for name in names:
        try:
            found.add(header_allowlist.check_name(name, jwt=jwt))
        except ValueError as error:
            raise _invalid(member, f"{name!r} {error}") from None
    return frozenset(found)


def _invalid(member: str, why: str) -> ValidationException:
    return ValidationException(f"Invalid {member}: {why}", fields=[(member, why)])
