"""Invocations: what reaches the agent, and what of its answer reaches the client."""

from __future__ import annotations

from mutants.mutant import Mutant

__all__ = ["MUTANTS"]

MUTANTS = (
    Mutant(
        name="agent-failure-is-500",
        file="errors.py",
        old="    status = 424\n",
        new="    status = 500\n",
        breaks="A failure of the agent's looks like one of the platform's.",
        contracts=("RT-060",),
    ),
    Mutant(
        name="not-found-is-400",
        file="errors.py",
        old="    status = 404\n",
        new="    status = 400\n",
        breaks="What does not exist is reported as a wrong request.",
        contracts=("RT-064",),
    ),
    Mutant(
        name="error-tells-what-the-agent-said",
        file="runtime/invocation.py",
        old='f"Received error ({exchange.status}) from runtime. {failures.MORE}",',
        new='f"Received error ({exchange.status}) from runtime: {said}",',
        breaks="The text of an exception in the agent reaches its callers.",
        contracts=("RT-061",),
    ),
    Mutant(
        name="status-of-the-agent-is-passed-on",
        file="runtime/invocation.py",
        old="if not 200 <= exchange.status < 300:",
        new="if exchange.status >= 500:",
        breaks="A 404 or 429 of the agent's reaches the client as if the platform had said it.",
        contracts=("RT-062",),
    ),
    Mutant(
        name="stream-is-buffered",
        file="runtime/relay.py",
        old="            if self._chunks:\n                data =",
        new="            if self._chunks and self.complete:\n                data =",
        breaks="A streamed answer arrives all at once when it is over.",
        contracts=("RT-041",),
    ),
    Mutant(
        name="pieces-are-lost",
        file="runtime/relay.py",
        old='data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)',
        new="data = self._chunks[0]",
        breaks="Of events that come together only the first arrives.",
        contracts=("RT-040",),
    ),
    Mutant(
        name="events-are-framed-anew",
        file="runtime/relay.py",
        old="                yield data\n",
        new='                yield data.replace(b"\\n\\n", b"\\n")\n',
        breaks="The empty line between two events is missing, and a client never sees the end of one.",
        contracts=("RT-040",),
    ),
    Mutant(
        name="every-answer-is-json",
        file="runtime/invocation.py",
        old="kept = [line for line in exchange.headers if line[0] in _RESPONSE_HEADERS and line[0] not in replaced]",
        new="""kept = [
        line if line[0] != "content-type" or "event-stream" in line[1] else (line[0], "application/json")
        for line in exchange.headers
        if line[0] in _RESPONSE_HEADERS and line[0] not in replaced
    ]""",
        breaks="A client is told that the agent's table or picture is JSON.",
        contracts=("RT-033",),
    ),
    Mutant(
        name="allow-list-is-ignored",
        file="runtime/headers.py",
        old="*sorted(set(allowed) - set(_MODELLED))",
        new="*sorted(name for name in caller if name.startswith('x-'))",
        breaks="Every header of the caller's reaches the agent.",
        contracts=("RT-070",),
    ),
    Mutant(
        name="allowed-headers-are-dropped",
        file="runtime/headers.py",
        old="names = [*_MODELLED, *sorted(set(allowed) - set(_MODELLED))]",
        new="names = [*_MODELLED]",
        breaks="Headers that the runtime's configuration allows do not reach the agent.",
        contracts=("RT-070",),
    ),
    Mutant(
        name="credentials-reach-the-agent",
        file="runtime/headers.py",
        old='_MODELLED = ("content-type",',
        new='_MODELLED = ("authorization", "content-type",',
        breaks="The agent sees the signature of its caller.",
        contracts=("RT-071",),
    ),
    Mutant(
        name="host-is-local",
        file="runtime/headers.py",
        old='_HOST = "cell01.us-east-1.prod.arp.kepler-analytics.aws.dev"',
        new='_HOST = "localhost"',
        breaks="A server that would refuse the deployed runtime's host name works here.",
        contracts=("RT-071",),
    ),
    Mutant(
        name="agent-does-not-know-its-runtime",
        file="environment.py",
        old='f"cloud.resource_id={runtime.arn}/runtime-endpoint/DEFAULT:DEFAULT",',
        new='f"cloud.resource_id={runtime.name}",',
        breaks="The SDK finds no ARN of its runtime.",
        contracts=("RT-072",),
    ),
    Mutant(
        name="payload-is-not-strict",
        file="guest/quirks.py",
        old='if level == "strict":',
        new='if level == "stricter":',
        breaks="Under strict an agent gets a plain dict, and meets the quirk only when it is deployed.",
        contracts=("QU-001",),
    ),
    Mutant(
        name="payload-is-strict-under-warn",
        file="guest/quirks.py",
        old='if level == "strict":',
        new='if level in ("strict", "warn"):',
        breaks="An agent fails for a quirk of which it was only to be warned.",
        contracts=("QU-001",),
    ),
    Mutant(
        name="truncation-at-every-level",
        file="runtime/truncation.py",
        old='self._level = agent.quirks[QUIRK] if applies else "off"',
        new='self._level = "strict" if applies else "off"',
        breaks="Answers are cut where nobody has asked for it.",
        contracts=("QU-004",),
    ),
    Mutant(
        name="truncation-of-streams",
        file="runtime/truncation.py",
        old=' and not kind.lower().startswith("text/event-stream")',
        new="",
        breaks="Under strict a stream ends after 1,024 bytes.",
        contracts=("QU-004",),
    ),
    Mutant(
        name="truncation-at-1000-bytes",
        file="runtime/truncation.py",
        old="LIMIT = 1024",
        new="LIMIT = 1000",
        breaks="Under strict the first piece of an answer has not the size that botocore's has.",
        contracts=("QU-004",),
    ),
)
