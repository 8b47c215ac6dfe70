"""Services and their operations: which operation a request means, what its input is, how its result goes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import unquote_to_bytes

from agentcore_emulator import errors
from agentcore_emulator.wire import body, scalars
from agentcore_emulator.wire.request import Answer, Request
from agentcore_emulator.wire.shapes import NULL, Node, Problem, Shapes
from agentcore_emulator.wire.unmodelled import with_unmodelled

if TYPE_CHECKING:
    from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

__all__ = ["Operation", "Service", "error_answer", "load"]

_JSON = ("Content-Type", "application/json")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")

# What the live service checks in words of its own instead of the framework's, and so the plane here (observed for the
# memory id: floci-io/floci pull request 3556).
_CHECKED_BY_SERVICE = {"bedrock-agentcore": frozenset({"MemoryId"})}

# How one member is fetched from a request and the JSON of its body; None when the request lacks it.
_Fetch = Callable[[Request, Mapping[str, Any]], Any]


class _Member(NamedTuple):
    name: str
    fetch: _Fetch
    node: Node
    required: bool


class Operation:
    """One operation of a service's model. Its shapes are compiled when it is first used."""

    def __init__(self, model: OperationModel, service: str, shapes: Shapes) -> None:
        self.name: str = model.name
        self.service = service
        self._model = model
        self._shapes = shapes

    @cached_property
    def payload_is_blob(self) -> bool:
        """True when the input's body is one blob or event stream, which `parse` does not look at."""
        return _Payload(self._model.input_shape).raw

    @cached_property
    def errors(self) -> frozenset[str]:
        """The names of the errors that the model has for it."""
        return frozenset(shape.name for shape in self._model.error_shapes)

    def parse(self, request: Request) -> dict[str, Any]:
        """The input, keyed by member name, without the members that are absent and without a blob payload.

        Raises `ValidationException`: with reason `CannotParse` for a body that is not a JSON object, else
        `FieldValidationFailed` with every rule of the model that is broken, in one message.
        """
        problems: list[Problem] = []
        parsed: dict[str, Any] = {}
        document = {} if self.payload_is_blob else body.read(request.body)
        for name, fetch, node, required in self._input:
            value = fetch(request, document)
            if value is not None:
                parsed[name] = node.read(value, name, problems)
            elif required:
                problems.append(Problem(name, None, NULL))
        if problems:
            count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
            raise errors.ValidationException(
                f"{count}: {'; '.join(str(problem) for problem in problems)}",
                fields=[(problem.at, problem.rule) for problem in problems],
            )
        return parsed

    def answer(self, result: Mapping[str, Any]) -> Answer:
        """The response for a handler's `result`, which is keyed by member name.

        Members that are None are left out; TypeError for one that the output lacks. Required members are not checked,
        since clients do without them.
        """
        output = self._output
        status = self._model.http.get("responseCode", 200)
        headers: list[tuple[str, str]] = []
        content: dict[str, Any] = {}
        for name, value in result.items():
            if value is None:
                continue
            if name in output.content:
                key, node = output.content[name]
                content[key] = node.write(value)
            elif name in output.headers:
                headers.append((output.headers[name], value))
            elif name in output.status:
                status = value
            else:
                raise TypeError(f"the output of {self.name} has no member {name!r}")
        text = output.encode(content)
        if text and not output.payload.raw:
            headers.append(_JSON)
        return Answer(status, headers, text)

    @cached_property
    def _input(self) -> list[_Member]:
        shape = self._model.input_shape
        if shape is None:
            return []
        payload = _Payload(shape)
        return [
            _Member(name, _fetch(name, member, payload), self._shapes.node(member), name in shape.required_members)
            for name, member in shape.members.items()
            if not (payload.raw and name == payload.name)
        ]

    @cached_property
    def _output(self) -> _Output:
        return _Output(self._model.output_shape, self._shapes)


class _Payload:
    """Which member is the whole body, if one is, and whether that is anything but JSON."""

    def __init__(self, shape: StructureShape | None) -> None:
        self.name: str | None = shape.serialization.get("payload") if shape is not None else None
        member = shape.members[self.name] if shape is not None and self.name is not None else None
        self.raw = member is not None and bool(member.type_name == "blob" or member.serialization.get("eventstream"))


def _fetch(name: str, member: Shape, payload: _Payload) -> _Fetch:
    key = member.serialization.get("name", name)
    kind = member.type_name
    match member.serialization.get("location"):
        case "uri":
            return lambda request, _: _text(kind, request.path.get(key))
        case "header":
            lower = key.lower()
            return lambda request, _: _text(kind, request.headers.get(lower))
        case "querystring" if kind == "list":
            inner = cast("ListShape", member).member.type_name
            return lambda request, _: [_text(inner, text) for found, text in request.query if found == key] or None
        case "querystring":
            return lambda request, _: _text(kind, next((text for found, text in request.query if found == key), None))
        case None if name == payload.name:
            return lambda request, document: document if request.body else None
        case None:
            return lambda _, document: document.get(key)
    # No service that is built here has one; the tests compile all operations, so a new model that does is noticed.
    raise NotImplementedError(f"{name}: inputs in {member.serialization['location']} are not built")


def _text(kind: str, text: str | None) -> Any:
    return None if text is None else scalars.from_text(kind, text)


class _Output:
    """Where an output's members go: into the body, a header field or the status."""

    def __init__(self, shape: StructureShape | None, shapes: Shapes) -> None:
        self.payload = _Payload(shape)
        self.content: dict[str, tuple[str, Node]] = {}
        self.headers: dict[str, str] = {}
        self.status: set[str] = set()
        for name, member in shape.members.items() if shape is not None else ():
            key = member.serialization.get("name", name)
            match member.serialization.get("location"):
                case None:
                    # A bare Node passes bytes through.
                    self.content[name] = key, Node() if self.payload.raw else shapes.node(member)
                case "header" if member.type_name == "string":
                    self.headers[name] = key
                case "statusCode":
                    self.status.add(name)
                case location:
                    raise NotImplementedError(f"{name}: {member.type_name} outputs in {location} are not built")

    def encode(self, content: Mapping[str, Any]) -> bytes:
        """The body of converted members."""
        if not self.content:
            return b""
        if self.payload.name is None:
            return body.dump(content)
        ((key, _),) = self.content.values()
        if key not in content:
            return b""
        value = content[key]
        if not self.payload.raw:
            return body.dump(value)
        if not isinstance(value, bytes):
            raise TypeError(f"{key} is the whole body and must be bytes; stream anything else as a Response")
        return value


class _Route(NamedTuple):
    """A modelled path, segment by segment; a label stands under its name in `labels` and as None in `literals`."""

    literals: tuple[bytes | None, ...]
    labels: tuple[str, ...]
    operation: Operation

    def match(self, segments: list[bytes]) -> dict[str, str] | None:
        """The decoded labels, if the path fits; raises UnicodeDecodeError for escapes that are not UTF-8."""
        values = []
        for literal, segment in zip(self.literals, segments, strict=True):
            if literal is None and segment:
                values.append(segment)
            elif literal != segment:
                return None
        return {name: unquote_to_bytes(value).decode() for name, value in zip(self.labels, values, strict=True)}


class Service:
    """A service of botocore's, with all its operations."""

    def __init__(self, model: ServiceModel) -> None:
        self.name: str = model.service_name
        shapes = Shapes(_CHECKED_BY_SERVICE.get(self.name, frozenset()))
        self._operations: dict[str, Operation] = {}
        self._routes: dict[tuple[str, int], list[_Route]] = {}
        for name in model.operation_names:
            described = model.operation_model(name)
            operation = self._operations[name] = Operation(described, self.name, shapes)
            route = _route(described.http["requestUri"], operation)
            self._routes.setdefault((described.http["method"], len(route.literals)), []).append(route)
        for routes in self._routes.values():
            # Literals before labels, from the left: /memories/create is not the memory "create".
            routes.sort(key=lambda route: [literal is None for literal in route.literals])

    def match(self, method: str, raw_path: bytes) -> tuple[Operation, dict[str, str]] | None:
        """The operation that a request means, and its decoded labels; None when it means none.

        `raw_path` is the path as it came, still percent-encoded and without the query: an ARN is one segment, which
        decoding before splitting would break at its slash. A trailing slash counts, as it is modelled. A broken
        escape, or one that is not UTF-8, is no path of this service.
        """
        if _BROKEN_ESCAPE.search(raw_path):
            return None
        segments = raw_path.split(b"/")
        for route in self._routes.get((method, len(segments)), ()):
            try:
                labels = route.match(segments)
            except UnicodeDecodeError:
                return None
            if labels is not None:
                return route.operation, labels
        return None

    def operation(self, name: str) -> Operation:
        """The operation of that name; KeyError when the model has none."""
        return self._operations[name]


def _route(uri: str, operation: Operation) -> _Route:
    if "+}" in uri or "?" in uri:
        raise NotImplementedError(f"{operation.name}: greedy labels and queries in {uri} are not built")
    segments = uri.split("/")
    return _Route(
        tuple(None if segment.startswith("{") else segment.encode() for segment in segments),
        tuple(segment[1:-1] for segment in segments if segment.startswith("{")),
        operation,
    )


@cache
def load(name: str) -> Service:
    """The service of that botocore name, such as `bedrock-agentcore`, with what `unmodelled` adds to it.

    The first call imports botocore and takes a quarter of a second, each further one some hundredths.
    """
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    # Without ~/.aws/models, which may hold anything.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    model = with_unmodelled(name, loader.load_service_model(name, "service-2"))
    return Service(ServiceModel(model, service_name=name))


def error_answer(error: errors.AWSError, request_id: str) -> Answer:
    """How an error goes back: its name in a header, where botocore looks first, and its members as JSON."""
    headers = [_JSON, ("x-amzn-ErrorType", error.code), ("x-amzn-RequestId", request_id), *error.headers]
    return Answer(error.status, headers, body.dump(error.members()))
