"""The agent of the soak: it counts its invocations, and streams on request."""

from collections.abc import AsyncIterator
from typing import Any

from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
state = {"count": 0}


async def stream(pieces: int) -> AsyncIterator[dict[str, int]]:
    """Yield so many pieces."""
    for piece in range(pieces):
        yield {"piece": piece}


@app.entrypoint
async def invoke(payload: dict[str, Any]) -> Any:
    """Count, or stream `pieces`."""
    if "pieces" in payload:
        return stream(payload["pieces"])
    state["count"] += 1
    return {"count": state["count"]}


if __name__ == "__main__":
    app.run()
