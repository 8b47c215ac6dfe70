from pathlib import Path

import pytest

from agentcore_emulator.config import Platforms, Settings, store_url


def test_state_is_kept_in_the_folder_that_is_current_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    monkeypatch.chdir("/")
    assert settings.state_dir == tmp_path / ".agentcore-emulator"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("V2", Platforms("V2", {})),
        ("V1, one=V2", Platforms("V1", {"one": "V2"})),
        ("one=V2,two=V1", Platforms("V1", {"one": "V2", "two": "V1"})),
    ],
)
def test_platforms_are_read(text: str, expected: Platforms) -> None:
    platforms = Platforms.parse(text)
    assert platforms == expected
    assert platforms.of("other") == expected.default
    assert [platforms.of(name) for name in expected.named] == list(expected.named.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not one of AgentCore's platform versions, V1 and V2"),
        ("v2", "'v2' is not one of AgentCore's platform versions"),
        ("one=V3", "'V3' is not one of AgentCore's platform versions"),
        ("V1,V2", "'V2' is not of the form agent=V2"),
    ],
)
def test_what_names_no_platform(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Platforms.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////srv/state.db",
        "postgresql+psycopg://ada:p%40ss@db.test:5432/notes?sslmode=require",
        "postgresql:///notes?host=/run/postgresql",
    ],
)
def test_urls_of_stores(text: str) -> None:
    assert store_url(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sqlite://", "starts with sqlite:/// or postgresql"),
        ("sqlite:///secret.db", "there must be an absolute path"),
        ("mysql://ada:secret@db.test/notes", "starts with sqlite:/// or postgresql"),
        ("postgresql+asyncpg://ada:secret@db.test/notes", "starts with sqlite:/// or postgresql"),
        ("postgresql://ada:secret@db.test", "names no database"),
        ("postgresql://ada:secret@db.test/?a=/b", "names no database"),
        ("postgresql://ada:my@secret@db.test/notes", "must be written as %40"),
        ("state.db", "starts with sqlite:/// or postgresql"),
    ],
)
def test_what_is_no_url_of_a_store_is_not_repeated(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        store_url(text)
    assert "secret" not in str(refused.value)
