"""A stateless MCP server for AgentCore: a notebook that lasts as long as its session.

agentcore-emulator start examples/mcp/server.py --protocol MCP
"""

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("notebook")
notes: list[str] = []


@server.tool()
def add_note(text: str) -> int:
    """Take down a note, and say how many there are."""
    notes.append(text)
    return len(notes)


@server.tool()
async def read_notes(ctx: Context) -> list[str]:
    """All notes, with a notice of progress for each."""
    for number, note in enumerate(notes, 1):
        await ctx.report_progress(number, len(notes), note)
    return notes


if __name__ == "__main__":
    # 0.0.0.0 is where AgentCore wants its servers, and keeps MCPServer from refusing the Host that AgentCore sends.
    server.run(transport="streamable-http", host="0.0.0.0", port=8000, stateless_http=True)  # noqa: S104
