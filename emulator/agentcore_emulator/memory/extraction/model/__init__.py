"""The other extractor: a model of bedrock-runtime, asked as an agent would ask it."""

from agentcore_emulator.memory.extraction.model.converse import Converse
from agentcore_emulator.memory.extraction.model.extractor import Model

__all__ = ["Converse", "Model"]
