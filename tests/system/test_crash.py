"""Programs are killed at every stage, and afterwards the old model and every rating are still there."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from engine.clock import utc_now
from engine.domain import RunKind, RunState, Stage
from engine.store import Recommendation, Run, Store
from tests.conftest import Program

pytestmark = [pytest.mark.system, pytest.mark.spark]

ANN = 5_000_000_001
STARTS, STOPS = 60, 10
"""Seconds: what a stage may take to come about where the machine is busy, and what stopping may take."""


@pytest.fixture
def store(demo: Program) -> Iterator[Store]:
    """The demo's store, in which Ann has just rated a film."""
    store = Store(demo.database_url)
    film = store.recommendations(1)[0].movie_id
    store.rate(store.person(ANN, "en", utc_now()).id, film, 4.5, utc_now())
    yield store
    store.close()


@contextmanager
def serving(demo: Program) -> Iterator[subprocess.Popen[str]]:
    """An engine at work, until the block ends."""
    with (demo.home / "engine.log").open("a") as log:
        engine = demo.start("engine", "serve", stdout=log, stderr=log)
    try:
        yield engine
    finally:
        engine.kill()
        engine.wait()


def wait_for(what: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def ask(store: Store) -> Run:
    return store.request_run(RunKind.TRAIN, "test", utc_now())


def run_reaches(store: Store, run: Run, stage: Stage) -> None:
    def there() -> bool:
        now = store.run(run.id)
        assert now.is_open, f"{now.state} before {stage}: {now.error}"
        return now.stage == stage

    wait_for(there, 5 * STARTS)


def child_of(engine: subprocess.Popen[str]) -> psutil.Process:
    (child,) = psutil.Process(engine.pid).children()
    return child


def live_lists(store: Store) -> tuple[int | None, list[list[Recommendation]]]:
    return store.live_version(), [store.recommendations(user_id) for user_id in (1, 2, 3)]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.parametrize("stage", [Stage.INGEST, Stage.TRAIN, Stage.EVALUATE, Stage.SCORE, Stage.PUBLISH])
def test_kill_9_of_a_run_leaves_the_old_model_and_every_rating_queued(
    demo: Program, store: Store, stage: Stage
) -> None:
    before, waiting = live_lists(store), store.waiting_ratings()
    with serving(demo) as engine:
        run = ask(store)
        run_reaches(store, run, stage)
        child = child_of(engine)
        everything = [child, *child.children(recursive=True)]
        os.killpg(child.pid, signal.SIGKILL)

        wait_for(lambda: not store.run(run.id).is_open, STOPS)
        ended = store.run(run.id)
        assert ended.state is RunState.FAILED
        assert "SIGKILL" in (ended.error or "")
        assert live_lists(store) == before
        assert store.waiting_ratings() == waiting
        assert len(store.read_queue().event_ids) == waiting
        assert engine.poll() is None, "the engine goes on"
        wait_for(lambda: gone(everything), STOPS)  # Java follows its parent

        left = set(leftovers(demo.home / "demo"))
        ask(store)
        wait_for(lambda: not left & set(leftovers(demo.home / "demo")), 5 * STARTS)  # the next run clears up


def test_sigterm_stops_the_engine_and_its_run_can_be_asked_again(demo: Program, store: Store) -> None:
    before = live_lists(store)
    with serving(demo) as engine:
        run = ask(store)
        run_reaches(store, run, Stage.TRAIN)
        child = child_of(engine)
        everything = [child, *child.children(recursive=True)]
        started = time.monotonic()
        engine.terminate()
        assert engine.wait(2 * STOPS) == 0
        assert time.monotonic() - started < STOPS
        wait_for(lambda: gone(everything), STOPS)
    ended = store.run(run.id)
    assert (ended.state, ended.error) == (RunState.CANCELLED, "the engine was stopped; ask again")
    assert live_lists(store) == before
    assert ask(store).id > run.id


def test_kill_9_of_the_engine_ends_its_run_too(demo: Program, store: Store) -> None:
    """The orphan notices and gives its own run up, before anybody has to notice its silence."""
    before, waiting = live_lists(store), store.waiting_ratings()
    with serving(demo) as engine:
        run = ask(store)
        run_reaches(store, run, Stage.TRAIN)
        child = child_of(engine)
        everything = [child, *child.children(recursive=True)]
        engine.kill()
        wait_for(lambda: gone(everything), 2 * STOPS)
    ended = store.run(run.id)
    assert ended.state is RunState.LOST
    assert "ask for it again" in (ended.error or "")
    assert live_lists(store) == before
    assert store.waiting_ratings() == waiting
    assert ask(store).id > run.id


def javas(home: Path) -> list[psutil.Process]:
    """Every Java process of this home, also one whose parent has died."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and f"spark.local.dir={home}" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.parametrize("how", ["SIGTERM of the engine", "kill -9 of the engine", "kill -9 of the child", "cancel"])
def test_a_run_that_ends_while_spark_starts_leaves_no_java_behind(demo: Program, store: Store, how: str) -> None:
    with serving(demo) as engine:
        run = ask(store)
        wait_for(lambda: bool(javas(demo.home)), STARTS)
        if how == "cancel":
            store.ask_cancel(run.id, "test", utc_now())
        else:
            victim = child_of(engine) if how.endswith("child") else psutil.Process(engine.pid)
            victim.send_signal(signal.SIGTERM if how.startswith("SIGTERM") else signal.SIGKILL)
        wait_for(lambda: not store.run(run.id).is_open, 2 * STOPS)
        wait_for(lambda: not javas(demo.home), 2 * STOPS)
        wait_for(lambda: leftovers(demo.home / "demo") == [], 2 * STOPS)


def test_a_cancelled_run_stops_and_the_engine_goes_on(demo: Program, store: Store) -> None:
    before = live_lists(store)
    with serving(demo) as engine:
        run = ask(store)
        run_reaches(store, run, Stage.TRAIN)
        child = child_of(engine)
        everything = [child, *child.children(recursive=True)]
        store.ask_cancel(run.id, "test", utc_now())
        wait_for(lambda: store.run(run.id).state is RunState.CANCELLED, 2 * STOPS)
        wait_for(lambda: gone(everything), 2 * STOPS)
        wait_for(lambda: leftovers(demo.home / "demo") == [], 2 * STOPS)
        assert live_lists(store) == before
        assert engine.poll() is None


def test_java_killed_alone_fails_the_run_with_a_reason(demo: Program, store: Store) -> None:
    before = live_lists(store)
    with serving(demo) as engine:
        run = ask(store)
        run_reaches(store, run, Stage.TRAIN)
        for process in child_of(engine).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "java" in process.name():
                    process.kill()
        wait_for(lambda: not store.run(run.id).is_open, STARTS)
        ended = store.run(run.id)
        assert ended.state is RunState.FAILED
        assert "Java" in (ended.error or "")
        assert live_lists(store) == before
        wait_for(lambda: leftovers(demo.home / "demo") == [], STOPS)


def leftovers(folder: Path) -> list[Path]:
    """Files and folders that a run removes if it can clean up."""
    return [path for name in ("scratch", "spark") for path in (folder / name).glob("*") if path.is_dir()]
