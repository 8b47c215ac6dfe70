"""The MCP server that is measured: its one tool does nothing."""

import os

from mcp.server.mcpserver import MCPServer

server = MCPServer("bench", log_level="WARNING")


@server.tool()
def nothing() -> str:
    """Answer at once."""
    return "nothing"


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8000"))
    server.run(transport="streamable-http", host="0.0.0.0", port=port, stateless_http=True)
