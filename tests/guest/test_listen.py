"""Every way to start a server is served, without a change to the agent's code."""

from __future__ import annotations

import http.client
import importlib.util
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from agentcore_emulator.testing import EmulatorProcess, new_session

STARLETTE = """
import asyncio, os, threading
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

async def invoke(request):
    return JSONResponse(await request.json())

app = Starlette(routes=[Route("/invocations", invoke, methods=["POST"])])
"""

WSGI = """
import json
from werkzeug.serving import run_simple

def app(environ, start_response):
    start_response("200 OK", [("content-type", "application/json")])
    return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]
"""

STREAMS = """
import asyncio

async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    size = int(head.lower().partition(b"content-length: ")[2].split()[0])
    body = await reader.readexactly(size)
    writer.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%b" % (size, body))
    await writer.drain()
    writer.close()

async def main():
    # No host: one listener for each version of IP, as many servers have it.
    server = await asyncio.start_server(serve, None, 8080)
    await server.serve_forever()
"""

FORMS = {
    "sdk": """
        from bedrock_agentcore import BedrockAgentCoreApp
        app = BedrockAgentCoreApp()
        @app.entrypoint
        def invoke(payload):
            return payload
        app.run()
    """,
    "uvicorn_app": STARLETTE + "uvicorn.run(app, host='0.0.0.0', port=8080)",
    "uvicorn_h11": STARLETTE + "uvicorn.run(app, host='::', port=8080, http='h11', loop='asyncio')",
    "uvicorn_uvloop": STARLETTE + "uvicorn.run(app, port=8080, loop='uvloop')",
    "uvicorn_text": STARLETTE + "if __name__ == '__main__': uvicorn.run('uvicorn_text:app', port=8080)",
    "uvicorn_serve": STARLETTE + "asyncio.run(uvicorn.Server(uvicorn.Config(app, port=8080)).serve())",
    "uvicorn_thread": STARLETTE + "threading.Thread(target=uvicorn.run, args=(app,), kwargs={'port': 8080}).start()",
    "uvicorn_daemon": STARLETTE
    + "server = uvicorn.Server(uvicorn.Config(app, port=8080))\n"
    + "thread = threading.Thread(target=server.run, daemon=True)\nthread.start()\nthread.join()",
    "uvicorn_workers": STARLETTE
    + "if __name__ == '__main__': uvicorn.run('uvicorn_workers:app', port=8080, workers=2)",
    "uvicorn_reload": STARLETTE
    + "if __name__ == '__main__': uvicorn.run('uvicorn_reload:app', port=8080, reload=True)",
    "port_variable": STARLETTE + "uvicorn.run(app, port=int(os.environ['PORT']))",
    "bare_app": STARLETTE + "router = Router()",
    "bare_function": """
        async def app(scope, receive, send):
            if scope["type"] == "http":
                body = (await receive())["body"]
                await send({"type": "http.response.start", "status": 200, "headers": []})
                await send({"type": "http.response.body", "body": body})
    """,
    "http_server": """
        from http.server import BaseHTTPRequestHandler, HTTPServer
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)
        HTTPServer(("", 8080), Handler).serve_forever()
    """,
    "werkzeug_plain": WSGI + "run_simple('0.0.0.0', 8080, app)",
    "werkzeug_threads": WSGI + "run_simple('localhost', 8080, app, threaded=True)",
    "werkzeug_reloader": WSGI + "run_simple('0.0.0.0', 8080, app, use_reloader=True)",
    "streams": STREAMS + "asyncio.run(main())",
    "streams_uvloop": STREAMS + "import uvloop\nuvloop.run(main())",
    "unblocked": """
        import os, selectors, socket
        server = socket.socket()
        server.setblocking(False)
        server.bind(("0.0.0.0", 8080))
        server.listen()
        # Whoever makes a socket non-blocking before it is bound relies on that afterwards.
        assert not os.get_blocking(server.fileno())
        selector = selectors.DefaultSelector()
        selector.register(server, selectors.EVENT_READ)
        while selector.select():
            connection, _ = server.accept()
            with connection, connection.makefile("rwb") as stream:
                size = 0
                while (line := stream.readline()) != b"\\r\\n":
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.partition(b":")[2])
                stream.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n" % size + stream.read(size))
    """,
    "wsgi_reference": """
        from wsgiref.simple_server import make_server
        def app(environ, start_response):
            start_response("200 OK", [("content-type", "application/json")])
            return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]
        with make_server("", 8080, app) as server:
            server.serve_forever()
    """,
}

SECOND = """
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.answer(b"metrics")
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.answer(b"agent")
        def answer(self, body):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)
    threading.Thread(target=HTTPServer(("127.0.0.1", %d), Handler).serve_forever, daemon=True).start()
    HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""

MCP = """
    from mcp.server import MCPServer
    server = MCPServer("calculator")
    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b
    server.run(transport="streamable-http", host="0.0.0.0", port=8000, stateless_http=True)
"""


class Agents:
    """One emulator with an agent for each form."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self._arns = {each["name"]: each["arn"] for each in emulator.info["runtimes"]}
        self._client = emulator.client("bedrock-agentcore", config=Config(retries={"total_max_attempts": 1}))

    def invoke(self, name: str, payload: Any, **members: str) -> bytes:
        answer = self._client.invoke_agent_runtime(
            agentRuntimeArn=self._arns[name],
            runtimeSessionId=new_session(),
            contentType="application/json",
            payload=json.dumps(payload),
            **members,
        )
        body: bytes = answer["response"].read()
        return body


@pytest.fixture(scope="module")
def second_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def agents(tmp_path_factory: pytest.TempPathFactory, second_port: int) -> Iterator[Agents]:
    folder = tmp_path_factory.mktemp("agents")
    sources = {**FORMS, "second_server": SECOND % second_port}
    lines = ["agents:"]
    for name, source in sources.items():
        write(folder / name / f"{name}.py", source)
        lines.append(f"  {name}: {{entrypoint: {name}/{name}.py, source_path: {name}}}")
    if importlib.util.find_spec("mcp"):
        write(folder / "calculator" / "calculator.py", MCP)
        lines.append(
            "  calculator: {entrypoint: calculator/calculator.py, source_path: calculator, "
            "aws: {protocol_configuration: {server_protocol: MCP}}}"
        )
    (folder / ".bedrock_agentcore.yaml").write_text("\n".join(lines))
    with EmulatorProcess(folder, "--quirks", "off", env={"PORT": "18273"}) as emulator:
        yield Agents(emulator)


def write(file: Path, source: str) -> None:
    import textwrap

    file.parent.mkdir()
    file.write_text(textwrap.dedent(source))


@pytest.mark.parametrize("form", FORMS)
def test_served(agents: Agents, form: str) -> None:
    # Two sessions of each: neither has the port for itself.
    for number in (1, 2):
        assert json.loads(agents.invoke(form, {"number": number})) == {"number": number}


def test_a_second_server_keeps_its_port(agents: Agents, second_port: int) -> None:
    assert agents.invoke("second_server", {}) == b"agent"
    connection = http.client.HTTPConnection("127.0.0.1", second_port, timeout=30)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"metrics"
    connection.close()


@pytest.mark.skipif(importlib.util.find_spec("mcp") is None, reason="mcp comes with strands-agents and is not here")
def test_mcp(agents: Agents) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 2, "b": 3}}}
    body = agents.invoke("calculator", call, accept="application/json, text/event-stream")
    [data] = [line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: ")]
    assert json.loads(data)["result"]["content"][0]["text"] == "5"
