"""Reads `.bedrock_agentcore.yaml`, the file in which AWS's starter toolkit keeps a project's agents.

The form is that of `bedrock_agentcore_starter_toolkit.utils.runtime.schema` (0.3.14); what an emulator has no use for
(roles, registries, networks, builds) is not looked at. Every complaint names the file and the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple, get_args

from agentcore_emulator import header_allowlist, located_yaml
from agentcore_emulator.auth import configuration
from agentcore_emulator.auth.authorizer import Authorizer
from agentcore_emulator.config import Protocol
from agentcore_emulator.located_yaml import Node

__all__ = ["FILE_NAME", "Agent", "Memory", "read"]

FILE_NAME: Final = ".bedrock_agentcore.yaml"

# Lifecycle limits in seconds: AWS developer guide, page "runtime-lifecycle-settings".
_LIFECYCLE: Final = range(60, 28_800 + 1)
_DEFAULT_IDLE: Final = 900
_DEFAULT_LIFETIME: Final = 28_800

# For how long an agent may take to serve, by the kind of its deployment: AWS developer guide, "Troubleshoot AgentCore
# Runtime".
START_UP_SECONDS: Final = {"container": 120.0, "direct_code_deploy": 30.0}

# botocore's `bedrock-agentcore-control` model: AgentRuntimeName, AgentRuntimeId, AgentRuntimeArn.
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,47}")
_ID: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}")
_ARN: Final = re.compile(
    r"arn:aws(-[^:]+)?:bedrock-agentcore:[a-z0-9-]+:[0-9]{12}:runtime/([a-zA-Z][a-zA-Z0-9_]{0,47}-[a-zA-Z0-9]{10})"
)
# botocore model, `eventExpiryDuration` of CreateMemory; the default is the toolkit's.
_EXPIRIES: Final = range(3, 3_650 + 1)
_EXPIRY_DAYS: Final = 30
# The toolkit also writes `agent.py:handler`.
_ENTRYPOINT: Final = re.compile(r"(?P<file>.+?\.py)(:[A-Za-z_]\w*)?")


class Memory(NamedTuple):
    """The memory of an agent: its name, its id if AWS has given it one, and the days that its events are kept.

    `long_term` is whether it has strategies.
    """

    name: str
    memory_id: str | None
    event_expiry_days: int
    long_term: bool = False


@dataclass(frozen=True, kw_only=True)
class Agent:
    """One entry of `agents`, checked. Times are in seconds; header names are in lower case."""

    name: str
    entrypoint: Path
    project_dir: Path
    protocol: Protocol = "HTTP"
    idle_timeout: float = _DEFAULT_IDLE
    max_lifetime: float = _DEFAULT_LIFETIME
    start_up_seconds: float = START_UP_SECONDS["direct_code_deploy"]
    authorizer: Authorizer | None = None
    header_allowlist: frozenset[str] = frozenset()
    agent_id: str | None = None
    agent_arn: str | None = None
    memory: Memory | None = None


def read(file: Path, *, command: bool = False) -> list[Agent]:
    """The agents of an absolute path to a toolkit file, the default one first.

    With `command`, they need not be Python ones, and their entrypoint is their folder.
    Raises ProjectError; the message is one sentence that begins with file and line.
    """
    root = located_yaml.read(file)
    if root["agents"].value is None and root["entrypoint"].value is not None:
        # The toolkit's first form: the file is one agent.
        return [_agent(root, root["name"].text() or "", command)]
    agents = [_agent(node, key, command) for key, node in root["agents"].items()]
    if not agents:
        raise root["agents"].error("holds no agent; `agentcore configure` writes one")
    for first, second in ((a, b) for i, a in enumerate(agents) for b in agents[:i]):
        if first.name == second.name:
            raise root["agents"].error(f"two agents are called {first.name!r}")
    default = root["default_agent"]
    wanted = default.text()
    if wanted is not None:
        names = [agent.name for agent in agents]
        keys = [key for key, _ in root["agents"].items()]
        if wanted not in names and wanted not in keys:
            raise default.error(f"there is no agent {wanted!r}, only {', '.join(names)}")
        chosen = agents.pop((names if wanted in names else keys).index(wanted))
        agents.insert(0, chosen)
    return agents


def _agent(node: Node, key: str, command: bool) -> Agent:
    name = node["name"].text() or key
    if not _NAME.fullmatch(name):
        raise node["name"].error(
            f"{name!r} is not a runtime's name: a letter, then up to 47 letters, digits or '_' (no '-')"
        )
    language = node["language"].text()
    if language not in (None, "python") and not command:
        raise node["language"].error(f"{language!r} agents are run by a command, as in --command 'node server.js'")
    idle, lifetime = _lifecycle(node["aws"]["lifecycle_configuration"])
    project_dir = _project_dir(node)
    entrypoint = project_dir if command else _entrypoint(node, project_dir)
    deployed = node["bedrock_agentcore"]
    arn, agent_id = deployed["agent_arn"].text(), deployed["agent_id"].text()
    if arn is not None and not _ARN.fullmatch(arn):
        raise deployed["agent_arn"].error(f"{arn!r} is not the ARN of an agent runtime")
    if agent_id is not None and not _ID.fullmatch(agent_id):
        raise deployed["agent_id"].error(f"{agent_id!r} is not the id of an agent runtime")
    return Agent(
        name=name,
        entrypoint=entrypoint,
        project_dir=project_dir,
        protocol=_protocol(node["aws"]["protocol_configuration"]["server_protocol"]),
        idle_timeout=idle,
        max_lifetime=lifetime,
        start_up_seconds=_start_up_seconds(node["deployment_type"]),
        authorizer=configuration.read(node["authorizer_configuration"]),
        header_allowlist=_headers(node),
        agent_id=agent_id,
        agent_arn=arn,
        memory=_memory(node["memory"], name),
    )


def _project_dir(node: Node) -> Path:
    """The folder of the agent's files; the toolkit deploys `source_path` when there is one."""
    folder = node.file.parent
    source = node["source_path"].text()
    project_dir = (folder / source).resolve() if source else folder
    if not project_dir.is_dir():
        raise node["source_path"].error(f"there is no folder {project_dir}")
    return project_dir


def _entrypoint(node: Node, project_dir: Path) -> Path:
    """The entry file, which the toolkit resolves against the folder that it runs in."""
    folder = node.file.parent
    entry = node["entrypoint"]
    text = entry.text()
    if text is None:
        raise entry.error("is missing; it names the agent's Python file")
    match = _ENTRYPOINT.fullmatch(text)
    if match is None:
        raise entry.error(f"{text!r} is not a Python file")
    for base in (folder, project_dir):
        path = (base / match["file"]).resolve()
        if path.is_file():
            return path
    raise entry.error(f"there is no file {folder / match['file']}")


def _lifecycle(node: Node) -> tuple[float, float]:
    idle, lifetime = _seconds(node["idle_runtime_session_timeout"]), _seconds(node["max_lifetime"])
    if lifetime is None:
        lifetime = _DEFAULT_LIFETIME
    if idle is None:
        # AWS developer guide, "runtime-lifecycle-settings": a shorter lifetime alone shortens the idle timeout too.
        idle = min(_DEFAULT_IDLE, lifetime)
    if idle > lifetime:
        raise node["idle_runtime_session_timeout"].error(f"{idle} is more than max_lifetime, which is {lifetime}")
    return idle, lifetime


def _seconds(node: Node) -> int | None:
    if node.value is None:
        return None
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise node.error(f"{node.value!r} is not a whole number of seconds")
    if node.value not in _LIFECYCLE:
        raise node.error(f"{node.value} is not between {_LIFECYCLE.start} and {_LIFECYCLE.stop - 1} seconds")
    return node.value


def _start_up_seconds(node: Node) -> float:
    kind = node.text() or "container"  # the toolkit's own default
    if kind not in START_UP_SECONDS:
        raise node.error(f"{kind!r} is not one of {', '.join(START_UP_SECONDS)}")
    return START_UP_SECONDS[kind]


def _protocol(node: Node) -> Protocol:
    text = (node.text() or "HTTP").upper()
    for protocol in get_args(Protocol):
        if text == protocol:
            return protocol  # type: ignore[no-any-return]
    raise node.error(f"{text!r} is not one of {', '.join(get_args(Protocol))}")


def _headers(agent: Node) -> frozenset[str]:
    configuration = agent["request_header_configuration"]
    for key, child in configuration.items():
        if key != "requestHeaderAllowlist":
            near = get_close_matches(key, ["requestHeaderAllowlist"], n=1, cutoff=0.3)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise child.error(f"AgentCore has no such setting{hint}")
    names = configuration["requestHeaderAllowlist"]
    if names.value is None:
        return frozenset()
    if not isinstance(names.value, list):
        raise names.error("is not a list of header names")
    try:
        header_allowlist.check_names([element.text() or "" for element in names.elements])
    except ValueError as error:
        raise names.error(str(error)) from error
    jwt = agent["authorizer_configuration"]["customJWTAuthorizer"].value is not None
    allowed = set()
    for element in names.elements:
        text = element.text() or ""
        try:
            allowed.add(header_allowlist.check_name(text, jwt=jwt))
        except ValueError as error:
            raise element.error(f"{text!r} {error}") from error
    return frozenset(allowed)


def _memory(node: Node, agent: str) -> Memory | None:
    """The memory that `agentcore deploy` has made for the agent, or would make."""
    memory_id, mode = node["memory_id"].text(), node["mode"].text()
    if memory_id is None and mode in (None, "NO_MEMORY"):
        return None
    if memory_id is not None and not _ID.fullmatch(memory_id):
        raise node["memory_id"].error(f"{memory_id!r} is not the id of a memory: its name, '-', 10 letters or digits")
    name = node["memory_name"].text() or (memory_id or agent).partition("-")[0]
    if not _NAME.fullmatch(name):
        raise node["memory_name"].error(f"{name!r} is not a memory's name: a letter, then letters, digits or '_'")
    days = node["event_expiry_days"].value
    if days is None:
        days = _EXPIRY_DAYS
    if not isinstance(days, int) or days not in _EXPIRIES:
        raise node["event_expiry_days"].error(
            f"{days!r} is not a number of days between {_EXPIRIES.start} and {_EXPIRIES.stop - 1}"
        )
    return Memory(name, memory_id, days, long_term=mode == "STM_AND_LTM")
