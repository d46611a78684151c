"""The worker and its child processes, which here are small scripts in the place of Spark."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from engine.clock import utc_now
from engine.domain import RunKind, RunState
from engine.health import Heartbeat, check
from engine.runs import watch, worker
from engine.runs.worker import Worker
from engine.settings import EngineSettings
from engine.store import Run, Store
from tests.conftest import NewDatabase

pytestmark = pytest.mark.system

Scripted = Callable[..., Worker]


@pytest.fixture
def store(new_database: NewDatabase) -> Iterator[Store]:
    store = Store(new_database("sqlite"))
    yield store
    store.close()


@pytest.fixture
def scripted(store: Store, tmp_path: Path) -> Iterator[Scripted]:
    """Makes workers whose children execute a script; it knows ``store`` and ``run_id``."""
    started = []

    def make(script: str) -> Worker:
        begin = f"import os, sys, time\nfrom engine.store import Store\nstore, run_id = Store({str(store.db.url)!r}), "
        command = [sys.executable, "-c", f"{begin}int(sys.argv[1])\n{textwrap.dedent(script)}"]
        settings = EngineSettings(_env_file=None, home=tmp_path)
        started.append(Worker(store, settings, command=command))
        return started[-1]

    yield make
    for each in started:
        each.stop()


def ask(store: Store) -> Run:
    return store.request_run(RunKind.TRAIN, "test", utc_now())


def tick_until(each: Worker, done: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "nothing happened"
        each.tick()
        time.sleep(0.05)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_run_that_is_asked_for_is_executed_in_a_process_of_its_own(store: Store, scripted: Scripted) -> None:
    working = scripted("""
        from engine.domain import RunState
        from engine.clock import utc_now
        store.finish_run(run_id, RunState.DONE, utc_now(), metrics={"pid": os.getpid(), "group": os.getpgid(0)})
    """)
    run = ask(store)
    tick_until(working, lambda: not store.run(run.id).is_open)
    ended = store.run(run.id)
    assert ended.state is RunState.DONE
    assert ended.metrics["pid"] == ended.metrics["group"] != os.getpid()
    assert ended.started_at is not None


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("os.kill(os.getpid(), 9)", "SIGKILL, perhaps because the machine ran out of memory"),
        ("os.abort()", "SIGABRT"),
        ("sys.exit(0)", "ended with code 0"),
        ("os._exit(3)", "ended with code 3"),
        ("print('disk on fire', file=sys.stderr); os._exit(3)", "its last words: disk on fire"),
        ("import not_a_module", "ModuleNotFoundError"),
    ],
)
def test_a_child_that_dies_is_reported_and_the_worker_goes_on(
    store: Store, scripted: Scripted, script: str, says: str
) -> None:
    working = scripted(script)
    run = ask(store)
    tick_until(working, lambda: not store.run(run.id).is_open)
    ended = store.run(run.id)
    assert ended.state is RunState.FAILED
    assert says in (ended.error or "")
    again = ask(store)
    tick_until(working, lambda: not store.run(again.id).is_open)


def test_a_program_that_cannot_be_started_is_reported(store: Store, tmp_path: Path) -> None:
    working = Worker(store, EngineSettings(_env_file=None, home=tmp_path), command=["/nonexistent/python"])
    run = ask(store)
    working.tick()
    assert store.run(run.id).state is RunState.FAILED
    assert "could not be started" in (store.run(run.id).error or "")


def test_what_the_child_prints_goes_to_our_log(
    store: Store, scripted: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    working = scripted("print('hello'); print('from below', file=sys.stderr)")
    run = ask(store)
    tick_until(working, lambda: not store.run(run.id).is_open)
    printed = capfd.readouterr().err
    assert "hello\n" in printed
    assert "from below\n" in printed


PUBLISHES = """
    import numpy as np
    from engine.clock import utc_now
    version = store.create_version(dataset="d", dataset_fingerprint="f", hyperparameters={},
                                   metrics={"ndcg_at_10": 0.3}, counts={}, now=utc_now())
    store.publish(version, event_ids=np.array([], np.int64), now=utc_now(), run_id=run_id)
"""


def test_a_child_killed_after_it_published_has_done_its_work(store: Store, scripted: Scripted) -> None:
    working = scripted(PUBLISHES + "    os.kill(os.getpid(), 9)")
    run = ask(store)
    tick_until(working, lambda: not store.run(run.id).is_open)
    ended = store.run(run.id)
    assert (ended.state, ended.error, ended.metrics) == (RunState.DONE, None, {"ndcg_at_10": 0.3})
    assert ended.model_version == store.live_version()


def test_a_worker_that_stops_takes_its_child_along(store: Store, scripted: Scripted, tmp_path: Path) -> None:
    working = scripted(f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    run = ask(store)
    tick_until(working, lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    started = time.monotonic()
    working.stop()
    assert time.monotonic() - started < 5
    assert gone(int((tmp_path / "pid").read_text()))
    ended = store.run(run.id)
    assert (ended.state, ended.error) == (RunState.CANCELLED, "the engine was stopped; ask again")
    ask(store)


@pytest.mark.parametrize("noticed_by", ["tick", "stop"])
def test_what_a_dead_child_has_started_is_killed_and_its_scratch_is_removed(
    store: Store, scripted: Scripted, tmp_path: Path, noticed_by: str
) -> None:
    """As Java is, when the process that started it is killed alone."""
    settings = EngineSettings(_env_file=None, home=tmp_path)
    pids = [tmp_path / name for name in ("child", "grandchild")]
    working = scripted(f"""
        import pathlib
        from engine.spark.scratch import own_folder
        own_folder(pathlib.Path({str(settings.folder / "scratch")!r})).__enter__()
        grandchild = os.fork()
        if not grandchild:
            time.sleep(60)
        for path, pid in zip({list(map(str, pids))!r}, (os.getpid(), grandchild)):
            open(path, "w").write(str(pid))
        os.kill(os.getpid(), 9)
    """)
    run = ask(store)
    working.tick()
    end = time.monotonic() + 20
    while not (pids[1].exists() and pids[1].read_text() and gone(int(pids[0].read_text()))):
        assert time.monotonic() < end
        time.sleep(0.02)
    if noticed_by == "tick":
        working.tick()
        assert "SIGKILL" in (store.run(run.id).error or "")
    else:
        working.stop()
    assert not store.run(run.id).is_open
    assert gone(int(pids[1].read_text()))
    assert [path for path in (settings.folder / "scratch").iterdir() if path.is_dir()] == []


STUBBORN = """
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    grandchild = os.fork()
    open({file!r} + str(bool(grandchild)), "w").write(str(os.getpid()))
    time.sleep(60)
"""


def test_a_cancelled_run_ends_with_all_that_it_started_in_the_tick_that_learns_of_it(
    store: Store, scripted: Scripted, tmp_path: Path
) -> None:
    """Nobody waits for a process that would stop by itself, or would not."""
    working = scripted(STUBBORN.format(file=str(tmp_path / "pid")))
    files = [tmp_path / f"pid{of}" for of in (True, False)]
    run = ask(store)
    tick_until(working, lambda: all(file.exists() and file.read_text() for file in files))
    store.ask_cancel(run.id, "test", utc_now())
    working.tick()
    ended = store.run(run.id)
    assert (ended.state, ended.error) == (RunState.CANCELLED, "cancelled")
    assert all(gone(int(file.read_text())) for file in files)


def test_a_cancelled_run_that_has_published_is_done(store: Store, scripted: Scripted) -> None:
    working = scripted(PUBLISHES + "    time.sleep(60)")
    run = ask(store)
    tick_until(working, lambda: store.live_version() is not None)
    store.ask_cancel(run.id, "test", utc_now())
    working.tick()
    ended = store.run(run.id)
    assert (ended.state, ended.error, ended.metrics) == (RunState.DONE, None, {"ndcg_at_10": 0.3})


def test_of_two_workers_one_executes_a_run(store: Store, scripted: Scripted, tmp_path: Path) -> None:
    script = f"open({str(tmp_path / 'log')!r}, 'a').write('x'); time.sleep(0.3)"
    workers = [scripted(script) for _ in range(2)]
    for rounds in range(1, 4):
        run = ask(store)
        while store.run(run.id).is_open:
            for each in workers:
                each.tick()
            time.sleep(0.02)
        assert (tmp_path / "log").read_text() == "x" * rounds


@pytest.mark.parametrize("days", [-1, 1])
def test_a_run_whose_engine_is_gone_is_given_up(
    store: Store, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """Two machines' clocks differ by a day: only the silence counts that we have heard ourselves."""
    run = store.request_run(RunKind.TRAIN, "test", utc_now() + timedelta(days=days), take=True)
    working = scripted("pass")
    working.tick()
    assert store.run(run.id).is_open
    monkeypatch.setattr(watch, "SILENT_SECONDS", 0)
    working.tick()
    assert store.run(run.id).state is RunState.LOST


KILLED_AT_WORK = """
import os, sys
from pathlib import Path
from engine.runs import worker
from engine.settings import EngineSettings
from engine.store import Store

url, home, *command = sys.argv[1:]
working = worker.Worker(Store(url), EngineSettings(_env_file=None, home=Path(home)), command=command)
if not command:
    worker.Child = lambda *_, **__: os.kill(os.getpid(), 9)
working.tick()
os.kill(os.getpid(), 9)
"""


def killed_engine(store: Store, home: Path, *command: str) -> None:
    """Let an engine of this home take the run, and kill it: before it starts the run's process if there is no command,
    else once that has been started."""
    asked = [sys.executable, "-c", KILLED_AT_WORK, store.url(), str(home), *command]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_run_that_its_engine_took_and_never_started_is_given_up_at_once(
    store: Store, scripted: Scripted, tmp_path: Path
) -> None:
    run = ask(store)
    killed_engine(store, tmp_path)
    assert store.run(run.id).state is RunState.RUNNING
    working = scripted("pass")
    working.tick()
    assert store.run(run.id).state is RunState.LOST


def test_a_run_whose_process_outlives_its_engine_is_given_up_when_that_ends(
    store: Store, scripted: Scripted, tmp_path: Path
) -> None:
    run, pid = ask(store), tmp_path / "pid"
    killed_engine(store, tmp_path, "/bin/sh", "-c", f"echo $$ > {pid}; exec sleep 60")
    working = scripted("pass")
    tick_until(working, lambda: pid.exists() and bool(pid.read_text()))
    working.tick()
    assert store.run(run.id).state is RunState.RUNNING
    os.kill(int(pid.read_text()), signal.SIGKILL)
    tick_until(working, lambda: store.run(run.id).state is RunState.LOST)


def test_a_run_that_an_engine_took_elsewhere_gets_its_minute(
    store: Store, scripted: Scripted, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = ask(store)
    killed_engine(store, tmp_path_factory.mktemp("another"))
    working = scripted("pass")
    working.tick()
    assert store.run(run.id).state is RunState.RUNNING


def test_an_idle_worker_writes_nothing(store: Store, scripted: Scripted) -> None:
    """It looks twice a second."""
    statements: list[str] = []
    event.listen(store.db, "before_cursor_execute", lambda _c, _cursor, statement, *_: statements.append(statement))
    working = scripted("pass")
    for _ in range(3):
        working.tick()
    assert statements
    assert all(statement.lstrip().startswith(("SELECT", "BEGIN")) for statement in statements)
    assert "BEGIN IMMEDIATE" not in statements


def test_a_worker_waits_for_a_database_that_is_away(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick that fails is no sign of life; the next one goes on."""
    file = tmp_path / "engine.heartbeat"
    heartbeat = Heartbeat(file)
    heartbeat.start()
    working = Worker(store, EngineSettings(_env_file=None, home=tmp_path))
    database = Path(str(store.db.url.database))
    away = database.rename(tmp_path / "away.db")
    store.db.dispose()
    worker._tick(working, heartbeat)
    assert not check(file, "look for work", limit_seconds=5, now=time.time())[0]
    database.unlink(missing_ok=True)
    away.rename(database)
    store.db.dispose()
    worker._tick(working, heartbeat)
    assert check(file, "look for work", limit_seconds=5, now=time.time())[0]
