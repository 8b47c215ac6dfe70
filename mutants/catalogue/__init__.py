"""The mutants, by what they break."""

from __future__ import annotations

from mutants.catalogue import answers, memory, protocols, sessions, snapshots, tokens

__all__ = ["MUTANTS"]

MUTANTS = (
    *sessions.MUTANTS,
    *answers.MUTANTS,
    *protocols.MUTANTS,
    *tokens.MUTANTS,
    *snapshots.MUTANTS,
    *memory.MUTANTS,
)
