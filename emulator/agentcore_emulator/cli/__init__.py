"""The command line, `agentcore-emulator`. What a command needs beyond parsing is imported when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from agentcore_emulator import __version__
from agentcore_emulator.cli import options
from agentcore_emulator.cli.demo import demo
from agentcore_emulator.cli.env import env
from agentcore_emulator.cli.exec import ExecCommand, exec_command
from agentcore_emulator.cli.memory import memory
from agentcore_emulator.cli.start import start
from agentcore_emulator.cli.token import token

if TYPE_CHECKING:
    from agentcore_emulator.config import Settings

__all__ = ["main", "parse"]

_NAME = "agentcore-emulator"

app = typer.Typer(
    name=_NAME,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing what Rich needs for a help page takes longer than all else before it is shown
)
app.command("start")(start)
app.command("exec", cls=ExecCommand)(exec_command)
app.command("env")(env)
app.command("token")(token)
app.command("demo")(demo)
app.add_typer(memory, name="memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line, by default the process's own, and returns its exit status.

    Every complaint is one line on stderr: status 2 if the command line is wrong, 1 for everything else.
    """
    try:
        status = app(args=arguments, prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as error:
        typer.echo(f"{_NAME}: {_sentence(error)}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 130  # Ctrl-C before a command has taken charge of signals.
    return status if isinstance(status, int) else 0


def parse(arguments: Sequence[str]) -> Settings:
    """The settings of `agentcore-emulator start ARGUMENTS`. Raises `ValueError` with what it would complain of."""
    found: list[Settings] = []
    command = typer.Typer(add_completion=False)
    command.command(add_help_option=False)(options.with_settings(lambda _, settings: found.append(settings)))
    try:
        # Calling the Typer itself would hook this process's way of showing exceptions.
        typer.main.get_command(command).main([*arguments], prog_name=f"{_NAME} start", standalone_mode=False)
    except typer.TyperException as error:
        raise ValueError(_sentence(error)) from None
    return found[0]


@app.callback()
def _options(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Run agents for Amazon Bedrock AgentCore Runtime on this machine, without AWS.

    Every option can also be set in the table [tool.agentcore-emulator] of pyproject.toml, or as AGENTCORE_EMULATOR_NAME
    in the environment. A flag goes before the environment, the environment before the table.
    """
    if version:
        typer.echo(__version__)
    elif ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


def _sentence(error: typer.TyperException) -> str:
    ctx: typer.Context | None = getattr(error, "ctx", None)
    if isinstance(error, typer.BadParameter):
        if ctx is None or error.param is None:
            return error.message
        # Typer would name the flag even if the value came from elsewhere.
        return f"{options.origin(ctx, error.param.name)}: {error.message}"
    if ctx is not None:
        return f"{error.format_message().rstrip('.')} (`{ctx.command_path} --help` lists what there is)"
    return error.format_message()
