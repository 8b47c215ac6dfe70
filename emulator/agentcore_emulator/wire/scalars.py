"""The scalar values of REST-JSON: what each looks like in JSON, in a query or header, and in Python.

Strings and booleans are themselves, timestamps are float epoch seconds, blobs bytes, `float` and `double` floats.
"""

from __future__ import annotations

import base64
import math
import re
import sys
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from typing import Any

__all__ = ["FROM_JSON", "compile_pattern", "from_text", "writer"]

# Smithy's spelling of the doubles that JSON has no number for (smithy.io, "AWS restJson1 protocol").
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
# The years 1 to 9999, which is what Python and botocore can make a date of.
_EARLIEST, _LATEST = -62135596800.0, 253402300799.999


def from_text(kind: str, text: str) -> Any:
    """Turn a label, query or header value into the JSON value that a body would hold for the same shape type.

    Text that is no such value is returned as it is, for the check of types to report.
    """
    if kind in ("integer", "long") and _INTEGER.fullmatch(text):
        return int(text)
    if kind in ("float", "double", "timestamp") and _NUMBER.fullmatch(text):
        return float(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(value)
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _integer(bits: int) -> Callable[[Any], int]:
    bound = 1 << (bits - 1)

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not -bound <= value < bound:
            raise ValueError(value)
        return value

    return read


def _float(value: Any) -> float:
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(value)
    return float(value)


def _timestamp(value: Any) -> float:
    # Whatever format is modelled, all three are taken: AWS's SDKs differ in which they send, and none is ambiguous.
    seconds = _date(value) if isinstance(value, str) else _float(value)
    if not _EARLIEST <= seconds <= _LATEST:
        raise ValueError(value)
    return seconds


def _date(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _blob(value: Any) -> bytes:
    return base64.b64decode(_string(value), validate=True)


# Each takes a JSON value and raises ValueError or OverflowError when it is not one of its type.
FROM_JSON: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer(32),
    "long": _integer(64),
    "float": _float,
    "double": _float,
    "timestamp": _timestamp,
    "blob": _blob,
}


def writer(kind: str, form: str | None) -> Callable[[Any], Any] | None:
    """How a scalar leaves as JSON, or None when as it is; `form` is the modelled `timestampFormat`."""
    match kind:
        case "timestamp":
            return _DATES.get(form or "", _write_epoch)
        case "blob":
            return _write_blob
        case "float" | "double":
            return _write_float
    return None


def _write_epoch(seconds: float) -> float:
    return round(seconds, 3)


def _write_iso8601(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _write_rfc822(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


_DATES: dict[str, Callable[[float], Any]] = {"iso8601": _write_iso8601, "rfc822": _write_rfc822}


def _write_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""Compile a modelled pattern for `fullmatch`.

    Patterns are written for Java, where `\s`, `\d` and `\w` mean ASCII, and where `\p{C}` is a character that Unicode
    counts among *other* (control, format, surrogate, private, unassigned). botocore has cut off the outer anchors.
    Raises `re.error` for Java syntax that Python lacks.
    """
    if r"\p{C}" in pattern:
        pattern = pattern.replace(r"\p{C}", _other())
    return re.compile(pattern, re.ASCII)


@cache
def _other() -> str:
    """The characters of Unicode category C, as the inside of a character class."""
    ranges: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] == "C":
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
