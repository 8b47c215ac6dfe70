"""The agent that is measured: it imports what a usual agent imports, and then does nothing."""

import os
from typing import Any

import strands
from bedrock_agentcore.runtime import BedrockAgentCoreApp
from starlette.websockets import WebSocket

app = BedrockAgentCoreApp()
AGENT = strands.Agent


@app.entrypoint
def invoke(payload: Any) -> Any:
    """Answer at once."""
    return {"ok": True}


@app.websocket
async def talk(websocket: WebSocket, context: Any) -> None:
    """Say what is said."""
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8080")))
