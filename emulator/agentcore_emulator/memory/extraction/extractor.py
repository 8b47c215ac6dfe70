"""What the worker asks of whoever turns conversations into memory records."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentcore_emulator.memory.extraction.messages import Message

__all__ = ["ExtractionFailure", "Extractor", "Known", "Memo", "Recall", "Work"]


class ExtractionFailure(Exception):
    """A job cannot be done. The message is one sentence, which ListMemoryExtractionJobs shows as `failureReason`."""


@dataclass(frozen=True, slots=True)
class Memo:
    """Something to be remembered.

    `text` is that of the record, in the form that the strategy's type has. `subject` says what it is about: one of the
    same actor with the same subject takes the place of what is there, so a fact that is told twice is one record, and
    one that has changed changes it. `metadata` are the model's `MetadataValue`s by key. A `reflection` goes into the
    strategy's namespace of reflections.
    """

    text: str
    subject: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    reflection: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A record that an earlier memo of the same actor has made."""

    subject: str
    text: str


class Recall(Protocol):
    """Finds what is known already."""

    def __call__(self, prefix: str = "", *, reflections: bool = False, limit: int = 50) -> Awaitable[Sequence[Known]]:
        """The records whose subjects begin with `prefix`, the last changed first."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one job, or one episode, has to be made of.

    `kind` is the built-in `MemoryStrategyType` whose form the records have, `strategy` a row of `tables.strategies` by
    column, `reflects` whether it has a namespace for reflections. `inferred` are the entries of the `metadataSchema`
    whose values a model is to find, those of reflections in `inferred_of_reflections`.
    """

    kind: str
    strategy: Mapping[str, Any]
    reflects: bool
    inferred: Sequence[Mapping[str, Any]]
    inferred_of_reflections: Sequence[Mapping[str, Any]]
    actor_id: str
    session_id: str
    messages: Sequence[Message]
    recall: Recall


class Extractor(Protocol):
    """Makes memos of conversations. It does not block the event loop, whatever it is given."""

    @property
    def concurrency(self) -> int:
        """How many jobs it is given at once."""

    async def extract(self, work: Work) -> Sequence[Memo]:
        """What is worth remembering, in the order in which it was said. Raises `ExtractionFailure`."""
