"""Rule files: YAML to rules, and one sentence naming file, line and rule for whatever is wrong in them."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import yaml

from agentcore_emulator import located_yaml
from agentcore_emulator.located_yaml import Unreadable
from agentcore_emulator.models.conversation import Speaker
from agentcore_emulator.models.rules import Call, Pacing, Placeholder, Rule, Script, Template, When

__all__ = ["BUILT_IN", "RuleFileError", "load"]

BUILT_IN = Path(__file__).with_name("rules.yaml")

# libyaml where PyYAML was built with it: ten times as fast, and the start of the emulator waits for this.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ANYTHING = re.compile("")
_FRAGMENT = re.compile(r"\(\?&(\w+)\)")
_SPEAKERS = ("user", "assistant", "tool")
# What a rule with `tool_result` can name beside its groups; the last one stands for every `input.<field>`.
_RESULT_NAMES = frozenset({"tool", "tool_result", "input."})
_JSON_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))

Rewrites = Sequence[tuple[re.Pattern[str], str]]


class RuleFileError(ValueError):
    """A rule file cannot be used; the text is one sentence that says where and why."""


def load(paths: Sequence[Path]) -> Script:
    """Read rule files and, after them, the built-in rules. Raises RuleFileError.

    The first file that sets a pacing sets it for all rules that have none of their own.
    """
    files = [_File(path) for path in (*paths, BUILT_IN)]
    pacing = next((file.pacing for file in files if file.pacing), Pacing())
    return Script([rule for file in files for rule in file.rules], pacing)


class _File:
    """One rule file: a walk over the nodes of its YAML, which know their lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rule = ""
        self._fragments: dict[str, str] = {}
        self._rewrites: dict[str, Rewrites] = {}
        self.rules: list[Rule] = []
        self.pacing: Pacing | None = None
        top = self._mapping(self._compose(), "the file", ("fragments", "rewrites", "pacing", "rules"))
        if "fragments" in top:
            for name, node in self._mapping(top["fragments"], "fragments").items():
                self._fragments[name] = self._expand(node, self._text(node, f"fragment '{name}'"))
        if "rewrites" in top:
            for name, node in self._mapping(top["rewrites"], "rewrites").items():
                self._rewrites[name] = [self._rewrite(item, name) for item in self._list(node, f"rewrite '{name}'")]
        if "pacing" in top:
            self.pacing = self._read_pacing(top["pacing"])
        if "rules" in top:
            self.rules = [self._read_rule(node) for node in self._list(top["rules"], "rules")]

    def _compose(self) -> yaml.Node:
        try:
            node = located_yaml.compose(self._path, _Loader)
        except Unreadable as error:
            where = f"{self._path}, line {error.line}:" if error.line else f"The model rules {self._path}"
            raise RuleFileError(f"{where} {error}.") from None
        if node is None:
            raise RuleFileError(f"{self._path} is empty; a rule file is a mapping with 'rules' in it.")
        return node

    def _fail(self, node: yaml.Node, what: str) -> NoReturn:
        rule = f"rule '{self._rule}': " if self._rule else ""
        raise RuleFileError(f"{self._path}, line {node.start_mark.line + 1}: {rule}{what}.")

    # Nodes to values, each of the kind that is wanted there.

    def _mapping(self, node: yaml.Node, what: str, keys: Sequence[str] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{what} must be a mapping" + (f" with the keys {', '.join(keys)}" if keys else ""))
        values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, f"a key of {what}")
            if keys and name not in keys:
                self._fail(key, f"{what} has no key '{name}'; the keys are {', '.join(keys)}")
            if name in values:
                self._fail(key, f"{what} has the key '{name}' twice")
            values[name] = value
        return values

    def _list(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"{what} must be a list")
        return cast("list[yaml.Node]", node.value)

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
            self._fail(node, f"{what} must be text; put it in quotes if it looks like something else to YAML")
        return cast("str", node.value)

    def _is_true(self, node: yaml.Node) -> bool:
        return node.tag == "tag:yaml.org,2002:bool" and self._json(node) is True

    def _json(self, node: yaml.Node) -> Any:
        if node.tag not in _JSON_TAGS:
            self._fail(node, "this is no value that JSON has; put it in quotes")
        try:
            value = yaml.SafeLoader("").construct_object(node)
        except ValueError:
            self._fail(node, f"'{node.value}' is not what its tag says")
        if isinstance(value, float) and not math.isfinite(value):
            self._fail(node, "this is no number that JSON has; put it in quotes")
        return value

    # Regular expressions and templates.

    def _expand(self, node: yaml.Node, pattern: str) -> str:
        """Put the fragments in the place of every `(?&name)`."""

        def fragment(match: re.Match[str]) -> str:
            if match[1] not in self._fragments:
                self._fail(node, f"there is no fragment '{match[1]}' above this")
            return f"(?:{self._fragments[match[1]]})"

        return _FRAGMENT.sub(fragment, pattern)

    def _regex(self, node: yaml.Node, what: str) -> re.Pattern[str]:
        pattern = self._expand(node, self._text(node, what))
        try:
            return re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            self._fail(node, f"{what} is not a regular expression: {error.msg}")

    def _rewrite(self, node: yaml.Node, name: str) -> tuple[re.Pattern[str], str]:
        what = f"an entry of rewrite '{name}'"
        entry = self._mapping(node, what, ("match", "with"))
        if len(entry) < 2:
            self._fail(node, f"{what} needs both 'match' and 'with'")
        pattern, replacement = self._regex(entry["match"], "'match'"), self._text(entry["with"], "'with'")
        try:
            pattern.sub(replacement, "")
        except (re.error, IndexError) as error:
            self._fail(entry["with"], f"'with' does not fit its 'match': {error}")
        return pattern, replacement

    def _template(self, node: yaml.Node, what: str, names: frozenset[str]) -> Template:
        parts: list[str | Placeholder] = []
        text = self._text(node, what)
        try:
            pieces = list(string.Formatter().parse(text))
        except ValueError:
            self._fail(node, f"{what} has a brace without its partner; write {{{{ or }}}} for a brace itself")
        for literal, name, rewrite, conversion in pieces:
            parts.append(literal)
            if name is None:
                continue
            if conversion or not (name in names or ("input." in names and name.startswith("input."))):
                self._fail(node, f"{what} uses {{{name}}}, but no regular expression of the rule has (?P<{name}>…)")
            if rewrite and rewrite not in self._rewrites:
                self._fail(node, f"{what} uses {{{name}:{rewrite}}}, but there is no rewrite '{rewrite}'")
            parts.append(Placeholder(name, self._rewrites[rewrite] if rewrite else ()))
        return Template(parts)

    def _input(self, node: yaml.Node, names: frozenset[str]) -> Any:
        if isinstance(node, yaml.MappingNode):
            return {name: self._input(item, names) for name, item in self._mapping(node, "'input'").items()}
        if isinstance(node, yaml.SequenceNode):
            return [self._input(item, names) for item in node.value]
        if node.tag == "tag:yaml.org,2002:str":
            return self._template(node, "'input'", names)
        return self._json(node)

    # The parts of a rule.

    def _read_rule(self, node: yaml.Node) -> Rule:
        rule = self._mapping(node, "a rule", ("name", "when", "say", "call", "pacing"))
        if "name" not in rule:
            self._fail(node, "a rule has no name; give it one for messages such as this")
        self._rule = self._text(rule["name"], "'name'")
        if "say" not in rule and "call" not in rule:
            self._fail(node, "it needs 'say' with a text or 'call' with a tool, or both")
        when = self._read_when(rule["when"]) if "when" in rule else When()
        names = self._names(node, when)
        read = Rule(
            name=self._rule,
            when=when,
            say=self._template(rule["say"], "'say'", names) if "say" in rule else None,
            call=self._read_call(rule["call"], names) if "call" in rule else None,
            pacing=self._read_pacing(rule["pacing"]) if "pacing" in rule else None,
        )
        self._rule = ""
        return read

    def _read_when(self, node: yaml.Node) -> When:
        when = self._mapping(node, "'when'", ("user", "system", "history", "tool_result", "tools"))
        return When(
            user=self._regex(when["user"], "'user'") if "user" in when else None,
            system=self._regex(when["system"], "'system'") if "system" in when else None,
            history=self._read_history(when["history"]) if "history" in when else (),
            tool_result=self._read_tool_result(when["tool_result"]) if "tool_result" in when else (),
            tools=frozenset(self._text(item, "a tool's name") for item in self._list(when["tools"], "'tools'"))
            if "tools" in when
            else frozenset(),
        )

    def _read_history(self, node: yaml.Node) -> list[tuple[Speaker | None, re.Pattern[str]]]:
        if not isinstance(node, yaml.MappingNode):
            return [(None, self._regex(node, "'history'"))]
        turns = self._mapping(node, "'history'", _SPEAKERS)
        return [(cast("Speaker", who), self._regex(item, f"'{who}'")) for who, item in turns.items()]

    def _read_tool_result(self, node: yaml.Node) -> list[tuple[str | None, re.Pattern[str]]]:
        tools = self._mapping(node, "'tool_result'") if isinstance(node, yaml.MappingNode) else {None: node}
        return [
            (tool, _ANYTHING if self._is_true(item) else self._regex(item, "'tool_result'"))
            for tool, item in tools.items()
        ]

    def _names(self, node: yaml.Node, when: When) -> frozenset[str]:
        """What a template of the rule may name. Two groups of one name would leave open which is meant."""
        names: set[str] = set(_RESULT_NAMES) if when.tool_result else set()
        patterns = [when.user, when.system, *(pattern for _, pattern in when.history)]
        for group in [group for pattern in patterns if pattern for group in pattern.groupindex]:
            if group in names:
                self._fail(node, f"the name '{group}' is given to two groups")
            names.add(group)
        # Of the patterns for tool results only one is searched successfully, so these may share names.
        for _, pattern in when.tool_result:
            for group in pattern.groupindex:
                if group in _RESULT_NAMES or any(p and group in p.groupindex for p in patterns):
                    self._fail(node, f"the name '{group}' is given to two groups")
                names.add(group)
        return frozenset(names)

    def _read_call(self, node: yaml.Node, names: frozenset[str]) -> Call:
        call = self._mapping(node, "'call'", ("tool", "input"))
        if "tool" not in call:
            self._fail(node, "'call' does not say which 'tool'")
        tool_input = self._input(call["input"], names) if "input" in call else {}
        if not isinstance(tool_input, dict):
            self._fail(call["input"], "'input' must be a mapping of the tool's parameters")
        return Call(self._text(call["tool"], "'tool'"), tool_input)

    def _read_pacing(self, node: yaml.Node) -> Pacing:
        pacing = self._mapping(node, "'pacing'", ("first_token_ms", "per_token_ms"))
        seconds = {name: self._milliseconds(item, name) / 1000 for name, item in pacing.items()}
        return Pacing(seconds.get("first_token_ms", 0.0), seconds.get("per_token_ms", 0.0))

    def _milliseconds(self, node: yaml.Node, name: str) -> float:
        value = self._json(node) if node.tag in _JSON_TAGS else None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            self._fail(node, f"'{name}' must be a number of milliseconds, 0 or more")
        return float(value)
