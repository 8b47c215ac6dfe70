"""Transformers: what differs between two runs without meaning anything is written by a name.

A constant stands for every value of its kind (`<timestamp>`). A reference numbers values, so that the same value is the
same reference wherever it stands (`<session:1>`): who mixes up two sessions shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentcore_contracts.target import PROBE

__all__ = ["TRANSFORMERS", "Place", "Transformer", "normalised"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run called: each of these texts is `<region>`, `<account>` or `<endpoint>` wherever it stands."""

    region: str
    account: str
    endpoint: str | None = None

    def literals(self) -> list[tuple[str, str]]:
        """The texts and what stands for them, the longer ones first."""
        endpoint = self.endpoint or f"https://bedrock-agentcore.{self.region}.amazonaws.com"
        return [
            (endpoint, "<endpoint>"),
            (endpoint.partition("://")[2], "<endpoint>"),
            (self.account, "<account>"),
            (self.region, "<region>"),
        ]


@dataclass(frozen=True, slots=True)
class Transformer:
    """What is written `<name>`, or with `numbered` `<name:1>`, `<name:2>` and so on.

    With `keys`, the values of members of these names (in lower case), whole or as far as they match; without, whatever
    matches `pattern` in any text. A pattern's group, if it has one, is what is replaced.
    """

    name: str
    keys: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    numbered: bool = False


def _constant(name: str, *keys: str, pattern: str | None = None) -> Transformer:
    return Transformer(name, frozenset(keys), re.compile(pattern) if pattern else None)


def _reference(name: str, *keys: str, pattern: str) -> Transformer:
    return Transformer(name, frozenset(keys), re.compile(pattern), numbered=True)


_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_HEX = r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])"
_SESSION_HEADER = "x-amzn-bedrock-agentcore-runtime-session-id"

# Where the agent's code lies: on AWS, deployed to an emulator, or started by its folder.
_CODE = rf"(?:/var/task|/[^\s'\"]*?/runtimes/[^/\s]+/\d+/code|{re.escape(str(PROBE))})(?=[/\s'\"\\]|\Z)"

# A value that somebody wrote by hand, such as an id that is too short, stays: it is what a contract is about.
_DRAWN = rf"\A.*(?:{_UUID}|{_HEX}).*\Z"

TRANSFORMERS: Final[Sequence[Transformer]] = (
    _constant("request id", "x-amzn-requestid", "requestid"),
    _constant("trace", "x-amzn-trace-id", "traceid", "traceparent"),
    _constant("host", "host"),
    _constant("pid", "pid"),
    _constant("version", "bedrock-agentcore", "python", "user-agent", "x-amz-user-agent"),
    _constant("duration", "seconds", "duration", "durationms", "durationinms", "elapsed", "latencyms"),
    _constant("signature", "authorization", "x-amz-date", "x-amz-security-token"),
    _constant("access token", "workloadaccesstoken", "x-amz-bedrock-agentcore-identity-wat"),
    _constant("score", "score"),
    _constant("key", "sec-websocket-key"),
    _reference("session", "runtimesessionid", "session", _SESSION_HEADER, pattern=_DRAWN),
    _reference("MCP session", "mcpsessionid", "mcp-session-id", pattern=_DRAWN),
    _reference("actor", "actorid", "actor", pattern=_DRAWN),
    _reference("conversation", "sessionid", "conversation", pattern=_DRAWN),
    _reference("memory", "memoryid", "memory", pattern=r"\A.+-[A-Za-z0-9]{10}\Z"),
    _reference("strategy", "memorystrategyid", "strategyid", pattern=r"\A.+-[A-Za-z0-9]{10}\Z"),
    _reference("page", "nexttoken", pattern=r"(?s)\A.+\Z"),
    _reference("time", "eventtimestamp", pattern=r"\A\d{4}-\d\d-\d\dT.+\Z"),
    _reference("task", "task", pattern=r"\A-?\d+\Z"),
    _reference("birth", "born", pattern=r"\A\d+\.\d+\Z"),
    _reference("random", "random", "urandom", "secrets", pattern=r"\A(?:0\.\d+|[0-9a-f]{16})\Z"),
    # From here on by their look, wherever they stand.
    _constant("code", pattern=_CODE),
    _constant("trace", pattern=r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b|\b00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b"),
    _reference("runtime", pattern=r"(?:\b[A-Za-z]\w{0,47}|>)-([A-Za-z0-9]{10})(?=\Z|[\s'\",/:])"),
    _reference("name", pattern=r"\bcontracts_([0-9a-f]{12})(?![0-9a-zA-Z])"),
    _reference("event", pattern=r"\b\d{19}#[0-9a-f]{8}\b"),
    _reference("uuid", pattern=rf"{_UUID}|{_HEX}"),
    _constant("timestamp", pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)"),
    _constant("timestamp", pattern=r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),
    _constant("host", pattern=r"(?:127\.0\.0\.1|localhost|\[::1\]):\d+"),
)
"""All of them, the first that fits a member before the others. Some have more than one look."""

_NUMBER = re.compile(r":\d+>")


class _Names:
    """The references of one case."""

    def __init__(self, place: Place) -> None:
        self._literals = place.literals()
        self._known: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def name(self, transformer: Transformer, value: str) -> str:
        if not transformer.numbered:
            return f"<{transformer.name}>"
        if value not in self._known:
            number = self._counts[transformer.name] = self._counts.get(transformer.name, 0) + 1
            self._known[value] = f"<{transformer.name}:{number}>"
        return self._known[value]

    def meet(self, tree: Any) -> None:
        """Number what members refer to, so that it is known where it stands within other texts, also before."""
        for key, value in _members(tree):
            transformer = _of(key)
            if transformer is not None and transformer.numbered and isinstance(value, str | int | float):
                assert transformer.pattern is not None
                if transformer.pattern.match(str(value)):
                    self.name(transformer, str(value))

    def rewrite(self, tree: Any, key: str = "") -> Any:
        if isinstance(tree, dict):
            return {self._text(name): self.rewrite(value, name.lower()) for name, value in tree.items()}
        if isinstance(tree, list):
            return [self.rewrite(value, key) for value in tree]
        transformer = _of(key)
        if transformer is not None and not transformer.numbered and tree is not None:
            return self.name(transformer, "")
        if transformer is not None and str(tree) in self._known:
            return self._known[str(tree)]
        if isinstance(tree, str):
            held = _held(tree)
            return self._text(tree) if held is None else json.dumps(self.rewrite(held))
        return tree

    def _text(self, text: str) -> str:
        for value in sorted(self._known, key=len, reverse=True):
            text = text.replace(value, self._known[value])
        for literal, name in self._literals:
            text = text.replace(literal, name)
        for transformer in TRANSFORMERS:
            if transformer.pattern is not None and not transformer.keys:
                text = transformer.pattern.sub(self._replacing(transformer), text)
        return text

    def _replacing(self, transformer: Transformer) -> Callable[[re.Match[str]], str]:
        def replaced(match: re.Match[str]) -> str:
            group = 1 if match.re.groups else 0
            start, end = match.start(group) - match.start(), match.end(group) - match.start()
            whole = match.group()
            return whole[:start] + self.name(transformer, match.group(group)) + whole[end:]

        return replaced


def normalised(exchanges: Sequence[Any], beside: Sequence[Any], place: Place) -> dict[str, list[Any]]:
    """One case's exchanges (as `plain` writes them) with names for what differs from run to run.

    `beside` are those of other threads, whose order is chance: they are sorted by what they are without numbers.
    """
    in_order = sorted(beside, key=lambda each: _NUMBER.sub(">", repr(_alone(each, place))))
    names = _Names(place)
    names.meet([*exchanges, *in_order])
    written = {"exchanges": names.rewrite(list(exchanges))}
    if in_order:
        # Those that are alike but for their numbers, by these.
        written["beside"] = sorted(names.rewrite(in_order), key=lambda each: (_NUMBER.sub(">", repr(each)), repr(each)))
    return written


def _alone(exchange: Any, place: Place) -> Any:
    names = _Names(place)
    names.meet(exchange)
    return names.rewrite(exchange)


def _held(text: str) -> Any:
    """The JSON object that a text holds, if it holds one: what was encoded twice has members too."""
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of(key: str) -> Transformer | None:
    return next((each for each in TRANSFORMERS if key in each.keys), None)


def _members(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _members(value, name.lower())
    elif isinstance(tree, list):
        for value in tree:
            yield from _members(value, key)
    elif isinstance(tree, str) and (held := _held(tree)) is not None:
        yield from _members(held, key)
    else:
        yield key, tree
