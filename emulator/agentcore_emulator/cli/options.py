"""The options that `start` and `exec` share: from flags, the environment, or the project's `pyproject.toml`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from agentcore_emulator.cli import project_table, values
from agentcore_emulator.config import (
    DEFAULT_PORT,
    STATE_DIR,
    ClockKind,
    ExtractionKind,
    IsolationKind,
    MicroVMs,
    Platforms,
    Protocol,
    RetrievalKind,
    Settings,
    store_url,
)
from agentcore_emulator.latency import profile
from agentcore_emulator.quirks import Quirks

__all__ = [
    "ENVIRONMENT_PREFIX",
    "StateDir",
    "StoreURL",
    "given_on_command_line",
    "origin",
    "settings",
    "store_at",
    "use_project_table",
    "with_settings",
]

T = TypeVar("T")

ENVIRONMENT_PREFIX: Final = "AGENTCORE_EMULATOR_"

# Seconds: botocore's `bedrock-agentcore-control` model, LifecycleConfiguration.
_LIFECYCLE: Final = range(60, 1_209_600 + 1)


def use_project_table(ctx: typer.Context, target: Path | None) -> Path | None:
    """Lets `pyproject.toml` answer for options that neither a flag nor the environment sets; returns `target`.

    TARGET's callback, and TARGET is eager: it is known, and so is its project, before any other option is looked up.
    """
    if ctx.resilient_parsing:
        return target
    known = [name for name in inspect.signature(settings).parameters if name != "ctx"]
    try:
        table = project_table.read(target or Path.cwd(), known)
    except project_table.TableError as error:
        raise typer.TyperException(str(error)) from error
    ctx.default_map = dict(table.options)
    ctx.obj = table
    if target is None and "target" in table.options:
        return Path(table.options["target"])
    return target


def given_on_command_line(ctx: typer.Context, name: str) -> bool:
    """Whether the option's value is that of a flag, and not of the environment, the table or a default."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def origin(ctx: typer.Context, name: str) -> str:
    """Where the value of an option came from, in words for an error message."""
    source = ctx.get_parameter_source(name)
    flag = "TARGET" if name == "target" else f"--{name.replace('_', '-')}"
    if source is not None and source.name == "ENVIRONMENT":
        return f"{ENVIRONMENT_PREFIX}{name.upper()} in the environment"
    if source is not None and source.name == "DEFAULT_MAP" and isinstance(ctx.obj, project_table.ProjectTable):
        return f"{name.replace('_', '-')!r} in {ctx.obj.file}"
    return flag


def _option(name: str, help: str, **more: Any) -> Any:  # noqa: A002 - Typer's own name for it
    # The help page would be twice as long with every variable's name; how they are made is said once, at the top.
    return typer.Option(envvar=f"{ENVIRONMENT_PREFIX}{name}", show_envvar=False, help=help, **more)


StateDir = Annotated[
    Path, _option("STATE_DIR", "Where durable memory, and the address of what is running, are kept.", metavar="FOLDER")
]

StoreURL = Annotated[
    str | None,
    _option(
        "STORE",
        "Where memory is kept: postgresql+psycopg://USER@HOST/DATABASE, or sqlite:///FILE.",
        metavar="URL",
        show_default="a file in the state folder",
    ),
]


def settings(
    ctx: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(
            is_eager=True,
            callback=use_project_table,
            envvar=f"{ENVIRONMENT_PREFIX}TARGET",
            show_envvar=False,
            show_default="the current folder",
            metavar="TARGET",
            help="A Python file, or a folder that holds .bedrock_agentcore.yaml.",
        ),
    ] = None,
    host: Annotated[str, _option("HOST", "The address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[
        int, _option("PORT", "The port; 0 picks a free one.", min=0, max=65535, metavar="N")
    ] = DEFAULT_PORT,
    state_dir: StateDir = STATE_DIR,
    store: StoreURL = None,
    ephemeral: Annotated[bool, _option("EPHEMERAL", "Forget everything when the emulator ends.")] = False,
    quirks: Annotated[
        str,
        _option(
            "QUIRKS",
            "strict, warn or off for all, and name=level for one, as in off,truncation=strict.",
            metavar="LEVELS",
        ),
    ] = "warn",
    python: Annotated[
        Path | None,
        _option(
            "PYTHON",
            "What runs the agent: an interpreter, a virtual environment or a command.",
            metavar="PYTHON",
            show_default="the project's .venv, else the emulator's own",
        ),
    ] = None,
    env_file: Annotated[
        Path | None, _option("ENV_FILE", "A dotenv file of variables for the agent.", metavar="FILE")
    ] = None,
    passthrough: Annotated[
        str,
        _option(
            "PASSTHROUGH",
            "Services whose calls go to real AWS with your own credentials, as in bedrock-runtime,s3.",
            metavar="SERVICES",
            show_default="none",
        ),
    ] = "",
    debug: Annotated[bool, _option("DEBUG", "No deadlines and no health pings, so that breakpoints can wait.")] = False,
    allow_host: Annotated[
        str,
        _option(
            "ALLOW_HOST",
            "Host headers to let in besides this machine's own and AWS names, with commas between them.",
            metavar="NAMES",
            show_default="none",
        ),
    ] = "",
    model_rules: Annotated[
        Path | None,
        _option("MODEL_RULES", "A YAML file of rules for the scripted model.", metavar="FILE", show_default="built in"),
    ] = None,
    platform: Annotated[
        str,
        _option(
            "PLATFORM",
            "V1 boots per session, V2 restores a snapshot; and agent=V2 for one, as in V1,my_agent=V2.",
            metavar="VERSIONS",
        ),
    ] = "V1",
    protocol: Annotated[
        Protocol | None,
        _option("PROTOCOL", "What the agent's server speaks.", show_default="the project's, else HTTP"),
    ] = None,
    clock: Annotated[
        ClockKind, _option("CLOCK", "Whether time passes by itself (system), or only when it is advanced (virtual).")
    ] = "system",
    idle_timeout: Annotated[
        int | None,
        _option(
            "IDLE_TIMEOUT",
            "Seconds after which an idle session ends.",
            min=_LIFECYCLE.start,
            max=_LIFECYCLE.stop - 1,
            metavar="N",
            show_default="the project's, else 900",
        ),
    ] = None,
    max_lifetime: Annotated[
        int | None,
        _option(
            "MAX_LIFETIME",
            "Seconds after which any session ends.",
            min=_LIFECYCLE.start,
            max=_LIFECYCLE.stop - 1,
            metavar="N",
            show_default="the project's, else 28800",
        ),
    ] = None,
    busy_needs_time: Annotated[
        bool,
        _option("BUSY_NEEDS_TIME", "A HealthyBusy without a numeric time_of_last_update does not keep a session."),
    ] = False,
    session_storage: Annotated[
        str | None,
        _option("SESSION_STORAGE", "A folder that outlives a session's stop, as in /mnt/data.", metavar="/mnt/NAME"),
    ] = None,
    isolation: Annotated[
        IsolationKind | None,
        _option(
            "ISOLATION",
            "Sessions with files, process ids and host name of their own (namespaces), or as processes only (plain).",
            show_default="the better one that works",
        ),
    ] = None,
    microvms: Annotated[
        MicroVMs | None,
        _option(
            "MICROVMS",
            "Sessions forked from a warm process, or a fresh interpreter each (spawn).",
            show_default="fork on Linux, else spawn",
        ),
    ] = None,
    command: Annotated[
        str | None,
        _option("COMMAND", "What to run in TARGET instead of Python; it is to listen on $PORT.", metavar="COMMAND"),
    ] = None,
    reload: Annotated[bool, _option("RELOAD", "Give new sessions a new version when a source file changes.")] = False,
    guest_time: Annotated[
        bool, _option("GUEST_TIME", "Let agents see the emulator's time, as far as docs/lifecycle.md says.")
    ] = False,
    limits: Annotated[bool, _option("LIMITS", "Give each session 2 vCPUs and 8 GB, as AWS does.")] = False,
    faults: Annotated[
        Path | None, _option("FAULTS", "A YAML file of faults that calls are to meet.", metavar="FILE")
    ] = None,
    latency: Annotated[
        str,
        _option("LATENCY", "none, or observed: pauses as long as those that people saw on AWS.", metavar="PROFILE"),
    ] = "none",
    memory_delays: Annotated[
        str,
        _option(
            "MEMORY_DELAYS",
            "none, or observed: memories are CREATING, UPDATING and DELETING for as long as people saw on AWS.",
            metavar="PROFILE",
        ),
    ] = "none",
    retrieval: Annotated[
        RetrievalKind,
        _option(
            "RETRIEVAL",
            "How memory records are found: by their words (text), or by a small model's vectors (embeddings).",
        ),
    ] = "text",
    extraction: Annotated[
        ExtractionKind,
        _option("EXTRACTION", "Who makes memory records of events: rules for English, or a model by Converse."),
    ] = "rules",
    extraction_delay: Annotated[
        str, _option("EXTRACTION_DELAY", "Seconds after an event until records are made of it.", metavar="SECONDS")
    ] = "0",
    verify_signatures: Annotated[
        bool, _option("VERIFY_SIGNATURES", "Refuse AWS requests that are not signed with the emulator's keys.")
    ] = False,
) -> Settings:
    """The settings that one command line asks for.

    Raises typer.BadParameter, whose message names the flag, variable or file that the bad value came from.
    """
    levels = _checked(ctx, "quirks", Quirks.parse, quirks)
    pauses = _checked(ctx, "latency", profile, latency)
    transitions = _checked(ctx, "memory_delays", profile, memory_delays)
    seconds = _checked(ctx, "extraction_delay", values.seconds, extraction_delay)
    services = _checked(ctx, "passthrough", values.services, passthrough)
    platforms = _checked(ctx, "platform", Platforms.parse, platform)
    words = None if command is None else _checked(ctx, "command", values.words, command)
    storage = None if session_storage is None else _checked(ctx, "session_storage", values.mount_name, session_storage)
    return Settings(
        target=target,
        host=host,
        port=port,
        state_dir=state_dir.absolute(),
        store=None if store is None else _checked(ctx, "store", store_url, store),
        ephemeral=ephemeral,
        quirks=levels,
        python=python,
        env_file=env_file,
        passthrough=services,
        debug=debug,
        allow_host=tuple(values.items(allow_host)),
        model_rules=model_rules,
        platform=platforms,
        protocol=protocol,
        clock=clock,
        idle_timeout=idle_timeout,
        max_lifetime=max_lifetime,
        busy_needs_time=busy_needs_time,
        session_storage=storage,
        isolation=isolation,
        microvms=microvms,
        command=words,
        reload=reload,
        guest_time=guest_time,
        limits=limits,
        faults=faults,
        latency=pauses,
        memory_delays=transitions,
        retrieval=retrieval,
        extraction=extraction,
        extraction_delay=seconds,
        verify_signatures=verify_signatures,
    )


def store_at(ctx: typer.Context, state_dir: Path, store: str | None) -> str:
    """The URL of the store that these options mean. Raises typer.BadParameter as `settings` does."""
    url = None if store is None else _checked(ctx, "store", store_url, store)
    return Settings(state_dir=state_dir.absolute(), store=url).store_at


def with_settings(command: Callable[[typer.Context, Settings], None]) -> Callable[..., None]:
    """A Typer command that has the options of `settings` and hands the result to `command`."""

    @functools.wraps(settings)  # Typer reads options off the signature, which `wraps` makes that of `settings`
    def run(ctx: typer.Context, **options: object) -> None:
        command(ctx, settings(ctx, **options))  # type: ignore[arg-type]

    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    return run


def _checked(ctx: typer.Context, name: str, check: Callable[[str], T], text: str) -> T:
    try:
        return check(text)
    except ValueError as error:
        raise typer.BadParameter(f"{origin(ctx, name)}: {error}") from error
