"""Makes backups, restores them, and moves to another database."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from engine.backups import postgres, sqlite
from engine.backups.files import BY_HAND, NAME_TIME, Backup, BackupError, aside
from engine.domain import MatineeError
from engine.store import DatabaseMoved, Store
from engine.store.copying import close_for_good, fill, hold_writers, is_empty
from engine.store.database import MOVED, NEWER, REVISION
from engine.store.migrate import migrate


class NotEmpty(MatineeError):
    """Data would be overwritten."""

    def __init__(self) -> None:
        super().__init__("the database is not empty: --force replaces all that is in it, which no undo brings back")


def back_up(store: Store, folder: Path, *, now: datetime, name: str = BY_HAND, portable: bool = False) -> Backup:
    """Write all data to a new file in ``folder`` that only its owner can read.

    It is written under another name, checked, and renamed. From Postgres it is a file of ``pg_dump`` if that is
    installed and new enough; otherwise, or if ``portable``, a SQLite file.

    Raises:
        BackupError: it could not be made; no file is left.
        StoreError: the database cannot be read, or has moved elsewhere.
    """
    dumps = store.is_postgres and not portable and postgres.can_dump(store.server_version())
    path = folder / f"{name}-{now.astimezone(UTC):{NAME_TIME}}.{'dump' if dumps else 'db'}"
    with aside(path) as file:
        if not dumps and (needed := store.size_bytes()) > (free := shutil.disk_usage(folder).free):
            raise BackupError(f"{folder} has {free / 1e6:,.0f} MB free, and the backup needs {needed / 1e6:,.0f}")
        if dumps:
            postgres.dump(store.url(), file)
        else:
            _take(store, file)
        found = (postgres if dumps else sqlite).revision(file)
        if found is None:
            raise BackupError("the database holds no tables of Matinee's")
        if found == MOVED:
            raise DatabaseMoved
    return Backup(path, now, path.stat().st_size)


def _take(store: Store, file: Path) -> None:
    """Write everything to a SQLite file."""
    if not store.is_postgres:
        sqlite.copy(sqlite.path_of(store), file)
        return
    store.check_revision()
    with store.read() as connection, sqlite.opened(file) as target:
        fill(connection, target)


def restore(
    store: Store, file: Path, scratch: Path, *, dataset: str | None = None, force: bool = False
) -> tuple[str, str]:
    """Replace all data of the database by a backup, in one step, and migrate its tables.

    Running programs see either the old or the new state. A SQLite file can be restored into both kinds of database; a
    file of ``pg_dump`` only into Postgres.

    Args:
        scratch: a folder for a copy of the file, where an older one is migrated.
        dataset: the data set that the backup must hold; None: any.
        force: replace existing data.

    Returns:
        The revision of the backup's tables, and the revision now.

    Raises:
        NotEmpty: the database is not empty, and ``force`` is not given.
        BackupError: the file is no backup, is damaged, is of a newer Matinee, or holds another data set.
        StoreError: the database cannot be reached.
    """
    if not file.is_file():
        raise BackupError(f"there is no file {file}")
    if not force and not _is_new(store):
        raise NotEmpty
    if sqlite.is_ours(file):
        with aside(scratch / "restored.db", keep=False) as copy:
            sqlite.copy(file, copy)
            before = _known(file, sqlite.revision(copy))
            with sqlite.opened(copy) as database:
                migrate(database)
                held = database.catalogue()
            if held is not None and dataset not in (None, held.dataset):
                raise BackupError(f"{file} holds {held.dataset}: restore it with --dataset {held.dataset}")
            _put(copy, store)
        return before, REVISION
    if not store.is_postgres:
        raise BackupError(
            f"{file} is no SQLite file: what pg_dump wrote goes into Postgres only. Set MATINEE_DATABASE_URL to one, "
            "restore there, and `python -m engine move` it here"
        )
    before = _known(file, postgres.revision(file))
    postgres.load(store.url(), file, scratch)
    migrate(store)
    return before, REVISION


def _is_new(store: Store) -> bool:
    return (not store.is_postgres and not sqlite.path_of(store).exists()) or is_empty(store)


def _known(file: Path, found: str | None) -> str:
    if found is None:
        raise BackupError(f"{file} holds no tables of Matinee's")
    if found == MOVED:
        raise BackupError(f"{file} is of a database that had been moved elsewhere by then: restore another")
    if found > REVISION:
        raise BackupError(f"{file}: " + NEWER.format(found=found))
    return found


def _put(file: Path, store: Store) -> None:
    """Replace all data of a database by that of a SQLite file with the newest tables."""
    if store.is_postgres:
        with sqlite.opened(file) as source, source.read() as connection:
            fill(connection, store)
    else:
        store.make_file()
        sqlite.copy(file, sqlite.path_of(store))


def move(store: Store, to: Store, scratch: Path, *, force: bool = False) -> None:
    """Copy all data to another database, and close this one.

    People who rate meanwhile wait. Every committed transaction is copied. Afterwards this database refuses all writes,
    so that nothing is confirmed that would be lost. If the move fails, this database goes on as before.

    Raises:
        NotEmpty: the other database is not empty, and ``force`` is not given.
        MatineeError: a run is open and would go on writing, or both are the same database.
        StoreError: one of the two cannot be reached, is busy, or has other tables than this program knows.
    """
    store.check_revision()
    if store.db.url == to.db.url:
        raise MatineeError("this is the database that everything is in: name another")
    if not force and not _is_new(to):
        raise NotEmpty
    if (run := store.open_run()) is not None:
        raise MatineeError(f"run {run.id} is open: wait for it, or cancel it, and stop the engine")
    with aside(scratch / "moved.db", keep=False) as file, store.write() as connection:
        hold_writers(connection)
        if store.is_postgres:
            with sqlite.opened(file) as target:
                fill(connection, target)
        else:
            sqlite.copy(sqlite.path_of(store), file)
        _put(file, to)
        close_for_good(connection)
