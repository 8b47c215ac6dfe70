"""Thousands of requests that are not right, on one emulator that goes on serving.

Each is made from a request that is right by breaking it in a known way; a family of ways is one test, so a failure
names it. The same requests every time, unless `--hypothesis-seed` says otherwise.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import io
import json
import math
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.loaders import Loader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentcore_emulator.testing import EmulatorError, EmulatorProcess
from agentcore_emulator.wire import eventstream

# In all, over the families.
REQUESTS = 5_000
# Of each protocol that agents speak.
MESSAGES = 2_000
BATCH = 10

TURN = """
state["turn"] = state.get("turn", 0) + 1
# In one piece, whatever else is printed at the same time.
sys.stdout.write(f"turn {state['turn']} done\\n")
answer(state["turn"])
"""

SERVICES = ("bedrock-agentcore", "bedrock-agentcore-control", "bedrock-runtime")
SESSION = b"X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
SESSION_ID = b"the-session-that-must-not-be-disturbed"
BROKEN_ID = b"the-session-that-what-is-broken-goes-to"
SIGNED = b"AWS4-HMAC-SHA256 Credential=emulator/20261123/us-east-1/%b/aws4_request, SignedHeaders=host, Signature=0"


@dataclass(frozen=True)
class Call:
    """A request that is right; `headers` are lines, `content` is the JSON body of those that have one."""

    method: bytes
    path: bytes
    content: Any = None
    headers: tuple[bytes, ...] = ()
    body: bytes = b""
    status: int = 501

    def raw(self, *headers: bytes, body: bytes | None = None, length: bool = True, line: bytes = b"") -> bytes:
        """The bytes, with more header lines or another body."""
        body = self.body if body is None else body
        lines = [line or b"%b %b HTTP/1.1" % (self.method, self.path), b"Host: localhost", *self.headers, *headers]
        if length:
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join([*lines, b"", body])


@dataclass(frozen=True)
class Calls:
    """What is broken."""

    own: list[Call]
    """One for each operation that is built here."""
    all: list[Call]
    """Those, often, and one for each operation that is only modelled."""

    def with_json(self) -> list[Call]:
        return [call for call in self.own if call.content is not None]


@dataclass(frozen=True)
class Malformed:
    """What is sent. `refused` is False where the emulator may let it pass, or has to, as it does an agent's payload."""

    raw: bytes
    refused: bool = True
    unfinished: bool = False
    """Whether the server has to be told that no more is coming."""
    answers: int = 1
    """How many answers are waited for."""

    def __repr__(self) -> str:
        return f"<{self.raw[:300]!r}, {len(self.raw)} bytes>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


Family = Callable[[st.DrawFn, Calls], Malformed]

FAMILIES: dict[str, Family] = {}


def family(breaking: Family) -> Family:
    FAMILIES[breaking.__name__] = breaking
    return breaking


def from_(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def each(values: bytes) -> st.SearchStrategy[bytes]:
    """One of what stands between the bars."""
    return st.sampled_from(values.split(b"|"))


def spliced(draw: st.DrawFn, whole: bytes, piece: bytes, start: int = 0) -> bytes:
    place = draw(st.integers(min(start, len(whole)), len(whole)))
    return whole[:place] + piece + whole[place:]


NOISE = st.binary(min_size=1, max_size=60)
LONG = st.integers(1, 200).map(lambda thousands: b"x" * 1000 * thousands)


# What is sent: the head


@family
def request_line(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    right = b"%b %b HTTP/1.1" % (call.method, call.path)
    how = draw(st.integers(0, 5))
    if how == 0:
        method = draw(from_(b"post", b"P\x00ST", b"", b"POST,GET", "PÖST".encode(), b"BREW", b"G E T") | LONG | NOISE)
        line = method + right[len(call.method) :]
    elif how == 1:
        version = draw(each(b"HTTP/9.9|HTTP/1|HTTP/1.1.1|http/1.1|HTTPS/1.1|HTTP/\xff|") | NOISE)
        line = right.removesuffix(b"HTTP/1.1") + version
    elif how == 2:
        target = draw(each(b"|*|\\|?|#|//|http://|http://[::1|localhost:1") | NOISE)
        line = b"%b %b HTTP/1.1" % (call.method, target)
    elif how == 3:
        line = spliced(draw, right, draw(each(b"\x00|\r|\n|\x7f|\x0b|\r\n| ")))
    elif how == 4:
        line = draw(NOISE) + right
    else:
        line = draw(NOISE)
    # Some noise is no fault, such as an empty line at the front.
    return Malformed(call.raw(line=line) + b"\r\n\r\n", refused=False)


@family
def path(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    bare = call.path.partition(b"?")[0]
    how = draw(st.integers(0, 4))
    if how == 0:
        escape = draw(each(b"%~|%2~|%GG|%-1|%u0041|%FF|%C0%AF|%ED%A0%80|%F4%90%80%80"))
        target = spliced(draw, bare, escape, 1)
    elif how == 1:
        target = spliced(draw, bare, draw(each(b"\xff|\xc3\xa9|\x80|\x01|\x7f|\t")), 1)
    elif how == 2:
        slash = draw(st.sampled_from([place for place in range(len(bare)) if bare[place] == b"/"[0]]))
        instead = draw(each(b"%2F|//|/../|/./|/%2e%2e/|\\|/%00/|/;/|/%20/"))
        target = bare[:slash] + instead + bare[slash + 1 :]
    elif how == 3:
        target = bare + b"/" + draw(LONG)
    else:
        target = bare + draw(each(b"%00|/%00|%0d%0aX-Injected:%201|/x/y/z|/../..|/%2F"))
    return Malformed(call.raw(line=b"%b %b HTTP/1.1" % (call.method, target)))


@family
def query(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    name = draw(each(b"qualifier|accountId|maxResults|nextToken|view|X-Amz-Credential|clientToken"))
    value = draw(
        from_(b"%", b"%FF%FE", b"%00", b"%ED%A0%80", b"%0d%0a", b"-1", b"9" * 5000, b"NaN", b"\xff", b"a=b=c", b"[]")
        | NOISE.map(lambda noise: quote(noise).encode())
        | st.text(max_size=20).map(lambda text: quote(text, errors="replace").encode())
    )
    separator = draw(each(b"?|??|?&&|?=&"))
    target = call.path.partition(b"?")[0] + separator + b"&".join([name + b"=" + value] * draw(from_(1, 2, 100)))
    # AWS lets pass what it does not know, and so must the emulator.
    return Malformed(call.raw(line=b"%b %b HTTP/1.1" % (call.method, target)), refused=False)


@family
def headers(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    broken = draw(
        each(b"No-Colon|: no name|Space : x|X-\x00: x|X-A: \x00|X-A: a\rb|X-\xff: x|(): x")
        | each(b"Host: evil.example|Host: a:b:c|Host: [::1|Origin: null|Origin: http://\xff")
    )
    odd = draw(
        each(b"X-A: \x01|X-A: \x7f|X-A: a\r\n folded|Content-Type: \xff\xfe|Content-Type:|Cookie: =;=;")
        | each(b"Expect: the-unexpected|Connection: \xff|Content-Encoding: gzip|Accept: \xff|TE: x")
        | each(b"X-Amzn-Trace-Id: ;;=;Root|X-Amzn-Trace-Id: Root=\xff;Sampled=|Baggage: \xff|Range: bytes=-")
        | from_(b"short", b"", b"y" * 257, b"\t\xff" + b"\xe9" * 40).map(lambda name: SESSION + b": " + name)
        | LONG.map(lambda long: b"X-Long: " + long)
        | LONG.map(lambda long: long + b": x")
        | st.integers(1, 2000).map(lambda count: b"X-Many: 1\r\n" * count + b"X-Last: 1")
        | NOISE.map(lambda noise: b"X-Noise: " + noise)
    )
    refused = draw(st.booleans())
    # In front of those of the call, of which the first counts.
    first = (broken if refused else odd,) * draw(from_(1, 2))
    return Malformed(replace(call, headers=first + call.headers).raw(), refused)


@family
def signature(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    right = SIGNED % draw(from_(b"bedrock-agentcore", b"bedrock", b"s3", b"", b"x" * 5000, b"\xff", b"../x", b"%s"))
    how = draw(st.integers(0, 3))
    if how == 0:
        value = spliced(draw, right, draw(each(b"/|,|=|Credential=|\xff|%00|///////")))
    elif how == 1:
        value = right[: draw(st.integers(0, len(right)))]
    elif how == 2:
        value = draw(each(b"Basic !!!|Bearer|AWS4-HMAC-SHA256|AWS5 Credential=|Negotiate \xff|Digest ="))
    else:
        value = right.replace(b"/", b"/" * draw(st.integers(2, 2000)))
    return Malformed(call.raw(b"Authorization: " + value), refused=False)


@family
def upgrade(draw: st.DrawFn, calls: Calls) -> Malformed:
    if draw(st.booleans()):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04"
        connect = b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n"
        other = draw(from_(hello, preface, connect) | each(b"\x05\x01\x00|SSH-2.0-x\r\n|GET /\r\n|\x04\x01|{}"))
        return Malformed(other + draw(NOISE), refused=False, unfinished=True)
    call = draw(st.sampled_from(calls.all))
    if draw(st.booleans()):
        call = replace(call, method=b"GET", path=call.path.replace(b"/invocations", b"/ws"))
    protocol = draw(each(b"websocket|WebSocket, h2c|h2c|TLS/1.2|HTTP/3.0|\xff||,"))
    lines = [b"Connection: Upgrade", b"Upgrade: " + protocol]
    lines += draw(st.lists(each(b"Sec-WebSocket-Key: \xff|Sec-WebSocket-Version: 99|HTTP2-Settings: !|Upgrade:")))
    return Malformed(call.raw(*lines) + draw(NOISE), refused=False)


# What is sent: the framing


@family
def length(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    size = len(call.body)
    if draw(st.booleans()):
        value = draw(
            each(b"-1|+5|0x10|5 5|5,5|\xd9\xa5|1e3|999999999999999999999999999999|5.0|NaN|\xff|--5|")
            | st.integers(1, 10**9).map(lambda number: b"-%d" % number)
            | st.integers(2**64, 2**80).map(lambda number: b"%d" % number)
        )
        return Malformed(call.raw(b"Content-Length: " + value, length=False))
    if draw(st.booleans()):
        more = draw(st.integers(1, 1000) | from_(2**31, 2**32, 2**63 - 1, 10**12))
        return Malformed(call.raw(b"Content-Length: %d" % (size + more), length=False), unfinished=True)
    if size and draw(st.booleans()):
        less = draw(st.integers(0, size - 1))
        # What is too short for JSON may do for an agent.
        refused = call.content is not None and less > 0
        return Malformed(call.raw(b"Content-Length: %d" % less, length=False), refused)
    other = draw(st.integers(0, 1000))
    return Malformed(call.raw(b"Content-Length: %d" % other))


@family
def chunks(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.all))
    body = call.body or b"{}"
    chunk = b"%x\r\n%b\r\n" % (len(body), body)
    how = draw(st.integers(0, 5))
    encoding = b"chunked"
    if how == 0:
        size = draw(from_(b"zz", b"-1", b"", b" ", b"0x5", b"F" * 17, b"5,", b"\xff", b"1 1", b"1e1") | NOISE)
        sent = draw(from_(b"", chunk)) + size + b"\r\n" + body + b"\r\n0\r\n\r\n"
    elif how == 1:
        sent = b"%x\r\n%b\r\n0\r\n\r\n" % (max(0, len(body) + draw(st.integers(-20, 20).filter(bool))), body)
    elif how == 2:
        sent = draw(from_(chunk, chunk[:-2], chunk[:-1], chunk + b"5\r\n", chunk + b"0\r\n"))
    elif how == 3:
        sent = chunk + b"0\r\n" + draw(from_(b"No-Colon\r\n\r\n", b": x\r\n\r\n", b"X: \x00\r\n\r\n") | NOISE)
    elif how == 4:
        sent = chunk.replace(b"\r\n", b";" + draw(NOISE | LONG) + b"\r\n", 1) + b"0\r\n\r\n"
    else:
        encoding = draw(each(b"gzip|chunked, gzip|gzip, chunked|xchunked|identity|\xff|chunked\x0b"))
        sent = chunk + b"0\r\n\r\n"
    raw = call.raw(b"Transfer-Encoding: " + encoding, body=sent, length=how == 5 and draw(st.booleans()))
    # Noise may be a size, and what comes after the body is nobody's to mind.
    return Malformed(raw, refused=how == 2, unfinished=how < 4)


@family
def truncated(draw: st.DrawFn, calls: Calls) -> Malformed:
    whole = draw(st.sampled_from(calls.all)).raw()
    return Malformed(whole[: draw(st.integers(1, len(whole) - 1))], unfinished=True)


@family
def pipelined(draw: st.DrawFn, calls: Calls) -> Malformed:
    right = [draw(st.sampled_from(calls.all)).raw() for _ in range(draw(st.integers(1, 4)))]
    breaking = FAMILIES[draw(from_("request_line", "path", "headers", "length", "chunks", "not_json", "truncated"))]
    broken = breaking(draw, calls)
    raw = b"".join([*right, broken.raw, draw(NOISE)])
    return Malformed(raw, refused=False, unfinished=broken.unfinished, answers=len(right) + 1)


# What is sent: the body


@family
def not_json(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.with_json()))
    right = call.body
    how = draw(st.integers(0, 6))
    if how == 0:
        body = right[: draw(st.integers(1, len(right) - 1))]
    elif how == 1:
        value = draw(
            each(b"NaN|Infinity|-Infinity|1e999|-1e400|0x1|01|1.|+1|undefined|'x'")
            | each(b'"\\ud800"|"\\udfff\\ud800"|"\\u12"|"\\x"|"\n"|"\x00"|{"a" 1}|[1,]')
            | st.integers(4_301, 20_000).map(lambda digits: b"9" * digits)
        )
        body = b'{"x":' + value + b"," + right[1:]
    elif how == 2:
        body = spliced(draw, right, draw(each(b"\xff|\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82")))
    elif how == 3:
        depth = draw(st.integers(300, 20_000) | from_(999, 1000, 100_000))
        opening, closing = draw(from_((b"[", b"]"), (b'{"a":', b"}")))
        body = b'{"x":' + opening * depth + draw(from_(b"", b"1" + closing * depth + b"," + right[1:]))
    elif how == 4:
        body = right.decode().encode(draw(from_("utf-16", "utf-16-le", "utf-32-be", "utf-8-sig", "cp037", "utf-7")))
        body += b"+"  # UTF-7 leaves some bodies as they are.
    elif how == 5:
        packed = gzip.compress(right, mtime=0)
        body = draw(from_(packed, b"<xml/>", b"a=1&b=2", b"--x\r\n\r\n{}\r\n--x--", right + right))
    else:
        body = draw(from_(b"null", b"true", b"1", b'"x"', b"[]", b"[{}]", b" ", b"\x00", b"[" + right + b"]") | NOISE)
        body = b"]" + body if body.strip().startswith(b"{") else body
    return Malformed(call.raw(body=body))


# Members under these names hold any JSON.
DOCUMENTS = ("json", "input", "blob")
OTHERS: dict[type, tuple[Any, ...]] = {
    str: (1, True, [], {}, 1.5, 10**30),
    bool: ("x", "true", [], {}, 1),
    int: ("x", [], {}, True, 10**300, -(10**300), "1"),
    float: ("x", [], {}, True, "1"),
    list: ("x", 1, {}, True),
    dict: ("x", 1, [], True),
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each member of a JSON value, as its container and its key in that."""
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        if key not in DOCUMENTS:
            yield value, key
            if isinstance(member, (dict, list)):
                yield from places(member)


@family
def types(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from([call for call in calls.with_json() if call.content]))
    content = json.loads(json.dumps(call.content))
    container, key = draw(st.sampled_from(list(places(content))))
    instead = draw(st.sampled_from(OTHERS[type(container[key])]))
    container[key] = draw(from_(instead, [instead], {"x": instead}).filter(lambda value: type(value) is type(instead)))
    return Malformed(call.raw(body=json.dumps(content).encode()))


DAYS = st.from_regex(r"\A((Mon)?,? )?[0-9]{0,2}[ -](Jan|Foo|,)[ -][0-9,+²]{0,5} [0-9:.²]{0,8} ?[+-]?[0-9A-Z]{0,6}\Z")
STAMPS = st.from_regex(r"\A[0-9]{4}-?(W?[0-9]{2}|-)-?[0-9]{0,2}[T ]?[0-9:.,]{0,15}([+-][0-9:.]{0,10}|Z)?\Z")
UNSEEN = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | from_("\0", "\U0010ffff" * 300, "x" * 300_000)


@family
def values(draw: st.DrawFn, calls: Calls) -> Malformed:
    """Of the right type, and yet not what the member takes."""
    numbers = from_(0, -1, 101, 2**31, 2**63, -(2**63) - 1, 1e300, -1e300, 0.5, "NaN", "-Infinity")
    odd: dict[str, st.SearchStrategy[Any]] = {
        "maxResults": numbers,
        "eventExpiryDuration": numbers,
        "maxTokens": numbers,
        "temperature": from_(-1, 2, 1e300, "NaN", "Infinity"),
        "eventTimestamp": numbers | DAYS | STAMPS | UNSEEN,
        "nextToken": UNSEEN | st.binary(max_size=40).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
        "json": st.recursive(
            st.none() | st.integers() | UNSEEN,
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(from_("type", "properties", "required", "items", "enum", "anyOf", "$ref"), inner)
            ),
            max_leaves=6,
        ),
    }
    call = draw(st.sampled_from([call for call in calls.with_json() if call.content]))
    content = json.loads(json.dumps(call.content))
    everywhere = [*places(content), *((tool["toolSpec"]["inputSchema"], "json") for tool in tools(content))]
    container, key = draw(st.sampled_from(everywhere))
    container[key] = draw(odd.get(str(key), UNSEEN | st.none() | st.lists(UNSEEN) | st.dictionaries(UNSEEN, UNSEEN)))
    # Some of it is right by chance: a name that nobody has used, a date in one of three forms.
    return Malformed(call.raw(body=json.dumps(content).encode()), refused=False)


def tools(content: Any) -> list[Any]:
    found: list[Any] = content.get("toolConfig", {}).get("tools", [])
    return found


@family
def event_streams(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.own))
    frame = bytearray(eventstream.event(draw(st.text("abc", max_size=20)), {"text": draw(st.text("abc", max_size=30))}))
    how = draw(st.integers(0, 4))
    if how == 0:
        frame[draw(st.integers(0, len(frame) - 1))] ^= draw(st.integers(1, 255))
    elif how == 1:
        del frame[draw(st.integers(1, len(frame) - 1)) :]
    elif how == 2:
        frame[0:4] = draw(each(b"\x00\x00\x00\x00|\x00\x00\x00\x0f|\xff\xff\xff\xff|\x7f\xff\xff\xff"))
    elif how == 3:
        frame[4:8] = draw(from_(b"\xff\xff\xff\xff", b"\0\0\0\1"))
    else:
        frame += draw(NOISE)
    kind = draw(from_(eventstream.CONTENT_TYPE, eventstream.CONTENT_TYPE + "; x", "text/event-stream"))
    # First of its name, so it is the one that counts. An agent gets whatever was meant for it.
    call = replace(call, headers=(b"Content-Type: " + kind.encode(), *call.headers))
    return Malformed(call.raw(body=bytes(frame)), refused=call.content is not None)


@family
def admin(draw: st.DrawFn, calls: Calls) -> Malformed:
    names = each(b"info|sessions|clock/advance|faults||.|..|%2e%2e/info|info/|info%00|%FF|\xc3\xa9")
    target = b"/_emulator/" + draw(names) + draw(each(b"||?seconds=%FF|/x|/../..|//"))
    method = draw(each(b"POST|PUT|DELETE|PATCH|OPTIONS|TRACE|PROPFIND"))
    number = from_(b"NaN", b"-1", b"1e999", b'"x"', b"null", b"[]", b"{}", b"9" * 5000, b"-1e308", b"1e308", b"true")
    body = draw(
        number.map(lambda value: b'{"seconds":' + value + b"}")
        | from_(b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"seconds":"\\ud800"}')
        | NOISE
    )
    kind = draw(each(b"application/json|text/plain|\xff|multipart/form-data|"))
    # An empty list of faults may be given, and all of them taken back.
    taken = target.startswith(b"/_emulator/faults")
    return Malformed(Call(method, target).raw(b"Content-Type: " + kind, body=body), refused=not taken)


# What is sent: messages of the protocols that agents speak

# The families that break any request with a JSON body.
ANY_REQUEST = (
    "request_line", "path", "query", "headers", "signature", "upgrade", "length", "chunks", "truncated", "pipelined",
    "not_json", "types", "values",
)  # fmt: skip

MESSAGE_FAMILIES: dict[str, Family] = {}


def message_family(breaking: Family) -> Family:
    MESSAGE_FAMILIES[breaking.__name__] = breaking
    return breaking


@message_family
def json_rpc(draw: st.DrawFn, calls: Calls) -> Malformed:
    """A message that is JSON, and not of the protocol; what is RunAgentInput is made one of JSON-RPC."""
    call = draw(st.sampled_from(calls.own))
    message = json.loads(json.dumps(call.content))
    how = draw(st.integers(0, 6))
    if how == 0:
        message["id"] = draw(
            from_(None, True, 1.5, -1, 10**300, "", "x" * 10_000, [1], {"a": 1}, "\ud800", "\0") | UNSEEN
        )
    elif how == 1:
        names = "initialize ping tools/list tools/call resources/read prompts/get logging/setLevel server/discover"
        a2a = "SendStreamingMessage SubscribeToTask GetTask CancelTask ListTasks message/send message/stream tasks/get"
        message["method"] = draw(
            from_(*names.split(), *a2a.split(), None, 1, [], "", "__init__", "x" * 10_000) | UNSEEN
        )
    elif how == 2:
        message["jsonrpc"] = draw(from_(None, 2, "1.0", "2", [], "") | UNSEEN)
    elif how == 3:
        message["params"] = draw(from_(None, [], [1], "x", 1, {}, {"name": None}, {"_meta": 1}, {"cursor": {}}))
    elif how == 4:
        del message[draw(st.sampled_from(sorted(message)))]
    elif how == 5:
        message = draw(from_([message], [message, message], [], {"jsonrpc": "2.0", "id": 1, "result": {}}, {}))
    else:
        message = {"jsonrpc": "2.0", "id": 1, "error": draw(from_(None, {}, {"code": "x"}, {"code": 1, "message": []}))}
    return Malformed(call.raw(body=json.dumps(message).encode()))


@message_family
def protocol_headers(draw: st.DrawFn, calls: Calls) -> Malformed:
    call = draw(st.sampled_from(calls.own))
    odd: dict[bytes, st.SearchStrategy[bytes]] = {
        b"Mcp-Session-Id": each(b"|a b|\xff|\t\xe9|;|,,|=|%00|../x|{}|\x01")
        | st.integers(1000, 1050).map(b"x".__mul__),
        b"Accept": each(b"|*/*|text/event-stream|application/json|;;,|application/json;q=x, text/event-stream;;"),
        b"Mcp-Protocol-Version": each(b"|1999-01-01|2026-07-28|2025-06-18|0.3|1.0"),
        b"A2A-Version": each(b"|1.0|0.3|99.0|1.0.0.0|x"),
        b"Mcp-Method": each(b"|initialize|tools/call|x"),
        b"Content-Type": each(b"|text/plain|application/json; charset=utf-16|multipart/form-data|x"),
    }
    name = draw(st.sampled_from(sorted(odd)))
    line = name + b": " + draw(odd[name] | NOISE.filter(lambda noise: b"\r" not in noise and b"\n" not in noise))
    # In front of those of the call, of which the first counts.
    return Malformed(replace(call, headers=(line, *call.headers)).raw())


@message_family
def parameters(draw: st.DrawFn, calls: Calls) -> Malformed:
    """Right but for one place, where anything is."""
    call = draw(st.sampled_from(calls.own))
    content = json.loads(json.dumps(call.content))
    container, key = draw(st.sampled_from(list(places(content))))
    how = draw(st.integers(0, 3))
    if how == 0 and isinstance(container, dict):
        del container[key]
    elif how == 1:
        container[key] = draw(st.recursive(UNSEEN | st.none() | st.booleans() | st.integers(), nested, max_leaves=8))
    elif how == 2:
        container[key] = [container[key]] * draw(from_(0, 2, 1000))
    else:
        container[key] = draw(from_(None, "", 0, -1, 1e300, [], {}, [None], {"": ""}, [[[[]]]]))
    return Malformed(call.raw(body=json.dumps(content).encode()))


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(UNSEEN, inner, max_size=4)


# Sending it


class _Bytes(io.BytesIO):
    """What was read from a connection, as `http.client` wants to see it, which closes what it has read."""

    def makefile(self, _: str) -> _Bytes:
        return self

    def close(self) -> None:
        pass


class Target:
    """One emulator, with something in it to break requests to."""

    def __init__(self, emulator: EmulatorProcess) -> None:
        self.emulator = emulator
        parts = urlsplit(emulator.url)
        self.address = (parts.hostname or "", parts.port or 0)
        self.received = b""
        self.turns = 0
        self._seen = 0
        self.calls = self.make_calls()
        self.serves()

    def make_calls(self) -> Calls:
        """What is to be broken."""
        return _calls(self.emulator)

    def send(self, request: Malformed) -> list[int]:
        """The statuses of what came back, all of it looked at."""
        received = b""
        with socket.create_connection(self.address, timeout=30) as connection:
            try:
                connection.sendall(request.raw)
                if request.unfinished:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # Refused before it was wholly there; the answer may be lost with that.
            with suppress(ConnectionResetError):
                while piece := connection.recv(65_536):
                    received += piece
                    if not request.unfinished and len(_statuses(request, received)) >= request.answers:
                        break
        self.received = received
        return _statuses(request, received, whole=True)

    def serves(self, after: Sequence[bytes] = ()) -> None:
        """One more turn of the session that was there before, and nothing in the log of a fault of the emulator's."""
        self.turns += 1
        self.turn(after)
        news = self.emulator._lines[self._seen :]
        self._seen += len(news)
        # A guest's lines begin with its name.
        faults = [line for line in news if line.startswith("Traceback") or "failed inside the emulator" in line]
        assert not faults, "\n".join([*news, "after", *map(repr, after)])

    def turn(self, after: Sequence[bytes]) -> None:
        """The session's next turn, once it is in the log."""
        invocation = self.calls.own[0]
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        sent = {SESSION.decode(): SESSION_ID.decode(), "Content-Type": "text/x-python"}
        connection.request("POST", invocation.path.decode(), TURN, sent)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, str(self.turns).encode()), after
        connection.close()
        # What the emulator had printed before is there when this is. The whole of the log would be too much each time.
        for _ in range(1000):
            news = self.emulator._lines[self._seen :]
            if any(f"turn {self.turns} done" in line for line in news):
                return
            self.emulator.sessions()
        pytest.fail("what the agent printed was not logged")


def _statuses(request: Malformed, received: bytes, *, whole: bool = False) -> list[int]:
    """The statuses of the answers in `received`; HTTPException for what is no answer, if that is all."""
    method = request.raw.partition(b" ")[0].decode("latin-1")
    stream = _Bytes(received)
    statuses = []
    while (start := stream.tell()) < len(received):
        if not whole and b"\r\n\r\n" not in received[start:]:
            break
        response = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]
        response.begin()
        try:
            body = response.read()
        except http.client.IncompleteRead:
            if not whole:
                break
            # An answer that was under way ends where garbage came behind its request, and nothing follows it.
            if stream.tell() < len(received) or request.refused:
                raise
            body = b"null"
        assert not response.msg.defects, received
        if whole and response.headers["content-type"] == "application/json" and method != "HEAD" and body:
            json.loads(body)
        statuses.append(response.status)
    return statuses


def _calls(emulator: EmulatorProcess) -> Calls:
    control, data = emulator.client("bedrock-agentcore-control"), emulator.client("bedrock-agentcore")
    memory = control.create_memory(name="notes", eventExpiryDuration=30)["memory"]["id"]
    said = {"conversational": {"role": "USER", "content": {"text": "Hello"}}}
    event = {
        "actorId": "ada",
        "sessionId": "one",
        "eventTimestamp": 1_767_225_600,
        "payload": [said, {"blob": {"any": 1}}],
        "metadata": {"mood": {"stringValue": "good"}},
    }
    ids = [data.create_event(memoryId=memory, **event)["event"]["eventId"] for _ in range(3)]
    listed = data.list_events(memoryId=memory, actorId="ada", sessionId="one", maxResults=1)
    page = {"maxResults": 1, "nextToken": listed["nextToken"]}
    about = {
        "left": {"metadataKey": "mood"},
        "operator": "EQUALS_TO",
        "right": {"metadataValue": {"stringValue": "good"}},
    }
    ask = {"role": "user", "content": [{"text": "What is 2 + 2?"}]}
    use = {"toolUse": {"toolUseId": "t1", "name": "calculator", "input": {"expression": "2 + 2"}}}
    result = {"toolResult": {"toolUseId": "t1", "content": [{"text": "4"}]}}
    schema = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
    conversation = {
        "messages": [ask],
        "system": [{"text": "Be short."}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 0.5, "stopSequences": ["stop"]},
        "toolConfig": {"tools": [{"toolSpec": {"name": "calculator", "inputSchema": {"json": schema}}}]},
    }
    answered = [ask, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    runtime = f"/runtimes/{quote(emulator.arn, safe='')}"
    of_session = f"/memories/{memory}/actor/ada/sessions/one"

    def call(method: str, path: str, status: int, content: Any = None, *headers: bytes) -> Call:
        body = b"" if content is None else json.dumps(content).encode()
        return Call(
            method.encode(), path.encode(), content, (b"Content-Type: application/json", *headers), body, status
        )

    nobody = SESSION + b": " + b"nobody" * 8
    payload = (SESSION + b": " + SESSION_ID, b"Content-Type: application/octet-stream")
    own = [
        Call(b"POST", f"{runtime}/invocations".encode(), None, payload, b'{"prompt": "Hello"}', 200),
        # What they name is not there, so that none that is let through ends what the others need.
        call("POST", f"{runtime}/stopruntimesession", 404, {"clientToken": "t" * 40}, nobody),
        call("DELETE", f"/memories/notes-0123456789/delete?clientToken={'t' * 40}", 404),
        call("DELETE", f"{of_session}/events/{quote('0000001767225600000#00000000', safe='')}", 404),
        call("POST", "/memories/create", 400, {"name": "notes", "eventExpiryDuration": 30, "description": "Notes"}),
        call("GET", f"/memories/{memory}/details?view=full", 200),
        call("POST", "/memories/", 200, {"maxResults": 1}),
        call("POST", f"/memories/{memory}/events", 201, {**event, "clientToken": "t" * 40, "branch": {"name": "main"}}),
        call("GET", f"{of_session}/events/{quote(ids[0], safe='')}", 200),
        call("POST", of_session, 200, {**page, "includePayloads": True}),
        call("POST", of_session, 200, {"filter": {"branch": {"name": "main"}, "eventMetadata": [about]}}),
        call("POST", f"/memories/{memory}/actors", 200, {"maxResults": 10}),
        call("POST", f"/memories/{memory}/actor/ada/sessions", 200, {"filter": {"eventFilter": "HAS_EVENTS"}}),
        call("POST", "/model/scripted/converse", 200, {**conversation, "messages": answered}),
        call("POST", "/model/scripted/converse-stream", 200, conversation),
    ]
    return Calls(own, [*own * 20, *_modelled()])


def _modelled() -> Iterator[Call]:
    for service in SERVICES:
        for operation in Loader().load_service_model(service, "service-2")["operations"].values():
            path = operation["http"]["requestUri"].replace("{", "x-").replace("}", "-0123456789")
            kind = (
                b"Content-Type: application/json",
                b"Authorization: " + SIGNED % service.removesuffix("-control").encode(),
            )
            yield Call(operation["http"]["method"].encode(), path.encode(), {}, kind, b"{}")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, puppet: str) -> Iterator[Target]:
    file: Path = tmp_path_factory.mktemp("malformed") / "agent.py"
    file.write_text(puppet, encoding="utf-8")
    with EmulatorProcess(file, "--quirks", "off") as emulator:
        yield Target(emulator)


def test_what_is_broken_is_right_before(target: Target) -> None:
    for call in target.calls.own:
        assert target.send(Malformed(call.raw())) == [call.status], call
    for call in _modelled():
        (status,) = target.send(Malformed(call.raw()))
        assert status < 500 or status == 501, call
    target.serves()


@pytest.mark.parametrize("name", FAMILIES)
def test_the_emulator_goes_on_serving(name: str, target: Target, pytestconfig: pytest.Config) -> None:
    wanted = math.ceil(REQUESTS / len(FAMILIES))
    sent: list[bytes] = []

    @settings(
        max_examples=wanted,
        deadline=None,
        derandomize=pytestconfig.getoption("--hypothesis-seed") is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.composite(FAMILIES[name])(target.calls))
    def send(request: Malformed) -> None:
        sent.append(request.raw)
        statuses = target.send(request)
        # What is another's fault has a number of its own.
        assert not {status for status in statuses if status >= 500} - {501, 503, 504}, statuses
        assert not request.refused or all(status >= 300 for status in statuses), statuses
        if len(sent) % BATCH == 0:
            target.serves(sent[-BATCH:])

    send()
    target.serves(sent[-BATCH:])
    assert len(sent) >= wanted


# Agents that speak a protocol


EXAMPLES = Path(__file__).parent.parent / "examples"
SPOKEN = {"MCP": "mcp/server.py", "A2A": "a2a/agent.py", "AGUI": "agui/agent.py"}

AGENTS = """
agents:
  mcp: {name: mcp, entrypoint: mcp_agent.py, aws: {protocol_configuration: {server_protocol: MCP}}}
  a2a:
    name: a2a
    entrypoint: a2a_agent.py
    aws: {protocol_configuration: {server_protocol: A2A}}
    request_header_configuration: {requestHeaderAllowlist: [A2A-Version]}
  agui: {name: agui, entrypoint: agui_agent.py, aws: {protocol_configuration: {server_protocol: AGUI}}}
"""

# What the emulator says when something is wrong with itself.
OWN_FAULTS = (
    b"Internal error - Server error",
    b"Internal error - An unexpected error occurred while processing the request",
    b"An internal error occurred while processing the request",
    b"failed on this request",
)


class Speaker(Target):
    """One agent that speaks a protocol. Its old session is sent right messages alone, another the broken ones."""

    def __init__(self, emulator: EmulatorProcess, protocol: str) -> None:
        self.protocol = protocol
        super().__init__(emulator)

    def make_calls(self) -> Calls:
        path = f"/runtimes/{quote(self.emulator.arns[self.protocol.lower()], safe='')}/invocations".encode()
        kind = (b"Content-Type: application/json", b"Accept: application/json, text/event-stream")
        led_by = b"Mcp-Session-Id" if self.protocol == "MCP" else SESSION
        headers = (*kind, led_by + b": " + BROKEN_ID, b"A2A-Version: 1.0")

        def call(message: dict[str, Any]) -> Call:
            return Call(b"POST", path, message, headers, json.dumps(message).encode(), 200)

        def rpc(method: str, params: dict[str, Any]) -> Call:
            return call({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

        if self.protocol == "MCP":
            info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
            own = [
                rpc("tools/call", {"name": "add_note", "arguments": {"text": "x"}, "_meta": {"progressToken": 1}}),
                rpc("initialize", info),
                rpc("tools/list", {"cursor": "x"}),
            ]
        elif self.protocol == "A2A":
            message = {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "x"}], "metadata": {"a": 1}}
            own = [
                rpc("SendMessage", {"message": message, "configuration": {"historyLength": 1}}),
                rpc("SendStreamingMessage", {"message": message}),
                rpc("GetTask", {"id": "1", "historyLength": 1}),
            ]
        else:
            said = {"id": "1", "role": "user", "content": "x"}
            run = {"threadId": "t", "runId": "r", "messages": [said], "state": {}, "tools": [], "context": []}
            own = [call({**run, "forwardedProps": {"a": 1}})]
        return Calls(own, own)

    def turn(self, after: Sequence[bytes]) -> None:
        invocation = self.calls.own[0]
        headers = tuple(line.replace(BROKEN_ID, SESSION_ID) for line in invocation.headers)
        assert self.send(Malformed(replace(invocation, headers=headers).raw())) == [200], after
        # There are as many notes as there were turns.
        counted = {
            "MCP": (f'"structuredContent":{{"result":{self.turns}}}', 1),
            "A2A": ('"artifactId"', self.turns),
            "AGUI": (f'"delta":"{self.turns} "', 1),
        }
        what, times = counted[self.protocol]
        assert self.received.decode().count(what) == times, after

    def serves(self, after: Sequence[bytes] = ()) -> None:
        super().serves(after)
        for session in self.emulator.sessions():
            if session["session_id"] != SESSION_ID.decode():
                with suppress(EmulatorError):
                    self.emulator.kill_session(session["session_id"], agent=session["runtime"])


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    project: Path = tmp_path_factory.mktemp("speaking")
    for protocol, example in SPOKEN.items():
        # Not the names of packages that they import.
        shutil.copy(EXAMPLES / example, project / f"{protocol.lower()}_agent.py")
    (project / ".bedrock_agentcore.yaml").write_text(AGENTS, encoding="utf-8")
    with EmulatorProcess(project, "--quirks", "off") as emulator:
        yield emulator
    assert not [line for line in emulator.log.splitlines() if line.startswith("Traceback")]


@pytest.fixture(scope="module")
def speakers(speaking: EmulatorProcess) -> dict[str, Speaker]:
    return {protocol: Speaker(speaking, protocol) for protocol in SPOKEN}


@pytest.mark.parametrize("protocol", SPOKEN)
def test_what_is_broken_of_a_protocol_is_right_before(protocol: str, speakers: dict[str, Speaker]) -> None:
    for call in speakers[protocol].calls.own:
        assert speakers[protocol].send(Malformed(call.raw())) == [call.status], call


@pytest.mark.parametrize("name", [*ANY_REQUEST, *MESSAGE_FAMILIES])
@pytest.mark.parametrize("protocol", SPOKEN)
def test_malformed_messages(
    protocol: str, name: str, speakers: dict[str, Speaker], pytestconfig: pytest.Config
) -> None:
    speaker = speakers[protocol]
    breaking = MESSAGE_FAMILIES.get(name) or FAMILIES[name]
    wanted = math.ceil(MESSAGES / (len(ANY_REQUEST) + len(MESSAGE_FAMILIES)))
    sent: list[bytes] = []

    @settings(
        max_examples=wanted,
        deadline=None,
        derandomize=pytestconfig.getoption("--hypothesis-seed") is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.composite(breaking)(speaker.calls))
    def send(request: Malformed) -> None:
        sent.append(request.raw)
        statuses = speaker.send(replace(request, refused=False))
        # AG-UI has no code for an endpoint that is not there.
        if protocol != "AGUI" or b"qualifier=" not in request.raw:
            assert not {status for status in statuses if status >= 500} - {501, 503, 504}, statuses
            assert not [fault for fault in OWN_FAULTS if fault in speaker.received], speaker.received
        if len(sent) % BATCH == 0:
            speaker.serves(sent[-BATCH:])

    send()
    speaker.serves(sent[-BATCH:])
    assert len(sent) >= wanted
