"""The agent that is measured: it imports what a usual agent imports, and then does nothing."""

import os
from typing import Any

import strands
from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
AGENT = strands.Agent


@app.entrypoint
def invoke(payload: Any) -> Any:
    """Answer at once."""
    return {"ok": True}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8080")))
