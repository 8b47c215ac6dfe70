"""botocore's shapes, compiled into nodes that validate and convert a JSON value in one walk.

A node's `read` takes a value as JSON gives it and returns it as handlers see it, adding a `Problem` for whatever breaks
the model; `write` takes a handler's value and returns what JSON is made of. The wording of the problems is that of the
live services, observed in: langchain-ai/langchain-aws issue 740 (no value with a pattern), continuedev/continue issue
1938 (value with an enum), tontinton/maki issue 38 (several at once, pattern before length),
aws-quickstart/quickstart-taskcat-ci issue 60 (map values), aws/bedrock-agentcore-sdk-python issue 18 (scalar lists).
No wording was found for a wrong type or a union with several members; those sentences are ours, in the same form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from agentcore_emulator.wire import scalars

if TYPE_CHECKING:
    # Not at run time: it takes a fifth of a second, which is wire.service.load's to spend.
    from botocore.model import ListShape, MapShape, Shape, StructureShape

__all__ = ["NULL", "Node", "Problem", "Scalar", "Shapes"]

NULL = "Member must not be null"


class Problem(NamedTuple):
    """One broken rule: the member's path, its value where AWS shows it, and the rule."""

    at: str
    value: str | None
    rule: str

    def __str__(self) -> str:
        shown = "Value" if self.value is None else f"Value '{self.value}'"
        return f"{shown} at '{self.at}' failed to satisfy constraint: {self.rule}"


class Node:
    """Anything goes: a Smithy document, which is any JSON value. Base of the nodes that look closer."""

    @property
    def plain(self) -> bool:
        """True where `write` would return its argument, so that callers need not call it."""
        return True

    def read(self, value: Any, at: str, problems: list[Problem]) -> Any:
        """Check and convert what came from JSON; `at` is the member's path."""
        return value

    def write(self, value: Any) -> Any:
        """Convert for JSON. A value of the wrong type is a bug of the handler and raises as it may."""
        return value


class Scalar(Node):
    """A string, number, boolean, timestamp or blob."""

    def __init__(self, shape: Shape) -> None:
        self.kind = shape.type_name
        self._convert = scalars.FROM_JSON[self.kind]
        self._least = shape.metadata.get("min")
        self._most = shape.metadata.get("max")
        self._pattern = shape.metadata.get("pattern")
        self._enum = frozenset(shape.metadata.get("enum", ()))
        self._matches = scalars.compile_pattern(self._pattern).fullmatch if self._pattern else None
        self._sized = self.kind in ("string", "blob")
        self._least_rule, self._most_rule = _limit_rules(shape, "length" if self._sized else "value")
        self._pattern_rule = f"Member must satisfy regular expression pattern: {self._pattern}"
        self._enum_rule = f"Member must satisfy enum value set: [{', '.join(shape.metadata.get('enum', ()))}]"
        self._shown = (bool(self._enum) or not self._sized) and not shape.metadata.get("sensitive")
        self._write = scalars.writer(self.kind, shape.serialization.get("timestampFormat"))

    @property
    def plain(self) -> bool:
        """Strings, integers and booleans are."""
        return self._write is None

    def read(self, value: Any, at: str, problems: list[Problem]) -> Any:
        """Check type and rules."""
        parsed = self.convert(value, at, problems)
        if parsed is not None:
            problems += [Problem(at, str(value) if self._shown else None, rule) for rule in self.broken(parsed)]
        return parsed

    def convert(self, value: Any, at: str, problems: list[Problem]) -> Any:
        """Check the type alone; None, and a problem, when it is wrong."""
        try:
            return self._convert(value)
        except (ValueError, OverflowError):
            rule = NULL if value is None else f"Member must have type {self.kind}"
            problems.append(Problem(at, None, rule))
            return None

    def broken(self, parsed: Any) -> Iterator[str]:
        """The rules that a value of the right type breaks."""
        size = len(parsed) if self._sized else parsed
        # Comparisons are written so that NaN breaks every limit.
        if self._most is not None and not size <= self._most:
            yield self._most_rule
        # The pattern comes after the upper limit: backtracking over an unlimited text could take for ever.
        elif self._matches is not None and not self._matches(parsed):
            yield self._pattern_rule
        if self._least is not None and not size >= self._least:
            yield self._least_rule
        if self._enum and parsed not in self._enum:
            yield self._enum_rule

    @property
    def rules(self) -> str:
        """All rules at once, which is how AWS reports a list or map that holds one bad scalar."""
        modelled = (
            (self._most is not None, self._most_rule),
            (self._least is not None, self._least_rule),
            (self._pattern is not None, self._pattern_rule),
            (bool(self._enum), self._enum_rule),
        )
        return f"[{', '.join(rule for exists, rule in modelled if exists)}]"

    def write(self, value: Any) -> Any:
        """Convert for JSON."""
        return value if self._write is None else self._write(value)


class _List(Node):
    def __init__(self, shape: ListShape, shapes: Shapes) -> None:
        self._shape = shape
        self._shapes = shapes
        self._limits = _Limits(shape)

    @cached_property
    def _member(self) -> Node:
        return self._shapes.node(self._shape.member)

    @property
    def plain(self) -> bool:
        return self._member.plain

    def read(self, value: Any, at: str, problems: list[Problem]) -> list[Any] | None:
        if not isinstance(value, list):
            problems.append(Problem(at, None, "Member must have type list"))
            return None
        problems += [Problem(at, None, rule) for rule in self._limits.broken(len(value))]
        return _read_all(
            self._member, [(str(place), item) for place, item in enumerate(value, 1)], at, "Member", problems
        )

    def write(self, value: Any) -> Any:
        write = self._member.write
        return [write(item) for item in value]


class _Map(Node):
    def __init__(self, shape: MapShape, shapes: Shapes) -> None:
        self._shape = shape
        self._shapes = shapes
        self._limits = _Limits(shape)
        self._key = Scalar(shape.key)

    @cached_property
    def _value(self) -> Node:
        return self._shapes.node(self._shape.value)

    @property
    def plain(self) -> bool:
        return self._value.plain

    def read(self, value: Any, at: str, problems: list[Problem]) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            problems.append(Problem(at, None, "Member must have type map"))
            return None
        problems += [Problem(at, None, rule) for rule in self._limits.broken(len(value))]
        if any(rule for key in value for rule in self._key.broken(key)):
            problems.append(Problem(at, None, f"Map keys must satisfy constraint: {self._key.rules}"))
        values = _read_all(self._value, list(value.items()), at, "Map value", problems)
        return dict(zip(value, values, strict=True))

    def write(self, value: Any) -> Any:
        write = self._value.write
        return {key: write(item) for key, item in value.items()}


def _read_all(node: Node, items: list[tuple[str, Any]], at: str, what: str, problems: list[Problem]) -> list[Any]:
    """Read a collection's members: bad scalars are one problem of the collection, all else is reported by itself."""
    if isinstance(node, Scalar):
        parsed = [node.convert(item, f"{at}.{place}.member", problems) for place, item in items]
        if any(rule for item in parsed if item is not None for rule in node.broken(item)):
            problems.append(Problem(at, None, f"{what} must satisfy constraint: {node.rules}"))
        return parsed
    parsed = []
    for place, item in items:
        if item is None and type(node) is not Node:
            problems.append(Problem(f"{at}.{place}.member", None, NULL))
            parsed.append(None)
        else:
            parsed.append(node.read(item, f"{at}.{place}.member", problems))
    return parsed


class _Structure(Node):
    """A structure or a union."""

    def __init__(self, shape: StructureShape, shapes: Shapes) -> None:
        self._shape = shape
        self._shapes = shapes
        self._union = shape.is_tagged_union
        self._required = frozenset(shape.required_members)

    @property
    def plain(self) -> bool:
        """Never: members that are None must go."""
        return False

    @cached_property
    def _members(self) -> list[tuple[str, str, Node, bool]]:
        # At first use, not at compilation: shapes may hold themselves.
        return [
            (name, member.serialization.get("name", name), self._shapes.node(member), name in self._required)
            for name, member in self._shape.members.items()
        ]

    @cached_property
    def _writers(self) -> dict[str, tuple[str, Callable[[Any], Any] | None]]:
        return {name: (key, None if node.plain else node.write) for name, key, node, _ in self._members}

    def read(self, value: Any, at: str, problems: list[Problem]) -> dict[str, Any] | None:
        """Check the members, which are None where they are absent from `value`; what the shape lacks is ignored."""
        if not isinstance(value, dict):
            problems.append(Problem(at, None, "Member must have type structure"))
            return None
        parsed: dict[str, Any] = {}
        for name, key, node, required in self._members:
            item = value.get(key)
            if item is not None:
                parsed[name] = node.read(item, f"{at}.{name}", problems)
            elif required:
                problems.append(Problem(f"{at}.{name}", None, NULL))
        if self._union and len(parsed) != 1:
            names = ", ".join(name for name, *_ in self._members)
            problems.append(Problem(at, None, f"Member must have exactly one of its members set: [{names}]"))
        return parsed

    def write(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Convert for JSON without the members that are None; raises TypeError for one that the shape lacks."""
        written = {}
        writers = self._writers
        for name, item in value.items():
            if name not in writers:
                raise TypeError(f"{self._shape.name} has no member {name!r}")
            if item is not None:
                key, write = writers[name]
                written[key] = item if write is None else write(item)
        return written


class Shapes:
    """The nodes of one service's shapes, each compiled when it is first asked for.

    Strings of the shapes named in `unchecked` are passed on as they are.
    """

    def __init__(self, unchecked: frozenset[str] = frozenset()) -> None:
        self._nodes: dict[str, Node] = {}
        self._unchecked = unchecked

    def node(self, shape: Shape) -> Node:
        """The node for a member of a JSON body."""
        # botocore merges a member's own traits into a copy of the shape under the same name. Of these only the format
        # of a timestamp changes how the value is written.
        key = f"{shape.name} {shape.serialization.get('timestampFormat', '')}"
        if key not in self._nodes:
            self._nodes[key] = self._compile(shape)
        return self._nodes[key]

    def _compile(self, shape: Shape) -> Node:
        match shape.type_name:
            case "structure":
                return Node() if shape.metadata.get("document") else _Structure(cast("StructureShape", shape), self)
            case "list":
                return _List(cast("ListShape", shape), self)
            case "map":
                return _Map(cast("MapShape", shape), self)
        return Node() if shape.name in self._unchecked else Scalar(shape)


class _Limits:
    """The least and greatest number of members of a collection."""

    def __init__(self, shape: Shape) -> None:
        self._least = shape.metadata.get("min", 0)
        self._most = shape.metadata.get("max")
        self._least_rule, self._most_rule = _limit_rules(shape, "length")

    def broken(self, size: int) -> Iterator[str]:
        if self._most is not None and size > self._most:
            yield self._most_rule
        if size < self._least:
            yield self._least_rule


def _limit_rules(shape: Shape, what: str) -> tuple[str, str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    return (
        f"Member must have {what} greater than or equal to {least}",
        f"Member must have {what} less than or equal to {most}",
    )
