"""The metadata tag of a non-streaming answer, and the 1,024 bytes that such an answer may take.

A tag, `<<META:key=value,key=value>>` at the end of the text, survives being encoded as JSON once or more, where a JSON
object inside a JSON string would have to be unescaped as often. Agent and client share this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

# botocore's StreamingBody hands its body out in pieces of 1,024 bytes, and many clients read only the first.
WIRE_LIMIT = 1_024

_ELLIPSIS = "…"
# What may stand in a value as it is; everything else, above all `,`, `=`, `<` and `>`, is percent-encoded.
_PLAIN = " !#$&'()*+-./:;?@[]^_`{|}~"
_TAG = re.compile(r"<<META:([^<>]*)>>\Z")


def tag(meta: Mapping[str, str | int | float]) -> str:
    """The tag that holds `meta`. Keys are identifiers; values are written as text."""
    return "<<META:" + ",".join(f"{key}={quote(str(value), safe=_PLAIN)}" for key, value in meta.items()) + ">>"


def parse(answer: str) -> tuple[str, dict[str, str]]:
    """Splits an answer into its text and its metadata, which is empty if there is no tag at the end."""
    found = _TAG.search(answer)
    if found is None:
        return answer, {}
    pairs = (pair.partition("=") for pair in found[1].split(",") if pair)
    return answer[: found.start()], {key: unquote(value) for key, _, value in pairs}


def wire_size(text: str) -> int:
    """Bytes of `text` as the SDK sends it: a JSON string in UTF-8, non-ASCII left as it is, both quotes counted."""
    return len(json.dumps(text, ensure_ascii=False).encode())


def cut(text: str, size: int) -> str:
    """The longest start of `text` whose JSON takes at most `size` bytes without its quotes; never half a character.

    A text that has to be cut ends in an ellipsis; without room for one nothing is left of it.
    """
    if wire_size(text) - 2 <= size:
        return text
    room = size - len(_ELLIPSIS.encode())
    if room < 0:
        return ""
    for position, character in enumerate(text):
        room -= wire_size(character) - 2
        if room < 0:
            return text[:position] + _ELLIPSIS
    raise AssertionError("unreachable: the whole text does not fit")


def fit(text: str, meta: Mapping[str, str | int | float]) -> str:
    """An answer of at most WIRE_LIMIT bytes on the wire: `text`, cut if it must be, and the tag of `meta`.

    A cut is told by `truncated=yes`. Raises ValueError if the metadata alone is larger than that.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair cannot be sent at all
    whole = text + tag(meta)
    if wire_size(whole) <= WIRE_LIMIT:
        return whole
    ending = tag({**meta, "truncated": "yes"})
    room = WIRE_LIMIT - wire_size(ending)
    if room < 0:
        raise ValueError(f"The metadata takes {wire_size(ending)} bytes; only {WIRE_LIMIT} fit in an answer.")
    return cut(text, room) + ending
