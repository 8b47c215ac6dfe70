"""The wire against botocore itself: what its serialisers send is parsed, what is answered its parsers read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from agentcore_emulator.errors import (
    AWSError,
    NotImplementedException,
    ResourceNotFoundException,
    ValidationException,
)
from agentcore_emulator.wire import scalars
from agentcore_emulator.wire.request import Request
from agentcore_emulator.wire.service import Operation, Service, error_answer, load

SERVICES = ("bedrock-agentcore", "bedrock-agentcore-control", "bedrock-runtime")
MODELS = {name: ServiceModel(Loader().load_service_model(name, "service-2"), service_name=name) for name in SERVICES}
OPERATIONS = [
    (name, operation)
    for name, model in MODELS.items()
    for operation in model.operation_names
    # botocore has no streams towards AWS, and boto3 leaves this one out.
    if operation != "InvokeModelWithBidirectionalStream"
]

serializer = create_serializer("rest-json")
parser = create_parser("rest-json")

# Values that fit a pattern and its lengths take long to find, and how long says nothing about what is tested.
patient = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


# --- values for a shape ------------------------------------------------------------------------------------------

numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# Anything but null, which stands for an absent member.
documents = st.booleans() | numbers | st.text() | st.lists(json_values) | st.dictionaries(st.text(), json_values)
moments = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that the model allows, as boto3 takes them."""
    rules = shape.metadata
    match shape.type_name:
        case "structure":
            return documents if rules.get("document") else structures(cast("StructureShape", shape), depth)
        case "list":
            most = min(rules.get("max", 3), max(rules.get("min", 0), 3 if depth < 4 else 0))
            return st.lists(
                values(cast("ListShape", shape).member, depth + 1), min_size=rules.get("min", 0), max_size=most
            )
        case "map":
            mapped = cast("MapShape", shape)
            least = rules.get("min", 0)
            return st.dictionaries(
                values(mapped.key),
                values(mapped.value, depth + 1),
                min_size=least,
                max_size=max(least, 2 if depth < 4 else 0),
            )
        case "boolean":
            return st.booleans()
        case "integer" | "long":
            bits = 31 if shape.type_name == "integer" else 63
            return st.integers(int(rules.get("min", -(2**bits))), int(rules.get("max", 2**bits - 1)))
        case "float" | "double":
            return st.floats(rules.get("min"), rules.get("max"), allow_nan=False, allow_infinity=False)
        case "timestamp":
            return moments
        case "blob":
            return st.binary(min_size=rules.get("min", 0), max_size=40)
    if rules.get("enum"):
        return st.sampled_from(rules["enum"])
    least, most = rules.get("min", 0), rules.get("max", 10**9)
    if rules.get("pattern"):
        pattern = scalars.compile_pattern(rules["pattern"])
        # Many patterns end in a class that may repeat, which is the way to a great minimal length.
        long_enough = st.from_regex(pattern, fullmatch=True).map(lambda text: text + text[-1:] * (least - len(text)))
        return long_enough.filter(lambda text: least <= len(text) <= most and pattern.fullmatch(text) is not None)
    return st.text(
        st.characters(codec="utf-8", exclude_categories=["C"]), min_size=least, max_size=max(least, min(most, 30))
    )


@st.composite
def structures(draw: st.DrawFn, shape: StructureShape, depth: int = 0) -> dict[str, Any]:
    names = list(shape.members)
    if shape.is_tagged_union:
        # A union may hold itself; its first scalar member ends that.
        simple = [name for name in names if shape.members[name].type_name not in ("structure", "list", "map")]
        chosen = [draw(st.sampled_from(simple if simple and depth > 3 else names))]
    else:
        # Whoever reads an answer finds the status in it, given or not.
        always = {*shape.required_members, *(name for name in names if _location(shape.members[name]) == "statusCode")}
        chosen = [name for name in names if name in always or (depth < 4 and draw(st.integers(0, 2)) == 0)]
    members = {}
    for name in chosen:
        member = shape.members[name]
        if member.serialization.get("eventstream"):
            continue
        value = draw(st.integers(200, 299) if _location(member) == "statusCode" else values(member, depth + 1))
        # An empty label is no path; header fields are trimmed on their way, and an empty list in a query vanishes.
        if _location(member) in ("uri", "header", "querystring"):
            assume(value not in ("", []) and str(value).isascii() and str(value).strip() == str(value))
        members[name] = value
    return members


def _location(member: Shape) -> str | None:
    return cast("str | None", member.serialization.get("location"))


def ours(value: Any) -> Any:
    """A value as boto3 takes and returns it, in the emulator's form."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {key: ours(item) for key, item in value.items()}
    if isinstance(value, list):
        return [ours(item) for item in value]
    return value


# --- requests ----------------------------------------------------------------------------------------------------


def request_for(model: OperationModel, params: Mapping[str, Any]) -> tuple[str, bytes, Request]:
    """What botocore sends for `params`: method, raw path, and the rest."""
    sent = serializer.serialize_to_request(params, model)
    query = [
        (key, str(item))
        for key, value in sent["query_string"].items()
        for item in (value if isinstance(value, list) else [value])
    ]
    headers = {key.lower(): value for key, value in sent["headers"].items()}
    return sent["method"], sent["url_path"].encode(), Request({}, query, headers, sent["body"])


def received(service: str, method: str, path: bytes, request: Request) -> tuple[Operation, dict[str, Any]]:
    matched = load(service).match(method, path)
    assert matched is not None
    operation, labels = matched
    return operation, operation.parse(Request(labels, request.query, request.headers, request.body))


@patient
@given(data=st.data(), name=st.sampled_from(OPERATIONS))
def test_parses_what_botocore_sends(data: st.DataObject, name: tuple[str, str]) -> None:
    model = MODELS[name[0]].operation_model(name[1])
    params = data.draw(structures(model.input_shape)) if model.input_shape else {}
    operation, parsed = received(name[0], *request_for(model, params))
    assert operation.name == name[1]
    if operation.payload_is_blob and model.input_shape:
        params.pop(model.input_shape.serialization["payload"], None)
    assert parsed == ours(params)


@pytest.mark.parametrize("name", SERVICES)
def test_every_operation_compiles(name: str) -> None:
    service = load(name)
    for operation_name in MODELS[name].operation_names:
        operation = service.operation(operation_name)
        model = MODELS[name].operation_model(operation_name)
        assert (operation.name, operation.service) == (operation_name, name)
        assert operation.answer({}).status == model.http["responseCode"]
        required = set(model.input_shape.required_members) if model.input_shape else set()
        if operation.payload_is_blob and model.input_shape:
            required -= {model.input_shape.serialization["payload"]}
        try:
            assert operation.parse(Request({}, [], {}, b"")) == {}
            missing = set()
        except ValidationException as error:
            missing = {at for at, _ in error.fields}
        assert missing == required


def test_an_unknown_operation_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load("bedrock-runtime").operation("Nonesuch")


@pytest.mark.parametrize(
    ("service", "method", "path", "expected"),
    [
        ("bedrock-agentcore-control", "POST", b"/memories/create", ("CreateMemory", {})),
        ("bedrock-agentcore-control", "POST", b"/memories/", ("ListMemories", {})),
        ("bedrock-agentcore-control", "POST", b"/memories", None),
        ("bedrock-agentcore-control", "POST", b"/runtimes/", ("ListAgentRuntimes", {})),
        ("bedrock-agentcore-control", "GET", b"/runtimes/r/", ("GetAgentRuntime", {"agentRuntimeId": "r"})),
        ("bedrock-agentcore-control", "GET", b"/runtimes//", None),
        ("bedrock-agentcore-control", "GET", b"/memories/create", None),
        (
            "bedrock-agentcore",
            "POST",
            b"/runtimes/arn%3Aaws%3Ax%3Aruntime%2Fr-1/invocations",
            ("InvokeAgentRuntime", {"agentRuntimeArn": "arn:aws:x:runtime/r-1"}),
        ),
        ("bedrock-agentcore", "POST", b"/memories/m/actor/%C3%A9%2f/sessions", ("ListSessions", {"actorId": "\xe9/"})),
        ("bedrock-agentcore", "POST", b"/memories/%6D/actor/a+b/sessions", ("ListSessions", {"actorId": "a+b"})),
        ("bedrock-agentcore", "POST", b"/memories/m/actor/%FF/sessions", None),
        ("bedrock-agentcore", "POST", b"/memories/m/actor/\xff/sessions", None),
        ("bedrock-agentcore", "POST", b"/memories/m/actor/%4/sessions", None),
        ("bedrock-agentcore", "POST", b"/memories/m/actor/%zz/sessions", None),
        ("bedrock-agentcore", "PATCH", b"/memories/m/events", None),
        ("bedrock-agentcore", "POST", b"", None),
        ("bedrock-agentcore", "POST", b"/", None),
    ],
)
def test_match(service: str, method: str, path: bytes, expected: tuple[str, dict[str, str]] | None) -> None:
    found = load(service).match(method, path)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found[0].name == expected[0]
        assert found[1].items() >= expected[1].items()


def test_literals_come_before_labels() -> None:
    described = {
        "metadata": {"protocol": "rest-json"},
        "operations": {
            name: {"name": name, "http": {"method": "GET", "requestUri": uri}}
            for name, uri in {"Any": "/a/{x}/c", "Late": "/a/{x}/{y}", "Exact": "/a/b/c", "Early": "/a/b/{y}"}.items()
        },
        "shapes": {},
    }
    service = Service(ServiceModel(described, service_name="test"))
    found = {path: service.match("GET", path) for path in (b"/a/b/c", b"/a/b/d", b"/a/d/c", b"/a/d/d")}
    assert [matched[0].name for matched in found.values() if matched] == ["Exact", "Early", "Any", "Late"]


@settings(deadline=None)
@given(path=st.binary())
def test_no_path_raises(path: bytes) -> None:
    for name in SERVICES:
        load(name).match("POST", b"/memories/" + path + b"/events")


def test_payloads_that_are_relayed() -> None:
    relayed = {
        (name, operation_name)
        for name in SERVICES
        for operation_name in MODELS[name].operation_names
        if load(name).operation(operation_name).payload_is_blob
    }
    assert relayed == {
        ("bedrock-agentcore", "InvokeAgentRuntime"),
        ("bedrock-runtime", "InvokeModel"),
        ("bedrock-runtime", "InvokeModelWithResponseStream"),
        ("bedrock-runtime", "InvokeModelWithBidirectionalStream"),
    }


# --- validation --------------------------------------------------------------------------------------------------

EVENT = {"actorId": "a", "eventTimestamp": 1756147154.5, "payload": []}


def create_event(**changes: Any) -> dict[str, Any]:
    content = json.dumps({key: value for key, value in {**EVENT, **changes}.items() if value is not ...})
    operation = load("bedrock-agentcore").operation("CreateEvent")
    return operation.parse(Request({"memoryId": "Memory-abcdefghij"}, [], {}, content.encode()))


def refusal(service: str, operation: str, content: Any = None, **request: Any) -> ValidationException:
    given = {"path": {}, "query": [], "headers": {}, "body": b"" if content is None else json.dumps(content).encode()}
    with pytest.raises(ValidationException) as caught:
        load(service).operation(operation).parse(Request(**{**given, **request}))
    return caught.value


def test_one_problem() -> None:
    error = refusal("bedrock-agentcore", "ListActors", {"maxResults": 101}, path={"memoryId": "Memory-abcdefghij"})
    rule = "Member must have value less than or equal to 100"
    assert error.message == (
        f"1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: {rule}"
    )
    assert (error.reason, error.fields) == ("FieldValidationFailed", (("maxResults", rule),))


def test_several_problems_in_the_order_of_the_model() -> None:
    with pytest.raises(ValidationException) as caught:
        create_event(actorId="!", sessionId="", payload=...)
    pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9][a-zA-Z0-9-_]*"
    assert caught.value.message.startswith("4 validation errors detected: Value at 'actorId' failed to satisfy ")
    assert caught.value.message.endswith(
        f"; Value at 'sessionId' failed to satisfy constraint: {pattern}"
        "; Value at 'sessionId' failed to satisfy constraint: Member must have length greater than or equal to 1"
        "; Value at 'payload' failed to satisfy constraint: Member must not be null"
    )


def test_a_header_is_checked() -> None:
    error = refusal(
        "bedrock-agentcore",
        "InvokeAgentRuntime",
        path={"agentRuntimeArn": "arn"},
        headers={"x-amzn-bedrock-agentcore-runtime-session-id": "short"},
    )
    assert error.message == (
        "1 validation error detected: Value at 'runtimeSessionId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 33"
    )


def test_a_payload_structure_is_checked() -> None:
    path = {"agentRuntimeArn": "arn"}
    missing = refusal("bedrock-agentcore", "InvokeAgentRuntimeCommand", path=path)
    assert missing.fields == (("body", "Member must not be null"),)
    empty = refusal("bedrock-agentcore", "InvokeAgentRuntimeCommand", {"command": ""}, path=path)
    assert empty.fields == (("body.command", "Member must have length greater than or equal to 1"),)


def test_a_query_is_checked() -> None:
    limit = refusal("bedrock-agentcore-control", "ListAgentRuntimes", query=[("maxResults", "0")])
    assert limit.fields == (("maxResults", "Member must have value greater than or equal to 1"),)
    for text in ("ten", "1.0", "1_0", " 1", "", "9" * 5000):
        wrong = refusal("bedrock-agentcore-control", "ListAgentRuntimes", query=[("maxResults", text)])
        assert wrong.fields == (("maxResults", "Member must have type integer"),)


def test_query_lists_booleans_and_times() -> None:
    control, runtime = load("bedrock-agentcore-control"), load("bedrock-runtime")
    arn = "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/r-1"
    untag = control.operation("UntagResource")
    query = [("tagKeys", "a"), ("other", "x"), ("tagKeys", "b")]
    assert untag.parse(Request({"resourceArn": arn}, query, {}, b""))["tagKeys"] == ["a", "b"]
    harness = control.operation("DeleteHarness")
    parsed = harness.parse(Request({"harnessId": "h-abcdefghij"}, [("deleteManagedMemory", "false")], {}, b""))
    assert parsed["deleteManagedMemory"] is False
    invokes = runtime.operation("ListAsyncInvokes")
    for text in ("2025-08-25T18:39:14.500Z", "2025-08-25T20:39:14.5+02:00", "1756147154.5"):
        assert invokes.parse(Request({}, [("submitTimeAfter", text)], {}, b"")) == {"submitTimeAfter": 1756147154.5}


def test_unknown_members_are_ignored_and_nulls_are_absent() -> None:
    assert create_event(sessionId=None, tomorrow={"a": [1]}) == {"memoryId": "Memory-abcdefghij", **EVENT}


@patient
@given(content=st.binary() | json_values.map(lambda value: json.dumps(value).encode()), data=st.data())
def test_no_body_raises_anything_else(content: bytes, data: st.DataObject) -> None:
    service, name = data.draw(st.sampled_from(OPERATIONS))
    with suppress(ValidationException):
        load(service).operation(name).parse(Request({}, [], {}, content))


@patient
@given(data=st.data())
def test_no_member_raises_anything_else(data: st.DataObject) -> None:
    service, name = data.draw(st.sampled_from(OPERATIONS))
    shape = MODELS[service].operation_model(name).input_shape
    assume(shape is not None)
    assert shape is not None
    # Members by their right names, with values of any kind inside.
    members = st.fixed_dictionaries({}, optional={key: wrong(member) for key, member in shape.members.items()})
    content = json.dumps(data.draw(members)).encode()
    with suppress(ValidationException):
        load(service).operation(name).parse(Request({}, [], {}, content))


def wrong(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    if depth < 3 and isinstance(shape, StructureShape):
        inner = {name: wrong(member, depth + 1) for name, member in shape.members.items()}
        return json_values | st.fixed_dictionaries({}, optional=inner)
    if depth < 3 and isinstance(shape, ListShape):
        return json_values | st.lists(wrong(shape.member, depth + 1), max_size=2)
    if depth < 3 and isinstance(shape, MapShape):
        return json_values | st.dictionaries(st.text(), wrong(shape.value, depth + 1), max_size=2)
    return json_values


# --- answers -----------------------------------------------------------------------------------------------------


def read_back(service: str, name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    answer = load(service).operation(name).answer(result)
    shape = MODELS[service].operation_model(name).output_shape
    response = {"status_code": answer.status, "headers": HeadersDict(dict(answer.headers)), "body": answer.body}
    # The stubs want a shape; the parser takes None for an operation without output.
    return cast("dict[str, Any]", parser.parse(response, cast("StructureShape", shape)))


STREAMED = [
    (service, name)
    for service, name in OPERATIONS
    if (shape := MODELS[service].operation_model(name).output_shape)
    and (payload := shape.members.get(shape.serialization.get("payload", "")))
    and (payload.type_name == "blob" or payload.serialization.get("eventstream"))
]


@patient
@given(data=st.data(), name=st.sampled_from([name for name in OPERATIONS if name not in STREAMED]))
def test_botocore_reads_what_is_answered(data: st.DataObject, name: tuple[str, str]) -> None:
    shape = MODELS[name[0]].operation_model(name[1]).output_shape
    result = ours(data.draw(structures(shape))) if shape else {}
    parsed = read_back(*name, result)
    assert parsed.pop("ResponseMetadata")["HTTPStatusCode"]
    assert ours(parsed) == result


def test_an_answer_of_json() -> None:
    event = {"eventId": "1#a", "eventTimestamp": 1756147154.1234567, "payload": [{"blob": [None, 1]}], "branch": None}
    answer = load("bedrock-agentcore").operation("CreateEvent").answer({"event": event})
    assert answer.status == 201
    assert answer.headers == [("Content-Type", "application/json")]
    assert answer.body == b'{"event":{"eventId":"1#a","eventTimestamp":1756147154.123,"payload":[{"blob":[null,1]}]}}'


def test_an_answer_of_header_fields_and_a_status() -> None:
    operation = load("bedrock-agentcore").operation("StopRuntimeSession")
    answer = operation.answer({"runtimeSessionId": "s" * 33, "statusCode": 202})
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers == [("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "s" * 33)]


def test_an_answer_of_bytes() -> None:
    operation = load("bedrock-agentcore").operation("InvokeAgentRuntime")
    answer = operation.answer({"response": b"\xff\x00", "contentType": "text/plain"})
    assert (answer.headers, answer.body) == ([("Content-Type", "text/plain")], b"\xff\x00")


def test_an_answer_of_a_document() -> None:
    answer = load("bedrock-agentcore").operation("GetAgentCard").answer({"agentCard": {"name": "é"}, "statusCode": 200})
    assert (answer.headers, answer.body) == ([("Content-Type", "application/json")], '{"name":"é"}'.encode())


def test_no_content() -> None:
    answer = load("bedrock-agentcore-control").operation("TagResource").answer({})
    assert (answer.status, answer.headers, answer.body) == (204, [], b"")


@pytest.mark.parametrize(
    ("service", "name", "result"),
    [
        ("bedrock-agentcore", "CreateEvent", {"evnt": {}}),
        ("bedrock-agentcore", "CreateEvent", {"event": {"id": 1}}),
        ("bedrock-agentcore", "CreateEvent", {"event": {"payload": [{"text": ""}]}}),
        ("bedrock-agentcore", "StopRuntimeSession", {"body": ""}),
        ("bedrock-agentcore-control", "TagResource", {"tags": {}}),
        ("bedrock-runtime", "ConverseStream", {"stream": [{"messageStart": {"role": "assistant"}}]}),
    ],
)
def test_a_result_that_the_model_lacks_is_a_bug(service: str, name: str, result: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        load(service).operation(name).answer(result)


# --- errors ------------------------------------------------------------------------------------------------------


def raised(service: str, name: str, error: AWSError) -> dict[str, Any]:
    answer = error_answer(error, "request-1")
    output = cast("StructureShape", MODELS[service].operation_model(name).output_shape)
    response = {"status_code": answer.status, "headers": HeadersDict(dict(answer.headers)), "body": answer.body}
    parsed = parser.parse(response, output)
    # As botocore's client does for a modelled error.
    modelled = MODELS[service].shape_for_error_code(parsed["Error"]["Code"])
    return {**parsed, **(parser.parse(response, modelled) if modelled else {})}


def test_botocore_reads_an_error() -> None:
    error = ValidationException("No.", reason="EventInOtherSession", fields=[("branch", "Not here.")])
    parsed = raised("bedrock-agentcore", "CreateEvent", error)
    assert parsed["Error"] == {"Code": "ValidationException", "Message": "No."}
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert parsed["ResponseMetadata"]["RequestId"] == "request-1"
    assert parsed["reason"] == "EventInOtherSession"
    assert parsed["fieldList"] == [{"name": "branch", "message": "Not here."}]


def test_botocore_reads_what_is_not_implemented() -> None:
    parsed = raised("bedrock-agentcore", "InvokeBrowser", NotImplementedException("InvokeBrowser", "bedrock-agentcore"))
    assert parsed["Error"]["Code"] == "NotImplemented"
    assert "InvokeBrowser" in parsed["Error"]["Message"]
    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_error_may_quote_anything() -> None:
    answer = error_answer(ResourceNotFoundException("no \ud800 é \x00"), "r")
    assert json.loads(answer.body) == {"message": "no \ud800 é \x00"}
