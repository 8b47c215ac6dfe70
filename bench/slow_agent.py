"""The agent whose start takes long: what the bench agent imports, and 1.2 s of processor time at module scope."""

import os
import time
from typing import Any

import strands
from bedrock_agentcore.runtime import BedrockAgentCoreApp

app = BedrockAgentCoreApp()
AGENT = strands.Agent

# Processor time and not sleep: with less than a core of its own the start takes longer, as real work does.
_END = time.process_time() + 1.2
while time.process_time() < _END:
    sum(range(1000))


@app.entrypoint
def invoke(payload: Any) -> Any:
    """Answer at once."""
    return {"ok": True}


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "8080")))
