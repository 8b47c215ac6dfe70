"""The artifact of a direct code deployment: a zip in S3, and the folder that is made of it.

Limits: AWS developer guide, "Quotas for Amazon Bedrock AgentCore". A zip comes from anywhere, so none of its entries
may reach out of the folder, and none may take more room than it says.
"""

from __future__ import annotations

import io
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

__all__ = ["LARGEST_ZIP", "ArtifactError", "Code", "unpack"]

LARGEST_ZIP: Final = 250_000_000
"""Bytes of a zip."""

_LARGEST_FOLDER: Final = 750_000_000

# AWS documents none. A folder of a million empty files takes a few megabytes as a zip, and hours to copy.
_MOST_ENTRIES: Final = 100_000

_PIECE: Final = 1 << 20


class ArtifactError(Exception):
    """There is no code to run; the message is one sentence for whoever has asked for it."""


class Code(Protocol):
    """Where zips come from."""

    async def fetch(self, bucket: str, key: str, version_id: str | None) -> bytes:
        """The object, of at most `LARGEST_ZIP` bytes. Raises `ArtifactError`."""


def unpack(content: bytes, folder: Path) -> None:
    """Make `folder`, which must not exist yet, of a zip: all of it, or nothing. Blocking. Raises `ArtifactError`."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check(archive)
            room = _LARGEST_FOLDER
            for entry in archive.infolist():
                room -= _extract(archive, entry, part, room)
        part.rename(folder)
    # What zipfile raises for damage of all kinds, for encrypted entries and for methods that it does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ArtifactError(f"The zip file cannot be unpacked: {error}") from None
    except OSError as error:
        # Names that are too long, or of a file and a folder at once; a full disk.
        raise ArtifactError(f"The zip file cannot be unpacked: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    if not entries:
        raise ArtifactError("The zip file is empty")
    if len(entries) > _MOST_ENTRIES:
        raise ArtifactError(f"The zip file has {len(entries):,} entries, and the emulator takes {_MOST_ENTRIES:,}")
    seen: set[PurePosixPath] = set()
    for entry in entries:
        name = entry.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in entry.orig_filename or ":" in name[:2]:
            raise ArtifactError(f"The zip file has an entry that leads out of its folder: {name!r:.200}")
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ArtifactError(f"The zip file has an entry that is neither a file nor a folder: {name!r:.200}")
        if path in seen:
            raise ArtifactError(f"The zip file has two entries of the same name: {name!r:.200}")
        seen.add(path)
    if sum(entry.file_size for entry in entries) > _LARGEST_FOLDER:
        raise _too_large()


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, room: int) -> int:
    """Write one entry, of at most `room` bytes, and return its size."""
    target = folder / entry.filename
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(entry) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            size += len(piece)
            if size > room:
                raise _too_large()
            file.write(piece)
    target.chmod(0o755 if (entry.external_attr >> 16) & 0o111 else 0o644)
    return size


def _too_large() -> ArtifactError:
    return ArtifactError(f"The zip file holds more than {_LARGEST_FOLDER // 1_000_000} MB")
