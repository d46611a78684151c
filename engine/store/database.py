"""The connection to SQLite or Postgres, by URL: short transactions, and driver errors turned into ours."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
import structlog
from psycopg.errors import DiskFull, UndefinedColumn, UndefinedTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from engine.domain import MatineeError

log = structlog.get_logger(__name__)

BUSY_TIMEOUT_MS = 10_000
"""A statement waits this long for another program's lock before it gives up."""

LOOK_AGAIN_SECONDS = 0.003
"""A writer that waits for SQLite's lock tries again this often."""

TURN_SECONDS = 0.01
"""A bulk writer leaves SQLite to others this long between two transactions: time for several of their tries."""

TRY_AGAIN_SECONDS = 0.5
"""How often somebody who is patient looks whether the database is back."""

REVISION = "0018"
"""The newest revision in ``migrations/``. The bot's image lacks that folder, so the number stands here too. All
revisions are numbers of four digits."""

NEWER = (
    "the database was made by a newer Matinee (tables {found}): update this program, "
    "or restore the backup that was made before the other was updated"
)

MOVED = "matinee-moved"
"""Stands in the place of the revision of a database that was moved elsewhere, and in the error that its writers get."""


class StoreError(MatineeError):
    """The database refused or could not be reached."""


class StoreUnavailable(StoreError):
    """The database is down, has been locked for too long, or has no tables yet."""


class NoTables(StoreUnavailable):
    """The database answers, and has no tables or older ones: waiting does not help."""


class DiskIsFull(StoreUnavailable):
    """The database has no room to write: waiting does not help either."""


class DatabaseMoved(StoreUnavailable):
    """Everything is in another database by now; nothing more is taken here."""

    def __init__(self) -> None:
        super().__init__(
            "this database was moved with `python -m engine move` and takes no more writing: set MATINEE_DATABASE_URL "
            "to where it went and start again"
        )


def connect(url: str) -> sa.Engine:
    """Create a connection pool for the database at ``url``. It connects on first use.

    On SQLite, it uses a write-ahead log and foreign keys, and we begin transactions ourselves, so that a writer takes
    the lock first (``BEGIN IMMEDIATE``) instead of failing half-way. It does not create a missing file; ``make_file``
    does.

    Raises:
        StoreError: SQLAlchemy cannot parse ``url``.
    """
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as e:  # ValueError for a port that is not a number
        raise StoreError(
            "MATINEE_DATABASE_URL cannot be read: it should look like sqlite:///var/matinee.db "
            "or postgresql://user:password@host/name"
        ) from e
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "postgresql":
        return _connect_postgres(parsed)
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(
            f"MATINEE_DATABASE_URL names {parsed.get_backend_name()}; Matinee speaks sqlite and postgresql"
        )
    return _connect_sqlite(parsed)


def _connect_postgres(url: sa.URL) -> sa.Engine:
    db = sa.create_engine(url, pool_pre_ping=True, pool_size=10, connect_args={"connect_timeout": 5})

    @sa.event.listens_for(db, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        connection.commit()

    return db


def _connect_sqlite(url: sa.URL) -> sa.Engine:
    db = sa.create_engine(url, pool_size=10, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @sa.event.listens_for(db, "do_connect")
    def _look(*_: Any) -> None:
        if url.database and not Path(url.database).exists():
            raise StoreUnavailable(
                f"there is no database at {url.database}: run `python -m engine migrate` (as `load` does), "
                "or check MATINEE_DATASET and MATINEE_DATABASE_URL"
            )

    @sa.event.listens_for(db, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(db, "begin")
    def _begin(connection: sa.Connection) -> None:
        # By the driver itself: by way of SQLAlchemy, a statement that does nothing takes ten times as long.
        driver: Any = connection.connection.dbapi_connection
        options = connection.get_execution_options()
        writes = options.get("matinee_writes")
        if writes:
            durable = options.get("matinee_durable", True)
            if connection.info.get("matinee_durable") != durable:  # this pragma has no effect inside a transaction
                driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.info["matinee_durable"] = durable  # and lasts as long as the connection, as ``info`` does
            _await_turn(driver)
        else:
            driver.execute("BEGIN")

    return db


def _await_turn(driver: Any) -> None:
    """Begin a transaction that writes, as soon as no other program is writing.

    SQLite's own waiting slows down to ten tries a second. A bulk writer would take the lock again between two tries,
    and a rating would wait for seconds.
    """
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while time.monotonic() < until:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as e:
                if "locked" not in str(e):
                    break
            time.sleep(LOOK_AGAIN_SECONDS)
        driver.execute("BEGIN IMMEDIATE")  # try once more, to get the error
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


class Database:
    """The base of every part of the store: ``read`` and ``write``, each one transaction."""

    patience_seconds = 0.0
    """For how long bulk writers wait for a database that is away."""

    def __init__(self, url: str) -> None:
        self.db = connect(url)

    @property
    def is_postgres(self) -> bool:
        return self.db.dialect.name == "postgresql"

    def close(self) -> None:
        self.db.dispose()

    def url(self) -> str:
        """Return where this is, with the password: never print it."""
        return self.db.url.render_as_string(hide_password=False)

    def server_version(self) -> int:
        """Return the major version of the Postgres that this is on."""
        with self.read() as connection:
            return int(str(connection.scalar(sa.text("SHOW server_version_num")))) // 10_000

    def size_bytes(self) -> int:
        """Return how much room the database takes."""
        postgres = "SELECT pg_database_size(current_database())"
        sqlite = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        with self.read() as connection:
            return int(connection.scalar(sa.text(postgres if self.is_postgres else sqlite)) or 0)

    def make_file(self) -> None:
        """Create the file of a SQLite database, and its folder, if they are missing. Only their owner may read them.

        Raises:
            StoreError: the folder cannot be written to.
        """
        if self.is_postgres or not self.db.url.database:
            return
        path = Path(self.db.url.database)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        except OSError as e:
            raise StoreError(f"{path} cannot be made ({e.strerror}): set MATINEE_HOME to another folder") from e

    def files(self) -> list[Path]:
        """Return the files of a SQLite database, whether they are there or not; none on Postgres."""
        if self.is_postgres or not self.db.url.database:
            return []
        path = Path(self.db.url.database)
        return [path.with_name(path.name + more) for more in ("", "-wal", "-shm")]

    def ping(self) -> None:
        """Check that the database answers.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with self.read() as connection:
            connection.execute(sa.select(1))

    def check_revision(self) -> None:
        """Check that the tables are those that this program knows.

        Raises:
            StoreUnavailable: there are no tables, or older ones.
            DatabaseMoved: the database was moved elsewhere.
            StoreError: a newer program has made the tables.
        """
        with self.read() as connection:
            found = str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))
        if found == MOVED:
            raise DatabaseMoved
        if found > REVISION:
            raise StoreError(NEWER.format(found=found))
        if found < REVISION:
            raise NoTables(f"the database has the tables of an older Matinee ({found}): run `python -m engine migrate`")

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Run one transaction that sees one state of the database throughout."""
        with self._transaction({"isolation_level": "REPEATABLE READ"} if self.is_postgres else {}) as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """Run one transaction that may write. It is committed at the end and rolled back on any error.

        Args:
            durable: whether to wait until the data is on disk. If not, a power cut may undo whole transactions of the
                last seconds; the death of a program undoes nothing.
        """
        with self._transaction({"matinee_writes": True, "matinee_durable": durable}) as connection:
            if self.is_postgres and not durable:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            yield connection

    @contextmanager
    def write_chunk(self) -> Iterator[sa.Connection]:
        """Run one of many transactions of a bulk writer: like ``write``, with a pause afterwards so that others can
        write."""
        with self.write() as connection:
            yield connection
        if not self.is_postgres:
            time.sleep(TURN_SECONDS)

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[sa.Connection]:
        try:
            with self.db.connect() as connection:
                connection = connection.execution_options(**options)
                with connection.begin():
                    yield connection
        except DBAPIError as e:
            raise _in_our_words(e, e.orig) from e
        except (psycopg.Error, sqlite3.Error) as e:  # from COPY, and from BEGIN, which bypass SQLAlchemy
            raise _in_our_words(e, e) from e
        except sa.exc.TimeoutError as e:
            raise StoreUnavailable("every connection to the database is in use: try again in a moment") from e


def _in_our_words(error: Exception, driver_error: BaseException | None) -> StoreError:
    """Return our error for a driver's error; its text says what to do about it."""
    text = (str(driver_error).strip() or type(driver_error).__name__).splitlines()[0]
    if MOVED in text:
        return DatabaseMoved()
    if isinstance(driver_error, (UndefinedTable, UndefinedColumn)) or text.startswith("no such "):
        return NoTables(f"the database lacks our tables ({text}): run `python -m engine migrate`")
    if "locked" in text or "lock timeout" in text:
        return StoreUnavailable("the database is locked by another program: close it, or try again in a moment")
    if isinstance(driver_error, DiskFull) or "disk is full" in text:
        return DiskIsFull(f"the disk of the database is full ({text}): free some space, then try again")
    away = (
        OperationalError,
        InterfaceError,
        sqlite3.OperationalError,
        psycopg.OperationalError,
        psycopg.InterfaceError,
    )
    if isinstance(error, away) or isinstance(driver_error, away):
        return StoreUnavailable(
            f"the database cannot be reached ({text}): check MATINEE_DATABASE_URL, and that it is running"
        )
    return StoreError(f"the database refused: {text}")


Result = TypeVar("Result")


def patiently(act: Callable[[], Result], seconds: float) -> Result:
    """Return what ``act`` does; while the database is away, try again for so long.

    Raises:
        StoreUnavailable: it did not come back.
    """
    until = 0.0
    while True:
        try:
            return act()
        except (NoTables, DiskIsFull, DatabaseMoved):
            raise
        except StoreUnavailable as e:
            now = time.monotonic()
            if not until:
                until = now + seconds
                if seconds:
                    log.warning("database_awaited", seconds=seconds, reason=str(e))
            if now >= until:
                raise
        time.sleep(TRY_AGAIN_SECONDS)


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """Return the INSERT of ``connection``'s dialect, which has a clause for rows whose key exists already."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def upsert(connection: sa.Connection, table: sa.Table, keys: list[str]) -> Any:
    """Return an INSERT that overwrites the row with the same ``keys``."""
    statement = insert(connection, table)
    values = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=values)


Item = TypeVar("Item")


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield ``items`` in lists of ``size``; the last may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
