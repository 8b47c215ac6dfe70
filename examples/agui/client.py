"""Runs the agent twice in one session and prints its events, with httpx and the `ag-ui-protocol`'s types.

agentcore-emulator exec examples/agui/agent.py --protocol AGUI -- python examples/agui/client.py
"""

import os
import uuid
from urllib.parse import quote

import httpx
from ag_ui.core import Event, RunAgentInput, UserMessage
from pydantic import TypeAdapter

URL = "{AGENTCORE_EMULATOR_URL}/runtimes/{arn}/invocations".format(
    **os.environ, arn=quote(os.environ["AGENTCORE_RUNTIME_ARN"], safe="")
)
HEADERS = {
    "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": str(uuid.uuid4()),
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
}
EVENT = TypeAdapter(Event)

for number, text in enumerate(("Buy milk", "Call Ada"), 1):
    run = RunAgentInput(
        thread_id="thread",
        run_id=f"run-{number}",
        messages=[UserMessage(id=f"message-{number}", content=text)],
        state={},
        tools=[],
        context=[],
        forwarded_props={},
    )
    body = run.model_dump_json(by_alias=True)
    with httpx.stream("POST", URL, content=body, headers=HEADERS, timeout=300) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                event = EVENT.validate_json(line.removeprefix("data: "))
                print(event.type.value, getattr(event, "delta", getattr(event, "snapshot", "")))
