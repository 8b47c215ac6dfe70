"""A stateful MCP server for AgentCore: it asks its client back in the middle of a call.

agentcore-emulator start examples/mcp/stateful.py --protocol MCP
"""

from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel

server = MCPServer("notebook")
notes: list[str] = []


class Consent(BaseModel):
    """What a user is asked for."""

    sure: bool


@server.tool()
def add_note(text: str) -> int:
    """Take down a note, and say how many there are."""
    notes.append(text)
    return len(notes)


@server.tool()
async def clear_notes(ctx: Context) -> str:
    """Throw all notes away, if the user is sure."""
    answer = await ctx.elicit(f"Throw {len(notes)} notes away?", Consent)
    if answer.action != "accept" or not answer.data.sure:
        return f"kept {len(notes)}"
    notes.clear()
    return "cleared"


if __name__ == "__main__":
    server.run(transport="streamable-http", host="0.0.0.0", port=8000)  # noqa: S104
