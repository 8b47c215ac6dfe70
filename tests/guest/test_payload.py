from __future__ import annotations

import collections
import copy
import functools
import importlib.util
import json
import pickle
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentcore_emulator.guest.payload import JSONSerializableDict, Watched, strict
from agentcore_emulator.guest.watch import Watch


@functools.cache
def strands_class() -> Any:
    """Strands' own class; its module alone, which is quick."""
    package = importlib.util.find_spec("strands")
    if package is None or not package.submodule_search_locations:
        pytest.skip("strands-agents is not installed")
    file = Path(package.submodule_search_locations[0]) / "types" / "json_dict.py"
    spec = importlib.util.spec_from_file_location("json_dict", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["json_dict"] = module  # Where pickle looks for the class.
    spec.loader.exec_module(module)
    return module.JSONSerializableDict


# The class, against the one that it stands for

KEYS = st.sampled_from(["a", "b", "", " ", None, 7, "é"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(object()) | st.just({1, 2}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
JSON_OBJECTS = st.dictionaries(
    st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers()), max_size=4
)

Operation = Callable[[Any], Any]

OPERATIONS: dict[str, Callable[[Any, Any], Operation]] = {
    "set": lambda key, value: lambda d: d.set(key, value),
    "get": lambda key, value: lambda d: d.get(key),
    "get all": lambda key, value: lambda d: d.get(),
    "get by name": lambda key, value: lambda d: d.get(key=key),
    "get with default": lambda key, value: lambda d: d.get(key, value),
    "get with named default": lambda key, value: lambda d: d.get(key, default=value),
    "delete": lambda key, value: lambda d: d.delete(key),
    "version": lambda key, value: lambda d: d._get_version(),
    "subscript": lambda key, value: lambda d: d[key],
    "assign": lambda key, value: lambda d: d.__setitem__(key, value),
    "remove": lambda key, value: lambda d: d.__delitem__(key),
    "in": lambda key, value: lambda d: key in d,
    "len": lambda key, value: lambda d: len(d),
    "iterate": lambda key, value: lambda d: list(d),
    "dict": lambda key, value: lambda d: dict(d),
    "unpack": lambda key, value: lambda d: {**d},
    "merge": lambda key, value: lambda d: d | {},
    "json": lambda key, value: lambda d: json.dumps(d),
    "bool": lambda key, value: lambda d: bool(d),
    "is a dict": lambda key, value: lambda d: isinstance(d, dict | collections.abc.Mapping),
    "equal": lambda key, value: lambda d: (d == d, d == d.get(), d == copy.deepcopy(d)),
    "hash": lambda key, value: lambda d: hash(d) == hash(d),
    "deep copy": lambda key, value: lambda d: copy.deepcopy(d).get(),
    "pickle": lambda key, value: lambda d: pickle.loads(pickle.dumps(d)).get(),
    **{
        name: lambda key, value, name=name: lambda d: getattr(d, name)()  # type: ignore[misc]
        for name in ("keys", "values", "items", "pop", "popitem", "update", "setdefault", "copy", "clear")
    },
}


def outcome(operation: Operation, of: Any) -> tuple[str, str]:
    """What an operation gives, or the type of what it raises; as text, for NaN is not equal to itself."""
    try:
        return "value", repr(operation(of))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return "error", type(error).__name__


@given(
    initial=JSON_OBJECTS,
    steps=st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), KEYS, VALUES), max_size=20),
)
def test_our_class_does_as_strands_class_does(initial: dict[str, Any], steps: list[tuple[str, Any, Any]]) -> None:
    real, ours = strands_class()(initial), JSONSerializableDict(initial)
    for name, key, value in steps:
        operation = OPERATIONS[name](key, value)
        assert outcome(operation, ours) == outcome(operation, real), name
    assert repr(ours.get()) == repr(real.get())
    assert ours._get_version() == real._get_version()


def test_what_goes_in_and_comes_out_is_copied() -> None:
    initial = {"list": [1]}
    payload = JSONSerializableDict(initial)
    initial["list"].append(2)
    payload.get("list").append(3)
    payload.get()["list"].append(4)
    value = [5]
    payload.set("other", value)
    value.append(6)
    assert payload.get() == {"list": [1], "other": [5]}


def test_strands_own_class_where_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "strands.types.json_dict", raising=False)
    assert type(strict({"a": 1})) is JSONSerializableDict
    module = types.ModuleType("strands.types.json_dict")
    module.__dict__["JSONSerializableDict"] = real_class = strands_class()
    monkeypatch.setitem(sys.modules, "strands.types.json_dict", module)
    payload = strict({"a": 1})
    assert type(payload) is real_class
    assert payload.get("a") == 1


# Under `warn`


class Notes:
    """Keeps what a guest would send to the host."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def agent(tmp_path: Path, notes: Notes) -> Callable[..., Any]:
    """Runs one line of an agent's file on a watched payload and returns what it gives."""
    watch = Watch(notes, str(tmp_path))  # type: ignore[arg-type]

    def run(line: str, content: dict[str, Any], file: str = "agent.py") -> Any:
        source = f"import copy, json, pickle\n\ndef use(payload):\n    {line}\n"
        names: dict[str, Any] = {}
        exec(compile(source, str(tmp_path / file), "exec"), names)
        return names["use"](Watched(content, watch.begin()))

    return run


REFUSED = {
    "return payload.get('a', 1)": "payload.get('a', …)",
    "return payload['a']": "payload[…]",
    "payload['b'] = 2; return payload.get('b')": "payload[…] = …",
    "del payload['a']": "del payload[…]",
    "return 'a' in payload": "… in payload",
    "return list(payload)": "iterating over payload",
    "return [key for key in payload]": "iterating over payload",
    "return len(payload)": "len(payload)",
    "return list(payload.keys())": "payload.keys()",
    "return list(payload.values())": "payload.values()",
    "return list(payload.items())": "payload.items()",
    "return payload.pop('a')": "payload.pop()",
    "return payload.popitem()": "payload.popitem()",
    "payload.update(b=2)": "payload.update()",
    "return payload.setdefault('a', 2)": "payload.setdefault()",
    "return payload.copy()": "payload.copy()",
    "return payload | {'b': 2}": "payload | …",
    "return {'b': 2} | payload": "… | payload",
    "payload |= {'b': 2}; return payload.get('b')": "payload |= …",
    "return list(reversed(payload))": "reversed(payload)",
    "return dict(payload)": "payload.keys()",
    "return {**payload}": "payload.keys()",
    "return (lambda **names: names)(**payload)": "payload.keys()",
    "return json.dumps(payload)": "payload.items()",
    "return sorted(payload.items())": "payload.items()",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_use_that_strict_refuses_is_reported_and_works(agent: Callable[..., Any], notes: Notes, line: str) -> None:
    expected = agent(line, {"a": [1]}, "site-packages/lib.py")
    assert notes.sent == [], "a package's own doing"
    assert agent(line, {"a": [1]}) == expected
    plain: dict[str, Any] = {}
    exec(f"import copy, json, pickle\ndef use(payload):\n    {line}\n", plain)
    assert plain["use"]({"a": [1]}) == expected
    [found] = notes.sent
    assert found["quirk"] == "payload-type"
    assert found["place"].endswith("/agent.py:4")
    assert found["remedy"].startswith(f"{REFUSED[line]} fails where the payload is a JSONSerializableDict: read with ")
    with pytest.raises((TypeError, AttributeError)):
        plain["use"](JSONSerializableDict({"a": [1]}))


@pytest.mark.parametrize(
    "line",
    [
        "return payload.get('a')",
        "return payload.get('missing') or 7",
        "return bool(payload)",
        "return copy.deepcopy(payload)",
        "return pickle.loads(pickle.dumps(payload))",
        "return copy.copy(payload)",
        "return repr(payload)",
        "return payload == {'a': [1]}",
    ],
)
def test_other_uses_are_not_reported(agent: Callable[..., Any], notes: Notes, line: str) -> None:
    plain: dict[str, Any] = {}
    exec(f"import copy, json, pickle\ndef use(payload):\n    {line}\n", plain)
    assert agent(line, {"a": [1]}) == plain["use"]({"a": [1]})
    assert notes.sent == []


def test_copies_are_plain_and_unwatched(agent: Callable[..., Any]) -> None:
    for line in ("copy.deepcopy(payload)", "pickle.loads(pickle.dumps(payload))", "payload.copy()", "payload | {}"):
        assert type(agent(f"return {line}", {"a": 1})) is dict


def test_each_place_once_in_an_invocation(agent: Callable[..., Any], notes: Notes) -> None:
    agent("return [payload['a'] for _ in range(5)]", {"a": 1})
    assert len(notes.sent) == 1
    agent("return payload['a']", {"a": 1})
    assert len(notes.sent) == 2


def test_it_is_a_dict_for_everybody_else(agent: Callable[..., Any]) -> None:
    assert agent("return isinstance(payload, dict) and json.loads(json.dumps(payload)) == payload", {"a": {"b": [1]}})
    assert not agent("return bool(payload)", {})
