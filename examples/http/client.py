"""Takes two notes in one session and reads them back, with boto3 alone.

agentcore-emulator exec examples/http/agent.py -- python examples/http/client.py
"""

import json
import os
import uuid
from typing import Any

import boto3

client = boto3.client("bedrock-agentcore")
session = str(uuid.uuid4())


def invoke(payload: dict[str, Any]) -> Any:
    """The agent's answer in this session, as boto3 gives it."""
    answer = client.invoke_agent_runtime(
        agentRuntimeArn=os.environ["AGENTCORE_RUNTIME_ARN"], runtimeSessionId=session, payload=json.dumps(payload)
    )
    return answer["response"]


for text in ("Buy milk", "Call Ada"):
    print(json.load(invoke({"note": text})))
for line in invoke({}).iter_lines():
    if line:
        print(json.loads(line.removeprefix(b"data: ")))
