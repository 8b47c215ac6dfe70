"""Faults to order: what AWS, or an agent, does now and then, done to the calls that a tester picks.

    ErrorFault        the operation answers with an error of its own
    ├── Throttle      429
    ├── Quota         402
    ├── Conflict      409, which boto3 retries
    ├── AgentError    424
    └── Internal      500
    Kill              the microVM dies
    Hang              the agent's answer never begins
    SlowFirstByte     the agent's answer begins late

A fault says whom it strikes and how often. The dispatcher asks for error faults, the runtime plane for the others.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Final, TypeVar

from agentcore_emulator import errors
from agentcore_emulator.wire.service import Operation, load

__all__ = [
    "AgentError",
    "Conflict",
    "ErrorFault",
    "Fault",
    "FaultError",
    "Faults",
    "Hang",
    "Internal",
    "Kill",
    "Quota",
    "SlowFirstByte",
    "Throttle",
    "read",
]

_log = logging.getLogger(__name__)

_INVOKE: Final = "InvokeAgentRuntime"
_SERVICES: Final = ("bedrock-agentcore", "bedrock-agentcore-control", "bedrock-runtime")

# A first byte that is later than this is a 504 (AWS quotas page: synchronous request timeout).
_LATEST_FIRST_BYTE: Final = 900


class FaultError(ValueError):
    """A fault that cannot be; the text is half a sentence about `field`, or about the whole if that is None."""

    def __init__(self, what: str, field: str | None = None) -> None:
        super().__init__(what)
        self.field = field


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_whole(value)


_FIELDS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "operation": (lambda value: isinstance(value, str), "the name of an AWS operation, such as CreateEvent"),
    "session": (lambda value: isinstance(value, str), "the id of a session"),
    "times": (lambda value: _is_whole(value) and value >= 1, "a whole number of calls, 1 or more"),
    "rate": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0.0 to 1.0"),
    "seed": (_is_whole, "a whole number"),
    "after_bytes": (lambda value: _is_whole(value) and value >= 0, "a whole number of bytes, 0 or more"),
    "seconds": (
        lambda value: _is_number(value) and 0 <= value <= _LATEST_FIRST_BYTE,
        f"a number of seconds from 0 to {_LATEST_FIRST_BYTE}",
    ),
}


class Fault:
    """Strikes the next `times` calls of an operation (1 if nothing is said), or each with a probability of `rate`.

    With `session`, calls of other sessions do not count. With `seed`, the same calls are struck each time. `given` is
    what the fault was made of, `used` how many calls it has struck. Raises `FaultError`.
    """

    name: ClassVar[str]
    fields: ClassVar[frozenset[str]] = frozenset({"fault", "operation", "session", "times", "rate", "seed"})
    of_any_operation: ClassVar[bool] = False

    def __init__(self, given: Mapping[str, Any]) -> None:
        for field, value in given.items():
            if field not in self.fields:
                near = get_close_matches(field, self.fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it can have {', '.join(sorted(self.fields))}"
                raise FaultError(f"{self.name} has no such field; {hint}", field)
            fits, what = _FIELDS.get(field, (lambda _: True, ""))
            if not fits(value):
                raise FaultError(f"{value!r:.60} is not {what}", field)
        if "rate" in given and "times" in given:
            raise FaultError("'times' and 'rate' exclude each other", "rate")
        if "seed" in given and "rate" not in given:
            raise FaultError("only what has a 'rate' can have one", "seed")
        self.given = dict(given)
        self.used = 0
        self._operation: str = self._checked(given.get("operation"))
        self._session: str | None = given.get("session")
        self._rate: float | None = given.get("rate")
        self._left: int = given.get("times", 1)
        # Chances, not secrets.
        self._random = random.Random(given.get("seed"))  # noqa: S311

    @property
    def used_up(self) -> bool:
        """Whether it has struck as often as it was to."""
        return self._rate is None and self._left <= self.used

    def strikes(self, operation: str, session: str | None) -> bool:
        """Whether it strikes this call, which is counted if so."""
        if operation != self._operation or self._session not in (None, session):
            return False
        if self._rate is not None and self._random.random() >= self._rate:
            return False
        self.used += 1
        return True

    def _checked(self, operation: str | None) -> str:
        if self.of_any_operation:
            if operation is None:
                raise FaultError(f"{self.name} needs one, such as {_INVOKE} or CreateEvent", "operation")
            return operation
        if operation not in (None, _INVOKE):
            raise FaultError(f"{self.name} is a fault of {_INVOKE} alone", "operation")
        return _INVOKE


class ErrorFault(Fault):
    """The operation answers with an error that AWS models for it, before it has done anything."""

    of_any_operation = True
    kinds: ClassVar[tuple[type[errors.AWSError], ...]]
    message: ClassVar[str]

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        modelled = _find(self._operation).errors
        kind = next((kind for kind in self.kinds if kind.__name__ in modelled), None)
        if kind is None:
            raise FaultError(f"AWS has no {self.kinds[0].__name__} for {self._operation}", "operation")
        self._kind = kind

    def error(self) -> errors.AWSError:
        """What to raise."""
        return self._kind(self.message)


class Throttle(ErrorFault):
    """429 under the name that the operation's model has for it. Text: AWS developer guide, "A2A protocol contract"."""

    name = "throttle"
    kinds = (errors.ThrottlingException, errors.ThrottledException)
    message = "Rate limit exceeded - Too many requests"


class Quota(ErrorFault):
    """402. Text: AWS developer guide, "AG-UI protocol contract"."""

    name = "quota"
    kinds = (errors.ServiceQuotaExceededException,)
    message = "Service quota exceeded"


class Conflict(ErrorFault):
    """409, passing. Text: AWS developer guide, "Troubleshoot AgentCore Runtime"."""

    name = "conflict"
    kinds = (errors.RetryableConflictException,)
    message = "Session operation in progress, please retry"


class Internal(ErrorFault):
    """500 under the name of the operation's model. Text: AWS developer guide, "A2A protocol contract"."""

    name = "internal"
    kinds = (errors.InternalServerException, errors.ServiceException)
    message = "Internal error - An unexpected error occurred while processing the request"


class AgentError(ErrorFault):
    """424 of `InvokeAgentRuntime`, as if the agent had answered 500. Text: as users report it."""

    name = "agent-error"
    of_any_operation = False
    kinds = (errors.RuntimeClientError,)
    message = "Received error (500) from runtime. Please check your CloudWatch logs for more information."


class Kill(Fault):
    """SIGKILL for the microVM once `after_bytes` of the answer are relayed; 0, the default, is before it begins."""

    name = "kill"
    fields = Fault.fields | {"after_bytes"}

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        self.after_bytes: int = given.get("after_bytes", 0)


class Hang(Fault):
    """The agent gets the call, and its answer never begins."""

    name = "hang"


class SlowFirstByte(Fault):
    """The head of the agent's answer is held back for `seconds`."""

    name = "slow-first-byte"
    fields = Fault.fields | {"seconds"}

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        if "seconds" not in given:
            raise FaultError(f"{self.name} needs them", "seconds")
        self.seconds = float(given["seconds"])


_KINDS: Final[Mapping[str, type[Fault]]] = {
    kind.name: kind for kind in (Throttle, Quota, Conflict, AgentError, Internal, Kill, Hang, SlowFirstByte)
}


def read(given: Any) -> Fault:
    """The fault that a mapping, of a fault file or of the admin API, describes. Raises `FaultError`."""
    if not isinstance(given, dict):
        raise FaultError(f"a fault is a mapping, such as {{fault: throttle, operation: {_INVOKE}, times: 2}}")
    name = given.get("fault")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        what = f"there is no fault {name!r:.60}, only" if "fault" in given else "is missing; it is one of"
        raise FaultError(f"{what} {', '.join(_KINDS)}", "fault")
    return kind(given)


def _find(operation: str) -> Operation:
    for service in _SERVICES:
        with contextlib.suppress(KeyError):
            return load(service).operation(operation)
    raise FaultError(f"AWS has no operation {operation!r:.60} in {', '.join(_SERVICES)}", "operation")


F = TypeVar("F", bound=Fault)


class Faults:
    """The faults that are to strike, by their ids, in the order in which they were added; false when there are none.

    Of the faults of one kind that fit a call, the first strikes; so two of them one after the other make a sequence.
    """

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def __len__(self) -> int:
        return len(self._faults)

    def __iter__(self) -> Iterator[tuple[int, Fault]]:
        """The faults with their ids."""
        return iter(list(self._faults.items()))

    def add(self, faults: Iterable[Fault]) -> list[int]:
        """Have these strike too; returns their ids."""
        added = {next(self._ids): fault for fault in faults}
        self._faults.update(added)
        return list(added)

    def remove(self, fault_id: int) -> bool:
        """Have one strike no more; returns whether it was there."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Have none strike any more."""
        self._faults.clear()

    def check(self, operation: str, session: str | None) -> None:
        """Raise the error that a fault has for this call, if one strikes it."""
        fault = self.strike(ErrorFault, operation, session)
        if fault is not None:
            raise fault.error()

    def strike(
        self, kind: type[F], operation: str, session: str | None, say: Callable[[str], object] = _log.warning
    ) -> F | None:
        """The first fault of a kind that strikes this call, counted, and told of in one line by `say`."""
        for fault_id, fault in self:
            if isinstance(fault, kind) and fault.strikes(operation, session):
                if fault.used_up:
                    del self._faults[fault_id]
                of = f" of session {session!r:.270}" if session is not None else ""
                say(f"fault {fault_id}, {fault.name}, strikes {operation}{of}")
                return fault
        return None
