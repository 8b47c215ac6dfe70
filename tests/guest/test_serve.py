from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from agentcore_emulator.guest.serve import CannotServe, asgi_apps, serve
from agentcore_emulator.runtime.microvm.host import BootFailure

if TYPE_CHECKING:
    from tests.conftest import Laboratory

ENTRY = "/project/agent.py"


def names_of(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(textwrap.dedent(source), names)
    return names


@pytest.mark.parametrize(
    ("source", "apps"),
    [
        ("", []),
        ("async def app(scope, receive, send): pass", ["app"]),
        ("class App:\n    async def __call__(self, scope, receive, send): pass\nmine = App()", ["mine"]),
        ("from starlette.applications import Starlette\nsite = alias = Starlette()", ["site"]),
        pytest.param(
            "from bedrock_agentcore import BedrockAgentCoreApp\napp = BedrockAgentCoreApp()",
            ["app"],
            marks=pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # The SDK's own, of pydantic.
        ),
        ("async def one(scope, receive, send): pass\nasync def two(scope, receive, send): pass", ["one", "two"]),
        ("async def _hidden(scope, receive, send): pass", []),
        ("class App:\n    async def __call__(self, scope, receive, send): pass", []),
        ("async def app(scope, receive): pass", []),
        ("def app(scope, receive, send): pass", []),
        ("async def handler(request): pass\nvalue = 7", []),
        ("import starlette.applications", []),
        ("app = len", []),
    ],
)
def test_apps(source: str, apps: list[str]) -> None:
    assert asgi_apps(names_of(source)) == apps


def test_parts_of_an_app_are_not_apps() -> None:
    names = names_of(
        """
        from starlette.applications import Starlette
        from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
        from starlette.staticfiles import StaticFiles

        class MyRouter(Router):
            pass

        router, mine, static = Router(), MyRouter(), StaticFiles(check_dir=False, directory="static")
        mount, host = Mount("/x", router), Host("x", router)
        app = Starlette(routes=[mount])
        """
    )
    assert asgi_apps(names) == ["app"]


def test_nothing_to_serve() -> None:
    with pytest.raises(
        CannotServe, match=r"^/project/agent\.py ended without starting a server and holds no ASGI app; "
    ):
        serve(ENTRY, names_of("x = 1"), 8080)


def test_too_much_to_serve() -> None:
    source = "async def one(scope, receive, send): pass\nasync def two(scope, receive, send): pass"
    with pytest.raises(CannotServe, match=r"holds several ASGI apps \(one, two\); call run\(\) on the one to serve"):
        serve(ENTRY, names_of(source), 8080)


def test_no_server_to_serve_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    with pytest.raises(CannotServe, match="uvicorn is not installed to serve its app 'app'; install uvicorn beside"):
        serve(ENTRY, names_of("async def app(scope, receive, send): pass"), 8080)


async def test_a_file_that_leaves_a_thread_behind_is_waited_for(laboratory: Laboratory) -> None:
    """The thread may yet bind, so the app is served only once it is known that it does not."""
    microvm = await laboratory.start(
        await laboratory.agent(
            """
            import threading
            done = []
            threading.Thread(target=lambda: (threading.main_thread().is_alive(), done.append(1))).start()

            async def app(scope, receive, send):
                if scope["type"] == "http":
                    await send({"type": "http.response.start", "status": 200, "headers": []})
                    await send({"type": "http.response.body", "body": str(done).encode()})
            """
        )
    )
    await microvm.ready()
    assert await laboratory.post(microvm, b"") == (200, b"[1]")


async def test_the_sentence_reaches_the_host(laboratory: Laboratory) -> None:
    microvm = await laboratory.start(await laboratory.agent("x = 1"))
    with pytest.raises(BootFailure, match=r"agent\.py ended without starting a server and holds no ASGI app"):
        await microvm.ready()
