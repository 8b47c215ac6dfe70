"""What one emulator is told when it starts, and the constants that stand for an AWS account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Self, get_args

from agentcore_emulator.latency import Profile
from agentcore_emulator.quirks import Quirks

__all__ = [
    "ACCOUNT_ID",
    "DEFAULT_PORT",
    "REGION",
    "RUN_FOLDER_PREFIX",
    "SQLITE_URL",
    "STATE_DIR",
    "STATE_FILE",
    "ClockKind",
    "ExtractionKind",
    "IsolationKind",
    "MicroVMs",
    "Platform",
    "Platforms",
    "ProjectError",
    "Protocol",
    "RetrievalKind",
    "Settings",
    "store_url",
]

REGION: Final = "us-east-1"
# moto's default account as well, so ARNs made by any service behind the one port agree.
ACCOUNT_ID: Final = "123456789012"
DEFAULT_PORT: Final = 4747
STATE_DIR: Final = Path(".agentcore-emulator")
STATE_FILE: Final = "state.db"
SQLITE_URL: Final = "sqlite:///"
"""What stands before a file's absolute path in the URL of a store."""
RUN_FOLDER_PREFIX: Final = "agentcore-emulator-"
"""Of the folders below the system's temporary one that emulators have while they run."""


Platform = Literal["V1", "V2"]
"""AgentCore's platform versions: V1 boots per session, V2 restores each session from a snapshot of the version."""

IsolationKind = Literal["namespaces", "plain"]
"""Whether a guest has files, process ids and a host name of its own, or just folders and an environment."""

Protocol = Literal["HTTP", "MCP", "A2A", "AGUI"]
"""What an agent's server speaks (botocore's `bedrock-agentcore-control` model, `ServerProtocol`)."""

ExtractionKind = Literal["rules", "model"]
"""Who makes memory records of events: the emulator's own rules, or a model that is asked through bedrock-runtime."""

MicroVMs = Literal["fork", "spawn"]
"""What carries the sessions of Python agents: processes forked from a warm one, or fresh interpreters."""

ClockKind = Literal["system", "virtual"]
"""Whether time passes by itself, or only when the clock is advanced."""


RetrievalKind = Literal["text", "embeddings"]
"""How memory records are found: by their words, or by vectors of a small model."""


class ProjectError(Exception):
    """What the settings point at cannot be run; the message is one sentence that says where and why."""


@dataclass(frozen=True)
class Platforms:
    """The platform version of each agent runtime: `default`, but for those in `named`, by their names."""

    default: Platform = "V1"
    named: Mapping[str, Platform] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `V2`, `V1,my_agent=V2` or `my_agent=V2`. Raises ValueError with one sentence."""
        default: Platform = "V1"
        named: dict[str, Platform] = {}
        for position, item in enumerate(item.strip() for item in text.split(",")):
            name, equals, version = (part.strip() for part in item.rpartition("="))
            if version not in get_args(Platform):
                raise ValueError(f"{version!r} is not one of AgentCore's platform versions, V1 and V2")
            if equals:
                named[name] = version  # type: ignore[assignment]
            elif position:
                raise ValueError(f"{item!r} is not of the form agent=V2; only the first item may be a version alone")
            else:
                default = version  # type: ignore[assignment]
        return cls(default, named)

    def of(self, name: str) -> Platform:
        """The version of the agent runtime `name`."""
        return self.named.get(name, self.default)


def store_url(text: str) -> str:
    """`text`, if it is the URL of a store: `sqlite:///` and an absolute path, or `postgresql+psycopg://…/database`.

    Raises ValueError with one sentence, which does not repeat the text: there may be a password in it.
    """
    if text.startswith(SQLITE_URL):
        if not Path(text.removeprefix(SQLITE_URL)).is_absolute():
            raise ValueError(f"after {SQLITE_URL} there must be an absolute path, as in {SQLITE_URL}/srv/state.db")
        return text
    scheme, _, rest = text.partition("://")
    if scheme not in ("postgresql", "postgresql+psycopg"):
        raise ValueError("the URL of a store starts with sqlite:/// or postgresql+psycopg://")
    server, slash, database = rest.partition("?")[0].rpartition("/")
    if not (slash and database):
        raise ValueError("the store's URL names no database, as in postgresql+psycopg://user:password@host/database")
    if server.count("@") > 1:
        raise ValueError("an @ within the user or the password of the store's URL must be written as %40")
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set from outside, checked for form but not for what lies on disk.

    `target` is a Python file or a folder with `.bedrock_agentcore.yaml`; None means the current folder. `python` is
    an interpreter, a virtual environment's folder or a command on PATH. `port` 0 picks a free one. `store` is the
    URL of where memory is kept (see `store_url`), without which it is a file in `state_dir`. With `ephemeral`,
    nothing is kept in either after the emulator ends. `passthrough` holds botocore service names whose calls go to
    real AWS. `debug` keeps deadlines and health pings off. `allow_host` names Host headers that are let in besides
    loopback and AWS names. `model_rules` is a YAML file of rules for the scripted model, `faults` one of the faults
    to begin with. `latency` names the profile of the pauses that AWS would make, `memory_delays` the one of the
    time that its memories take to be created, updated and deleted. `extraction` says who makes memory records of
    events, `extraction_delay` how many seconds after them. `idle_timeout` and `max_lifetime` are in seconds and go
    before what the project says, as does `protocol`. `busy_needs_time` is as in `runtime.lifecycle.PingRules`.
    `session_storage` is the name below `/mnt` of the folder that outlives a stop. Without `isolation` it is the
    better one that works, without `microvms` guests are forked where that is safe. `command` is what runs instead
    of a Python file. With `reload` a changed source is a new version. With `guest_time` agents see the emulator's
    time, with `limits` they have the vCPUs and the memory of a microVM. With `verify_signatures` AWS requests must
    be signed with the emulator's keys. `retrieval` is how memory records are found.
    """

    target: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    state_dir: Path = field(default_factory=STATE_DIR.absolute)
    store: str | None = None
    ephemeral: bool = False
    quirks: Quirks = field(default_factory=Quirks)
    python: Path | None = None
    env_file: Path | None = None
    passthrough: frozenset[str] = frozenset()
    debug: bool = False
    allow_host: tuple[str, ...] = ()
    model_rules: Path | None = None
    platform: Platforms = field(default_factory=Platforms)
    protocol: Protocol | None = None
    clock: ClockKind = "system"
    idle_timeout: int | None = None
    max_lifetime: int | None = None
    busy_needs_time: bool = False
    session_storage: str | None = None
    isolation: IsolationKind | None = None
    microvms: MicroVMs | None = None
    command: tuple[str, ...] | None = None
    reload: bool = False
    guest_time: bool = False
    limits: bool = False
    faults: Path | None = None
    latency: Profile = "none"
    memory_delays: Profile = "none"
    retrieval: RetrievalKind = "text"
    extraction: ExtractionKind = "rules"
    extraction_delay: float = 0.0
    verify_signatures: bool = False
    region: str = REGION
    account_id: str = ACCOUNT_ID

    @property
    def store_at(self) -> str:
        """The URL of the store, given or not, in which an emulator that is not ephemeral keeps memory."""
        return self.store or f"{SQLITE_URL}{self.state_dir / STATE_FILE}"
