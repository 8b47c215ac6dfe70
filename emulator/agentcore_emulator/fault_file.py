"""Fault files: a list of faults in YAML, each as the admin API takes it."""

from __future__ import annotations

from pathlib import Path

from agentcore_emulator import located_yaml
from agentcore_emulator.faults import Fault, FaultError, read

__all__ = ["load"]


def load(file: Path) -> list[Fault]:
    """The faults of a file. Raises `ProjectError`, whose one sentence begins with file and line."""
    root = located_yaml.read(file)
    if not isinstance(root.value, list):
        raise root.error("is not a list of faults, such as `- {fault: throttle, operation: InvokeAgentRuntime}`")
    faults = []
    for node in root.elements:
        try:
            faults.append(read(node.value))
        except FaultError as error:
            raise (node if error.field is None else node[error.field]).error(str(error)) from None
    return faults
