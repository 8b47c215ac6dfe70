"""Finds the agents that are to be served: from a Python file, or from a folder that the starter toolkit configured."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agentcore_emulator import project_files, toolkit_yaml
from agentcore_emulator.auth.authorizer import Authorizer
from agentcore_emulator.config import Platform, ProjectError, Protocol, Settings
from agentcore_emulator.toolkit_yaml import Agent, Memory

__all__ = ["AgentRuntime", "ProjectError", "load"]

_INTERPRETER: Final = Path("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
_DOTENV_SYNTAX: Final = "NAME=value lines, '#' comments, values in quotes if they span lines"


@dataclass(frozen=True, kw_only=True)
class AgentRuntime:
    """One agent runtime to serve. Paths are absolute, times in seconds, header names in lower case.

    `project_dir` is what a session's working directory is a copy of. `python` runs the agent. `environment` holds the
    agent's configured variables, `memory` the memory that it is to find under `BEDROCK_AGENTCORE_MEMORY_ID`. With an
    `authorizer` it takes bearer tokens, else signed requests. `session_storage` is the name below `/mnt` of the folder
    that outlives a session's stop. `command` is what runs if it is no Python file, and `entrypoint` then the folder
    that it runs in. `version` is the number of a version that the control plane has made; others count by themselves.
    `port` and `path` are where its server is to be asked, if not where the protocol's contract says.
    """

    name: str
    runtime_id: str
    arn: str
    entrypoint: Path
    project_dir: Path
    python: Path
    protocol: Protocol = "HTTP"
    idle_timeout: float = 900.0
    max_lifetime: float = 28_800.0
    start_up_seconds: float = 30.0
    platform: Platform = "V1"
    session_storage: str | None = None
    version: int | None = None
    port: int | None = None
    path: str | None = None
    command: tuple[str, ...] | None = None
    authorizer: Authorizer | None = None
    header_allowlist: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: Memory | None = None


def load(settings: Settings) -> list[AgentRuntime]:
    """The agents of `settings.target`, the default one first.

    Raises ProjectError when there are none, or one is not usable as configured.
    """
    variables = _read_env_file(settings.env_file) if settings.env_file else {}
    runtimes: list[AgentRuntime] = []
    if settings.command is not None:
        _check_command(settings.command)
    for agent in _agents(settings.target, command=settings.command is not None):
        runtime_id = _runtime_id(agent)
        arn = f"arn:aws:bedrock-agentcore:{settings.region}:{settings.account_id}:runtime/{runtime_id}"
        project_files.check_size(agent.project_dir)
        idle, lifetime = _lifecycle(agent, settings)
        runtime = AgentRuntime(
            name=agent.name,
            runtime_id=runtime_id,
            arn=agent.agent_arn or arn,
            entrypoint=agent.entrypoint,
            project_dir=agent.project_dir,
            python=_interpreter(settings.python, agent.project_dir),
            protocol=settings.protocol or agent.protocol,
            idle_timeout=idle,
            max_lifetime=lifetime,
            start_up_seconds=agent.start_up_seconds,
            platform=settings.platform.of(agent.name),
            session_storage=settings.session_storage,
            command=settings.command,
            authorizer=agent.authorizer,
            header_allowlist=agent.header_allowlist,
            environment=variables,
            memory=agent.memory,
        )
        for other in runtimes:
            if other.arn == runtime.arn:
                raise ProjectError(f"the agents {other.name!r} and {runtime.name!r} have the same ARN, {other.arn}")
        runtimes.append(runtime)
    for name in settings.platform.named:
        if not any(runtime.name == name for runtime in runtimes):
            raise ProjectError(f"--platform: there is no agent {name!r}, only {', '.join(r.name for r in runtimes)}")
    return runtimes


def _lifecycle(agent: Agent, settings: Settings) -> tuple[float, float]:
    """Idle timeout and maximum lifetime; a shorter lifetime alone shortens the idle timeout too, as AWS has it."""
    lifetime = agent.max_lifetime if settings.max_lifetime is None else settings.max_lifetime
    if settings.idle_timeout is None:
        return min(agent.idle_timeout, lifetime), lifetime
    if settings.idle_timeout > lifetime:
        raise ProjectError(
            f"--idle-timeout: {settings.idle_timeout} must be less than or equal to the maximum lifetime of"
            f" {agent.name}, which is {lifetime:.0f}; give both"
        )
    return settings.idle_timeout, lifetime


def _check_command(command: tuple[str, ...]) -> None:
    # A path is one of the session's own copy of the project.
    if os.sep not in command[0] and shutil.which(command[0]) is None:
        raise ProjectError(f"--command: there is no command {command[0]!r} on PATH")


def _agents(target: Path | None, *, command: bool) -> list[Agent]:
    path = (target or Path.cwd()).resolve()
    if path.is_dir():
        file = path / toolkit_yaml.FILE_NAME
        if file.is_file():
            agents = toolkit_yaml.read(file, command=command)
            if command and len(agents) > 1:
                raise ProjectError(
                    f"--command: {file} holds several agents, and which of them it would run is not said"
                )
            return agents
        if command:
            start_up = toolkit_yaml.START_UP_SECONDS["container"]
            return [Agent(name=_name_from(path.name), entrypoint=path, project_dir=path, start_up_seconds=start_up)]
        raise ProjectError(
            f"{path} holds no {toolkit_yaml.FILE_NAME}; name the agent's Python file, as in"
            " `agentcore-emulator start agent.py`"
        )
    if not path.is_file():
        raise ProjectError(f"there is no file or folder {path}")
    if path.suffix != ".py" or command:
        if command:
            raise ProjectError(f"--command: {path} is not the folder that the command is to run in")
        raise ProjectError(f"{path} is neither a Python file nor a folder that holds {toolkit_yaml.FILE_NAME}")
    return [Agent(name=_name_from(path.stem), entrypoint=path, project_dir=path.parent)]


def _name_from(stem: str) -> str:
    """A runtime's name from a file's, which may hold what AWS does not allow."""
    name = re.sub(r"[^a-zA-Z0-9_]", "_", stem)
    return (name if name[0].isalpha() else f"agent_{name}")[:48]


def _runtime_id(agent: Agent) -> str:
    """`<name>-<10 letters or digits>`: the deployed one if the project knows it, else one made from the entry's path.

    A path keeps its id, so what an agent left in durable memory under its ARN is found again after a restart.
    """
    if agent.agent_arn is not None:
        return agent.agent_arn.rpartition("/")[2]
    if agent.agent_id is not None:
        return agent.agent_id
    digest = hashlib.sha256(os.fsencode(agent.entrypoint)).digest()
    return f"{agent.name}-{base64.b32encode(digest).decode()[:10].lower()}"


def _interpreter(wanted: Path | None, project_dir: Path) -> Path:
    """The interpreter that runs the agent. Links are kept: a virtual environment is found through the link's place."""
    if wanted is None:
        for folder in _project_folders(project_dir):
            if (folder / ".venv" / _INTERPRETER).is_file():
                return folder / ".venv" / _INTERPRETER
        return Path(sys.executable)
    if wanted.is_dir():
        if (wanted / _INTERPRETER).is_file():
            return (wanted / _INTERPRETER).absolute()
        raise ProjectError(f"--python: {wanted} is a folder but no virtual environment, it has no {_INTERPRETER}")
    found = shutil.which(wanted)
    if found is None:
        raise ProjectError(f"--python: {wanted} is neither an interpreter, a virtual environment nor a command on PATH")
    return Path(found).absolute()


def _project_folders(folder: Path) -> list[Path]:
    """`folder` and those above it, up to the one that marks the project's root; only `folder` if none does."""
    folders = [folder, *folder.parents]
    for depth, candidate in enumerate(folders):
        if (candidate / "pyproject.toml").is_file() or (candidate / ".git").exists():
            return folders[: depth + 1]
    return [folder]


def _read_env_file(file: Path) -> dict[str, str]:
    """The variables of a dotenv file; `${NAME}` in a value stands for an earlier one or the caller's own."""
    import io

    import dotenv
    import dotenv.parser

    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ProjectError(f"the environment file {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProjectError(f"the environment file {file} is not UTF-8 text") from error
    for binding in dotenv.parser.parse_stream(io.StringIO(text)):
        # python-dotenv itself only logs a line that it cannot read.
        if binding.error or (binding.key is not None and binding.value is None):
            line = binding.original.line + len(binding.original.string) - len(binding.original.string.lstrip("\n"))
            raise ProjectError(f"{file}:{line}: not a line of an environment file, which holds {_DOTENV_SYNTAX}")
    values = dotenv.dotenv_values(stream=io.StringIO(text))
    return {name: value for name, value in values.items() if value is not None}
