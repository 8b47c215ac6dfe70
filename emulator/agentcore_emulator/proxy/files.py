"""Files that others may be reading, or writing as well, at any moment."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["put"]


def put(file: Path, content: bytes, mode: int) -> None:
    """Have `content` in `file`: never half of it, and at no moment readable by more than `mode` says."""
    descriptor, aside = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(content)
            written.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        Path(aside).replace(file)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
