"""The zip of the probe, as AWS's direct code deployment takes it.

The same content gives the same bytes, so the content's hash is its name, and what is uploaded once need not be again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agentcore_contracts.deploy.progress import GivenUp
from agentcore_contracts.deploy.runtimes import PYTHON
from agentcore_contracts.target import PROBE

__all__ = ["pack"]

# What an installer writes of the machine and the moment, and bytecode, which AWS makes itself.
_LEFT_OUT: Final = frozenset({"__pycache__", "bin", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock"})

# The first moment that a zip can hold.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)

# Two names of the same, as pip takes neither for the other.
_PLATFORMS: Final = ("--platform=manylinux2014_aarch64", "--platform=manylinux_2_17_aarch64")

_SDK: Final = "bedrock-agentcore"


def pack(folder: Path, *, packages: bool, sdk_version: str | None = None) -> tuple[Path, str]:
    """Write the zip into `folder`; its path, and the key that it has in a bucket.

    With `packages` it also holds what the probe needs, for Linux on ARM, with this version of the SDK or the newest.
    Raises `GivenUp`.
    """
    roots = [PROBE]
    if packages:
        target = folder / "packages"
        _install(target, sdk_version)
        roots.append(target)
    digest = hashlib.sha256()
    file = folder / "probe.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(_files(roots)):
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Whatever the umask here is, AWS's user must be able to read it.
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return file, f"probe-{digest.hexdigest()[:32]}.zip"


def _files(roots: list[Path]) -> Iterator[tuple[str, Path]]:
    for root in roots:
        for path in root.rglob("*"):
            relative = path.relative_to(root)
            hidden = relative.parts[0].startswith(".")
            if path.is_file() and not hidden and _LEFT_OUT.isdisjoint(relative.parts):
                yield relative.as_posix(), path


def _install(target: Path, sdk_version: str | None) -> None:
    requirements = (PROBE / "requirements.txt").read_text("utf-8").split()
    if sdk_version is not None:
        requirements = [each for each in requirements if not each.startswith(_SDK)] + [f"{_SDK}=={sdk_version}"]
    command = [*_installer(), "--target", str(target), "--only-binary=:all:", *requirements]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        raise GivenUp(
            f"the probe's packages for Linux on ARM cannot be had ({said[-1] if said else 'no reason was given'}); "
            "check the network, and the version of the SDK if you gave one"
        )


def _installer() -> list[str]:
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is not None:
        return [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python-platform=aarch64-manylinux2014",
            f"--python-version={PYTHON}",
        ]
    if importlib.util.find_spec("pip") is None:
        raise GivenUp("the probe's packages are installed by uv or pip, and neither is here; install one of them")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    return [*pip, *_PLATFORMS, "--implementation=cp", f"--python-version={PYTHON}"]
