"""Whole SQLite databases: copied by SQLite's own online backup, checked, opened."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from engine.backups.files import BackupError
from engine.store import Store

_MAGIC = b"SQLite format 3\0"


def path_of(store: Store) -> Path:
    """Return the file of a store that is on SQLite."""
    return Path(store.db.url.database or "")


def is_ours(file: Path) -> bool:
    """Return whether a file is a SQLite database."""
    with file.open("rb") as opened:
        return opened.read(len(_MAGIC)) == _MAGIC


def copy(source: Path, target: Path) -> None:
    """Replace the database ``target`` by ``source`` as of now, in one step, while other programs use either.

    A target may be in use: its other connections see the new contents from their next transaction on.

    Raises:
        BackupError: one of them cannot be read or written, or the copy is damaged.
    """
    fresh = target.stat().st_size == 0
    try:
        with contextlib.closing(_connect(source)) as reader, contextlib.closing(_connect(target)) as writer:
            reader.backup(writer)
            if fresh:  # the copy has inherited the source's write-ahead log mode, but must be one file
                writer.execute("PRAGMA journal_mode = DELETE")
            (found,) = writer.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as e:
        raise BackupError(f"{source} cannot be copied to {target}: {e}") from e
    if found != "ok":
        raise BackupError(f"{source} is damaged: {found}")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=10, isolation_level=None)


def revision(file: Path) -> str | None:
    """Return the revision of a database's tables, None if there are none of ours."""
    try:
        with contextlib.closing(_connect(file)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


@contextlib.contextmanager
def opened(file: Path) -> Iterator[Store]:
    """Open a SQLite file of ours as a store. When the block ends, it is a single file again."""
    store = Store(f"sqlite:///{file}")
    try:
        yield store
    finally:
        store.close()
        with contextlib.closing(_connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
