"""The mutants, by what they break."""

from __future__ import annotations

from mutants.catalogue import answers, lifetimes, memory, protocols, records, sessions, snapshots, tokens

__all__ = ["MUTANTS"]

MUTANTS = (
    *sessions.MUTANTS,
    *lifetimes.MUTANTS,
    *answers.MUTANTS,
    *protocols.MUTANTS,
    *tokens.MUTANTS,
    *snapshots.MUTANTS,
    *memory.MUTANTS,
    *records.MUTANTS,
)
