"""The emulators of the tour, one after the other on the same state, and the reference agent's own client."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import agentcore_emulator
from agentcore_emulator.testing import EmulatorProcess

__all__ = ["NoReferenceAgentError", "Stage"]

_PACKAGE = Path(agentcore_emulator.__file__).parent
_HERE = Path(__file__).parent

# In an installed distribution, and in a checkout.
_PLACES = (_PACKAGE / "_reference_agent", _PACKAGE.parent.parent / "agent")


# Not a memory of the developer's own, which the environment may name: the tour writes into the one that the agent's
# project asks for.
_OWN_MEMORY = {"BEDROCK_AGENTCORE_MEMORY_ID": ""}


class NoReferenceAgentError(Exception):
    """The reference agent is not there, or what it imports is not; the text says what to do."""


class Stage:
    """What the scenes play on: a state folder that outlives each emulator, and the memory in it."""

    def __init__(self, state: Path) -> None:
        self.agent = _reference_agent()
        self.client_module: ModuleType = _client_module(self.agent)
        self._state = state

    def prepare(self) -> None:
        """Have a first session, from which the emulator learns.

        What that session has imported is imported beforehand for all later ones, also in the next emulator.
        """
        with EmulatorProcess(self.agent.parent, "--state-dir", str(self._state), env=_OWN_MEMORY) as emulator:
            self.client_module.AgentClient(emulator.arn, client=emulator.client("bedrock-agentcore")).chat("Hello")

    @contextlib.contextmanager
    def emulator(self) -> Iterator[EmulatorProcess]:
        """An emulator with the reference agent, under strict quirks, on the tour's state."""
        options = ["--state-dir", str(self._state), "--quirks", "strict", "--model-rules", str(_HERE / "pacing.yaml")]
        with EmulatorProcess(self.agent.parent, *options, env=_OWN_MEMORY) as emulator:
            yield emulator

    @contextlib.contextmanager
    def quirks_emulator(self) -> Iterator[EmulatorProcess]:
        """An emulator with the agent that runs into every quirk, under strict quirks."""
        with EmulatorProcess(_HERE / "quirks_agent.py", "--quirks", "strict") as emulator:
            yield emulator


def _reference_agent() -> Path:
    for place in _PLACES:
        if (place / "memory_agent.py").exists():
            return place / "memory_agent.py"
    raise NoReferenceAgentError(
        "the reference agent is not installed; reinstall agentcore-emulator, or run from a checkout"
    )


def _client_module(agent: Path) -> ModuleType:
    """`agent_client` of the reference agent, imported as its own `chat.py` does."""
    sys.path.insert(0, str(agent.parent))
    try:
        return importlib.import_module("agent_client")
    except ModuleNotFoundError as error:
        raise NoReferenceAgentError(
            f"the demo needs {error.name}; install it with pip install 'agentcore-emulator[demo]'"
        ) from None
    finally:
        sys.path.remove(str(agent.parent))
