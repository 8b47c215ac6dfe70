"""Self-managed strategies: the conversation goes to the user's own pipeline, which makes the memory records.

When a trigger strikes, what was said since the last time becomes an object in the strategy's bucket, and a notification
goes to its topic (AWS developer guide, self-managed strategy).
"""

from agentcore_emulator.memory.extraction.self_managed.parcel import Parcel, pack
from agentcore_emulator.memory.extraction.self_managed.waiting import wait

__all__ = ["Parcel", "pack", "wait"]
