"""What Linux offers and Python 3.10 does not: namespaces, mounts, `prctl`, capabilities."""

import ctypes
import os
from collections.abc import Collection

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_PR_CAPBSET_DROP = 24

_MNT_DETACH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64

_libc = ctypes.CDLL(None, use_errno=True)


class _CapabilityHeader(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _CapabilityData(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def prctl(option: int, value: int) -> None:
    """Set something of this process; what this kernel does not know is left as it is."""
    _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def unshare(flags: int) -> None:
    """Leave the caller's namespaces for new ones. Raises `OSError`."""
    _check(_libc.unshare(flags), "unshare")


def enter(descriptor: int, kind: int) -> None:
    """Join the namespace that a descriptor of `/proc/…/ns/…` stands for; `kind` 0 is any. Raises `OSError`."""
    _check(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """`mount(2)`. Raises `OSError` that names the target."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, f"mount of {kind or source} at {target}")


def unmount(target: str) -> None:
    """Take the topmost mount away from a path; it goes when nobody uses it any more. Raises `OSError`."""
    _check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"unmount of {target}")


def set_hostname(name: str) -> None:
    """Name this UTS namespace. Raises `OSError`."""
    data = name.encode()
    _check(_libc.sethostname(data, len(data)), "sethostname")


def keep_capabilities(kept: Collection[int]) -> None:
    """Give up all capabilities but these, for this process and whatever it starts. Raises `OSError`."""
    for capability in range(_CAPABILITIES):
        if capability not in kept:
            prctl(_PR_CAPBSET_DROP, capability)
    data = (_CapabilityData * 2)()
    for capability in kept:
        data[capability // 32].effective |= 1 << capability % 32
        data[capability // 32].permitted |= 1 << capability % 32
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)), "capset")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
