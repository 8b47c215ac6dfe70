"""The wording of problems, and shapes of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from agentcore_emulator.wire.shapes import Problem, Shapes

SHAPES: dict[str, Any] = {
    "Any": {"type": "structure", "members": {}, "document": True},
    "Text": {"type": "string", "min": 2, "max": 4, "pattern": "[a-z]*"},
    "Secret": {"type": "integer", "max": 5, "sensitive": True},
    "Role": {"type": "string", "enum": ["USER", "TOOL"]},
    "Share": {"type": "double", "min": 0, "max": 1},
    "Bytes": {"type": "blob", "min": 1, "max": 2},
    "Time": {"type": "timestamp"},
    "Texts": {"type": "list", "member": {"shape": "Text"}, "min": 1, "max": 2},
    "Roles": {"type": "list", "member": {"shape": "Role"}},
    "Things": {"type": "list", "member": {"shape": "Thing"}},
    "Documents": {"type": "list", "member": {"shape": "Any"}},
    "Named": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Thing"}, "max": 1},
    "Labels": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
    "Thing": {
        "type": "structure",
        "required": ["role"],
        "members": {
            "role": {"shape": "Role"},
            "kind": {"shape": "Text", "locationName": "type"},
            "time": {"shape": "Time", "timestampFormat": "iso8601"},
            "epoch": {"shape": "Time"},
            "things": {"shape": "Things"},
            "choice": {"shape": "Choice"},
        },
    },
    "Choice": {
        "type": "structure",
        "union": True,
        "members": {"one": {"shape": "Text"}, "other": {"shape": "Any"}},
    },
}
MODEL = ServiceModel({"metadata": {}, "operations": {}, "shapes": SHAPES}, service_name="test")


def read(shape: str, value: Any) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    parsed = Shapes().node(MODEL.shape_for(shape)).read(value, "it", problems)
    return parsed, problems


def write(shape: str, value: Any) -> Any:
    return Shapes().node(MODEL.shape_for(shape)).write(value)


TEXT_RULES = (
    "[Member must have length less than or equal to 4, Member must have length greater than or equal to 2, "
    "Member must satisfy regular expression pattern: [a-z]*]"
)


@pytest.mark.parametrize(
    ("shape", "value", "problems"),
    [
        (
            "Text",
            "abcde",
            [("it", None, "Member must have length less than or equal to 4")],
        ),
        (
            "Text",
            "A",
            [
                ("it", None, "Member must satisfy regular expression pattern: [a-z]*"),
                ("it", None, "Member must have length greater than or equal to 2"),
            ],
        ),
        ("Text", 12, [("it", None, "Member must have type string")]),
        ("Secret", 6, [("it", None, "Member must have value less than or equal to 5")]),
        (
            "Share",
            1.5,
            [("it", "1.5", "Member must have value less than or equal to 1")],
        ),
        (
            "Share",
            "NaN",
            [
                ("it", "NaN", "Member must have value less than or equal to 1"),
                ("it", "NaN", "Member must have value greater than or equal to 0"),
            ],
        ),
        (
            "Role",
            "user",
            [("it", "user", "Member must satisfy enum value set: [USER, TOOL]")],
        ),
        (
            "Bytes",
            "",
            [("it", None, "Member must have length greater than or equal to 1")],
        ),
        (
            "Bytes",
            "AAAA",
            [("it", None, "Member must have length less than or equal to 2")],
        ),
        (
            "Texts",
            [],
            [("it", None, "Member must have length greater than or equal to 1")],
        ),
        ("Texts", {}, [("it", None, "Member must have type list")]),
        (
            "Texts",
            ["A", "B"],
            [("it", None, f"Member must satisfy constraint: {TEXT_RULES}")],
        ),
        ("Texts", ["ab", None], [("it.2.member", None, "Member must not be null")]),
        ("Texts", ["ab", 1], [("it.2.member", None, "Member must have type string")]),
        (
            "Roles",
            ["USER", "x"],
            [("it", None, "Member must satisfy constraint: [Member must satisfy enum value set: [USER, TOOL]]")],
        ),
        (
            "Labels",
            {"ab": "A"},
            [("it", None, f"Map value must satisfy constraint: {TEXT_RULES}")],
        ),
        (
            "Labels",
            {"A": "ab"},
            [("it", None, f"Map keys must satisfy constraint: {TEXT_RULES}")],
        ),
        ("Labels", [], [("it", None, "Member must have type map")]),
        (
            "Named",
            {"ab": {}, "cd": None},
            [
                ("it", None, "Member must have length less than or equal to 1"),
                ("it.ab.member.role", None, "Member must not be null"),
                ("it.cd.member", None, "Member must not be null"),
            ],
        ),
        ("Thing", "x", [("it", None, "Member must have type structure")]),
        (
            "Thing",
            {"role": "USER", "type": "A", "things": [{"role": "USER"}, {"role": None}]},
            [
                ("it.kind", None, "Member must satisfy regular expression pattern: [a-z]*"),
                ("it.kind", None, "Member must have length greater than or equal to 2"),
                ("it.things.2.member.role", None, "Member must not be null"),
            ],
        ),
        (
            "Choice",
            {},
            [("it", None, "Member must have exactly one of its members set: [one, other]")],
        ),
        (
            "Choice",
            {"one": "ab", "other": 1},
            [("it", None, "Member must have exactly one of its members set: [one, other]")],
        ),
    ],
)
def test_problems(shape: str, value: Any, problems: list[tuple[str, str | None, str]]) -> None:
    assert read(shape, value)[1] == problems


def test_wording() -> None:
    assert str(Problem("a.1.member", None, "No.")) == "Value at 'a.1.member' failed to satisfy constraint: No."
    assert str(Problem("role", "me", "No.")) == "Value 'me' at 'role' failed to satisfy constraint: No."


@pytest.mark.parametrize(
    ("shape", "value", "parsed"),
    [
        ("Any", {"a": [None, 1.5, {"b": "é"}]}, {"a": [None, 1.5, {"b": "é"}]}),
        ("Documents", [None, 1], [None, 1]),
        ("Choice", {"one": None, "other": [], "__type": "x"}, {"other": []}),
        ("Thing", {"role": "TOOL", "type": "ab", "kind": 5}, {"role": "TOOL", "kind": "ab"}),
        (
            "Thing",
            {"role": "TOOL", "time": "1970-01-01T00:00:05Z", "epoch": 5},
            {"role": "TOOL", "time": 5.0, "epoch": 5.0},
        ),
        ("Named", {"ab": {"role": "USER"}}, {"ab": {"role": "USER"}}),
    ],
)
def test_values(shape: str, value: Any, parsed: Any) -> None:
    assert read(shape, value) == (parsed, [])


def test_a_pattern_is_not_tried_on_what_is_too_long() -> None:
    # Anything but the limit on length would keep this from ending.
    slow = {"Slow": {"type": "string", "max": 30, "pattern": "(a*)*b"}}
    model = ServiceModel({"metadata": {}, "operations": {}, "shapes": slow}, service_name="test")
    problems: list[Problem] = []
    Shapes().node(model.shape_for("Slow")).read("a" * 100, "it", problems)
    assert [problem.rule for problem in problems] == ["Member must have length less than or equal to 30"]


def test_write_drops_none_and_renames() -> None:
    thing = {"role": "USER", "kind": "ab", "things": None, "time": 5.0, "epoch": 5.0}
    assert write("Things", [thing]) == [
        {"role": "USER", "type": "ab", "time": "1970-01-01T00:00:05.000Z", "epoch": 5.0}
    ]


def test_write_converts_in_lists_and_maps() -> None:
    assert write("Named", {"ab": {"role": "USER", "choice": {"other": {"a": None}}}}) == {
        "ab": {"role": "USER", "choice": {"other": {"a": None}}}
    }


def test_write_refuses_what_the_shape_lacks() -> None:
    with pytest.raises(TypeError, match="Thing has no member 'type'"):
        write("Things", [{"role": "USER", "type": "ab"}])


@pytest.mark.parametrize("service", ["bedrock-agentcore", "bedrock-agentcore-control", "bedrock-runtime"])
def test_every_shape_compiles(service: str) -> None:
    model = ServiceModel(Loader().load_service_model(service, "service-2"))
    shapes = Shapes()
    for name in model.shape_names:
        problems: list[Problem] = []
        # Reading builds the nodes below, which wait for their first use.
        node = shapes.node(model.shape_for(name))
        node.read({}, "it", problems)
        node.read(["x"], "it", problems)
        node.read({"x": "x"}, "it", problems)
