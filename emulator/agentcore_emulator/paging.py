"""Page tokens.

A token says after which row the next page starts, not how many rows to skip, so rows that come or go between two pages
neither repeat nor hide others. It holds only for the listing that gave it: the live service refuses a token under
another filter ("metadata filter mismatch", aws/bedrock-agentcore-sdk-python commit fbce2fc).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from agentcore_emulator.errors import ValidationException

__all__ = ["Listing"]

_DIGEST = 12


class Listing:
    """One listing: an operation and everything that decides which rows it has, but not the size of its pages."""

    def __init__(self, operation: str, *scope: Any) -> None:
        self._operation = operation
        text = json.dumps([operation, *scope], sort_keys=True)
        self._digest = hashlib.sha256(text.encode()).digest()[:_DIGEST]

    def position(self, token: str | None) -> str | None:
        """After which row the page asked for by `token` starts; None for the first page.

        Raises ValidationException when this listing did not give the token.
        """
        if token is None:
            return None
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
            digest, position = raw[:_DIGEST], raw[_DIGEST:].decode()
        except ValueError:  # what undecodable text and bytes raise, too
            digest, position = b"", ""
        if digest != self._digest:
            raise ValidationException(
                f"Invalid nextToken: {self._operation} did not give it for these parameters",
                fields=[("nextToken", "was given for another listing, or is damaged")],
            )
        return position

    def continued(self, rows: Sequence[Row[Any]], size: int, column: str) -> dict[str, str]:
        """`{"nextToken"}` when more than `size` rows were found, else nothing. Rows are in the order of `column`."""
        if len(rows) <= size:
            return {}
        return {"nextToken": self.token(str(rows[size - 1]._mapping[column]))}

    def token(self, position: str) -> str:
        """The token for the page that starts after `position`."""
        return base64.urlsafe_b64encode(self._digest + position.encode()).decode()
