"""Rules of a scripted model: when one applies to a conversation, and what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentcore_emulator.models.conversation import Conversation, Speaker, ToolResult

__all__ = ["NO_RULE", "Call", "Pacing", "Placeholder", "Reply", "Rule", "Script", "Template", "ToolCall", "When"]

NO_RULE = (
    "This is a scripted model, not a language model, and none of its rules covers what you asked. Write a rule for it "
    "in a YAML file and start the emulator with --model-rules FILE, or ask the real Bedrock with --passthrough "
    "bedrock-runtime."
)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How slowly an answer comes, in seconds: until its first token, and from each token to the next."""

    first_token: float = 0.0
    per_token: float = 0.0


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value in a template, and the replacements made in it, one after the other."""

    name: str
    rewrites: Sequence[tuple[re.Pattern[str], str]] = ()

    def render(self, values: Mapping[str, str]) -> str:
        """The value of that name, rewritten; empty if the tool's input has no such field."""
        text = values.get(self.name, "")
        for pattern, replacement in self.rewrites:
            text = pattern.sub(replacement, text)
        return text


@dataclass(frozen=True, slots=True)
class Template:
    """Text with placeholders in it."""

    parts: Sequence[str | Placeholder]

    def render(self, values: Mapping[str, str]) -> str:
        """The text, filled in."""
        return "".join(part if isinstance(part, str) else part.render(values) for part in self.parts)


@dataclass(frozen=True, slots=True)
class When:
    """The conditions of a rule; all of them must hold.

    `history` pairs a speaker (None: any) with what must be found in one of the earlier turns; `tool_result` a tool's
    name (None: any) with what its result must hold, and one of the pairs is enough. A rule with `tool_result` applies
    right after a tool has run, and one without it never does.
    """

    user: re.Pattern[str] | None = None
    system: re.Pattern[str] | None = None
    history: Sequence[tuple[Speaker | None, re.Pattern[str]]] = ()
    tool_result: Sequence[tuple[str | None, re.Pattern[str]]] = ()
    tools: frozenset[str] = frozenset()

    def match(self, conversation: Conversation) -> dict[str, str] | None:
        """The captures by name, with `tool`, `tool_result` and `input.<field>` of the tool that ran, or None."""
        if bool(conversation.results) != bool(self.tool_result) or not self.tools <= conversation.tools:
            return None
        values: dict[str, str] = {}
        for pattern, text in ((self.user, conversation.user), (self.system, conversation.system)):
            if pattern and not _add(values, pattern.search(text)):
                return None
        if self.tool_result and not self._match_result(conversation.results, values):
            return None
        if not all(_add(values, _newest(conversation, speaker, pattern)) for speaker, pattern in self.history):
            return None
        return values

    def _match_result(self, results: Sequence[ToolResult], values: dict[str, str]) -> bool:
        for result in reversed(results):
            for tool, pattern in self.tool_result:
                if tool in (None, result.tool) and _add(values, pattern.search(result.text)):
                    fields = result.input if isinstance(result.input, dict) else {}
                    values |= {f"input.{name}": _as_text(value) for name, value in fields.items()}
                    values |= {"tool": result.tool, "tool_result": result.text}
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to call; `input` is a JSON value in which every text is a Template."""

    tool: str
    input: Any


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions, and the answer when they hold: a text, a tool call, or first the one and then the other."""

    name: str
    when: When
    say: Template | None = None
    call: Call | None = None
    pacing: Pacing | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call with its input filled in."""

    tool: str
    input: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answers. `rule` is the name of the rule that said so, None if there was none."""

    rule: str | None
    text: str
    call: ToolCall | None
    pacing: Pacing


class Script:
    """Rules in the order in which they are tried, and the pacing of those that set none of their own."""

    def __init__(self, rules: Sequence[Rule], pacing: Pacing) -> None:
        self._rules = tuple(rules)
        self._pacing = pacing

    def reply(self, conversation: Conversation) -> Reply:
        """The answer of the first rule that applies, or NO_RULE.

        Where the request demands a tool, only rules that call such a tool are tried: "The model must request at least
        one tool (no text is generated)" (botocore model, ToolChoice).
        """
        for rule in self._rules:
            tool = rule.call.tool if rule.call else None
            if conversation.required and tool not in conversation.required:
                continue
            if tool is not None and tool not in conversation.tools:
                continue
            if (values := rule.when.match(conversation)) is not None:
                return Reply(
                    rule=rule.name,
                    text=rule.say.render(values) if rule.say and not conversation.required else "",
                    call=ToolCall(rule.call.tool, _fill(rule.call.input, values)) if rule.call else None,
                    pacing=rule.pacing or self._pacing,
                )
        return Reply(rule=None, text=NO_RULE, call=None, pacing=self._pacing)


def _add(values: dict[str, str], match: re.Match[str] | None) -> bool:
    """Add the named groups of a match, without surrounding white space; a group that took no part is empty."""
    if match:
        values |= {name: text.strip() for name, text in match.groupdict("").items()}
    return match is not None


def _newest(conversation: Conversation, speaker: Speaker | None, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """The last match in the newest earlier turn that has one."""
    for turn in conversation.history:
        if speaker in (None, turn.speaker):
            matches = list(pattern.finditer(turn.text))
            if matches:
                return matches[-1]
    return None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, Template):
        return value.render(values)
    if isinstance(value, dict):
        return {name: _fill(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    return value
