"""Fixtures for tests of every kind: real databases, a SQLite file or a real Postgres, each test its own."""

import fcntl
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings

from engine.store import Store
from engine.store.migrate import migrate
from tests.postgres import postgres

ROOT = Path(__file__).parents[1]
BACKENDS = ("sqlite", "postgres")

# Java's second compiler pays off in minutes; a test's Java lives for seconds, a third of which went into compiling.
os.environ.setdefault("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1")

# No test depends on speed: on a busy machine, an example takes longer than Hypothesis's 200 milliseconds.
settings.register_profile("matinee", deadline=None)
settings.load_profile("matinee")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where two processes share the tests, begin with the slow files: one that came last would leave a core idle."""
    if not hasattr(config, "workerinput"):
        return
    marks = ("containers", "system", "spark", "slow")
    slowest: dict[Path, int] = {}
    for item in items:
        own = next((place for place, mark in enumerate(marks) if item.get_closest_marker(mark)), len(marks))
        slowest[item.path] = min(own, slowest.get(item.path, own))
    items.sort(key=lambda item: slowest[item.path])


NewDatabase = Callable[..., str]
"""Makes a database and returns its URL: ``new_database("postgres")``, ``new_database("sqlite", migrated=False)``."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real Postgres that lives as long as the tests, and needs nothing installed on the machine."""
    with postgres() as server:
        yield server.get_uri()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "matinee.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """The name of a database with all tables, which others are copied from."""
    _create(postgres_server, "migrated")
    _migrate(_named(postgres_server, "migrated"))
    return "migrated"


_numbers = itertools.count(1)


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """A factory of databases that are dropped when the test ends."""
    drop: list[tuple[str, str]] = []

    def new(backend: str, *, migrated: bool = True) -> str:
        number = next(_numbers)
        if backend == "sqlite":
            path = tmp_path / f"matinee-{number}.db"
            if migrated:
                shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
            return f"sqlite:///{path}"
        server = request.getfixturevalue("postgres_server")
        name = f"test_{number}"
        _create(server, name, template=request.getfixturevalue("migrated_postgres") if migrated else "template1")
        drop.append((server, name))
        return _named(server, name)

    yield new
    for server, name in drop:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each test that asks for it runs on SQLite and on Postgres."""
    return str(request.param)


@pytest.fixture
def database_url(backend: str, new_database: NewDatabase) -> str:
    """A migrated, empty database, of either kind."""
    return new_database(backend)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True)
class Program:
    """Our programs, run for real on a home folder of their own, without the settings of the person who runs the
    tests."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        # MAKE…: a make that is started by a test is not the one that started the tests.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MATINEE_", "MAKE"))}
        # Otherwise a test that runs at four in the morning would meet a scheduled training, or a backup.
        ours = {"PYTHONPATH": str(ROOT), "MATINEE_HOME": str(self.home), "MATINEE_TRAIN_CRON": "off"}
        ours["MATINEE_BACKUP_CRON"] = "off"
        quick = {"MATINEE_SEARCH_SECONDS": "0"}
        return kept | ours | quick | self.settings

    def start(self, *arguments: str, **popen: Any) -> subprocess.Popen[str]:
        """Start ``python -m ARGUMENTS``, in the home folder: a ``.env`` of the project's own folder is not for us."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | popen
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(command, cwd=self.home, env=self.environment, text=True, **streams)

    def run(self, *arguments: str, input: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:  # noqa: A002
        """Run ``python -m ARGUMENTS`` to its end."""
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(
            command, cwd=self.home, env=self.environment, input=input, capture_output=True, text=True, timeout=timeout
        )

    @property
    def database_url(self) -> str:
        return self.settings.get("MATINEE_DATABASE_URL", f"sqlite:///{self.home}/demo/matinee.db")


FIRST_WORDS = "/start\n>9\n/top\n"


@dataclass(frozen=True)
class FirstStart:
    """The result of ``python -m engine up`` in an empty folder, with ``FIRST_WORDS`` piped in."""

    home: Path
    said: str
    told: str
    code: int


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    """The demo, loaded, trained and chatted with just as `make run` does it: once for all tests, of both processes."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home, told = folder / "first-start", folder / "first-start.json"
    with (folder / "first-start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        if not told.exists():
            home.mkdir()
            done = Program(home).run("engine", "up", input=FIRST_WORDS, timeout=600)
            told.write_text(json.dumps([done.stdout, done.stderr, done.returncode]))
    return FirstStart(home, *json.loads(told.read_text()))


@pytest.fixture
def demo(first_start: FirstStart, tmp_path: Path) -> Program:
    """A copy of the demo's home folder, in which model 1 is live, for one test."""
    assert first_start.code == 0, first_start.told
    home = tmp_path / "home"
    shutil.copytree(first_start.home, home)
    return Program(home)


def _migrate(url: str) -> None:
    store = Store(url)
    migrate(store)
    store.close()


def _create(server: str, name: str, template: str = "template1") -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


def _named(server: str, name: str) -> str:
    """The URL of another database on the same server."""
    return server.replace("/postgres?", f"/{name}?")
