"""`python -m engine serve` as those see it who run it: signs of life, metrics, its schedule, and how it stops."""

import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import structlog
from apscheduler.triggers.cron import CronTrigger

from engine.domain import RunKind, RunState
from engine.runs import worker
from engine.runs.worker import Worker, parse_schedule
from engine.settings import EngineSettings
from engine.store import Bar, Panel, Sheet, Store
from tests import world
from tests.conftest import NewDatabase, Program, free_port
from tests.world import FILMS, NOW

pytestmark = pytest.mark.system

SOON = 30


@pytest.fixture
def home(tmp_path: Path, new_database: NewDatabase) -> Program:
    """A database with tables and no films: an engine that serves it has nothing to do."""
    return Program(tmp_path, {"MATINEE_DATABASE_URL": new_database("sqlite")})


@contextmanager
def serving(program: Program) -> Iterator[subprocess.Popen[str]]:
    engine = program.start("engine", "serve")
    try:
        yield engine
    finally:
        engine.kill()
        engine.communicate()


def is_well(program: Program) -> bool:
    return program.run("engine", "healthcheck").returncode == 0


def becomes_well(program: Program) -> bool:
    return comes_about(lambda: is_well(program))


def comes_about(true: Callable[[], bool]) -> bool:
    """Return whether something is true, now or soon."""
    end = time.monotonic() + SOON
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("program", ["engine", "api"])
def test_a_database_of_a_newer_matinee_is_refused(home: Program, program: str) -> None:
    store = Store(home.database_url)
    with store.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    done = home.run(program, "serve")
    assert done.returncode != 0
    assert "newer Matinee (tables 9999): update this program" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_well_while_it_looks_for_work(home: Program) -> None:
    assert not is_well(home)
    with serving(home):
        assert becomes_well(home)


def test_it_draws_what_people_ask_for_also_without_films(home: Program) -> None:
    """Drawing is no run: it needs no data set, and starts no Spark."""
    store = Store(home.database_url)
    sheet = Sheet("My taste", "me", "everyone", (Panel("Genres", (Bar("Western", 4.5, 4.0),), stars=True),))
    store.ask_portrait(store.person(1001, "en", NOW).id, sheet, "en", NOW)
    with serving(home):
        end = time.monotonic() + 4 * SOON
        while store.waiting_portraits(1) and time.monotonic() < end:
            time.sleep(0.1)
    (finished,) = store.take_portraits(NOW - timedelta(days=1), NOW)
    store.close()
    assert finished.png is not None
    assert finished.png.startswith(b"\x89PNG")


def test_health_and_metrics_are_served_on_the_port(home: Program) -> None:
    port = free_port()
    program = Program(home.home, home.settings | {"MATINEE_ENGINE_PORT": str(port)})
    with serving(program):
        assert becomes_well(program)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert answer.status == 200
            assert answer.read().startswith(b"healthy")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            metrics = answer.read().decode()
        age = re.search(r"^matinee_engine_last_tick_age_seconds (\S+)", metrics, re.MULTILINE)
        assert age is not None
        assert float(age.group(1)) < SOON
        for name in ("matinee_engine_waiting_ratings", "matinee_engine_live_model_version"):
            assert f"\n{name} 0.0" in metrics
        second = program.run("engine", "serve")
        assert second.returncode == 1
        assert f"port {port}" in second.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_engine_stops_at_once(home: Program, number: signal.Signals) -> None:
    with serving(home) as engine:
        assert becomes_well(home)
        engine.send_signal(number)
        _, log = engine.communicate(timeout=10)
        assert engine.returncode == 0
        assert '"engine_started"' in log
        assert '"engine_stopping"' in log
        assert "Traceback" not in log


def test_the_schedule_asks_for_a_training(new_database: NewDatabase, tmp_path: Path) -> None:
    """And asks on, though one is open: the database settles that."""
    store = Store(new_database("sqlite"))
    every_second = CronTrigger(second="*")
    working = Worker(store, EngineSettings(_env_file=None, home=tmp_path))
    with structlog.testing.capture_logs() as logs, worker._scheduled(working, every_second):
        assert comes_about(lambda: "run_open_already" in [entry["event"] for entry in logs])
    (run,) = store.last_runs()
    assert run.asked_by == "schedule"
    store.close()


def test_a_training_that_comes_too_late_is_missed_with_a_word_in_the_log(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late(CronTrigger):
        def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
            return now - timedelta(hours=1) if previous is None else None

    monkeypatch.setattr(worker, "MISFIRE_GRACE_SECONDS", 60)
    store = Store(new_database("sqlite"))
    working = Worker(store, EngineSettings(_env_file=None, home=tmp_path))
    with structlog.testing.capture_logs() as logs, worker._scheduled(working, Late(hour=4)):
        assert comes_about(lambda: bool(logs))
    assert store.open_run() is None
    assert [entry["event"] for entry in logs] == ["training_missed"]
    store.close()


def test_an_engine_started_after_its_hour_catches_up_once_if_there_is_something_to_learn(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    store = Store(new_database("sqlite"))
    store.save_films(FILMS)
    working = Worker(store, EngineSettings(_env_file=None, home=tmp_path), now=lambda: NOW)
    yesterday = NOW - timedelta(days=1)
    before = store.request_run(RunKind.TRAIN, "cli", yesterday, take=True)
    version = store.create_version(
        dataset="d", dataset_fingerprint="f", hyperparameters={}, metrics={}, counts={}, now=yesterday
    )
    store.publish(version, event_ids=np.array([], np.int64), now=yesterday, run_id=before.id)
    store.finish_run(before.id, RunState.DONE, yesterday)
    schedule = parse_schedule("0 4 * * *")

    working.ask_at_start(schedule)
    assert store.open_run() is None
    store.rate(store.person(1, None, NOW).id, FILMS[0].id, 4.0, NOW)
    working.ask_at_start(None)
    assert store.open_run() is None
    working.ask_at_start(schedule)
    owed = store.open_run()
    assert owed is not None
    assert owed.asked_by == "schedule"
    store.ask_cancel(owed.id, "test", NOW)
    working.ask_at_start(schedule)
    assert store.open_run() is None, "it is owed once"
    store.close()


def test_with_data_and_no_model_an_engine_begins_by_training(new_database: NewDatabase, tmp_path: Path) -> None:
    store = Store(new_database("sqlite"))
    working = Worker(store, EngineSettings(_env_file=None, home=tmp_path))
    working.ask_at_start(None)
    assert store.open_run() is None
    world.build(store, published=False)
    working.ask_at_start(None)
    run = store.open_run()
    assert run is not None
    assert run.asked_by == "start"
    store.close()
