"""`agentcore-emulator memory`: what is in a store, while no emulator has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from agentcore_emulator.cli import options
from agentcore_emulator.config import SQLITE_URL, STATE_DIR

if TYPE_CHECKING:
    from rich.table import Table

    from agentcore_emulator.store.database import Database

__all__ = ["memory"]

memory = typer.Typer(
    help="Export, import and inspect the memory that is kept. No emulator may be running on it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _use_project_table(ctx: typer.Context, value: Any) -> Any:
    options.use_project_table(ctx, None)
    return value


# Eager, as the project's table must be read before the other options are looked up.
_MemoryName = Annotated[
    str | None,
    typer.Option(
        "--memory", is_eager=True, callback=_use_project_table, metavar="ID", help="One memory, by its id or name."
    ),
]
_Actor = Annotated[str | None, typer.Option("--actor", metavar="ID", help="The sessions of one actor.")]


@memory.command("export")
def _export(
    ctx: typer.Context,
    memory_name: _MemoryName = None,
    actor: _Actor = None,
    session: Annotated[str | None, typer.Option(metavar="ID", help="The sessions with this id.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", show_default="standard output", help="Where to.")
    ] = None,
    state_dir: options.StateDir = STATE_DIR,
    store: options.StoreURL = None,
) -> None:
    """Write memories, and what is in them, as JSON lines.

    Two exports of the same memories are the same, so that diff shows what a conversation has added. With --actor or
    --session the export holds their sessions only, and adds them to a memory when it is imported.
    """
    with _opened(options.store_at(ctx, state_dir, store), new=False) as database, _written(output) as file:
        from agentcore_emulator.memory.transfer.export import export

        with database.reader() as connection:
            counts = export(connection, file.write, memory=memory_name, actor=actor, session=session, now=_now())
    _say(f"Exported {_listed(counts)}.")


@memory.command("import")
def _import(
    ctx: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            is_eager=True, callback=_use_project_table, metavar="FILE", help="An export; - is standard input."
        ),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let what is there under the same ids make way, instead of refusing.")
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Count expiry from now, as if everything had just been written.")
    ] = False,
    state_dir: options.StateDir = STATE_DIR,
    store: options.StoreURL = None,
) -> None:
    """Add what an export holds, with all its ids. Either all of it is there afterwards, or nothing has changed."""
    with _read(file) as lines, _opened(options.store_at(ctx, state_dir, store), new=True) as database:
        from agentcore_emulator.memory.transfer.load import load

        with database.writer() as connection:
            counts = load(connection, lines, replace=replace, renew=renew, now=_now())
    _say(f"Imported {_listed(counts)}.")
    if counts["expired"]:
        _say(f"{counts['expired']} of them have expired already; with --renew they would live as long as new ones.")


@memory.command("inspect")
def _inspect(
    ctx: typer.Context,
    memory_name: _MemoryName = None,
    actor: _Actor = None,
    state_dir: options.StateDir = STATE_DIR,
    store: options.StoreURL = None,
) -> None:
    """Show what is kept: all memories, the actors of one, or the sessions of one of its actors."""
    if actor is not None and memory_name is None:
        raise typer.BadParameter("--actor needs --memory, as actors of several memories may have one name")
    from rich.console import Console

    with _opened(options.store_at(ctx, state_dir, store), new=False) as database, database.reader() as connection:
        table = _table(connection, memory_name, actor)
        place = database.place
    console = Console(highlight=False)
    # As wide as it is: an id that is cut off is of no use.
    console.width = max(console.width, console.measure(table, options=console.options.update(max_width=1000)).maximum)
    console.print(f"{place[0].upper()}{place[1:]}", markup=False)
    console.print(table)


def _table(connection: Any, memory_name: str | None, actor: str | None) -> Table:
    from agentcore_emulator.cli import memory_tables
    from agentcore_emulator.memory import survey
    from agentcore_emulator.memory.transfer.export import memory_id
    from agentcore_emulator.memory.transfer.lines import TransferError

    now = _now()
    if memory_name is None:
        return memory_tables.of_memories(survey.all_memories(connection, now))
    found = memory_id(connection, memory_name)
    if actor is None:
        return memory_tables.of_actors(survey.actors_of(connection, found, now))
    sessions = survey.sessions_of(connection, found, actor, now)
    if not sessions:
        raise TransferError(f"the memory {found} has no actor {actor!r}")
    return memory_tables.of_sessions(sessions)


@contextmanager
def _opened(url: str, *, new: bool) -> Iterator[Database]:
    """The store at `url`, which unless `new` must be there. What goes wrong becomes an error of the command line."""
    # Imported here because it takes longer than all else before a help page is shown.
    from agentcore_emulator.memory import tables  # noqa: F401 - the store makes what they declare
    from agentcore_emulator.memory.transfer.lines import TransferError
    from agentcore_emulator.store import StoreError, open_database

    if url.startswith(SQLITE_URL) and not new and not Path(url.removeprefix(SQLITE_URL)).exists():
        raise typer.TyperException(f"no memory is kept here: there is no file {url.removeprefix(SQLITE_URL)}")
    try:
        database = open_database(url)
        try:
            yield database
        finally:
            database.close()
    except (TransferError, StoreError, ValueError) as error:
        raise typer.TyperException(str(error)) from error


@contextmanager
def _written(output: Path | None) -> Iterator[BinaryIO]:
    """The file, which is whole or as it was before, or standard output."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            # Whoever reads has had enough, as `head` does. Python would complain once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        return
    aside = output.with_name(f"{output.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            yield file
        aside.replace(output)
    except OSError as error:
        raise typer.TyperException(f"{output} cannot be written: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def _read(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as opened:
            yield opened
    except OSError as error:
        raise typer.TyperException(f"{file} cannot be read: {error.strerror}") from error


def _now() -> int:
    from agentcore_emulator.clock import Clock
    from agentcore_emulator.memory.tables import milliseconds

    return milliseconds(Clock().time())


def _listed(counts: Mapping[str, int]) -> str:
    plurals = {"memory": "memories", "strategy": "strategies", "branch": "branches"}
    kinds = [(kind, count) for kind, count in counts.items() if count and kind != "expired"]
    return ", ".join(f"{count} {plurals.get(kind, f'{kind}s') if count > 1 else kind}" for kind, count in kinds) or "0"


def _say(text: str) -> None:
    # Standard output may be the export.
    typer.echo(text, err=True)
