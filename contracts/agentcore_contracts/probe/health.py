"""What the probe's `/ping` says, and the tasks of the SDK that decide it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bedrock_agentcore import BedrockAgentCoreApp
from bedrock_agentcore.runtime.models import PingStatus

__all__ = ["Health"]


class Health:
    """The health of an app of the SDK. Each of its actions takes one invocation, of which it reads members by `get`."""

    def __init__(self, app: BedrockAgentCoreApp) -> None:
        self._app = app

    @property
    def actions(self) -> dict[str, Callable[[Any], Any]]:
        """All of them by name."""
        return {
            action.__name__: action for action in (self.health, self.force_health, self.begin_task, self.complete_task)
        }

    def health(self, _: Any) -> Any:
        """What `/ping` says, and how many tasks are under way by the SDK's books."""
        return {
            "status": self._app.get_current_ping_status().value,
            "tasks": self._app.get_async_task_info()["active_count"],
        }

    def force_health(self, ask: Any) -> Any:
        """Have `/ping` say `status` from now on; without one, what the SDK finds itself."""
        if ask.get("status") is None:
            self._app.clear_forced_ping_status()  # type: ignore[no-untyped-call]  # so in the SDK
        else:
            self._app.force_ping_status(PingStatus(ask.get("status")))
        return self.health(ask)

    def begin_task(self, ask: Any) -> Any:
        """Tell the SDK of a task `name`, and answer with the id that it gives."""
        return {"task": self._app.add_async_task(ask.get("name")), **self.health(ask)}

    def complete_task(self, ask: Any) -> Any:
        """Tell the SDK that `task` is over, and answer whether it knew of it."""
        return {"known": self._app.complete_async_task(ask.get("task")), **self.health(ask)}
