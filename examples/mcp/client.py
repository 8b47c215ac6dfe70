"""Calls the tools of either server with the `mcp` package's client.

agentcore-emulator exec examples/mcp/server.py --protocol MCP -- python examples/mcp/client.py
agentcore-emulator exec examples/mcp/stateful.py --protocol MCP -- python examples/mcp/client.py
"""

import asyncio
import os
from typing import Any
from urllib.parse import quote

from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

URL = "{AGENTCORE_EMULATOR_URL}/runtimes/{arn}/invocations".format(
    **os.environ, arn=quote(os.environ["AGENTCORE_RUNTIME_ARN"], safe="")
)


async def on_progress(progress: float, total: float | None, message: str | None) -> None:
    """Print how far a call is."""
    print(f"{progress:.0f} of {total:.0f}: {message}")


async def on_elicit(_: Any, question: Any) -> ElicitResult:
    """Say yes to everything."""
    print(question.message)
    return ElicitResult(action="accept", content={"sure": True})


async def main() -> None:
    """Take two notes, then read them or throw them away, whichever the server can."""
    # AgentCore has no way to end an MCP session, so there is none to be asked for.
    transport = streamable_http_client(URL, terminate_on_close=False)
    # The handshake is what brings the Mcp-Session-Id, and that is what leads every call to the same session.
    async with Client(transport, mode="legacy", elicitation_callback=on_elicit) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        for text in ("Buy milk", "Call Ada"):
            print((await client.call_tool("add_note", {"text": text})).structured_content)
        last = "read_notes" if "read_notes" in tools else "clear_notes"
        print((await client.call_tool(last, progress_callback=on_progress)).structured_content)


asyncio.run(main())
