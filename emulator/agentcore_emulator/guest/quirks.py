"""Puts the quirks into the SDK of the agent: the one place where a payload meets the agent's code.

`BedrockAgentCoreApp._invoke_handler(handler, request_context, takes_context, payload)` has had this signature since
SDK 1.0.0, and every handler goes through it, also one that was set without the `entrypoint` decorator.
"""

import inspect
from types import ModuleType
from typing import Any

from . import encoding, payload
from .hooks import when_imported
from .link import Link
from .watch import Watch, place_of


def install(levels: dict[str, str], link: Link, project: str) -> None:
    """Hook the SDK if any quirk that arises in the guest is on.

    Raises `RuntimeError` on import of an SDK that lacks the hook.
    """
    warned = {name for name in ("double-encoding", "stream-double-encoding", "generator") if levels[name] == "warn"}
    level = levels["payload-type"]
    if level == "off" and levels["truncation"] == "off" and not warned:
        return
    watch = Watch(link, project)
    told: str | None = None

    def hook(module: ModuleType) -> None:
        app_class: Any = module.BedrockAgentCoreApp
        invoke = getattr(app_class, "_invoke_handler", None)
        if invoke is None or list(inspect.signature(invoke).parameters)[1:] != [
            "handler",
            "request_context",
            "takes_context",
            "payload",
        ]:
            raise RuntimeError(
                "this version of bedrock-agentcore has no BedrockAgentCoreApp._invoke_handler to put quirks into; "
                "start with --quirks off, or install another version"
            )

        async def invoke_with_quirks(
            self: Any, handler: Any, request_context: Any, takes_context: bool, payload_value: Any
        ) -> Any:
            nonlocal told
            place = place_of(handler)
            if told != place:
                told = place
                link.send({"handler": place})
            invocation = watch.begin()
            if isinstance(payload_value, dict):
                if level == "strict":
                    payload_value = payload.strict(payload_value)
                elif level == "warn":
                    payload_value = payload.Watched(payload_value, invocation)
            if warned:
                handler = encoding.watched(handler, invocation, warned)
            return await invoke(self, handler, request_context, takes_context, payload_value)

        app_class._invoke_handler = invoke_with_quirks

    when_imported("bedrock_agentcore.runtime.app", hook)
