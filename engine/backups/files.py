"""The files of backups: their names, and a way of writing one so that it is whole or missing."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.domain import MatineeError

BY_HAND, SCHEDULED = "backup", "scheduled"
"""How file names begin: backups made by hand are never removed; the newest of the scheduled ones are kept."""

_NAME = re.compile(rf"({BY_HAND}|{SCHEDULED})-(\d{{4}}-\d\d-\d\d-\d{{6}})\.(db|dump)")
NAME_TIME = "%Y-%m-%d-%H%M%S"

_PARTIAL = ".partial"
_FORGOTTEN_SECONDS = 24 * 3600


class BackupError(MatineeError):
    """A backup could not be made, read or put back."""


@contextlib.contextmanager
def aside(path: Path, *, keep: bool = True) -> Iterator[Path]:
    """Yield a new empty file beside ``path``. When the block ends, it is on disk and renamed to ``path``.

    On an error, or without ``keep``, it is removed. Files that a killed process left more than a day ago are removed
    too.

    Raises:
        BackupError: the folder cannot be written to, or ``path`` exists already.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for forgotten in path.parent.glob(f".*{_PARTIAL}*"):
            if time.time() - forgotten.stat().st_mtime > _FORGOTTEN_SECONDS:
                forgotten.unlink(missing_ok=True)
        if path.exists():
            raise BackupError(f"{path} is there already")
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield partial
            if keep:
                _write_out(partial)
                partial.rename(path)
                _write_out(path.parent)
        finally:
            for left in path.parent.glob(f"{partial.name}*"):  # SQLite's -wal and -shm too
                left.unlink(missing_ok=True)
    except OSError as e:
        raise BackupError(f"{path.parent} cannot be written to: {e.strerror or e}") from e


def _write_out(path: Path) -> None:
    """Return once the file is on disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class Backup:
    """A file with all data of the database as of ``made_at``."""

    path: Path
    made_at: datetime
    bytes: int


def listed(folder: Path) -> list[Backup]:
    """Return the backups in a folder, oldest first."""
    found = []
    for path in folder.glob("*"):
        if match := _NAME.fullmatch(path.name):
            made_at = datetime.strptime(match[2], NAME_TIME).replace(tzinfo=UTC)
            found.append(Backup(path, made_at, path.stat().st_size))
    return sorted(found, key=lambda backup: (backup.made_at, backup.path.name))


def sweep(folder: Path, keep: int) -> list[Path]:
    """Remove all scheduled backups except the ``keep`` newest; return the removed ones."""
    scheduled = [backup.path for backup in listed(folder) if backup.path.name.startswith(SCHEDULED)]
    for path in (gone := scheduled[:-keep]):
        path.unlink()
    return gone
