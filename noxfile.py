"""What there is to run on this repository; `.ci/nox` runs it without nox being installed.

Every session installs from `requirements.lock`, and installs again only when that file or `pyproject.toml` changes.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from pathlib import Path
from typing import Final

import nox

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "typecheck", "tests", "contracts_quick", "demo"]

LOCK: Final = "requirements.lock"

# In as many processes as there are cores, but a file's tests in one, for their fixtures are emulators.
BY_FILE: Final = ("--numprocesses", "auto", "--dist", "loadfile")

# The oldest that is supported, and one between it and the newest, which is in the lock.
OLDER_SDKS: Final = ("1.0.0", "1.12.0")

# uv makes an environment anew where an interrupted run has left half of one, but only when told to.
_session = functools.partial(nox.session, venv_params=["--force"])


@_session
def lint(session: nox.Session) -> None:
    """Ruff: rules and format."""
    _install(session, "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@_session
def typecheck(session: nox.Session) -> None:
    """The strict mypy."""
    _install(session)
    session.run("mypy", *session.posargs)


@_session
def tests(session: nox.Session) -> None:
    """The tests of both packages and of the reference agent."""
    _install(session)
    session.run("pytest", *BY_FILE, *session.posargs)


@_session
def contracts(session: nox.Session) -> None:
    """The contract suite, on the emulator; then its quick profile with agents on older versions of the SDK."""
    _install(session)
    suite = ("pytest", "--pyargs", "agentcore_contracts", "--agentcore-target", "emulator")
    session.run(*suite, *session.posargs)
    for version in OLDER_SDKS:
        session.log(f"The agents run on bedrock-agentcore {version}")
        folder = _with_sdk(session, version)
        session.run(*suite, "--agentcore-profile", "quick", "--agentcore-python", str(folder), *session.posargs)


@_session
def contracts_quick(session: nox.Session) -> None:
    """The contract suite with few examples, within a minute."""
    _install(session)
    suite = ("pytest", "--pyargs", "agentcore_contracts", "--agentcore-profile", "quick")
    session.run(*suite, *BY_FILE, *session.posargs)


@_session
def parity(session: nox.Session) -> None:
    """The parity report: the emulator, held against AWS with `-- --aws --region R`, else against another emulator."""
    _install(session)
    session.run("python", "-m", "agentcore_contracts.parity", *session.posargs)


@_session
def bench(session: nox.Session) -> None:
    """Times and memory, side by side with the same agent run directly."""
    _install(session)
    session.run("python", "-m", "bench", *session.posargs)


@_session
def soak(session: nox.Session) -> None:
    """Twenty minutes of sessions, after which nothing of them may be left; `-- --minutes 2` for less."""
    _install(session)
    session.run("python", "-m", "soak", *session.posargs)


@_session
def mutants(session: nox.Session) -> None:
    """Deliberate faults in the emulator, each of which the contract suite must catch; `-- NAME` for some."""
    _install(session)
    session.run("python", "-m", "mutants", *session.posargs)


@_session
def demo(session: nox.Session) -> None:
    """The scripted tour; it fails if a step is not as told."""
    _install(session)
    session.run("agentcore-emulator", "demo", *session.posargs)


@_session
def lock(session: nox.Session) -> None:
    """Writes the lock anew, for all platforms; `nox -s lock -- --upgrade` also moves to newer versions."""
    _install(session, "uv")
    session.run(
        "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-emit-index-url",
        "--all-extras", "--group", "dev", "--custom-compile-command", "nox -s lock", "--output-file", LOCK,
        *session.posargs, "pyproject.toml",
    )  # fmt: skip


def _install(session: nox.Session, *packages: str) -> None:
    """Fills the session's environment: with some packages of the lock, or with all of it and this project, editable."""
    wanted = hashlib.sha256(" ".join(packages).encode())
    for name in (LOCK, "pyproject.toml"):
        wanted.update(Path(name).read_bytes())
    folder = Path(session.virtualenv.location)
    # Written last, so an environment that was cut off while it was filled is made anew.
    done = folder / "installed"
    if done.is_file() and done.read_text("utf-8") == wanted.hexdigest():
        return
    session.run_install("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    if packages:
        session.install("--constraints", LOCK, *packages, silent=False)
    else:
        # Bytecode now, because every test that starts an emulator or an agent would otherwise wait for it.
        session.install("--compile-bytecode", "--require-hashes", "--requirements", LOCK, silent=False)
        session.install("--no-deps", "--no-build-isolation", "--editable", ".", silent=False)
    done.write_text(wanted.hexdigest(), "utf-8")


def _with_sdk(session: nox.Session, version: str) -> Path:
    """An environment for agents on this version of the SDK, otherwise as locked."""
    folder = Path(session.virtualenv.location, f"sdk-{version}")
    done = folder / "installed"
    lock = Path(LOCK).read_text("utf-8")
    if not done.is_file() or done.read_text("utf-8") != hashlib.sha256(lock.encode()).hexdigest():
        session.run_install("uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        others = folder / "others.txt"
        pins = re.findall(r"^(?!bedrock-agentcore==)[A-Za-z0-9][^ ]*==[^ \\\n]*", lock, re.MULTILINE)
        others.write_text("\n".join(pins), "utf-8")
        session.run_install(
            "uv", "pip", "install", "--python", str(folder), "--compile-bytecode", "--constraints", str(others),
            f"bedrock-agentcore=={version}",
        )  # fmt: skip
        done.write_text(hashlib.sha256(lock.encode()).hexdigest(), "utf-8")
    return folder
