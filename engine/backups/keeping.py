"""Making a backup, putting one back, and moving to another database."""

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
    """Something would be overwritten."""

    def __init__(self) -> None:
        super().__init__("the database is not empty: --force replaces all that is in it, which no undo brings back")


def back_up(store: Store, folder: Path, *, now: datetime, name: str = BY_HAND, portable: bool = False) -> Backup:
    """Write everything to a new file in ``folder``, for its owner alone.

    It is written aside and renamed when it is whole and has been looked at. From Postgres it is what ``pg_dump`` writes
    where that is at hand and new enough; else, or if ``portable``, a SQLite file.

    Raises:
        BackupError: it could not be made; nothing of it is left.
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
    """Put a backup in the place of all that the database holds, in one step, and bring its tables up to date.

    Programs that are running see the one state or the other. A backup of SQLite goes into Postgres, and the other way
    round; what ``pg_dump`` wrote goes into Postgres only.

    Args:
        scratch: a folder for a copy of the file, which is migrated there if it is older.
        dataset: the data set that belongs here, if another would be a mistake.
        force: replace what is there.

    Returns:
        The revision of the backup's tables, and that of now.

    Raises:
        NotEmpty: something is there, and ``force`` was not said.
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
    """Replace all that a database holds by a SQLite file with the newest tables."""
    if store.is_postgres:
        with sqlite.opened(file) as source, source.read() as connection:
            fill(connection, store)
    else:
        store.make_file()
        sqlite.copy(file, sqlite.path_of(store))


def move(store: Store, to: Store, scratch: Path, *, force: bool = False) -> None:
    """Bring everything to another database, and close this one.

    Who rates meanwhile waits. Everything that was acknowledged is there; from the end on, this database refuses all
    that is written, so that nothing is acknowledged that would be lost. If it fails, it goes on as it was.

    Raises:
        NotEmpty: something is in the other database, and ``force`` was not said.
        MatineeError: a run is open, which would go on writing; or both are the same database.
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
