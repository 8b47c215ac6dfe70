"""Finds the agent by its card and sends it two messages, with the `a2a-sdk`'s client.

agentcore-emulator exec examples/a2a -- python examples/a2a/client.py
"""

import asyncio
import os
import uuid
from urllib.parse import quote

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.types import Role, SendMessageRequest

URL = "{AGENTCORE_EMULATOR_URL}/runtimes/{arn}/invocations".format(
    **os.environ, arn=quote(os.environ["AGENTCORE_RUNTIME_ARN"], safe="")
)
SESSION = {"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": str(uuid.uuid4())}


async def main() -> None:
    """Print the agent's name, and what it says to each message while it says it."""
    async with httpx.AsyncClient(headers=SESSION, timeout=300) as http:
        card = await A2ACardResolver(http, URL).get_agent_card()
        print(card.name)
        client = ClientFactory(ClientConfig(httpx_client=http)).create(card)
        for text in ("Buy milk", "Call Ada"):
            request = SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))
            said = [get_stream_response_text(event) async for event in client.send_message(request)]
            print([text for text in said if text])


asyncio.run(main())
