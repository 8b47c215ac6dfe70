"""What is raised when the place of the state fails."""

from __future__ import annotations

__all__ = ["StoreError"]


class StoreError(Exception):
    """The state cannot be used. The message is one sentence: what happened, where, and what to do."""
