"""The mutants, by what they break."""

from __future__ import annotations

from mutants.catalogue import answers, memory, sessions

__all__ = ["MUTANTS"]

MUTANTS = (*sessions.MUTANTS, *answers.MUTANTS, *memory.MUTANTS)
