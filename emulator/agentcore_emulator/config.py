"""What one emulator is told when it starts, and the constants that stand for an AWS account."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agentcore_emulator.latency import Profile
from agentcore_emulator.quirks import Quirks

__all__ = ["ACCOUNT_ID", "DEFAULT_PORT", "REGION", "STATE_DIR", "STATE_FILE", "ProjectError", "Settings"]

REGION: Final = "us-east-1"
# moto's default account as well, so ARNs made by any service behind the one port agree.
ACCOUNT_ID: Final = "123456789012"
DEFAULT_PORT: Final = 4747
STATE_DIR: Final = Path(".agentcore-emulator")
STATE_FILE: Final = "state.db"


class ProjectError(Exception):
    """What the settings point at cannot be run; the message is one sentence that says where and why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set from outside, checked for form but not for what lies on disk.

    `target` is a Python file or a folder with `.bedrock_agentcore.yaml`; None means the current folder. `python` is an
    interpreter, a virtual environment's folder or a command on PATH. `port` 0 picks a free one. With `ephemeral`,
    nothing is kept in `state_dir` after the emulator ends. `passthrough` holds botocore service names whose calls go to
    real AWS. `debug` keeps deadlines and health pings off. `allow_host` names Host headers that are let in besides
    loopback and AWS names. `model_rules` is a YAML file of rules for the scripted model, `faults` one of
    the faults to begin with. `latency` names the profile of the pauses that AWS would make.
    """

    target: Path | None = None
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    state_dir: Path = field(default_factory=STATE_DIR.absolute)
    ephemeral: bool = False
    quirks: Quirks = field(default_factory=Quirks)
    python: Path | None = None
    env_file: Path | None = None
    passthrough: frozenset[str] = frozenset()
    debug: bool = False
    allow_host: tuple[str, ...] = ()
    model_rules: Path | None = None
    faults: Path | None = None
    latency: Profile = "none"
    region: str = REGION
    account_id: str = ACCOUNT_ID
