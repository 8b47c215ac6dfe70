"""JSON as it is kept: what a client stored comes back equal.

Integers of any size, the full precision of doubles, member order, and strings with lone surrogates all survive. Two
things cannot be kept and are refused: NaN and the infinities, which Python's parser lets through although JSON does not
have them, and documents nested deeper than they could be read back.
"""

from __future__ import annotations

import json
from typing import Any

from agentcore_emulator.errors import ValidationException

__all__ = ["dumps", "loads"]

# An answer nests a payload deeper than the request did, and is built further up the stack.
_HEADROOM = 64


def dumps(value: Any, name: str) -> str:
    """The JSON text of `value`, in ASCII, so that lone surrogates fit into a database.

    Raises ValidationException, which names the request's member `name`, for what cannot be kept.
    """
    deeper = value
    for _ in range(_HEADROOM):
        deeper = [deeper]
    try:
        text = json.dumps(deeper, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise _refused(name, "NaN and infinite numbers are not JSON") from error
    except RecursionError as error:
        raise _refused(name, "nested too deeply") from error
    return text[_HEADROOM:-_HEADROOM]


def loads(text: str) -> Any:
    """What `dumps` was given."""
    return json.loads(text)


def _refused(name: str, why: str) -> ValidationException:
    return ValidationException(f"Invalid {name}: {why}", reason="CannotParse", fields=[(name, why)])
