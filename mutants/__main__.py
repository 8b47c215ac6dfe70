"""`python -m mutants [NAME…]`: the status is 0 if the contract suite catches all of these mutants, or all there are."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence

from rich.console import Console

from mutants.catalogue import MUTANTS
from mutants.hunt import Refused, hunt
from mutants.mutant import Mutant, Stale
from mutants.suite import REPOSITORY, Suite

_SUITE = Suite(
    REPOSITORY / "emulator" / "agentcore_emulator",
    REPOSITORY / "contracts" / "agentcore_contracts" / "contracts",
    ("--agentcore-profile", "quick"),
)


def main() -> int:
    """Hunt; 1 if a mutant is not caught, 2 with a sentence on stderr if there can be no hunt."""
    parser = argparse.ArgumentParser(prog="python -m mutants")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a mutant; without any, all")
    names: list[str] = parser.parse_args().names
    try:
        verdicts = hunt(_SUITE, _chosen(names), Console(highlight=False))
    except (Refused, Stale) as error:
        print(error, file=sys.stderr)
        return 2
    return int(any(verdict.outcome != "caught" for verdict in verdicts))


def _chosen(names: Sequence[str]) -> list[Mutant]:
    """Raises `Refused` for a name that no mutant has."""
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    for name in names:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=1)
            hint = f"did you mean {near[0]}?" if near else "mutants/catalogue has their names"
            raise Refused(f"there is no mutant {name}; {hint}")
    return [by_name[name] for name in names] if names else list(MUTANTS)


if __name__ == "__main__":
    sys.exit(main())
