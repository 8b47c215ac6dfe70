"""Platform version V2: what sessions share, and what they must not."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="v2-imports-in-each-session",
        file="runtime/hosts.py",
        old='    if runtime.platform == "V1":',
        new='    if runtime.platform in ("V1", "V2"):',
        breaks="On V2 each session imports the agent's modules, so that what they must not share is not seen.",
        contracts=("V2-001",),
    ),
    Mutant(
        name="v2-random-is-fresh",
        file="guest/restore.py",
        old='        sys.modules["random"].setstate(_random_state)\n',
        new="        pass\n",
        breaks="An agent that draws ids from `random` seems safe, and gives the same to all users on AWS.",
        contracts=("V2-003",),
    ),
    Mutant(
        name="v2-monotonic-clock-goes-on",
        file="guest/restore.py",
        old="    _behind += time.monotonic_ns() - stopped_at\n",
        new="    _behind += time.monotonic_ns() - time.monotonic_ns()\n",
        breaks="A limit of time that began before the snapshot is over in every session.",
        contracts=("V2-006",),
    ),
)
