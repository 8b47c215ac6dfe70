import sys
import venv
from dataclasses import replace
from pathlib import Path

import pytest

from agentcore_emulator.config import ACCOUNT_ID, REGION, Platforms, Settings
from agentcore_emulator.project import ProjectError, load


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    file = tmp_path / "my_agent.py"
    file.touch()
    return file


def write_yaml(folder: Path, text: str) -> None:
    (folder / ".bedrock_agentcore.yaml").write_text(text, encoding="utf-8")


def test_a_file_is_one_agent_with_its_folder_as_project(entry: Path) -> None:
    [runtime] = load(Settings(target=entry))
    assert runtime.name == "my_agent"
    assert runtime.entrypoint == entry
    assert runtime.project_dir == entry.parent
    assert runtime.protocol == "HTTP"
    assert (runtime.idle_timeout, runtime.max_lifetime) == (900, 28_800)
    assert runtime.header_allowlist == frozenset()
    assert runtime.environment == {}
    assert runtime.arn == f"arn:aws:bedrock-agentcore:{REGION}:{ACCOUNT_ID}:runtime/{runtime.runtime_id}"


def test_the_id_is_the_same_at_every_start_and_another_for_another_path(entry: Path) -> None:
    [first], [again] = load(Settings(target=entry)), load(Settings(target=entry))
    other = entry.parent / "elsewhere" / entry.name
    other.parent.mkdir()
    other.touch()
    [elsewhere] = load(Settings(target=other))
    assert first.runtime_id == again.runtime_id
    assert first.runtime_id != elsewhere.runtime_id
    name, _, tail = first.runtime_id.rpartition("-")
    assert name == "my_agent"
    assert len(tail) == 10
    assert tail.isalnum()


@pytest.mark.parametrize(
    ("file", "name"),
    [("my-agent.v2.py", "my_agent_v2"), ("2nd.py", "agent_2nd"), ("_x.py", "agent__x"), (f"{'a' * 60}.py", "a" * 48)],
)
def test_a_name_is_made_from_any_file_name(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).touch()
    [runtime] = load(Settings(target=tmp_path / file))
    assert runtime.name == name


def test_a_folder_is_what_its_toolkit_file_says(entry: Path) -> None:
    write_yaml(entry.parent, "agents: {one: {entrypoint: my_agent.py}, two: {entrypoint: my_agent.py}}")
    one, two = load(Settings(target=entry.parent))
    assert (one.name, two.name) == ("one", "two")
    assert one.runtime_id != two.runtime_id


def test_without_a_target_it_is_the_current_folder(entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_yaml(entry.parent, "agents: {here: {entrypoint: my_agent.py}}")
    monkeypatch.chdir(entry.parent)
    assert [runtime.name for runtime in load(Settings())] == ["here"]


def test_deployed_ids_are_kept(entry: Path) -> None:
    arn = "arn:aws:bedrock-agentcore:eu-west-1:210987654321:runtime/one-Ab12345678"
    write_yaml(entry.parent, f"agents: {{one: {{entrypoint: my_agent.py, bedrock_agentcore: {{agent_arn: '{arn}'}}}}}}")
    [runtime] = load(Settings(target=entry.parent))
    assert (runtime.arn, runtime.runtime_id) == (arn, "one-Ab12345678")
    write_yaml(entry.parent, "agents: {one: {entrypoint: my_agent.py, bedrock_agentcore: {agent_id: one-Zz12345678}}}")
    [runtime] = load(Settings(target=entry.parent, region="eu-north-1"))
    assert runtime.arn == f"arn:aws:bedrock-agentcore:eu-north-1:{ACCOUNT_ID}:runtime/one-Zz12345678"


def test_two_agents_cannot_have_one_arn(entry: Path) -> None:
    arn = "arn:aws:bedrock-agentcore:eu-west-1:210987654321:runtime/one-Ab12345678"
    agent = f"{{entrypoint: my_agent.py, bedrock_agentcore: {{agent_arn: '{arn}'}}}}"
    write_yaml(entry.parent, f"agents: {{one: {agent}, two: {agent}}}")
    with pytest.raises(ProjectError, match="the agents 'one' and 'two' have the same ARN"):
        load(Settings(target=entry.parent))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("missing.py", "there is no file or folder .*/missing.py"),
        (".", "holds no .bedrock_agentcore.yaml; name the agent's Python file"),
        ("notes.txt", "is neither a Python file nor a folder that holds .bedrock_agentcore.yaml"),
    ],
)
def test_a_target_that_is_no_agent(tmp_path: Path, target: str, message: str) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ProjectError, match=message):
        load(Settings(target=tmp_path / target))


class TestInterpreter:
    def python(self, settings: Settings) -> Path:
        [runtime] = load(settings)
        return runtime.python

    def test_it_is_the_emulators_own_when_the_project_has_none(self, entry: Path) -> None:
        assert self.python(Settings(target=entry)) == Path(sys.executable)

    def test_it_is_that_of_the_projects_environment(self, entry: Path) -> None:
        venv.create(entry.parent / ".venv", symlinks=True)
        assert self.python(Settings(target=entry)) == entry.parent / ".venv" / "bin" / "python"

    @pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
    def test_an_environment_at_the_projects_root_serves_agents_below(self, tmp_path: Path, marker: str) -> None:
        venv.create(tmp_path / ".venv", symlinks=True)
        entry = tmp_path / "src" / "agents" / "agent.py"
        entry.parent.mkdir(parents=True)
        entry.touch()
        # Nothing marks the folder above as the same project.
        assert self.python(Settings(target=entry)) == Path(sys.executable)
        (tmp_path / marker).touch()
        assert self.python(Settings(target=entry)) == tmp_path / ".venv" / "bin" / "python"

    def test_it_can_be_chosen_as_file_environment_or_command(
        self, entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        environment = tmp_path / "other"
        venv.create(environment, symlinks=True)
        python = environment / "bin" / "python"
        settings = Settings(target=entry)
        assert self.python(replace(settings, python=python)) == python
        assert self.python(replace(settings, python=environment)) == python
        monkeypatch.setenv("PATH", str(python.parent))
        assert self.python(replace(settings, python=Path("python"))) == python

    @pytest.mark.parametrize(
        ("python", "message"),
        [("no-such-python", "is neither an interpreter"), ("empty", "is a folder but no virtual environment")],
    )
    def test_a_choice_that_is_none(self, entry: Path, tmp_path: Path, python: str, message: str) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(ProjectError, match=message):
            load(Settings(target=entry, python=tmp_path / python))


class TestEnvironmentFile:
    def test_its_variables_are_the_agents(self, entry: Path, tmp_path: Path) -> None:
        write_yaml(entry.parent, "agents: {a: {entrypoint: my_agent.py}}")
        file = tmp_path / "agent.env"
        file.write_text(
            "# comment\nexport KEY=value\n\nBEDROCK_AGENTCORE_MEMORY_ID=m-2\n"
            "LINES='one\ntwo'\nBOTH=${KEY}-${KEY}\nNONE=\n"
        )
        [runtime] = load(Settings(target=entry.parent, env_file=file))
        assert runtime.environment == {
            "BEDROCK_AGENTCORE_MEMORY_ID": "m-2",
            "KEY": "value",
            "LINES": "one\ntwo",
            "BOTH": "value-value",
            "NONE": "",
        }

    @pytest.mark.parametrize(("text", "line"), [("A=1\n\n=2\n", 3), ("A=1\nB\n", 2), ("A='x\n", 1)])
    def test_a_line_that_cannot_be_read_is_named(self, entry: Path, tmp_path: Path, text: str, line: int) -> None:
        file = tmp_path / "agent.env"
        file.write_text(text)
        with pytest.raises(ProjectError, match=rf"agent\.env:{line}: not a line of an environment file"):
            load(Settings(target=entry, env_file=file))

    def test_a_file_that_cannot_be_read(self, entry: Path, tmp_path: Path) -> None:
        with pytest.raises(ProjectError, match=r"agent\.env cannot be read: No such file or directory"):
            load(Settings(target=entry, env_file=tmp_path / "agent.env"))
        (tmp_path / "agent.env").write_bytes(b"A=\xff")
        with pytest.raises(ProjectError, match=r"agent\.env is not UTF-8 text"):
            load(Settings(target=entry, env_file=tmp_path / "agent.env"))


class TestTheLifecycle:
    def test_what_is_asked_for_goes_before_the_project(self, entry: Path) -> None:
        [runtime] = load(Settings(target=entry, idle_timeout=60, max_lifetime=1_209_600))
        assert (runtime.idle_timeout, runtime.max_lifetime) == (60, 1_209_600)

    def test_a_short_lifetime_alone_shortens_the_idle_timeout(self, entry: Path) -> None:
        [runtime] = load(Settings(target=entry, max_lifetime=300))
        assert (runtime.idle_timeout, runtime.max_lifetime) == (300, 300)

    def test_the_idle_timeout_is_no_longer_than_the_lifetime(self, entry: Path) -> None:
        with pytest.raises(ProjectError, match="--idle-timeout: 600 must be less than or equal to the maximum"):
            load(Settings(target=entry, idle_timeout=600, max_lifetime=300))


class TestThePlatform:
    def test_each_agent_has_its_own(self, entry: Path) -> None:
        [runtime] = load(Settings(target=entry, platform=Platforms("V1", {"my_agent": "V2"})))
        assert runtime.platform == "V2"

    def test_an_agent_that_is_not_there(self, entry: Path) -> None:
        with pytest.raises(ProjectError, match="--platform: there is no agent 'other', only my_agent"):
            load(Settings(target=entry, platform=Platforms("V1", {"other": "V2"})))
