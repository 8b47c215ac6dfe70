"""The memory that contracts use: the one of this name on AWS, and a new one of the same kind on an emulator."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["NAME", "definition", "found"]

NAME: Final = "agentcore_contracts"
"""What `agentcore-contracts deploy` calls it."""

# Everything below one folder, so that nobody who searches a memory of their own meets it.
_FACTS: Final = "/contracts/facts/{actorId}/"
_PREFERENCES: Final = "/contracts/preferences/{actorId}/"
_SUMMARIES: Final = "/contracts/summaries/{actorId}/{sessionId}/"
_EPISODES: Final = "/contracts/episodes/{actorId}/{sessionId}/"
_REFLECTIONS: Final = "/contracts/episodes/{actorId}/"
# Metadata that records take over from their events.
_COPIED: Final = {"key": "colour", "type": "STRING", "extractionType": "STRICTLY_CONSISTENT"}


def definition(name: str = NAME) -> dict[str, Any]:
    """The input of `CreateMemory`: one strategy of each built-in type, an indexed key of each type."""
    return {
        "name": name,
        "description": "Made by agentcore-contracts, for the contracts of AgentCore Memory",
        # The days that both the SDK's tests and the developer guide have; what contracts leave behind goes by itself.
        "eventExpiryDuration": 7,
        "memoryStrategies": [
            {
                "semanticMemoryStrategy": {
                    "name": "Facts",
                    "namespaceTemplates": [_FACTS],
                    "memoryRecordSchema": {"metadataSchema": [_COPIED]},
                }
            },
            {"userPreferenceMemoryStrategy": {"name": "Preferences", "namespaceTemplates": [_PREFERENCES]}},
            {"summaryMemoryStrategy": {"name": "Summaries", "namespaceTemplates": [_SUMMARIES]}},
            {
                "episodicMemoryStrategy": {
                    "name": "Episodes",
                    "namespaceTemplates": [_EPISODES],
                    "reflectionConfiguration": {"namespaceTemplates": [_REFLECTIONS]},
                }
            },
        ],
        "indexedKeys": [
            {"key": "colour", "type": "STRING"},
            {"key": "tags", "type": "STRINGLIST"},
            {"key": "weight", "type": "NUMBER"},
        ],
    }


def found(control: Any, name: str = NAME) -> str | None:
    """The id of the memory of that name, unless it is being deleted; None if there is none.

    `control` is a client of `bedrock-agentcore-control`. Of a memory, `ListMemories` shows no name but the id, which is
    the name, a hyphen and ten letters and digits.
    """
    pages = control.get_paginator("list_memories").paginate()
    ids: list[str] = [one["id"] for page in pages for one in page["memories"] if one["status"] != "DELETING"]
    return next((one for one in ids if one.rpartition("-")[0] == name), None)
