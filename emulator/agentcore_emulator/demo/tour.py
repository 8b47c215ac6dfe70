"""The tour as a whole."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from agentcore_emulator.demo import quirks, scenes
from agentcore_emulator.demo.board import Board
from agentcore_emulator.demo.stage import Stage

__all__ = ["run"]


def run(console: Console) -> int:
    """Play every scene; return 0 if all went as told, else 1.

    Raises `NoReferenceAgentError`, or `RuntimeError` with what an emulator printed that did not get ready.
    """
    board = Board(console)
    with tempfile.TemporaryDirectory(prefix="agentcore-demo-") as folder:
        stage = Stage(Path(folder))
        board.scene(
            "agentcore-emulator",
            "An agent for Amazon Bedrock AgentCore Runtime, its clients (boto3) and its memory, all on this machine. "
            "The model is a script, paced so that you can watch it.",
        )
        with console.status("A first emulator learns from a first session what to import beforehand"):
            stage.prepare()
        with stage.emulator() as emulator:
            board.say("emulator", emulator.url)
            board.say("agent", emulator.arn)
            [memory] = emulator.client("bedrock-agentcore-control").list_memories()["memories"]
            board.say("memory", memory["id"])
            scenes.cold_and_warm(board, stage, emulator)
            scenes.streaming(board, stage, emulator)
            scenes.memory_across_sessions(board, stage, emulator)
            scenes.user_isolation(board, stage, emulator)
            emulator.kill()
        scenes.after_a_crash(
            board, stage, "The emulator has just been killed (SIGKILL). Another one starts on its files."
        )
        quirks.five_quirks(board, stage)
    console.print()
    if board.failures:
        for failure in board.failures:
            console.print(f"[red]✗[/red] {failure}", markup=True, highlight=False)
        console.print(f"[bold red]{len(board.failures)} of the tour's promises did not hold.")
        return 1
    command, python, agent = _shown(Path(sys.argv[0])), _shown(Path(sys.executable)), stage.agent.parent
    console.print("[bold green]All went as told.[/] Try it yourself, in one terminal")
    console.print(f"  {command} start {_shown(agent)}", soft_wrap=True, highlight=False)
    console.print("and in another")
    console.print(f'  eval "$({command} env)"; {python} {_shown(agent / "chat.py")}', soft_wrap=True, highlight=False)
    return 0


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(path)
