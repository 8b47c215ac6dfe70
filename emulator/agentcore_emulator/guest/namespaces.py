"""Gives guests what a microVM has: files, process ids and a host name of its own, by Linux namespaces, without root.

The zygote becomes process 1 of a namespace, so that with it goes everything that it has ever forked. Each guest then is
process 1 of one more, in which the project lies at its own path under an overlay, `/tmp` and HOME are the session's.

    /tmp, HOME    the session's folders; what Python and the agent's packages need from there is kept in place
    the project   an overlay: reads see the project's files, writes stay in the session
    /mnt/<name>   the session's storage, if there is one
    /proc         shows the guest's own processes
    /dev/shm      empty, and the session's own
"""

import errno
import json
import os
import select
import signal
import site
import sys
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from . import kernel

HOSTNAME = "localhost"
"""AWS: the host name in every session (facts of platform version V2)."""

# What an agent that runs as root keeps: to own, read and serve what it likes, but not to change mounts or devices.
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE
_KEPT_BY_ROOT = (0, 1, 3, 4, 5, 6, 7, 10)

_FILES = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC


class Plan(NamedTuple):
    """Where a guest's files are; all paths are absolute, and the host's.

    `project` is covered by an overlay of `layers` (topmost first, the project itself not among them) and `upper`, for
    which overlayfs needs the empty folder `scratch`. `home` covers `home_path`, `tmp` covers `/tmp`. `hidden` are
    folders that look empty; `kept` are to be seen even below a covered one. `storage` is `(mount point, folder)`.
    """

    project: str
    layers: list[str]
    upper: str
    scratch: str
    home: str
    home_path: str
    tmp: str
    hidden: list[str]
    kept: list[str]
    storage: list[str] | None


def become_init() -> None:
    """Go on as process 1 of a new PID namespace; the process that called waits for its end, passes SIGTERM on,
    and exits with its status (128 and the signal's number if one ended it).

    Raises `OSError` where the kernel does not allow it.
    """
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    uid, gid = os.geteuid(), os.getegid()
    flags = _FILES | kernel.CLONE_NEWUTS | kernel.CLONE_NEWPID
    # Root needs no user namespace, in which it could not even own another user's files.
    kernel.unshare(flags | (kernel.CLONE_NEWUSER if uid else 0))
    if uid:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{uid} {uid} 1")
        _write("/proc/self/gid_map", f"{gid} {gid} 1")
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.set_hostname(HOSTNAME)
    child = os.fork()
    if child:
        signal.signal(signal.SIGTERM, lambda number, _: os.kill(child, number))
        _, status = os.waitpid(child, 0)
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    _mount_proc()


class Cradle:
    """Forks children that are process 1 of a PID namespace each."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def fork(self) -> int:
        """As `os.fork`."""
        kernel.unshare(kernel.CLONE_NEWPID)
        try:
            child = os.fork()
        except OSError:
            kernel.enter(self._own, kernel.CLONE_NEWPID)
            raise
        if child:
            kernel.enter(self._own, kernel.CLONE_NEWPID)
        else:
            os.close(self._own)
        return child


def isolate() -> None:
    """Once forked: have mounts of one's own."""
    kernel.unshare(_FILES)
    _mount_proc()


def settle(plan: Plan) -> list[str]:
    """Mount what the plan says; returns the mount points, in order. Raises `OSError`."""
    mounted: list[str] = []
    lower = [os.open(folder, os.O_PATH) for folder in (*plan.layers, plan.project)]
    upper, scratch = os.open(plan.upper, os.O_PATH), os.open(plan.scratch, os.O_PATH)
    home, tmp = os.open(plan.home, os.O_PATH), os.open(plan.tmp, os.O_PATH)
    storage = os.open(plan.storage[1], os.O_PATH) if plan.storage else None
    kept = [path for path in (*plan.kept, *_needed()) if os.path.exists(path)]
    for place, folder in (("/tmp", tmp), (plan.home_path, home)):  # noqa: S108
        if place and not _within(place, plan.project):
            _cover(place, folder, kept, mounted)
    # What is hidden may hold the project, which is then all that is seen of it.
    around = [place for place in plan.hidden if _within(plan.project, place)]
    _hide(around, mounted)
    if not os.path.isdir(plan.project):
        os.makedirs(plan.project)
    options = [
        "lowerdir=" + ":".join(map(_by_descriptor, lower)),
        f"upperdir={_by_descriptor(upper)}",
        f"workdir={_by_descriptor(scratch)}",
    ]
    if os.geteuid():
        options.append("userxattr")
    kernel.mount("overlay", plan.project, "overlay", options=",".join(options))
    mounted.append(plan.project)
    # What is needed lies below the project itself where a covered folder holds both, and is seen through the overlay.
    _hide([place for place in plan.hidden if place not in around], mounted)
    if plan.storage and storage is not None:
        _mount_storage(plan.storage[0], storage, mounted)
    _mount_empty("/dev/shm", mounted)  # noqa: S108
    for descriptor in (*lower, upper, scratch, home, tmp, *([] if storage is None else [storage])):
        os.close(descriptor)
    return mounted


def unsettle(mounted: list[str]) -> None:
    """Take away what `settle` has mounted."""
    os.chdir("/")
    for place in reversed(mounted):
        kernel.unmount(place)


def disarm() -> None:
    """Give up the means to undo all this."""
    kernel.keep_capabilities(() if os.geteuid() else _KEPT_BY_ROOT)


def enter(guest: int, pidfd: int) -> None:
    """Join a guest's namespaces; children are processes of it from here on. `pidfd` is the guest's.

    Raises `OSError` if that is not allowed, and `ProcessLookupError` if the guest has ended.
    """
    kinds = ["user"] if os.geteuid() else []
    kinds += ["mnt", "ipc", "uts", "pid_for_children"]
    found = [os.open(f"/proc/{guest}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    if select.select([pidfd], [], [], 0)[0]:
        raise ProcessLookupError(errno.ESRCH, "the guest has ended")  # The number may be another's.
    for descriptor in found:
        kernel.enter(descriptor, 0)
        os.close(descriptor)


def probe(plan: Plan) -> None:
    """Do all this once, and exit with status 1 and the reason on stderr where it does not work."""
    try:
        become_init()
        child = Cradle().fork()
        if child:
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status))
        isolate()
        settle(plan)
        disarm()
        trial = os.path.join(plan.project, ".agentcore-emulator-trial")
        _write(trial, "")
        os.unlink(trial)
    except OSError as error:
        sys.stderr.write(f"{error.strerror or error}\n")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _cover(place: str, folder: int, kept: list[str], mounted: list[str]) -> None:
    """Have `folder` at `place`, but for what is kept below it."""
    shown = [(path, os.open(path, os.O_PATH)) for path in _topmost(path for path in kept if _below(path, place))]
    os.makedirs(place, exist_ok=True)  # It may lie below another that is covered by now.
    kernel.mount(_by_descriptor(folder), place, flags=kernel.MS_BIND)
    mounted.append(place)
    for path, descriptor in shown:
        os.makedirs(path, exist_ok=True)
        kernel.mount(_by_descriptor(descriptor), path, flags=kernel.MS_BIND | kernel.MS_REC)
        mounted.append(path)
        os.close(descriptor)


def _mount_storage(place: str, folder: int, mounted: list[str]) -> None:
    parent = os.path.dirname(place)
    if not os.path.isdir(place):
        # Without root no folder can be made there: what is there is shown again in an empty one, and this beside it.
        there = [(entry.path, os.open(entry.path, os.O_PATH)) for entry in os.scandir(parent) if entry.is_dir()]
        _mount_empty(parent, mounted)
        for path, descriptor in there:
            os.mkdir(path)
            kernel.mount(_by_descriptor(descriptor), path, flags=kernel.MS_BIND | kernel.MS_REC)
            mounted.append(path)
            os.close(descriptor)
        os.mkdir(place)
    kernel.mount(_by_descriptor(folder), place, flags=kernel.MS_BIND)
    mounted.append(place)


def _hide(places: list[str], mounted: list[str]) -> None:
    for place in places:
        if os.path.isdir(place):
            _mount_empty(place, mounted)


def _mount_empty(place: str, mounted: list[str]) -> None:
    kernel.mount("tmpfs", place, "tmpfs", flags=kernel.MS_NOSUID | kernel.MS_NODEV)
    mounted.append(place)


def _mount_proc() -> None:
    kernel.mount("proc", "/proc", "proc", flags=kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def _needed() -> list[str]:
    """What this interpreter has its code from."""
    paths = [sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.dirname(os.path.realpath(sys.executable))]
    paths += [path for path in sys.path if os.path.isdir(path)]
    paths += [os.path.dirname(os.path.abspath(__file__)), *_edited()]
    return [os.path.realpath(path) for path in paths] + paths


def _edited() -> list[str]:
    """The folders of packages that are installed to be edited, which need not be on `sys.path`."""
    found = []
    for library in {*site.getsitepackages(), site.getusersitepackages()}:
        try:
            entries = [entry for entry in os.listdir(library) if entry.endswith(".dist-info")]
        except OSError:
            continue
        for entry in entries:
            try:
                with open(os.path.join(library, entry, "direct_url.json"), encoding="utf-8") as file:
                    source: dict[str, Any] = json.load(file)
            except (OSError, ValueError):
                continue
            url = urlsplit(str(source.get("url")))
            if url.scheme == "file" and source.get("dir_info", {}).get("editable"):
                found.append(unquote(url.path))
    return found


def _topmost(paths: Any) -> list[str]:
    """The paths that lie below none of the others."""
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(_within(path, other) for other in found):
            found.append(path)
    return found


def _below(path: str, folder: str) -> bool:
    return path != folder and _within(path, folder)


def _within(path: str, folder: str) -> bool:
    return os.path.commonpath([path, folder]) == folder


def _by_descriptor(descriptor: int) -> str:
    # By which a path may hold what overlayfs would take for punctuation, and is found where it is covered by now.
    return f"/proc/self/fd/{descriptor}"


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
