"""The tour as a whole."""

from __future__ import annotations

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
        with console.status("A first emulator creates the memory, and learns from a first session what to import"):
            stage.prepare("demo")
        with stage.emulator() as emulator:
            board.say("emulator", emulator.url)
            board.say("agent", emulator.arn)
            board.say("memory", stage.memory_id)
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
    console.print("[bold green]All went as told.[/] Try it yourself:")
    console.print(f"  agentcore-emulator start {_shown(stage.agent)}", highlight=False)
    console.print(
        '  eval "$(agentcore-emulator env)" && python ' + _shown(stage.agent.parent / "chat.py"), highlight=False
    )
    return 0


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
