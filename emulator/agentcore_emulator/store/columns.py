"""Types of columns that several planes' tables have, and the times in them."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import BigInteger, Integer, String

__all__ = ["Id", "Key", "milliseconds"]

#: SQLite numbers rows by itself only for the one type, which is 64 bits wide there and 32 elsewhere.
Key: Final = BigInteger().with_variant(Integer, "sqlite")

#: Compared and sorted by code points everywhere, as ids and namespaces must be.
Id: Final = String().with_variant(String(collation="C"), "postgresql")


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, rounded down.

    Of the decimal number that the client wrote, as 1.001 * 1000 is a hair less than 1001.
    """
    return int(Decimal(repr(seconds)) * 1000)
