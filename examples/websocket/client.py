"""Talks to the agent as to a deployed one, by the SDK's own client: python client.py hello goodbye"""

import asyncio
import json
import os
import sys
import uuid

import websockets
from bedrock_agentcore.runtime import AgentCoreRuntimeClient


async def main(words):
    """Send each word and print the answer."""
    client = AgentCoreRuntimeClient(region=os.environ["AWS_REGION"])
    url, headers = client.generate_ws_connection(os.environ["AGENTCORE_RUNTIME_ARN"], session_id=str(uuid.uuid4()))
    async with websockets.connect(url, additional_headers=headers) as connection:
        for word in words:
            await connection.send(json.dumps({"text": word}))
            print(json.loads(await connection.recv())["text"], flush=True)


asyncio.run(main(sys.argv[1:]))
