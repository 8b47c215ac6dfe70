"""`emulator.json` in the state folder: how `agentcore-emulator env` finds the emulator that `start` runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["FILE_NAME", "NotWritableError", "published", "read"]

FILE_NAME: Final = "emulator.json"


class NotWritableError(Exception):
    """The state folder is not one to keep state in; the message is one sentence."""


@contextmanager
def published(folder: Path, url: str) -> Iterator[None]:
    """Holds the file, with `url` and this process's id, in `folder` while the body runs.

    Raises NotWritableError. Of two emulators with one folder, the later one is found.
    """
    file = folder / FILE_NAME
    text = json.dumps({"url": url, "pid": os.getpid()}) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # As other tools do with their caches: no state folder ends up in a commit.
        (folder / ".gitignore").write_text("*\n", "utf-8")
        # Written aside and moved, so that no reader sees half of it.
        aside = file.with_suffix(f".{os.getpid()}")
        aside.write_text(text, "utf-8")
        aside.replace(file)
    except OSError as error:
        raise NotWritableError(f"the state folder {folder} cannot be written to: {error.strerror}") from error
    try:
        yield
    finally:
        with suppress(OSError):
            if file.read_text("utf-8") == text:
                file.unlink()


def read(folder: Path) -> tuple[str, int] | None:
    """URL and process id of the emulator that `folder` belongs to, or None if the file is not there.

    Raises ValueError if the file is not one of `published`.
    """
    try:
        content = json.loads((folder / FILE_NAME).read_text("utf-8"))
        return str(content["url"]), int(content["pid"])
    except FileNotFoundError:
        return None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / FILE_NAME} is not readable as the address of an emulator") from error
