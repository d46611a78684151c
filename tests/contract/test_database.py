"""Reaching the database, and bringing it to the newest schema."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import engine.store.database
from engine.store import Store, StoreError, StoreUnavailable
from engine.store.database import DiskIsFull, patiently
from engine.store.migrate import migrate
from engine.store.schema import Base
from tests.conftest import ROOT, NewDatabase
from tests.contract.conftest import ANN, HEAT
from tests.world import NOW


def revisions(url: str) -> str:
    store = Store(url)
    with store.read() as connection:
        revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    store.close()
    return str(revision)


# --- Migrations -------------------------------------------------------------------------------------------------------


def test_migrate_makes_every_table_and_a_second_time_does_nothing(new_database: NewDatabase, backend: str) -> None:
    store = Store(new_database(backend, migrated=False))
    before, now = migrate(store)
    assert before is None
    assert migrate(store) == (now, now)
    assert set(sa.inspect(store.db).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    store.close()


def test_the_migrations_say_what_the_tables_say(database_url: str) -> None:
    """``alembic check``: there is nothing left to migrate."""
    store, config = Store(database_url), Config(ROOT / "alembic.ini")
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.check(config)
    store.close()


def test_every_constraint_has_a_name() -> None:
    """Alembic cannot change one without."""
    for table in Base.metadata.tables.values():
        for constraint in table.constraints:
            assert constraint.name, (table.name, constraint)


@pytest.mark.system
def test_four_programs_may_migrate_at_once(new_database: NewDatabase, backend: str) -> None:
    url = new_database(backend, migrated=False)
    script = "import sys, engine.store, engine.store.migrate as m; m.migrate(engine.store.Store(sys.argv[1]))"
    programs = [
        subprocess.Popen([sys.executable, "-c", script, url], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for program in programs:
        _, errors = program.communicate(timeout=60)
        assert program.returncode == 0, errors
    assert revisions(url)


def test_a_migration_that_fails_leaves_nothing_half_done(
    new_database: NewDatabase, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(backend, migrated=False)
    store = Store(url)
    store.make_file()
    with store.write() as connection:  # in the way of one of the last tables
        connection.execute(sa.text("CREATE TABLE users (id INTEGER)"))
    with pytest.raises((StoreError, sa.exc.SQLAlchemyError)):
        migrate(store)
    assert sa.inspect(store.db).get_table_names() == ["users"]
    store.close()


def test_a_database_of_a_newer_matinee_is_left_alone(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer Matinee"):
        migrate(store)
    with pytest.raises(StoreError, match=r"newer Matinee \(tables 9999\): update this program, or restore"):
        store.check_revision()


def test_a_database_of_an_older_matinee_wants_to_be_migrated(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with pytest.raises(StoreUnavailable, match=r"older Matinee \(0001\).*engine migrate"):
        store.check_revision()


def test_the_program_knows_its_newest_tables(store: Store) -> None:
    """``REVISION`` goes up with every migration."""
    store.check_revision()


# --- A database that does not answer ----------------------------------------------------------------------------------


def test_a_database_that_answers_has_been_asked(store: Store) -> None:
    asked: list[str] = []
    sa.event.listen(store.db, "after_cursor_execute", lambda _conn, _cursor, statement, *_: asked.append(statement))
    store.ping()
    assert "SELECT 1" in asked


def test_tables_that_are_missing_are_named_with_what_to_do(new_database: NewDatabase, backend: str) -> None:
    store = Store(new_database(backend, migrated=False))
    store.make_file()
    store.ping()
    with pytest.raises(StoreUnavailable, match="engine migrate"):
        store.catalogue()
    store.close()


def test_a_column_that_is_missing_is_named_with_what_to_do(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.text("ALTER TABLE runs RENAME COLUMN detail TO particulars"))
    with pytest.raises(StoreUnavailable, match="engine migrate"):
        store.open_run()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nobody@127.0.0.1:9/matinee",
        "postgresql://nobody@/matinee?host=/nonexistent",
        "sqlite:////nonexistent/matinee.db",
    ],
)
def test_a_database_that_is_down_is_unavailable(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="MATINEE_DATABASE_URL"):
        Store(url).ping()


def test_a_postgres_without_that_database_is_unavailable(postgres_server: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot be reached.*does not exist"):
        Store(postgres_server.replace("/postgres?", "/nothing?")).ping()


def test_the_password_is_in_no_message() -> None:
    with pytest.raises(StoreUnavailable) as unavailable:
        Store("postgresql://matinee:s3cret@127.0.0.1:9/matinee").ping()
    assert "s3cret" not in str(unavailable.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "postgresql://host:port/name"])
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="MATINEE_DATABASE_URL"):
        Store(url)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="MATINEE_HOME"):
        migrate(Store(f"sqlite:///{tmp_path}/file/matinee.db"))


def test_a_database_file_is_its_owners_alone_and_made_by_migrating(tmp_path: Path) -> None:
    path = tmp_path / "new" / "matinee.db"
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match="engine migrate"):
        store.ping()
    assert not path.parent.exists()
    migrate(store)
    assert path.stat().st_mode & 0o777 == 0o600
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("Dear diary, this is not SQLite's format at all. " * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store(f"sqlite:///{path}").catalogue()


def test_a_locked_database_is_unavailable_to_writers(
    new_database: NewDatabase, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not wait."""
    monkeypatch.setattr(engine.store.database, "BUSY_TIMEOUT_MS", 300)
    url = new_database(backend)
    store, other = Store(url), Store(url)
    with other.write() as connection:
        if other.is_postgres:
            connection.execute(sa.text("LOCK TABLE users IN EXCLUSIVE MODE"))
        with pytest.raises(StoreUnavailable, match="locked"):
            store.person(ANN, "en", NOW)
        assert store.find_person(ANN) is None
    assert store.person(ANN, "en", NOW).is_new
    store.close()
    other.close()


def test_a_database_that_comes_back_is_used_again(films: Store, ann: int, postgres_server: str) -> None:
    """Connections that broke meanwhile are replaced."""
    films.rate(ann, HEAT, 4.0, NOW)
    if films.is_postgres:
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [films.db.url.database]
            )
    else:
        films.db.dispose()
    assert films.taste(ann, NOW).stars_for(HEAT) == 4.0


def test_a_reader_sees_one_state_throughout(films: Store, ann: int) -> None:
    with films.read() as connection:
        count = sa.text("SELECT count(*) FROM ratings")
        assert connection.scalar(count) == 0
        films.rate(ann, HEAT, 4.0, NOW)
        assert connection.scalar(count) == 0


def test_sqlite_keeps_its_promises(new_database: NewDatabase) -> None:
    """Readers do not wait for a writer, references hold, and the file is whole."""
    url = new_database("sqlite")
    store = Store(url)
    with store.read() as connection:
        assert connection.scalar(sa.text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(sa.text("PRAGMA foreign_keys")) == 1
    for durable in (True, False, True):  # on one connection of the pool: the one must not spoil the other
        with store.write(durable=durable) as connection:
            assert connection.scalar(sa.text("PRAGMA synchronous")) == (2 if durable else 1)  # FULL, NORMAL
    store.close()
    assert sqlite3.connect(url.removeprefix("sqlite:///")).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_full_disk_is_called_a_full_disk(store: Store) -> None:
    """SQLite may grow no further; Postgres is made to raise the error that it has for this."""
    full = "RAISE EXCEPTION 'could not extend file \"base/1\"' USING ERRCODE = 'disk_full'"

    def write() -> None:
        with store.write() as connection:
            if store.is_postgres:
                connection.exec_driver_sql(f"DO $$ BEGIN {full}; END $$")
            else:
                connection.exec_driver_sql("PRAGMA max_page_count = 1")
                connection.exec_driver_sql("CREATE TABLE more AS SELECT randomblob(100000) AS bytes")

    with pytest.raises(StoreUnavailable, match=r"the disk of the database is full .*: free some space"):
        write()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        patiently(lambda: _raise(DiskIsFull("full")), 60)
    assert time.monotonic() - began < 30, "it is not waited for"


def _raise(error: Exception) -> None:
    raise error
