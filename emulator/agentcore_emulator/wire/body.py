"""JSON bodies: read without trusting the sender, written so that every client can read them."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from agentcore_emulator.errors import ValidationException

__all__ = ["MAX_DEPTH", "dump", "parse", "read"]

# Python's own limit of 1,000 frames is shared with whoever calls us. A document that is taken here must still fit when
# it is written again from deeper in the stack.
MAX_DEPTH = 250

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read(body: bytes) -> dict[str, Any]:
    """Parse a request body; an empty one is `{}`, as AWS takes it.

    Raises `ValidationException` with reason `CannotParse` for what `parse` refuses.
    """
    if not body:
        return {}
    try:
        return parse(body)
    except ValueError as error:
        raise ValidationException(f"The request body {error}; send one JSON object.", reason="CannotParse") from None


def parse(body: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Raises ValueError, which says what the body "is not" or "holds", for whatever is not one in UTF-8: that includes
    NaN, numbers beyond a double, unpaired surrogates and nesting deeper than `MAX_DEPTH`.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        if _SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON, at character {error.pos + 1}: {error.msg}") from None
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except UnicodeEncodeError:
        raise ValueError("holds an unpaired surrogate") from None
    except RecursionError:
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:
        # Python refuses integers of more than 4,300 digits; _refuse and _finite refuse what no double can hold.
        raise ValueError("holds a number out of range") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise ValueError(f"is nested deeper than {MAX_DEPTH} levels")
    return value


def dump(value: Any) -> bytes:
    """Serialise compactly.

    Raises ValueError for NaN and TypeError for what JSON cannot hold. An unpaired surrogate leaves as its JSON escape,
    so that an error message which quotes one can still be sent.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True
