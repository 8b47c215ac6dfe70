"""What sessions print and what befalls them: in the emulator's log, and kept for whoever asks about a session.

AWS sends an agent's output to CloudWatch, a minute away from the 424 that it explains. Here it stands beside it.
"""

from __future__ import annotations

import json
import logging
import re
from collections import deque

__all__ = ["Journal"]

_agent_log = logging.getLogger("agentcore_emulator.agent")
_event_log = logging.getLogger("agentcore_emulator.session")

_LINES_KEPT = 500
_LONGEST_KEPT = 10_000

# What an agent prints is often what it was sent. Colours stay; anything else that a terminal obeys could forge others'
# lines or reach the developer's clipboard.
_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Journal:
    """The lines of one session; each is logged as it comes."""

    def __init__(self, label: str) -> None:
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._label = _harmless(label)

    def printed(self, line: str) -> None:
        """A line that the agent printed."""
        for text in map(_harmless, _readable(line)):
            self.lines.append(text[:_LONGEST_KEPT])
            _agent_log.info("%s | %s", self._label, text)

    def happened(self, text: str, *, level: int = logging.INFO) -> None:
        """Something that befell the session: its start, its end, a failure, a quirk."""
        text = _harmless(text)
        self.lines.append(text[:_LONGEST_KEPT])
        _event_log.log(level, "%s %s", self._label, text)


def _readable(line: str) -> list[str]:
    """The SDK logs one JSON object a line, tracebacks included; show those as Python prints them."""
    if not (line.startswith("{") and '"message"' in line):
        return [line]
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return [line]
    if not isinstance(record, dict) or not {"level", "logger", "message"} <= record.keys():
        return [line]
    text = f"{record['level']} {record['logger']}: {record['message']}".split("\n")
    stack = record.get("stackTrace")
    if stack:
        whole = "".join(map(str, stack)) if isinstance(stack, list) else str(stack)
        text.extend(whole.rstrip("\n").split("\n"))
    return text


def _harmless(text: str) -> str:
    """The text with control characters written out, as `\\r`, but for tabs and colours."""
    return _CONTROL.sub(lambda found: found[0] if len(found[0]) > 1 else repr(found[0])[1:-1], text)
