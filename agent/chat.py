"""A terminal client for the agent.

    python chat.py [--arn ARN] [--user NAME] [--no-stream]

The agent's ARN comes from AGENTCORE_RUNTIME_ARN if it is not given. On AWS nothing else is needed; for an emulator
`AWS_ENDPOINT_URL` and the rest of what `agentcore-emulator env` prints must be in the environment. Works in a pipe:

    printf 'What is 14 * 3?\n/latency\n/quit\n' | python chat.py
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass

from agent_client import AgentClient, AnswerError, Reply, explain
from botocore.exceptions import BotoCoreError, ClientError

with contextlib.suppress(ImportError):  # not on Windows
    import readline  # noqa: F401 - importing it gives input() its line editing

HELP = """\
Anything that does not begin with / goes to the agent.
  /new            go on in a new session: a new microVM, with nothing in RAM
  /sessions       the sessions of this chat
  /switch N       go back to session N, and to its user
  /user NAME      be someone else, in a new session
  /ping           ask for the state of the session's microVM; no model is called
  /memory         what AgentCore Memory holds of this user's conversation
  /forget         have that forgotten
  /latency        how long the answers took
  /stream on|off  whether answers are streamed
  /help           this text
  /quit           leave"""


class CommandError(Exception):
    """A command cannot be followed; the text is one sentence."""


@dataclass(frozen=True)
class Session:
    """A runtime session and the user that it is for. AgentCore does not tie the two together, so the client must."""

    session_id: str
    user_id: str


class Chat:
    """What is typed, and what is shown for it. Knows nothing of the terminal but how to write to it."""

    def __init__(self, client: AgentClient, *, stream: bool = True, write: Callable[[str], None]) -> None:
        self.client = client
        self.stream = stream
        self.failures = 0
        self._write = write
        self._line_begun = False
        self._sessions = [Session(client.session_id, client.user_id)]
        self._latencies: dict[str, list[float]] = {}
        self._commands: dict[str, Callable[[str], None]] = {
            "/new": self._new,
            "/sessions": self._list_sessions,
            "/switch": self._switch,
            "/user": self._user,
            "/ping": lambda _: self._show("ping", self.client.ping()),
            "/memory": lambda _: self._show("memory", self.client.memory_query()),
            "/forget": lambda _: self._show("forget", self.client.forget()),
            "/latency": self._latency,
            "/stream": self._set_stream,
            "/help": lambda _: self._say(HELP),
        }

    def handle(self, line: str) -> bool:
        """Does what a line says; False when it says to leave. A failure is shown, counted and otherwise survived."""
        line = line.strip()
        command, _, argument = line.partition(" ")
        if command in ("/quit", "/exit"):
            return False
        try:
            if not command.startswith("/"):
                self._talk(line)
            elif command in self._commands:
                self._commands[command](argument.strip())
            else:
                raise CommandError(f"There is no command {command}; /help lists them.")
        except (CommandError, AnswerError) as error:
            self._fail(str(error))
        except (ClientError, BotoCoreError) as error:
            self._fail(explain(error))
        except KeyboardInterrupt:
            self._fail("Stopped listening. The agent finishes its turn all the same, and remembers it.")
        return True

    def _talk(self, prompt: str) -> None:
        if not prompt:
            return
        if not self.stream:
            self._show("chat", self.client.chat(prompt))
            return
        first: float | None = None
        with contextlib.closing(self.client.stream(prompt)) as events:
            for event in events:
                if event.kind == "meta":
                    self._footer(event.meta, event.seconds, first)
                    self._took("chat, streamed", event.seconds)
                elif event.kind == "error":
                    self._fail(event.text)
                else:
                    if first is None:
                        first = event.seconds
                        self._took("first token", first)
                    self._put(event.text)
        if self._line_begun:
            self._put("\n")

    def _show(self, kind: str, reply: Reply) -> None:
        if reply.text:
            self._say(reply.text)
        if reply.error:
            self._fail(reply.error)
        self._footer(reply.meta, reply.seconds, None)
        self._took(f"{kind}, {reply.meta.get('cache', 'unknown')}" if kind == "ping" else kind, reply.seconds)

    def _footer(self, meta: dict[str, str], seconds: float, first: float | None) -> None:
        timing = f"{seconds * 1000:.0f} ms" + (f", first token after {first * 1000:.0f} ms" if first else "")
        told = " ".join(f"{key}={value}" for key, value in meta.items() if key not in ("mode", "session_id"))
        self._say(f"[{timing}; {told}]")

    def _new(self, _: str) -> None:
        self.client.new_session()
        self._remember_session()

    def _user(self, name: str) -> None:
        if not name:
            raise CommandError("Whose name? Say /user NAME.")
        self.client.user_id = name
        self._new("")

    def _remember_session(self) -> None:
        self._sessions.append(Session(self.client.session_id, self.client.user_id))
        self._say(f"Session {len(self._sessions)} of this chat, for {self.client.user_id}: {self.client.session_id}")

    def _list_sessions(self, _: str) -> None:
        for number, session in enumerate(self._sessions, 1):
            here = "*" if session.session_id == self.client.session_id else " "
            self._say(f"{here} {number}  {session.session_id}  {session.user_id}")

    def _switch(self, number: str) -> None:
        if not number.isdecimal() or not 1 <= int(number) <= len(self._sessions):
            raise CommandError(f"Which session? Say /switch N with a number from 1 to {len(self._sessions)}.")
        session = self._sessions[int(number) - 1]
        self.client.session_id, self.client.user_id = session.session_id, session.user_id
        self._say(f"Session {int(number)} of this chat, for {session.user_id}: {session.session_id}")

    def _set_stream(self, choice: str) -> None:
        if choice not in ("on", "off"):
            raise CommandError("Say /stream on or /stream off.")
        self.stream = choice == "on"
        self._say(f"Answers are {'streamed' if self.stream else 'shown when they are whole'}.")

    def _took(self, kind: str, seconds: float) -> None:
        self._latencies.setdefault(kind, []).append(seconds)

    def _latency(self, _: str) -> None:
        self._say(latency_table(self._latencies))

    def _say(self, text: str) -> None:
        self._put(("\n" if self._line_begun else "") + f"{text}\n")

    def _put(self, text: str) -> None:
        self._write(text)
        self._line_begun = not text.endswith("\n")

    def _fail(self, sentence: str) -> None:
        self.failures += 1
        self._say(f"! {sentence.strip()}")


def latency_table(latencies: dict[str, list[float]]) -> str:
    """Seconds by kind of call, as a table in milliseconds: how many, the median, the least and the most."""
    if not latencies:
        return "Nothing has been measured yet."
    rows = [f"{'':<16}{'calls':>6}{'median':>10}{'least':>10}{'most':>10}"]
    for kind, seconds in latencies.items():
        figures = (statistics.median(seconds), min(seconds), max(seconds))
        rows.append(f"{kind:<16}{len(seconds):>6}" + "".join(f"{figure * 1000:>7.0f} ms" for figure in figures))
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> int:
    """Runs the client. 0 when all went well or a person was there to see what did not, 1 when a piped line failed."""
    parser = argparse.ArgumentParser(description="Chat with the agent.")
    parser.add_argument("--arn", default=os.environ.get("AGENTCORE_RUNTIME_ARN"), help="the agent runtime's ARN")
    parser.add_argument("--user", default="anonymous", help="whose memory to use (anonymous)")
    parser.add_argument("--no-stream", action="store_true", help="begin with streaming off")
    options = parser.parse_args(arguments)
    if not options.arn:
        parser.error("no agent: set AGENTCORE_RUNTIME_ARN, as `agentcore-emulator env` prints it, or give --arn")
    try:
        client = AgentClient(options.arn, user_id=options.user)
    except (ValueError, BotoCoreError) as error:
        parser.error(str(error))
    chat = Chat(client, stream=not options.no_stream, write=_write)
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character shows another
    person = sys.stdin.isatty()
    try:
        if person:
            _write(f"Session {client.session_id}; /help lists the commands.\n")
        while chat.handle(_next_line(f"{client.user_id}> ", person)):
            pass
    except EOFError:
        if person:
            _write("\n")
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has gone; without this Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1 if chat.failures and not person else 0


def _next_line(prompt: str, person: bool) -> str:
    """The next line. Raises EOFError when there is none. What comes from a pipe is shown, so that a log can be read."""
    while True:
        try:
            line = input(prompt if person else "")
        except KeyboardInterrupt:
            if not person:
                raise
            _write("\n/quit leaves.\n")
            continue
        if not person:
            _write(f"{prompt}{line}\n")
        return line


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
