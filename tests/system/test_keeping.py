"""Backups from the command line and by the clock, and admins who hear of one that failed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.triggers.cron import CronTrigger
from typer.testing import CliRunner, Result

from engine.backups.files import SCHEDULED, listed
from engine.backups.keeping import NotEmpty
from engine.cli import cli
from engine.domain import RunKind, RunState
from engine.runs import upkeep
from engine.runs.upkeep import Backups, by_the_clock
from engine.settings import EngineSettings, SettingsError
from engine.store import DatabaseMoved, Store
from engine.store.migrate import migrate
from tests import world
from tests.conftest import NewDatabase, Program
from tests.world import NOW

pytestmark = pytest.mark.system

SOON = 60.0
ANN = 5_000_000_001


@pytest.fixture
def tiny(tmp_path: Path) -> Program:
    """A home folder with the tiny world in it, in which a model is live."""
    store = Store(f"sqlite:///{tmp_path}/tiny/matinee.db")
    migrate(store)
    world.build(store)
    store.rate(store.person(ANN, "en", NOW).id, 30, 4.5, NOW)
    store.close()
    return Program(tmp_path, {"MATINEE_DATASET": "tiny"})


Verb = Callable[..., Result]


@pytest.fixture
def verb(tiny: Program, monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Runs a verb of the engine in this process, with that home folder unless told another."""
    monkeypatch.chdir(tiny.home)
    for name in [name for name in os.environ if name.startswith("MATINEE_")]:
        monkeypatch.delenv(name)

    def invoke(*arguments: str, **settings: str) -> Result:
        given = {"home": str(tiny.home), "dataset": "tiny"} | settings
        with monkeypatch.context() as environment:
            for name, value in given.items():
                environment.setenv(f"MATINEE_{name.upper()}", value)
            return CliRunner().invoke(cli, arguments)

    return invoke


def test_what_the_verbs_say(verb: Verb, tiny: Program, tmp_path: Path) -> None:
    """A backup, its return into another home folder, and a move from there."""
    made = json.loads(verb("backup", "--json").stdout)
    assert Path(made["path"]).parent == tiny.home / "tiny" / "backups"
    assert "Backups   1 in " in verb("status").stdout
    assert isinstance(verb("restore", made["path"]).exception, NotEmpty)

    other, moved = str(tmp_path / "other"), f"sqlite:///{tmp_path}/moved.db"
    assert "1 person, 1 rating, model 1 is live" in verb("restore", made["path"], home=other).stdout
    assert verb("move", home=other).exit_code == 2
    done = verb("move", home=other, move_to=moved)
    assert done.exit_code == 0, done.exception
    assert f"set MATINEE_DATABASE_URL={moved}" in done.stdout
    assert isinstance(verb("serve", home=other).exception, DatabaseMoved)
    assert "1 person, 1 rating" in verb("status", home=other, database_url=moved).stdout
    assert "leave MATINEE_DATABASE_URL away" in verb("move", "sqlite", "--force", home=other, database_url=moved).stdout
    assert "1 person, 1 rating" in verb("status", home=other).stdout


def test_a_backup_schedule_that_is_none_is_named(verb: Verb) -> None:
    wrong = verb("serve", backup_cron="nightly").exception
    assert isinstance(wrong, SettingsError)
    assert "MATINEE_BACKUP_CRON: 'nightly' is not a cron line" in str(wrong)


def test_an_engine_that_was_off_at_the_time_makes_its_backup_when_it_starts(tiny: Program) -> None:
    """The real command, in the real service; what is too old goes."""
    folder = tiny.home / "tiny" / "backups"
    folder.mkdir()
    (folder / "scheduled-2026-03-01-200000.db").touch()
    program = Program(tiny.home, tiny.settings | {"MATINEE_BACKUP_CRON": "30 3 * * *", "MATINEE_BACKUP_KEEP": "1"})
    engine = program.start("engine", "serve")
    until = time.monotonic() + SOON
    while [backup.bytes > 0 for backup in listed(folder)] != [True] and time.monotonic() < until:
        assert engine.poll() is None, engine.communicate()
        time.sleep(0.1)
    engine.terminate()
    _, log = engine.communicate(timeout=20)
    assert [backup.bytes > 0 for backup in listed(folder)] == [True], log
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


@pytest.fixture
def store(new_database: NewDatabase) -> Store:
    return world.build(Store(new_database("sqlite")))


def made_by(script: str, store: Store, settings: EngineSettings) -> Backups:
    """Backups that this makes in the place of our own program."""
    return Backups(store, settings, now=lambda: datetime.now(UTC), command=[sys.executable, "-c", script])


def test_a_backup_that_fails_is_noted_where_admins_are_told(store: Store, tmp_path: Path) -> None:
    settings = EngineSettings(_env_file=None, home=tmp_path)
    made_by("import sys; sys.exit('a line\\nthe disk is full')", store, settings).make()
    (run,) = store.failed_unattended(NOW)
    assert (run.kind, run.state, run.error) == (RunKind.BACKUP, RunState.FAILED, "the disk is full")
    assert store.open_run() is None
    store.close()


def test_a_failure_is_noted_once_the_database_is_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is away when the backup fails, and comes back while the note waits."""
    monkeypatch.setattr(upkeep, "NOTE_SECONDS", 0.01)
    path = Path(store.db.url.database or "")
    store.close()
    away = path.rename(path.with_suffix(".away"))
    backups = made_by("import sys; sys.exit('no database')", store, EngineSettings(_env_file=None, home=tmp_path))
    waits = backups._stopped.wait

    def comes_back(seconds: float) -> bool:
        if away.exists():
            away.rename(path)
        return waits(seconds)

    monkeypatch.setattr(backups._stopped, "wait", comes_back)
    backups.make()
    assert [run.error for run in store.failed_unattended(NOW)] == ["no database"]
    store.close()


def test_an_engine_that_stops_ends_its_backup_and_calls_it_no_failure(store: Store, tmp_path: Path) -> None:
    backups = made_by(
        f"import time; open({str(tmp_path / 'began')!r}, 'w'); time.sleep(600)",
        store,
        EngineSettings(_env_file=None, home=tmp_path),
    )
    with by_the_clock(backups, CronTrigger(second="*", timezone=UTC)):
        until = time.monotonic() + SOON
        while not (tmp_path / "began").exists() and time.monotonic() < until:
            time.sleep(0.05)
    process = backups._process
    assert process is not None
    assert process.wait(SOON) < 0
    assert store.failed_unattended(NOW) == []
    store.close()


def test_nor_does_a_backup_go_on_that_begins_as_the_engine_stops(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups = made_by("import time; time.sleep(600)", store, EngineSettings(_env_file=None, home=tmp_path))
    begin = subprocess.Popen

    def stopped_meanwhile(*given: Any, **named: Any) -> subprocess.Popen[str]:
        backups.stop()
        return begin(*given, **named)

    monkeypatch.setattr(subprocess, "Popen", stopped_meanwhile)
    backups.make()
    assert backups._process is not None
    assert backups._process.returncode < 0
    assert store.failed_unattended(NOW) == []
    store.close()


@pytest.mark.parametrize(
    ("made", "hours", "owed"),
    [(None, 1, False), (None, 9, True), (3, 23, False), (3, 26, True)],
    ids=["loaded just now", "loaded yesterday", "made today", "slept through one"],
)
def test_a_backup_is_owed_once_the_clock_has_passed_its_time(
    store: Store, tmp_path: Path, made: int | None, hours: int, owed: bool
) -> None:
    """The data was loaded at 20:00, and backups are due at 3:30."""
    settings = EngineSettings(_env_file=None, home=tmp_path)
    settings.backups.mkdir(parents=True)
    if made is not None:
        at = NOW.replace(hour=3, minute=30) + timedelta(days=1)
        (settings.backups / f"{SCHEDULED}-{at:%Y-%m-%d-%H%M%S}.db").touch()
        hours += 7
    backups = Backups(store, settings, now=lambda: NOW + timedelta(hours=hours))
    assert backups.owes(CronTrigger.from_crontab("30 3 * * *", timezone=UTC)) is owed
    store.close()
