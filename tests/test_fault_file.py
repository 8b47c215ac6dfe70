from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from agentcore_emulator import fault_file
from agentcore_emulator.config import ProjectError
from agentcore_emulator.faults import Kill, SlowFirstByte, Throttle

REPOSITORY = Path(__file__).parent.parent


def write(folder: Path, text: str) -> Path:
    file = folder / "faults.yaml"
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return file


def complaint(file: Path) -> str:
    with pytest.raises(ProjectError) as raised:
        fault_file.load(file)
    message = str(raised.value)
    assert "\n" not in message
    return message.removeprefix(str(file))


def test_a_file_with_some_of_everything(tmp_path: Path) -> None:
    throttle, kill, slow = fault_file.load(
        write(
            tmp_path,
            """
            - {fault: throttle, operation: CreateEvent, rate: 0.25, seed: 1, session: one}
            - fault: kill
              after_bytes: 100
            - fault: slow-first-byte
              seconds: 2.5
              times: 3
            """,
        )
    )
    assert isinstance(throttle, Throttle)
    assert throttle.given == {
        "fault": "throttle",
        "operation": "CreateEvent",
        "rate": 0.25,
        "seed": 1,
        "session": "one",
    }
    assert isinstance(kill, Kill)
    assert kill.after_bytes == 100
    assert isinstance(slow, SlowFirstByte)
    assert slow.seconds == 2.5


def test_json_is_yaml_and_no_faults_are_none(tmp_path: Path) -> None:
    [fault] = fault_file.load(write(tmp_path, '[{"fault": "hang"}]'))
    assert fault.given == {"fault": "hang"}
    assert fault_file.load(write(tmp_path, "[]")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: the file: is not a list of faults, such as `- {fault: throttle"),
        ("\nfault: kill\n", ":2: the file: is not a list of faults"),
        ("- fault: kill\n- kill\n", ":2: [1]: a fault is a mapping, such as {fault: throttle"),
        ("- fault: kill\n  times: 0\n", ":2: [0].times: 0 is not a whole number of calls, 1 or more"),
        ("- times: 2\n  rate: 0.5\n  fault: hang\n", ":2: [0].rate: 'times' and 'rate' exclude each other"),
        ("\n- operation: Converse\n", ":2: [0].fault: is missing; it is one of throttle"),
        ("- fault: kill\n  after: 3\n", ":2: [0].after: kill has no such field"),
        ("- fault: kill\n  1: 3\n", ":2: [0].1: kill has no such field"),
        ("- fault: kill\n  session: 2026-01-02\n", ":2: [0].session: datetime.date(2026, 1, 2) is not the id of a s"),
        ("- fault: slow-first-byte\n  seconds: .inf\n", ":2: [0].seconds: inf is not a number of seconds"),
        ("- fault: {\n", ":2: this is not YAML: "),
    ],
)
def test_one_sentence_says_what_is_wrong_and_where(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(write(tmp_path, text)).startswith(message)


BOMB = "- &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"- &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, " is not YAML: "),
        ("- &a [*a]", " is not YAML: "),
        (BOMB, ": this file stands for more than 100,000 values"),
        (f"- fault: {'x' * 1_000_000}", ":1: [0].fault: there is no fault 'xxx"),
        ("- fault: kill\n  times: 1" + "0" * 5000, ":2: this is not YAML: a value is not what its tag says"),
        ("- !!python/object/apply:os.system [ls]", ":1: [0]: a fault is a mapping"),
    ],
)
def test_a_hostile_file(tmp_path: Path, text: str, message: str) -> None:
    said = complaint(write(tmp_path, text))
    assert message in said
    assert len(said) < 300


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert complaint(tmp_path / "missing.yaml").endswith(" cannot be read: No such file or directory")


def test_the_examples_of_the_documentation(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "faults.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.+?)```", page, re.DOTALL)
    assert examples
    for example in examples:
        assert fault_file.load(write(tmp_path, example))
