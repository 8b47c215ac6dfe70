"""An AgentCore agent over the HTTP protocol: a notebook that lasts as long as its session.

agentcore-emulator start examples/http/agent.py
"""

from collections.abc import AsyncIterator
from typing import Any

from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
notes: list[str] = []


@app.entrypoint
async def invoke(payload: dict[str, Any]) -> Any:
    """Take down `note` and say how many there are; without one, stream them all."""
    note = payload.get("note")
    if note is None:
        return read()
    notes.append(note)
    return {"notes": len(notes)}


async def read() -> AsyncIterator[str]:
    """Each note as an event of its own."""
    for note in notes:
        yield note


if __name__ == "__main__":
    app.run()
