from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.guest.watch import Watch, place_of


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
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages" / "project"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def watch(notes: Notes, project: Path) -> Watch:
    return Watch(notes, str(project))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("file", "owned"),
    [
        ("agent.py", True),
        ("package/module.py", True),
        ("package/../agent.py", True),
        (".venv/lib/python3.12/site-packages/starlette/routing.py", False),
        ("../other/agent.py", False),
        ("../project2/agent.py", False),
    ],
)
def test_whose_a_file_is(watch: Watch, project: Path, file: str, owned: bool) -> None:
    for _ in range(2):
        assert watch.owns(str(project / file)) is owned


def test_the_project_may_be_reached_through_a_link(notes: Notes, project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    assert Watch(notes, str(tmp_path / "link")).owns(str(project / "agent.py"))  # type: ignore[arg-type]
    assert Watch(notes, str(project)).owns(str(tmp_path / "link" / "agent.py"))  # type: ignore[arg-type]


def test_frames_without_a_file_are_nobodys(watch: Watch) -> None:
    assert not watch.owns("<string>")
    assert not watch.owns("<frozen importlib._bootstrap>")


def test_each_quirk_and_place_once_in_an_invocation(watch: Watch, notes: Notes) -> None:
    invocation = watch.begin()
    for quirk, place in [("q", "a.py:1"), ("q", "a.py:1"), ("q", "a.py:2"), ("r", "a.py:1")]:
        invocation.found(quirk, place, "do otherwise")
    watch.begin().found("q", "a.py:1", "do otherwise")
    assert notes.sent == [
        {"quirk": quirk, "place": place, "remedy": "do otherwise"}
        for quirk, place in [("q", "a.py:1"), ("q", "a.py:2"), ("r", "a.py:1"), ("q", "a.py:1")]
    ]


def handler(payload: Any) -> Any:
    return payload


class Handler:
    def __call__(self, payload: Any) -> Any:
        return payload

    def method(self, payload: Any) -> Any:
        return payload


@functools.wraps(handler)
def wrapping(*args: Any) -> Any:
    return handler(*args)


def test_the_place_of_a_handler() -> None:
    here = __file__
    line = handler.__code__.co_firstlineno
    assert place_of(handler) == f"{here}:{line} (handler)"
    assert place_of(wrapping) == f"{here}:{line} (handler)"
    assert place_of(functools.partial(handler, 1)) == f"{here}:{line} (handler)"
    call = Handler.__call__.__code__.co_firstlineno
    assert place_of(Handler()) == f"{here}:{call} (Handler)"
    assert place_of(Handler().method) == f"{here}:{Handler.method.__code__.co_firstlineno} (method)"
    assert place_of(len) == "len"
