"""What runs a program in a guest, as its host sees it. The host's side: `tests/runtime/microvm/test_execution.py`."""

from __future__ import annotations

import json
import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentcore_emulator.runtime.microvm.host import GUEST_FOLDER

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs run beside agents on Linux alone")

RESTING = "import signal; signal.pause()"


class Launcher:
    """A launcher at work, with the host's end of its line and of the program's streams."""

    def __init__(self, argv: list[str], folder: Path, *, guest: int | None = None, pidfd: int | None = None) -> None:
        self._line, theirs = socket.socketpair()
        self._line.settimeout(30)
        self._said = self._line.makefile("r")
        out, their_out = os.pipe()
        error, their_error = os.pipe()
        null = os.open(os.devnull, os.O_RDONLY)
        descriptors = [theirs.fileno(), null, their_out, their_error, *([] if pidfd is None else [pidfd])]
        self.process = subprocess.Popen(
            [sys.executable, "-IS", str(GUEST_FOLDER), "execute", ",".join(map(str, descriptors))],
            pass_fds=descriptors,
            env={"PATH": os.environ["PATH"], "ODD": "\udcff"},
        )
        theirs.close()
        for descriptor in (null, their_out, their_error):
            os.close(descriptor)
        self.stdout, self.stderr = os.fdopen(out, "rb"), os.fdopen(error, "rb")
        order = {"argv": argv, "folder": str(folder), "limits": False, "terminal": False, "guest": guest}
        self.tell(order)

    def tell(self, message: dict[str, Any]) -> None:
        self._line.sendall(json.dumps(message).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._said.readline())
        return message

    def hang_up(self) -> None:
        self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self.process.wait(30)
        self._line.close()
        for file in (self._said, self.stdout, self.stderr):
            file.close()


Launch = Callable[..., Launcher]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    launchers: list[Launcher] = []

    def start(*argv: str, folder: Path = tmp_path, **options: Any) -> Launcher:
        launchers.append(Launcher(list(argv), folder, **options))
        return launchers[-1]

    yield start
    for launcher in launchers:
        launcher.close()


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", textwrap.dedent(code)]


def ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 20)[0])


@pytest.mark.parametrize(("code", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -INT $$", -2)])
def test_the_end_of_a_program(launch: Launch, code: str, status: int) -> None:
    launcher = launch("bash", "-c", code)
    assert [launcher.hear(), launcher.hear()] == [{"running": True}, {"exited": status}]
    assert launcher.process.wait(30) == 0


def test_what_a_program_has(launch: Launch, tmp_path: Path) -> None:
    launcher = launch("bash", "-c", 'pwd; echo "$0"; echo "$ODD" >&2; cat; ls /proc/self/fd', "\udcfe ü")
    assert launcher.stdout.read().split(b"\n")[:2] == [os.fsencode(tmp_path), b"\xfe \xc3\xbc"]
    assert launcher.stderr.read() == b"\xff\n"


def test_it_has_no_descriptors_but_its_streams(launch: Launch) -> None:
    launcher = launch(*python("import os; print(sorted(os.listdir('/proc/self/fd')))"))
    assert launcher.stdout.read() == b"['0', '1', '2', '3']\n"  # The last is that of the listing.


def test_no_signal_is_ignored(tmp_path: Path) -> None:
    code = f"""
    import signal, sys
    sys.path.insert(0, {str(Path(__file__).parents[2])!r})
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    from pathlib import Path
    from tests.guest.test_execute import Launcher
    launcher = Launcher(["grep", "Sig[BI]", "/proc/self/status"], Path("/"))
    sys.stdout.write(launcher.stdout.read().decode())
    launcher.close()
    """
    said = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    found = {name: int(mask, 16) for name, mask in (line.split() for line in said.stdout.splitlines())}
    # Signals 32 and 33 are the C library's, which lets nobody set them.
    assert {name: mask & ~(0b11 << 31) for name, mask in found.items()} == {"SigBlk:": 0, "SigIgn:": 0}


def test_what_cannot_be_run(launch: Launch, tmp_path: Path) -> None:
    assert launch("no-such-program").hear() == {"failed": "No such file or directory"}
    assert launch("bash", "-c", "x" * 200_000).hear() == {"failed": "Argument list too long"}
    assert launch("bash", folder=tmp_path / "gone").hear() == {"failed": "No such file or directory"}


def test_what_it_leaves_behind_lives_on_until_the_line_ends(launch: Launch) -> None:
    launcher = launch(
        *python(
            f"""
            import subprocess, sys
            for session in (False, True):
                print(subprocess.Popen([sys.executable, "-S", "-c", {RESTING!r}], start_new_session=session).pid)
            """
        )
    )
    assert [launcher.hear(), launcher.hear()] == [{"running": True}, {"exited": 0}]
    left = [os.pidfd_open(int(launcher.stdout.readline())) for _ in range(2)]
    assert not select.select(left, [], [], 0)[0]
    launcher.hang_up()
    assert launcher.process.wait(30) == 0
    assert select.select(left, [], [], 0)[0] == left
    for pidfd in left:
        os.close(pidfd)


def test_it_ends_itself_when_nothing_is_left(launch: Launch) -> None:
    launcher = launch(
        *python(f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {RESTING!r}]).pid)")
    )
    assert [launcher.hear(), launcher.hear()] == [{"running": True}, {"exited": 0}]
    os.kill(int(launcher.stdout.readline()), signal.SIGTERM)
    assert launcher.process.wait(30) == 0


def test_a_kill_spares_what_is_detached(launch: Launch) -> None:
    launcher = launch(
        *python(
            f"""
            import os, subprocess, sys
            rest = [sys.executable, "-S", "-c", {RESTING!r}]
            if os.fork() == 0:
                print(subprocess.Popen(rest, start_new_session=True).pid, flush=True)
                os._exit(0)
            os.wait()
            group = subprocess.Popen(rest, process_group=0) if sys.version_info >= (3, 11) else subprocess.Popen(rest)
            print(group.pid, subprocess.Popen(rest).pid, flush=True)
            {RESTING}
            """
        )
    )
    assert launcher.hear() == {"running": True}
    detached = os.pidfd_open(int(launcher.stdout.readline()))
    own = [os.pidfd_open(int(pid)) for pid in launcher.stdout.readline().split()]
    launcher.tell({"kill": True})
    assert launcher.hear() == {"exited": -9}
    assert select.select([detached, *own], [], [], 0)[0] == own
    launcher.tell({"kill": True})  # Of what has ended.
    launcher.hang_up()
    assert ended(detached)
    for pidfd in (detached, *own):
        os.close(pidfd)


def test_a_host_that_is_gone_before_its_order(tmp_path: Path) -> None:
    line, theirs = socket.socketpair()
    with theirs, Path(os.devnull).open("rb") as null:
        descriptors = f"{theirs.fileno()},{null.fileno()},{null.fileno()},{null.fileno()}"
        process = subprocess.Popen(
            [sys.executable, "-IS", str(GUEST_FOLDER), "execute", descriptors],
            pass_fds=[theirs.fileno(), null.fileno()],
        )
    line.close()
    assert process.wait(30) == 0


@pytest.mark.usefixtures("namespaces")
def test_a_guest_that_has_ended(launch: Launch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as guest:
        pidfd = os.pidfd_open(guest.pid)
        assert ended(pidfd)
        [failure] = launch("true", guest=guest.pid, pidfd=pidfd).hear()
        assert failure == "failed"
    os.close(pidfd)


@pytest.mark.usefixtures("namespaces")
def test_a_number_that_is_anothers_by_now(launch: Launch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as guest:
        pidfd = os.pidfd_open(guest.pid)
        assert ended(pidfd)
        assert launch("true", guest=os.getpid(), pidfd=pidfd).hear() == {"failed": "[Errno 3] the guest has ended"}
    os.close(pidfd)


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests run without root already")
def test_it_enters_a_guest_without_root() -> None:
    interpreter = next((path for path in ("/usr/bin/python3", "/usr/local/bin/python3") if Path(path).exists()), None)
    if (
        interpreter is None
        or subprocess.run([interpreter, "-c", "import sys; assert sys.version_info >= (3, 10)"]).returncode
    ):
        pytest.skip("NOT TESTED, there is no Python that another user could run")
    nobody = pwd.getpwnam("nobody")
    # Where another user can read it, which tests' own folders are not.
    folder = Path("/var/tmp") / f"agentcore-test-execute-{os.getpid()}"
    shutil.copytree(GUEST_FOLDER, folder / "guest")
    try:
        for name in ("project", "upper", "scratch", "home", "tmp"):
            (folder / name).mkdir()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
        plan = {
            "project": str(folder / "project"),
            "upper": str(folder / "upper"),
            "scratch": str(folder / "scratch"),
            "home": str(folder / "home"),
            "home_path": "",
            "tmp": str(folder / "tmp"),
            "layers": [],
            "hidden": [],
            "kept": [str(folder / "guest")],
            "storage": None,
        }
        program = f"""
import json, os, socket, subprocess, sys
guest = {str(folder / "guest")!r}
rest = [sys.executable, "-c", "open('/tmp/here', 'w').write('x'); print('up', flush=True); {RESTING}"]
launched = {{"argv": rest, "folder": {plan["project"]!r}, "isolation": {plan!r}, "limits": False, "host": os.getpid()}}
agent = subprocess.Popen([sys.executable, "-I", guest, "launch", json.dumps(launched)], stdout=subprocess.PIPE)
assert agent.stdout.readline() == b"up\\n"
line, theirs = socket.socketpair()
pidfd = os.pidfd_open(agent.pid)
descriptors = [theirs.fileno(), *map(os.dup, (0, 1, 2)), pidfd]
command = "ls /tmp; pwd; hostname; test -w /etc; echo $?; grep -h CapEff /proc/self/status; cat /proc/1/comm; id -u"
launcher = subprocess.Popen(
    [sys.executable, "-I", guest, "execute", ",".join(map(str, descriptors))], pass_fds=descriptors
)
theirs.close()
order = {{"argv": ["bash", "-c", command], "folder": {plan["project"]!r}, "limits": False, "terminal": False}}
line.sendall(json.dumps({{**order, "guest": agent.pid}}).encode() + b"\\n")
said = line.makefile().readlines()
launcher.wait()
agent.kill()
agent.wait()
print(*said)
"""
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        done = subprocess.run([interpreter, "-c", program], capture_output=True, text=True, **user)  # type: ignore[call-overload]
        if done.returncode and "cannot be isolated" in done.stderr:
            pytest.skip(f"NOT TESTED, users have no namespaces here: {done.stderr.splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        here, cwd, host, writable, capabilities, init, user_id, *said = done.stdout.splitlines()
        assert (here, cwd, host, writable) == ("here", plan["project"], "localhost", "1")
        assert capabilities.split() == ["CapEff:", "0" * 16]
        assert init.startswith("python")
        assert int(user_id) == nobody.pw_uid
        assert [json.loads(line) for line in said if line] == [{"running": True}, {"exited": 0}]
    finally:
        shutil.rmtree(folder)
