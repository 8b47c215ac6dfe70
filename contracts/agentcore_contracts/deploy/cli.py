"""The command line, `agentcore-contracts`."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from botocore.exceptions import BotoCoreError, ClientError

from agentcore_contracts.deploy.account import Account, is_near
from agentcore_contracts.deploy.bucket import Bucket
from agentcore_contracts.deploy.memory import ContractsMemory
from agentcore_contracts.deploy.package import pack
from agentcore_contracts.deploy.progress import GivenUp, Progress
from agentcore_contracts.deploy.refusals import sentence
from agentcore_contracts.deploy.role import Role
from agentcore_contracts.deploy.runtimes import Runtimes, wanted
from agentcore_contracts.parity.command import report
from agentcore_contracts.probe_memory import NAME

__all__ = ["main"]

_NAME: Final = "agentcore-contracts"
_INTERRUPTED: Final = 130

app = typer.Typer(
    name=_NAME,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Makes in an AWS account what the contracts of AgentCore run on, takes it away again, and reports on runs.",
)
app.command()(report)

Region = Annotated[str, typer.Option(help="The AWS region.", metavar="REGION")]
Endpoint = Annotated[
    str | None, typer.Option(help="Of an emulator, for example http://127.0.0.1:4747, instead of AWS.", metavar="URL")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

_COSTS: Final = """\
It costs nothing while nobody calls it, but for the zip (about 20 MB in S3). A run of the contracts should cost cents,
at prices that others report and nobody here has checked against a bill: some $0.09 for an hour of a vCPU and $0.01 for
an hour of a GB while sessions live, $0.25 for 1,000 events of memory, $0.75 for 1,000 records of long-term memory a
month until `destroy`. See https://aws.amazon.com/bedrock/agentcore/pricing/ before you say yes."""


@app.command()
def deploy(
    region: Region,
    endpoint_url: Endpoint = None,
    yes: Yes = False,
    sdk_version: Annotated[
        str | None, typer.Option(help="The version of bedrock-agentcore; default: the newest.", metavar="VERSION")
    ] = None,
) -> None:
    """Make it, or finish what an earlier run has begun. Run again, it changes nothing."""
    if sdk_version is not None and is_near(endpoint_url):
        raise typer.BadParameter(
            "an emulator's agents have the packages of its own interpreter; start it with --python for another version",
            param_hint="--sdk-version",
        )
    account = Account(region, endpoint_url)
    names = [each.name for each in wanted()]
    _say(f"In account {account.id}, region {region}{_where(account)}, this makes, if it is not there:")
    _say(f"  the bucket {account.bucket}, and in it a zip of the probe")
    _say(f"  the role {account.role}, which may write logs and use the memory")
    _say(f"  the agent runtimes {', '.join(names)}")
    _say(f"  the memory {NAME}")
    if not account.is_emulator:
        _say(_COSTS)
    _ask(yes, "Go on?")
    progress = Progress(_say, near=account.is_emulator)
    with tempfile.TemporaryDirectory(prefix="agentcore-contracts-") as folder:
        file, key = pack(Path(folder), packages=not account.is_emulator, sdk_version=sdk_version)
        bucket = Bucket(account, progress)
        bucket.ensure()
        bucket.put(file, key)
        role = Role(account, progress).ensure()
        Runtimes(account, progress).ensure(account.bucket, key, role)
    ContractsMemory(account, progress).ensure()
    target = "aws" if not account.is_emulator else endpoint_url
    _say(f"All is there. Run `pytest --pyargs agentcore_contracts --agentcore-target {target}`.")


@app.command()
def destroy(region: Region, endpoint_url: Endpoint = None, yes: Yes = False) -> None:
    """Delete what `deploy` has made, and nothing else: it is known by name and tag."""
    account = Account(region, endpoint_url)
    progress = Progress(_say, near=account.is_emulator)
    runtimes, memory = Runtimes(account, progress), ContractsMemory(account, progress)
    role, bucket = Role(account, progress), Bucket(account, progress)
    found = [f"the agent runtime {name} ({runtime_id})" for name, runtime_id in runtimes.ours().items()]
    memory_id = memory.ours()
    found += [f"the memory {memory_id}, with all that is in it"] if memory_id is not None else []
    found += [f"the role {account.role}"] if role.ours() else []
    found += [f"the bucket {account.bucket}, with all that is in it"] if bucket.ours() else []
    if not found:
        _say(f"In account {account.id}, region {region}{_where(account)}, there is nothing of agentcore-contracts.")
        return
    _say(f"In account {account.id}, region {region}{_where(account)}, this deletes:")
    for each in found:
        _say(f"  {each}")
    _ask(yes, "Delete it?")
    runtimes.remove()
    memory.remove()
    # The role when nobody has it any more.
    role.remove()
    bucket.remove()
    _say("All is gone.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line, by default the process's own, and returns its exit status.

    Every complaint is one line on stderr: status 2 if the command line is wrong, 1 for everything else.
    """
    try:
        status = app(args=arguments, prog_name=_NAME, standalone_mode=False)
    except typer.TyperException as error:
        return _complain(error.format_message(), error.exit_code)
    except typer.Abort:
        return _complain("nothing was done", 1)
    except GivenUp as error:
        return _complain(str(error), 1)
    except (BotoCoreError, ClientError) as error:
        return _complain(sentence(error), 1)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    if status == _INTERRUPTED:  # What Typer makes of a Ctrl-C within a command.
        return _complain("interrupted; run the same again to finish it, or `destroy` to take it away", _INTERRUPTED)
    return status if isinstance(status, int) else 0


def _complain(text: str, status: int) -> int:
    typer.echo(f"{_NAME}: {text}", err=True)
    return status


def _say(text: str) -> None:
    typer.echo(text)


def _where(account: Account) -> str:
    return f" of {account.endpoint}" if account.endpoint is not None else ""


def _ask(yes: bool, question: str) -> None:
    if not yes:
        typer.confirm(question, abort=True)
