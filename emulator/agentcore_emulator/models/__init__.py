"""The model plane: bedrock-runtime's Converse and ConverseStream, answered by a script instead of a model."""

from agentcore_emulator.models.plane import ModelPlane
from agentcore_emulator.models.rulefile import RuleFileError

__all__ = ["ModelPlane", "RuleFileError"]
