"""Strategies: what a memory extracts from its events, and where the records go."""

from agentcore_emulator.memory.strategies.changes import Changes, changed
from agentcore_emulator.memory.strategies.rules import check
from agentcore_emulator.memory.strategies.shapes import Strategy, base_type, made, reflection_template
from agentcore_emulator.memory.strategies.stored import active, of, shown, store

__all__ = [
    "Changes",
    "Strategy",
    "active",
    "base_type",
    "changed",
    "check",
    "made",
    "of",
    "reflection_template",
    "shown",
    "store",
]
