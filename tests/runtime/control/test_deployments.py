"""What happens behind the statuses: restarts, live sessions, several at once."""

from __future__ import annotations

import concurrent.futures
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest

from agentcore_emulator.testing import EmulatorProcess, EmulatorThread, new_session

if TYPE_CHECKING:
    from .conftest import Deployer

Make = Callable[[EmulatorThread | EmulatorProcess], "Deployer"]


@pytest.fixture
def started(puppet_file: Path, tmp_path: Path) -> Callable[..., EmulatorProcess]:
    """An emulator with the test's state folder."""

    def start(*options: str) -> EmulatorProcess:
        return EmulatorProcess(puppet_file, "--state-dir", str(tmp_path / "state"), "--quirks", "off", *options)

    return start


def test_a_restart_serves_what_was_deployed(
    started: Callable[..., EmulatorProcess], make_deployer: Make, isolation: str, tmp_path: Path
) -> None:
    with started("--isolation", isolation) as emulator:
        deployer = make_deployer(emulator)
        made = deployer.create(environmentVariables={"COLOUR": "red"}, tags={"a": "b"}, description="kept")
        runtime_id, arn = made["agentRuntimeId"], made["agentRuntimeArn"]
        deployer.control.create_agent_runtime_endpoint(agentRuntimeId=runtime_id, name="prod")
        deployer.update(runtime_id, deployer.says("two"), description="kept")
        before = deployer.control.get_agent_runtime(agentRuntimeId=runtime_id)
        assert deployer.word(arn) == "two"
        emulator.kill()
    with started("--isolation", isolation) as emulator:
        deployer = make_deployer(emulator)
        after = deployer.control.get_agent_runtime(agentRuntimeId=runtime_id)
        assert {**before, "ResponseMetadata": {}} == {**after, "ResponseMetadata": {}}
        assert [deployer.word(arn, qualifier=name) for name in ("DEFAULT", "prod")] == ["two", "one"]
        assert deployer.call(arn, "answer(os.environ['COLOUR'])", qualifier="prod") == "red"
        assert deployer.control.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
        deployer.update(runtime_id, deployer.says("three"))
        assert deployer.word(arn) == "three"
        deployer.control.delete_agent_runtime_endpoint(agentRuntimeId=runtime_id, endpointName="prod")
        which = {"agentRuntimeId": runtime_id, "endpointName": "prod"}
        deployer.gone(lambda: deployer.control.get_agent_runtime_endpoint(**which))
        deployer.delete(runtime_id)
        assert list((tmp_path / "state" / "runtimes").iterdir()) == []


def test_nothing_is_kept_of_an_ephemeral_one(puppet_file: Path, make_deployer: Make) -> None:
    with EmulatorProcess(puppet_file) as emulator:
        other = make_deployer(emulator)
        other.create("ephemeral")
    with EmulatorProcess(puppet_file) as emulator:
        listed = make_deployer(emulator).control.list_agent_runtimes()["agentRuntimes"]
        assert [each["agentRuntimeName"] for each in listed] == ["from_file"]


@pytest.mark.usefixtures("namespaces")
def test_an_isolated_guest_sees_its_own_code_and_nothing_else_of_the_state(
    started: Callable[..., EmulatorProcess], make_deployer: Make, tmp_path: Path
) -> None:
    with started("--isolation", "namespaces") as emulator:
        deployer = make_deployer(emulator)
        made, other = deployer.create(), deployer.create()
        deployer.word(other["agentRuntimeArn"])
        seen = deployer.call(
            made["agentRuntimeArn"],
            f"""
            found = [os.path.join(folder, name) for folder, _, names in os.walk({str(tmp_path / "state")!r})
                     for name in names if "__pycache__" not in folder]
            answer([os.getcwd(), sorted(found)])
            """,
        )
        code = tmp_path / "state" / "runtimes" / made["agentRuntimeId"] / "1" / "code"
        assert seen == [str(code), [str(code / "main.py"), str(code / "word.py")]]


def test_v2_is_booted_once_and_when_it_is_made(deployer: Deployer) -> None:
    agent = deployer.artifact({"main.py": f"import uuid\nMADE = str(uuid.uuid4())\n{deployer.puppet}"})
    made = deployer.create(agentRuntimeArtifact=agent, platformVersion="V2")
    ids = [deployer.call(made["agentRuntimeArn"], "answer(MADE)") for _ in range(2)]
    assert ids[0] == ids[1]
    deployer.update(made["agentRuntimeId"], agent)
    assert deployer.control.get_agent_runtime(agentRuntimeId=made["agentRuntimeId"])["platformVersion"] == "V2"
    assert deployer.call(made["agentRuntimeArn"], "answer(MADE)") != ids[0]


@pytest.mark.parametrize("source", ["import there_is_none_of_this_name", "def", "raise ValueError('no such thing')"])
def test_what_does_not_boot_fails_on_v2_and_its_calls_on_v1(deployer: Deployer, source: str) -> None:
    artifact = deployer.artifact({"main.py": source})
    second = deployer.create(agentRuntimeArtifact=artifact, platformVersion="V2")
    failed = deployer.control.get_agent_runtime(agentRuntimeId=second["agentRuntimeId"])
    assert failed["status"] == "CREATE_FAILED"
    assert "main.py" in failed["failureReason"]
    first = deployer.create(agentRuntimeArtifact=artifact)
    assert deployer.control.get_agent_runtime(agentRuntimeId=first["agentRuntimeId"])["status"] == "READY"
    message = deployer.refused("RuntimeClientError", deployer.call, arn=first["agentRuntimeArn"], code="answer(1)")
    assert message == ("Runtime initialization time exceeded. Please make sure that initialization completes in 30s.")


def test_the_packages_of_the_zip_go_before_those_that_are_installed(deployer: Deployer) -> None:
    def files(version: str) -> dict[str, str]:
        return {
            "main.py": f"import botocore\n{deployer.puppet}",
            "botocore/__init__.py": f"__version__ = {version!r}",
            f"botocore-{version}.dist-info/METADATA": "",
        }

    made = deployer.create(agentRuntimeArtifact=deployer.artifact(files("0.0.1")))
    arn = made["agentRuntimeArn"]
    assert [deployer.call(arn, "answer(botocore.__version__)") for _ in range(3)] == ["0.0.1"] * 3
    assert deployer.call(arn, "import httpx; answer(httpx.__name__)") == "httpx", "what is not in it is the emulator's"


def test_two_at_once(deployer: Deployer) -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        words = [f"word {number}" for number in range(6)]
        artifacts = [deployer.says(word) for word in words]
        made = list(pool.map(lambda artifact: deployer.create(agentRuntimeArtifact=artifact), artifacts))
        arns = [each["agentRuntimeArn"] for each in made]
        assert list(pool.map(deployer.word, arns)) == words
        # Of one runtime, one update at a time.
        runtime_id = made[0]["agentRuntimeId"]

        def update(artifact: dict[str, Any]) -> str:
            try:
                return str(deployer.update(runtime_id, artifact, wait=False)["agentRuntimeVersion"])
            except deployer.control.exceptions.ConflictException:
                return "refused"

        answers = list(pool.map(update, artifacts))
        deployer.settled(runtime_id)
        versions = sorted(each for each in answers if each != "refused")
        assert versions == [str(number) for number in range(2, 2 + len(versions))]
        assert versions
        listed = deployer.control.list_agent_runtime_versions(agentRuntimeId=runtime_id)["agentRuntimes"]
        assert {each["status"] for each in listed} == {"READY"}
        assert len(listed) == 1 + len(versions)
        # And one of a name.
        given: dict[str, Any] = {"name": "wanted_by_all", "agentRuntimeArtifact": artifacts[0], "wait": False}

        def create(_: int) -> bool:
            try:
                deployer.create(**given)
            except deployer.control.exceptions.ConflictException:
                return False
            return True

        assert sum(pool.map(create, range(6))) == 1


def test_live_sessions_keep_their_version_and_the_old_one_goes_with_the_last(deployer: Deployer) -> None:
    made = deployer.create()
    runtime_id, arn, old, new = made["agentRuntimeId"], made["agentRuntimeArn"], new_session(), new_session()
    pid = deployer.call(arn, "answer(os.getpid())", old)
    deployer.update(runtime_id, deployer.says("two"))
    deployer.update(runtime_id, deployer.says("three"))
    assert [deployer.word(arn, session) for session in (old, new)] == ["one", "three"]
    assert deployer.call(arn, "answer(os.getpid())", old) == pid
    assert {deployer.emulator.session(session)["version"] for session in (old, new)} == {1, 3}
    deployer.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=old)
    assert deployer.word(arn, old) == "three"


def test_with_a_runtime_go_its_sessions(deployer: Deployer, make_fifo: Any) -> None:
    made = deployer.create()
    runtime_id, arn, old, new, busy = made["agentRuntimeId"], made["agentRuntimeArn"], *(new_session() for _ in "123")
    deployer.word(arn, old)
    deployer.update(runtime_id, deployer.says("two"))
    deployer.word(arn, new)
    reached, never = make_fifo("reached"), make_fifo("never")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        call = pool.submit(deployer.call, arn, f"{reached.put_here}\n{never.get_here}", busy)
        reached.get()
        deployer.delete(runtime_id)
        with pytest.raises(deployer.data.exceptions.RuntimeClientError):
            call.result()
    assert [each for each in deployer.emulator.sessions() if each["session_id"] in (old, new, busy)] == []
    for session in (old, new, busy):
        assert deployer.emulator.session(session)["reason"] == "what it was called by is deleted"
    message = deployer.refused("ResourceNotFoundException", deployer.word, arn=arn)
    assert message == f"No agent runtime found with ARN or id {arn}"


def test_a_session_that_is_being_made_goes_as_well(deployer: Deployer, make_fifo: Any) -> None:
    reached, hold = make_fifo("reached"), make_fifo("hold")
    artifact = deployer.artifact({"main.py": f"{reached.put_here}\n{hold.get_here}\n{deployer.puppet}"})
    made = deployer.create(agentRuntimeArtifact=artifact)
    runtime_id = made["agentRuntimeId"]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        call = pool.submit(deployer.call, made["agentRuntimeArn"], "answer(1)")
        reached.get()
        assert deployer.control.delete_agent_runtime(agentRuntimeId=runtime_id)["status"] == "DELETING"
        assert deployer.control.get_agent_runtime(agentRuntimeId=runtime_id)["status"] == "DELETING"
        hold.put()
        with pytest.raises(deployer.data.exceptions.ResourceNotFoundException):
            call.result()
    deployer.gone(lambda: deployer.control.get_agent_runtime(agentRuntimeId=runtime_id))


def test_an_update_wipes_the_storage_of_sessions(deployer: Deployer) -> None:
    mounts: dict[str, Any] = {"filesystemConfigurations": [{"sessionStorage": {"mountPath": "/mnt/data"}}]}
    made = deployer.create(**mounts)
    runtime_id, arn, session = made["agentRuntimeId"], made["agentRuntimeArn"], new_session()
    path = "os.path.join(os.environ['AGENTCORE_EMULATOR_SESSION_STORAGE'], 'file')"
    deployer.call(arn, f"open({path}, 'w').write('kept'); answer(1)", session)
    deployer.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session)
    assert deployer.call(arn, f"answer(open({path}).read())", session) == "kept"
    deployer.update(runtime_id, deployer.says("two"), **mounts)
    deployer.data.stop_runtime_session(agentRuntimeArn=arn, runtimeSessionId=session)
    assert deployer.call(arn, f"answer(os.path.exists({path}))", session) is False


def test_what_was_under_way_goes_on_with_the_next_start(
    started: Callable[..., EmulatorProcess], make_deployer: Make, make_fifo: Any
) -> None:
    reached, hold = make_fifo("reached"), make_fifo("hold")
    with started("--isolation", "plain") as emulator:
        deployer = make_deployer(emulator)
        slow = deployer.artifact({"main.py": f"{reached.put_here}\n{hold.get_here}\n{deployer.puppet}"})
        made = deployer.create(agentRuntimeArtifact=slow, platformVersion="V2", wait=False)
        reached.get()
        emulator.kill()
    hold.put(20)
    with started("--isolation", "plain") as emulator:
        deployer = make_deployer(emulator)
        assert deployer.settled(made["agentRuntimeId"])["status"] == "READY"
        assert deployer.call(made["agentRuntimeArn"], "answer(1)") == 1


def test_files_that_are_lost_are_told(
    started: Callable[..., EmulatorProcess], make_deployer: Make, tmp_path: Path
) -> None:
    with started("--isolation", "plain") as emulator:
        made = make_deployer(emulator).create()
    code = tmp_path / "state" / "runtimes" / made["agentRuntimeId"] / "1" / "code"
    shutil.rmtree(code)
    with started("--isolation", "plain") as emulator:
        shown = make_deployer(emulator).control.get_agent_runtime(agentRuntimeId=made["agentRuntimeId"])
        assert shown["status"] == "CREATE_FAILED"
        assert shown["failureReason"] == f"its files are not in {code} any more; update the agent runtime"


def test_an_authorizer_a_port_and_headers_take_effect(deployer: Deployer) -> None:
    custom = "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Colour"
    source = deployer.puppet.replace("8080", "8181")
    made = deployer.create(
        "guarded",
        agentRuntimeArtifact=deployer.artifact({"main.py": source}),
        protocolConfiguration={"serverProtocol": "HTTP", "port": 8181, "path": "/elsewhere"},
        requestHeaderConfiguration={"requestHeaderAllowlist": [custom]},
        authorizerConfiguration={
            "customJWTAuthorizer": {
                "discoveryUrl": f"{deployer.emulator.url}/_emulator/issuer/.well-known/openid-configuration",
                "allowedClients": ["a-client"],
            }
        },
    )
    refused = deployer.refused("AccessDeniedException", deployer.call, arn=made["agentRuntimeArn"], code="answer(1)")
    assert refused.startswith("Authorization method mismatch")
    token = deployer.emulator.admin.post("issuer/token", {"runtime": "guarded"})["access_token"]
    answer = httpx.post(
        f"{deployer.emulator.url}/runtimes/{quote(made['agentRuntimeArn'], safe='')}/invocations",
        headers={"authorization": f"Bearer {token}", "content-type": "text/x-python", custom: "red"},
        content=f"answer([self.path, self.headers[{custom!r}]])",
    )
    assert json.loads(answer.content) == ["/elsewhere", "red"]
