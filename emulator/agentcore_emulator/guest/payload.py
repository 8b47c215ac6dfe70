"""The `payload-type` quirk: an entrypoint's payload that is no dict.

Under `strict` the payload is Strands' `JSONSerializableDict`, the type that the field notes met. Under `warn` it stays
the dict that the SDK made, and each use that `JSONSerializableDict` would refuse is reported.
"""

import copy
import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from .watch import Invocation

QUIRK = "payload-type"
_REMEDY = 'read with payload.get("key") or default; copy it with payload.get() where you need a dict'


class JSONSerializableDict:
    """What Strands' class of this name offers (`strands.types.json_dict`), for agents that do not use Strands.

    `get(key)`, `get()`, `set`, `delete` and nothing else: no second argument of `get`, no subscripts, no iteration.
    """

    def __init__(self, initial_state: dict[str, Any] | None = None) -> None:
        json.dumps(initial_state)
        self._data: dict[str, Any] = copy.deepcopy(initial_state or {})
        self._version = 0

    def set(self, key: str, value: Any) -> None:
        """Store a deep copy; `ValueError` for a key that is no non-blank string or a value that is not JSON."""
        self._check_key(key)
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"Value is not JSON serializable: {type(value).__name__}") from error
        self._data[key] = copy.deepcopy(value)
        self._version += 1

    def get(self, key: str | None = None) -> Any:
        """A deep copy of the value, None for a missing key, or of everything without a key."""
        return copy.deepcopy(self._data if key is None else self._data.get(key))

    def delete(self, key: str) -> None:
        """Forget a key; a missing one is no error."""
        self._check_key(key)
        self._data.pop(key, None)
        self._version += 1

    def _get_version(self) -> int:
        return self._version

    def _check_key(self, key: Any) -> None:
        if not isinstance(key, str) or not key.strip():
            raise ValueError("Key must be a non-empty string")


def strict(payload: dict[str, Any]) -> Any:
    """The payload as Strands' class where the agent has it loaded, as an equal one elsewhere."""
    strands = sys.modules.get("strands.types.json_dict")
    kind = strands.JSONSerializableDict if strands is not None else JSONSerializableDict
    return kind(payload)


class Watched(dict[str, Any]):
    """The SDK's dict, unchanged in what it does, that reports the uses which `strict` would refuse."""

    def __init__(self, payload: dict[str, Any], invocation: Invocation) -> None:
        super().__init__(payload)
        self._invocation = invocation

    def get(self, key: str, *default: Any) -> Any:
        """`dict.get`; reported when it carries a default."""
        if default:
            _report(self._invocation, f"payload.get({key!r}, …)")
        return super().get(key, *default)

    def __reduce__(self) -> Any:
        # Pickles and deep copies are plain dicts: the watch belongs to this process and this invocation.
        return dict, (dict(dict.items(self)),)

    def __bool__(self) -> bool:
        # Not by way of `__len__`: a JSONSerializableDict has a truth value too.
        return bool(dict.__len__(self))


def _watched(name: str, written: str) -> Callable[..., Any]:
    original = getattr(dict, name)

    def method(self: Watched, *args: Any, **kwargs: Any) -> Any:
        _report(self._invocation, written)
        return original(self, *args, **kwargs)

    method.__name__ = name
    return method


for _name, _written in {
    "__getitem__": "payload[…]",
    "__setitem__": "payload[…] = …",
    "__delitem__": "del payload[…]",
    "__contains__": "… in payload",
    "__iter__": "iterating over payload",
    "__len__": "len(payload)",
    "keys": "payload.keys()",
    "values": "payload.values()",
    "items": "payload.items()",
    "pop": "payload.pop()",
    "popitem": "payload.popitem()",
    "update": "payload.update()",
    "setdefault": "payload.setdefault()",
    "copy": "payload.copy()",
    "__or__": "payload | …",
    "__ror__": "… | payload",
    "__ior__": "payload |= …",
    "__reversed__": "reversed(payload)",
}.items():
    setattr(Watched, _name, _watched(_name, _written))


def _report(invocation: Invocation, use: str) -> None:
    # The agent's line that touched the payload: above this function and the dict method, and above what a package does
    # on the agent's behalf (`json.dumps(payload)`).
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not invocation.watch.owns(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is not None:
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        invocation.found(QUIRK, place, f"{use} fails where the payload is a JSONSerializableDict: {_REMEDY}")
