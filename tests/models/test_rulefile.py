from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from agentcore_emulator.models.conversation import Conversation, ToolResult, Turn
from agentcore_emulator.models.rulefile import BUILT_IN, RuleFileError, load
from agentcore_emulator.models.rules import Pacing, Reply, Script, ToolCall

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "rules.yaml") -> Path:
        file = tmp_path / name
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    return write


def ask(
    script: Script, user: str, *, tools: tuple[str, ...] = (), said: str = "", ran: ToolResult | None = None
) -> Reply:
    return script.reply(
        Conversation(
            user=user,
            history=(Turn("assistant", said),) if said else (),
            results=(ran,) if ran else (),
            system="",
            tools=frozenset(tools),
            required=frozenset(),
        )
    )


def test_a_file_with_everything_in_it(write: Write) -> None:
    script = load(
        [
            write(r"""
            fragments:
              city: '[A-Z]\w+'
              place: '(?:in|at) (?P<city>(?&city))'
            rewrites:
              lower:
                - {match: 'B', with: 'b'}
                - {match: '(e)r', with: '<\1>'}
            pacing: {first_token_ms: 200, per_token_ms: 1.5}
            rules:
              - name: weather
                when:
                  user: 'weather (?&place)'
                  tools: [weather]
                call:
                  tool: weather
                  input: {city: '{city:lower}', days: 3, exact: true, hourly: null, units: ['{city}', {a: 0.5}]}
              - name: report
                when: {tool_result: {weather: '(?P<degrees>\d+)'}}
                say: '{{{degrees}}} in {input.city}'
              - name: again
                when: {user: again, history: {assistant: 'in (?P<city>\w+)'}}
                say: 'Again {city}'
                pacing: {per_token_ms: 10}
            """)
        ]
    )
    weather = ask(script, "Weather in Berlin?", tools=("weather",))
    assert weather.call == ToolCall(
        "weather",
        {"city": "b<e>lin", "days": 3, "exact": True, "hourly": None, "units": ["Berlin", {"a": 0.5}]},
    )
    assert weather.pacing == Pacing(0.2, 0.0015)
    report = ask(script, "", ran=ToolResult("weather", {"city": "Berlin"}, "21"))
    assert report.text == "{21} in Berlin"
    again = ask(script, "again", said="{21} in Berlin")
    assert (again.text, again.pacing) == ("Again Berlin", Pacing(0.0, 0.01))


def test_regular_expressions_do_not_mind_case_unless_told(write: Write) -> None:
    script = load([write("rules: [{name: a, when: {user: 'hello (?-i:Ada)'}, say: ok}]")])
    assert ask(script, "HELLO Ada").rule == "a"
    assert ask(script, "HELLO ADA").rule != "a"


def test_files_are_tried_in_order_and_the_built_in_rules_last(write: Write) -> None:
    first = write("rules: [{name: first, when: {user: one}, say: '1'}]", "a.yaml")
    second = write("rules: [{name: second, when: {user: one|two}, say: '2'}]", "b.yaml")
    script = load([first, second])
    assert [ask(script, text).rule for text in ("one", "two", "hello")] == ["first", "second", "greeting"]
    assert ask(load([]), "hello").rule == "greeting"


def test_the_first_pacing_holds_for_the_rules_of_all_files(write: Write) -> None:
    only_pacing = write("pacing: {first_token_ms: 300}", "a.yaml")
    other = write("pacing: {first_token_ms: 1}", "b.yaml")
    assert ask(load([only_pacing, other]), "hello").pacing == Pacing(0.3, 0.0)
    assert ask(load([]), "hello").pacing == Pacing()


def test_tool_result_takes_an_expression_for_any_tool(write: Write) -> None:
    script = load([write("rules: [{name: a, when: {tool_result: '^4(?P<x>.)$'}, say: '{tool}: {tool_result} {x}'}]")])
    assert ask(script, "", ran=ToolResult("t", {}, "48")).text == "t: 48 8"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("rules:\n  - name: a\n   say: b", 3, "this is not YAML"),
        ("- a", 1, "the file must be a mapping with the keys fragments, rewrites, pacing, rules"),
        ("rules: {}", 1, "rules must be a list"),
        ("rule: []", 1, "the file has no key 'rule'; the keys are fragments, rewrites, pacing, rules"),
        ("rules: []\nrules: []", 2, "the file has the key 'rules' twice"),
        ("rules:\n- say: b", 2, "a rule has no name"),
        ("rules:\n- name: a", 2, "rule 'a': it needs 'say' with a text or 'call' with a tool, or both"),
        ("rules:\n- name: a\n  sya: b", 3, "a rule has no key 'sya'"),
        ("rules:\n- name: 3\n  say: b", 2, "'name' must be text; put it in quotes"),
        ("rules:\n- name: a\n  say: yes", 3, "rule 'a': 'say' must be text; put it in quotes"),
        ("rules:\n- name: a\n  when: b\n  say: c", 3, "rule 'a': 'when' must be a mapping with the keys user, system"),
        (
            "rules:\n- name: a\n  when:\n    user: '('\n  say: c",
            4,
            "rule 'a': 'user' is not a regular expression: missing )",
        ),
        ("rules:\n- name: a\n  when: {user: '(?&b)'}\n  say: c", 3, "rule 'a': there is no fragment 'b' above this"),
        ("rules:\n- name: a\n  when: {tools: t}\n  say: c", 3, "rule 'a': 'tools' must be a list"),
        (
            "rules:\n- name: a\n  when: {history: {bot: x}}\n  say: c",
            3,
            "'history' has no key 'bot'; the keys are user",
        ),
        ("rules:\n- name: a\n  when: {tool_result: false}\n  say: c", 3, "'tool_result' must be text"),
        ("rules:\n- name: a\n  say: 'x {b}'", 3, "'say' uses {b}, but no regular expression of the rule has (?P<b>…)"),
        ("rules:\n- name: a\n  say: 'x {input.b}'", 3, "'say' uses {input.b}, but no regular expression"),
        (
            "rules:\n- name: a\n  say: 'x {'",
            3,
            "'say' has a brace without its partner; write {{ or }} for a brace itself",
        ),
        (
            "rules:\n- name: a\n  when: {user: '(?P<x>.)'}\n  say: '{x:up}'",
            4,
            "'say' uses {x:up}, but there is no rewrite 'up'",
        ),
        (
            "rules:\n- name: a\n  when: {user: '(?P<x>.)', system: '(?P<x>.)'}\n  say: a",
            2,
            "rule 'a': the name 'x' is given to two groups",
        ),
        (
            "rules:\n- name: a\n  when: {user: '(?P<x>.)', tool_result: '(?P<x>.)'}\n  say: a",
            2,
            "rule 'a': the name 'x' is given to two groups",
        ),
        (
            "rules:\n- name: a\n  when: {tool_result: '(?P<tool>.)'}\n  say: a",
            2,
            "the name 'tool' is given to two groups",
        ),
        ("rules:\n- name: a\n  call: {input: {}}", 3, "rule 'a': 'call' does not say which 'tool'"),
        ("rules:\n- name: a\n  call: {tool: t, input: [1]}", 3, "'input' must be a mapping of the tool's parameters"),
        ("rules:\n- name: a\n  call: {tool: t, input: {day: 2026-01-02}}", 3, "this is no value that JSON has"),
        ("rules:\n- name: a\n  call: {tool: t, input: {day: .nan}}", 3, "this is no number that JSON has"),
        ("rules:\n- name: a\n  call: {tool: t, input: {day: !!int x}}", 3, "'x' is not what its tag says"),
        ("pacing: {first_token_ms: -1}", 1, "'first_token_ms' must be a number of milliseconds, 0 or more"),
        ("pacing: {first_token_ms: true}", 1, "'first_token_ms' must be a number of milliseconds, 0 or more"),
        ("pacing: {first_token_ms: fast}", 1, "'first_token_ms' must be a number of milliseconds, 0 or more"),
        ("pacing: {first_token_ms: [1]}", 1, "'first_token_ms' must be a number of milliseconds, 0 or more"),
        ("pacing: {fast: 1}", 1, "'pacing' has no key 'fast'; the keys are first_token_ms, per_token_ms"),
        ("rewrites:\n  r:\n  - {match: a}", 3, "an entry of rewrite 'r' needs both 'match' and 'with'"),
        ("rewrites:\n  r:\n  - {match: a, with: '\\1'}", 3, "'with' does not fit its 'match'"),
    ],
)
def test_one_sentence_says_what_is_wrong_and_where(write: Write, text: str, line: int, what: str) -> None:
    file = write(text)
    with pytest.raises(RuleFileError) as caught:
        load([file])
    sentence = str(caught.value)
    assert sentence.startswith(f"{file}, line {line}: ")
    assert what in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(RuleFileError, match=r"missing\.yaml cannot be read: No such file or directory\.$"):
        load([missing])


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_bytes(b"rules: \xff")
    with pytest.raises(RuleFileError, match="not text in UTF-8"):
        load([file])
    file.write_bytes(b"rules: \x00")
    with pytest.raises(RuleFileError, match="is not YAML"):
        load([file])


def test_an_empty_file(write: Write) -> None:
    with pytest.raises(RuleFileError, match=r"rules\.yaml is empty; a rule file is a mapping"):
        load([write("# nothing yet\n")])


def test_the_built_in_rules_travel_with_the_package() -> None:
    assert BUILT_IN.is_file()
    assert BUILT_IN.parent.name == "models"


def test_the_example_of_the_documentation(write: Write) -> None:
    page = Path(__file__).parents[2] / "docs" / "model.md"
    (example,) = re.findall(r"```yaml\n(.+?)```", page.read_text("utf-8"), re.DOTALL)
    script = load([write(example)])
    asked = ask(script, "What is the weather in New York?", tools=("get_weather",))
    assert asked.call == ToolCall("get_weather", {"place": "NYC", "days": 3})
    assert asked.pacing == Pacing(0.3, 0.02)
    report = ask(script, "", ran=ToolResult("get_weather", {"place": "NYC"}, "-3 °C"))
    assert report.text == "It has -3 degrees in NYC."
