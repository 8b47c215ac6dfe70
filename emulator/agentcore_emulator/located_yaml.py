"""YAML files whose values know their lines, so that a complaint about one can name the place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from agentcore_emulator.config import ProjectError

__all__ = ["Node", "Unreadable", "compose", "of", "read"]

# Aliases of aliases make a few lines stand for more values than memory holds.
_MOST_VALUES: Final = 100_000


class Unreadable(ValueError):
    """A file that is no YAML, or cannot be read; `line` counts from 1, and is None where no line is to blame."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.line = line


def compose(file: Path, loader: Any = yaml.SafeLoader) -> yaml.Node | None:
    """The nodes of a file, None for an empty one. Raises `Unreadable`; without a line, it goes on after a name."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable("is not text in UTF-8") from None
    with _complaints():
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    return node


@contextlib.contextmanager
def _complaints() -> Iterator[None]:
    """Turns what PyYAML raises into `Unreadable`."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(f"this is not YAML: {error.problem}", line) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable(f"is not YAML: {str(error).splitlines()[0]}") from None


@dataclass(frozen=True)
class Node:
    """A value of the file, with the place that it was read from. A key that is absent has the value None.

    One that comes from no file has the line 0.
    """

    file: Path
    path: str
    line: int
    value: Any
    children: Mapping[str, Node] = field(default_factory=dict)
    elements: tuple[Node, ...] = ()

    def error(self, sentence: str) -> ProjectError:
        """A `ProjectError` that begins with file, line and what the value is called."""
        if self.line == 0:
            return ProjectError(f"{self.path}: {sentence}")
        return ProjectError(f"{self.file}:{self.line}: {self.path or 'the file'}: {sentence}")

    def __getitem__(self, key: str) -> Node:
        if self.value is not None and not isinstance(self.value, dict):
            raise self.error("is not a mapping of names to values")
        path = f"{self.path}.{key}" if self.path else key
        return self.children.get(key) or Node(self.file, path, self.line, None)

    def items(self) -> list[tuple[str, Node]]:
        """The keys of a mapping with their values. Raises `ProjectError` for anything else."""
        if self.value is not None and not isinstance(self.value, dict):
            raise self.error("is not a mapping of names to values")
        return list(self.children.items())

    def text(self) -> str | None:
        """The value, None if there is none. Raises `ProjectError` if it is no text."""
        if self.value is None or isinstance(self.value, str):
            return self.value or None
        raise self.error(f"{self.value!r} is not a text; put it in quotes")


def of(value: Any, path: str) -> Node:
    """A value that comes from no file, and is called `path`."""
    if isinstance(value, dict):
        return Node(Path(), path, 0, value, {key: of(child, f"{path}.{key}") for key, child in value.items()})
    if isinstance(value, list):
        return Node(Path(), path, 0, value, elements=tuple(of(each, f"{path}[{i}]") for i, each in enumerate(value)))
    return Node(Path(), path, 0, value)


def read(file: Path) -> Node:
    """The values of a file; that of an empty one is None. Raises `ProjectError`, one sentence with file and line."""
    try:
        composed = compose(file)
        with _complaints():
            return Node(file, "", 1, None) if composed is None else _Reader(file).located(composed, "")
    except Unreadable as error:
        raise ProjectError(f"{file}:{error.line}: {error}" if error.line else f"{file} {error}") from None


class _Reader:
    """Makes values of one file's nodes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._loader = yaml.SafeLoader("")
        self._count = 0

    def located(self, node: yaml.Node, path: str) -> Node:
        line = node.start_mark.line + 1
        self._count += 1
        if self._count > _MOST_VALUES:
            raise Unreadable(f"this file stands for more than {_MOST_VALUES:,} values", line)
        if isinstance(node, yaml.MappingNode):
            self._loader.flatten_mapping(node)  # `<<: *common` becomes plain keys
            children = {}
            for key_node, value_node in node.value:
                key = str(self._construct(key_node))
                children[key] = self.located(value_node, f"{path}.{key}" if path else key)
            return Node(self._file, path, line, {key: child.value for key, child in children.items()}, children)
        if isinstance(node, yaml.SequenceNode):
            elements = tuple(self.located(item, f"{path}[{i}]") for i, item in enumerate(node.value))
            return Node(self._file, path, line, [element.value for element in elements], elements=elements)
        return Node(self._file, path, line, self._construct(node))

    def _construct(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node, deep=True)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # PyYAML's own complaints about `!!int x` and the like are these.
            raise Unreadable("this is not YAML: a value is not what its tag says", node.start_mark.line + 1) from None
