"""From events to memory records: what is still to be done, who does it, and by which rules."""

from agentcore_emulator.memory.extraction.extractor import Extractor
from agentcore_emulator.memory.extraction.operations import Extraction
from agentcore_emulator.memory.extraction.rules import Rules

__all__ = ["Extraction", "Extractor", "Rules"]
