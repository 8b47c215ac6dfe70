"""An AG-UI agent on AgentCore: a notebook that lasts as long as its session.

agentcore-emulator start examples/agui/agent.py --protocol AGUI
"""

import uuid
from collections.abc import AsyncIterator

from ag_ui.core import (
    BaseEvent,
    RunAgentInput,
    RunFinishedEvent,
    RunStartedEvent,
    StateSnapshotEvent,
    TextMessageContentEvent,
    TextMessageEndEvent,
    TextMessageStartEvent,
)
from bedrock_agentcore.runtime import AGUIApp

app = AGUIApp()
notes: list[str] = []


@app.entrypoint
async def run(run_input: RunAgentInput) -> AsyncIterator[BaseEvent]:
    """Take down the last message, and tell of all of them: as text, word by word, and as state."""
    yield RunStartedEvent(thread_id=run_input.thread_id, run_id=run_input.run_id)
    notes.append(run_input.messages[-1].content)
    message = str(uuid.uuid4())
    yield TextMessageStartEvent(message_id=message, role="assistant")
    for word in f"There are {len(notes)} notes.".split():
        yield TextMessageContentEvent(message_id=message, delta=f"{word} ")
    yield TextMessageEndEvent(message_id=message)
    yield StateSnapshotEvent(snapshot={"notes": notes})
    yield RunFinishedEvent(thread_id=run_input.thread_id, run_id=run_input.run_id)


if __name__ == "__main__":
    app.run()
