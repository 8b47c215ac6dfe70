"""Serves an entry file that ends without serving: one that is meant for `uvicorn module:app`."""

import inspect
from typing import Any


class CannotServe(Exception):
    """The entry file has ended and there is nothing in it that could be served; the text says so in one sentence."""


def asgi_apps(names: dict[str, Any]) -> list[str]:
    """The names in a module's globals that hold ASGI applications, each application once."""
    found: dict[int, str] = {}
    for name, value in names.items():
        if not name.startswith("_") and _is_asgi(value):
            found.setdefault(id(value), name)
    return list(found.values())


def _is_asgi(value: Any) -> bool:
    if inspect.isclass(value) or inspect.ismodule(value) or _is_part(value):
        return False
    function = value if inspect.isfunction(value) else getattr(type(value), "__call__", None)
    if not inspect.iscoroutinefunction(function):
        return False
    parameters = list(inspect.signature(function).parameters)
    return parameters[-3:] == ["scope", "receive", "send"]


def _is_part(value: Any) -> bool:
    """Whether a value is a router or the like: callable as an app is, but made to be put into one."""
    return any(base.__module__ in ("starlette.routing", "starlette.staticfiles") for base in type(value).__mro__)


def serve(entrypoint: str, names: dict[str, Any], port: int) -> None:
    """Run the file's only ASGI app with the agent's own uvicorn on the contract port; raise `CannotServe` otherwise."""
    apps = asgi_apps(names)
    if not apps:
        raise CannotServe(
            f"{entrypoint} ended without starting a server and holds no ASGI app; call app.run() at its end"
        )
    if len(apps) > 1:
        raise CannotServe(
            f"{entrypoint} ended without starting a server and holds several ASGI apps ({', '.join(apps)}); "
            "call run() on the one to serve"
        )
    try:
        import uvicorn
    except ImportError:
        raise CannotServe(
            f"{entrypoint} ended without starting a server, and uvicorn is not installed to serve its app {apps[0]!r}; "
            "install uvicorn beside the agent"
        ) from None
    uvicorn.run(names[apps[0]], host="127.0.0.1", port=port, log_level="warning")
