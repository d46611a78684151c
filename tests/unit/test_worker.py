"""The worker's decisions, and one run executed in this process by a pipeline that is made up."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.domain import MatineeError, RunKind, RunState, Stage
from engine.runs import worker
from engine.runs.child import last_words
from engine.runs.retrain import Outcome, Report
from engine.runs.worker import Stopped, Worker, execute, in_words, owes_training, parse_schedule
from engine.settings import EngineSettings, SettingsError
from engine.store import Run, Store, StoreUnavailable
from tests.conftest import ROOT, NewDatabase

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DONE = Outcome(RunState.DONE, 7, "better", {"ndcg_at_10": 0.3})


@pytest.fixture
def store(new_database: NewDatabase) -> Iterator[Store]:
    store = Store(new_database("sqlite"))
    yield store
    store.close()


@pytest.fixture
def run(store: Store) -> Run:
    return store.request_run(RunKind.TRAIN, "test", NOW, take=True)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "BEAT_SECONDS", 0.02)


def now() -> datetime:
    return NOW


def busy(_report: Report) -> Outcome:
    """Work until stopped."""
    time.sleep(30)
    return DONE


# --- When to train ----------------------------------------------------------------------------------------------------


def test_off_is_no_schedule() -> None:
    assert parse_schedule("off") is None
    assert parse_schedule(" OFF ") is None


@pytest.mark.parametrize("cron", ["every day", "0 4 * *", "61 4 * * *", "", "0 4 * * * *"])
def test_a_line_that_is_no_cron_line_is_refused_by_the_name_of_its_setting(cron: str) -> None:
    with pytest.raises(SettingsError, match=r"MATINEE_TRAIN_CRON.*0 4 \* \* \*"):
        parse_schedule(cron)


def test_a_schedule_is_in_utc() -> None:
    schedule = parse_schedule("0 4 * * *")
    assert schedule is not None
    assert schedule.get_next_fire_time(None, NOW) == datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(("hours_ago", "owes"), [(1, False), (7, False), (9, True), (24 * 30, True)])
def test_a_training_that_was_slept_through_is_owed_once(hours_ago: float, owes: bool) -> None:
    schedule = parse_schedule("0 4 * * *")
    assert schedule is not None
    assert owes_training(schedule, NOW - timedelta(hours=hours_ago), NOW) is owes


def test_enough_new_ratings_ask_for_one_training(store: Store, tmp_path: Path) -> None:
    """They do not ask for another until as many have come since that one began, even if it failed."""
    from tests.world import FILMS

    store.save_films(FILMS)
    settings = EngineSettings(_env_file=None, home=tmp_path, train_after_ratings=3)
    ann = store.person(1, None, NOW).id
    clock = [NOW]

    def tick() -> int:
        clock[0] += timedelta(minutes=1)
        Worker(store, settings, now=lambda: clock[0], command=["true"]).count_waiting()
        return len(store.last_runs(100))

    def rate(*films: int) -> None:
        clock[0] += timedelta(minutes=1)
        for film in films:
            store.rate(ann, FILMS[film].id, 4.0, clock[0])

    rate(0, 1)
    assert tick() == 0
    rate(2)
    assert tick() == 1
    assert tick() == 1
    asked = store.claim_run(clock[0])
    assert asked is not None
    assert asked.asked_by == "ratings"
    store.finish_run(asked.id, RunState.FAILED, clock[0], error="no memory")
    assert tick() == 1
    rate(3, 4)
    assert tick() == 1
    rate(5)
    assert tick() == 2


@pytest.mark.parametrize("kind", RunKind)
def test_who_cancels_a_run_is_not_answered_with_another(store: Store, tmp_path: Path, kind: RunKind) -> None:
    """Ratings that wait by then begin no training by themselves; as many ratings again do."""
    from tests.world import FILMS

    store.save_films(FILMS)
    settings = EngineSettings(_env_file=None, home=tmp_path, train_after_ratings=3)
    ann = store.person(1, None, NOW).id

    def rate_three(first: int, at: datetime) -> None:
        for film in FILMS[first : first + 3]:
            store.rate(ann, film.id, 4.0, at)

    def count_waiting() -> Run | None:
        Worker(store, settings, now=lambda: NOW + timedelta(minutes=9), command=["true"]).count_waiting()
        return store.open_run()

    run = store.request_run(kind, "telegram:1", NOW, take=True)
    rate_three(0, NOW + timedelta(minutes=1))
    store.ask_cancel(run.id, "telegram:1", NOW + timedelta(minutes=2))
    store.finish_run(run.id, RunState.CANCELLED, NOW + timedelta(minutes=3))
    assert count_waiting() is None
    rate_three(3, NOW + timedelta(minutes=4))
    asked = count_waiting()
    assert asked is not None
    assert asked.asked_by == "ratings"


def test_zero_ratings_never_ask(store: Store, tmp_path: Path) -> None:
    settings = EngineSettings(_env_file=None, home=tmp_path, train_after_ratings=0)
    Worker(store, settings, now=now).count_waiting()
    assert store.open_run() is None


# --- Executing a run --------------------------------------------------------------------------------------------------


def test_a_run_that_publishes_is_done(store: Store, run: Run) -> None:
    def pipeline(report: Report) -> Outcome:
        report(Stage.TRAIN, 0.25, "iteration 3 of 15")
        told = store.run(run.id)
        assert (told.stage, told.fraction, told.detail) == ("train", 0.25, "iteration 3 of 15")
        return DONE

    assert execute(run, store, pipeline, now=now) is DONE
    ended = store.run(run.id)
    assert (ended.state, ended.model_version, ended.metrics) == (RunState.DONE, 7, {"ndcg_at_10": 0.3})
    assert ended.error is None


def test_a_model_that_is_rejected_says_why(store: Store, run: Run) -> None:
    execute(run, store, lambda _: Outcome(RunState.REJECTED, 7, "worse than popularity", {}), now=now)
    ended = store.run(run.id)
    assert (ended.state, ended.error) == (RunState.REJECTED, "worse than popularity")


def test_progress_is_told_at_each_stage_and_otherwise_not_too_often(store: Store, run: Run) -> None:
    heard = []

    def pipeline(report: Report) -> Outcome:
        for i in range(1_000):
            report(Stage.TRAIN, i / 1_000, f"step {i}")
            heard.append(store.run(run.id).detail if i < 3 else "")
        report(Stage.EVALUATE, 0.5, "measuring")
        heard.append(store.run(run.id).detail)
        return DONE

    execute(run, store, pipeline, now=now)
    assert heard[:3] == ["step 0"] * 3
    assert heard[-1] == "measuring"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MatineeError("load it again"), "load it again"),
        (ValueError("bad\nworse\nworst"), "ValueError: bad worse"),
        (KeyError(), "KeyError"),
        (ConnectionRefusedError("111"), "Java process died"),
        (RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited before"), "Java process died"),
        (RuntimeError("java.lang.OutOfMemoryError: Java heap space"), "MATINEE_SPARK_MEMORY"),
    ],
)
def test_a_run_that_fails_says_why_in_a_line(store: Store, run: Run, error: Exception, says: str) -> None:
    def pipeline(_report: Report) -> Outcome:
        raise error

    with pytest.raises(type(error)):
        execute(run, store, pipeline, now=now)
    ended = store.run(run.id)
    assert ended.state is RunState.FAILED
    assert says in (ended.error or "")
    assert "\n" not in (ended.error or "")


def test_a_cancelled_run_stops_at_its_next_beat(store: Store, run: Run) -> None:
    threading.Timer(0.1, store.ask_cancel, [run.id, "test", NOW]).start()
    started = time.monotonic()
    with pytest.raises(Stopped):
        execute(run, store, busy, now=now)
    assert time.monotonic() - started < 5
    assert store.run(run.id).state is RunState.CANCELLED


def test_a_cancelled_run_is_closed_before_spark_has_stopped(store: Store, run: Run) -> None:
    closed = []

    def pipeline(_report: Report) -> Outcome:
        try:
            store.ask_cancel(run.id, "test", NOW)
            time.sleep(30)
        finally:
            closed.append(store.run(run.id).state)
        return DONE

    with pytest.raises(Stopped):
        execute(run, store, pipeline, now=now)
    assert closed == [RunState.CANCELLED]


def test_sigterm_ends_a_run_so_that_it_can_be_asked_again(store: Store, run: Run) -> None:
    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGTERM]).start()
    with pytest.raises(Stopped, match="ask again"):
        execute(run, store, busy, now=now)
    assert store.run(run.id).state is RunState.CANCELLED
    assert store.request_run(RunKind.TRAIN, "test", NOW).id > run.id


def test_what_asks_a_run_to_stop_before_its_first_step_stops_it_there() -> None:
    stop = worker._RunStop()
    stop()  # SIGTERM, while the heartbeat is set up
    with pytest.raises(Stopped, match="ask again"):
        stop.begin()


ORPHAN = """
import sys, time
from engine.clock import utc_now
from engine.runs import worker
from engine.store import Store

def pipeline(report):
    try:
        print("begun", flush=True)
        time.sleep(30)
    finally:
        time.sleep(30)

worker.GRACE_SECONDS = 0.2
store = Store(sys.argv[1])
worker.execute(store.open_run(), store, pipeline, now=utc_now, orphanable=True)
"""


def test_an_orphan_that_cannot_stop_closes_its_books_before_it_is_killed(store: Store, run: Run) -> None:
    """Spark may hang when it is interrupted while it starts."""
    command = [sys.executable, "-c", ORPHAN, store.url()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, start_new_session=True) as orphan:
        assert orphan.stdin is not None
        assert orphan.stdout is not None
        assert orphan.stdout.readline() == b"begun\n"
        orphan.stdin.close()
        assert orphan.wait(60) == -signal.SIGKILL
    ended = store.run(run.id)
    assert ended.state is RunState.LOST
    assert "ask for it again" in (ended.error or "")


def test_what_an_interrupted_spark_raises_on_its_way_out_is_not_the_reason(store: Store, run: Run) -> None:
    def pipeline(_report: Report) -> Outcome:
        try:
            time.sleep(30)
        finally:
            raise ConnectionError("the gateway is closed")

    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGTERM]).start()
    with pytest.raises(Stopped):
        execute(run, store, pipeline, now=now)
    assert store.run(run.id).state is RunState.CANCELLED


def test_a_second_sigterm_does_not_disturb_the_cleaning_up(store: Store, run: Run) -> None:
    cleaned = []

    def pipeline(_report: Report) -> Outcome:
        try:
            time.sleep(30)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)
            cleaned.append(True)
        return DONE

    threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGTERM]).start()
    with pytest.raises(Stopped):
        execute(run, store, pipeline, now=now)
    assert cleaned


def test_sigterm_means_what_it_meant_before_once_the_run_is_over(store: Store, run: Run) -> None:
    before = signal.getsignal(signal.SIGTERM)
    execute(run, store, lambda _: DONE, now=now)
    time.sleep(0.1)  # no beat comes late
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_ends_a_run_as_cancelled(store: Store, run: Run) -> None:
    def pipeline(_report: Report) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(run, store, pipeline, now=now)
    assert store.run(run.id).state is RunState.CANCELLED


def test_a_database_that_is_away_for_a_moment_costs_no_run(store: Store, run: Run) -> None:
    class Shaky:
        """A store that refuses heartbeats and progress."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def report_run(self, *_: Any, **__: Any) -> None:
            raise StoreUnavailable("away")

        beat = report_run

    def pipeline(report: Report) -> Outcome:
        report(Stage.TRAIN, 0.1, "")
        time.sleep(0.1)
        return DONE

    execute(run, Shaky(), pipeline, now=now)  # type: ignore[arg-type]
    assert store.run(run.id).state is RunState.DONE


def test_a_beat_is_given_while_the_pipeline_says_nothing(store: Store, run: Run) -> None:
    clock = [NOW]

    def pipeline(_report: Report) -> Outcome:
        clock[0] += timedelta(minutes=5)
        end = time.monotonic() + 30
        while store.run(run.id).heartbeat_at != clock[0] and time.monotonic() < end:
            time.sleep(0.01)
        return DONE

    execute(run, store, pipeline, now=lambda: clock[0])
    beaten = store.run(run.id).heartbeat_at
    assert beaten == NOW + timedelta(minutes=5)


# --- Last words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], ""),
        (["\n", "  \n"], ""),
        (["Killed by the weather\n", "\n"], "Killed by the weather"),
        ([json.dumps({"event": "beat_failed", "reason": "x"})], "beat_failed"),
        ([json.dumps({"event": "crashed", "exception": "Traceback\n  line\nMemoryError: no\n"})], "MemoryError: no"),
        (["[1, 2]\n"], "[1, 2]"),
        (["null"], "null"),
        (["x" * 1000], "x" * 300),
    ],
)
def test_the_last_line_that_says_something_is_quoted(lines: list[str], says: str) -> None:
    assert last_words(lines) == says


def test_a_py4j_error_is_told_by_its_first_lines() -> None:
    error = type("Py4JJavaError", (Exception,), {})
    text = "An error occurred while calling o1.fit.\n: org.apache.spark.SparkException: Job aborted\n\tat x\n\tat y"
    assert in_words(error(text)) == (
        "Py4JJavaError: An error occurred while calling o1.fit. org.apache.spark.SparkException: Job aborted"
    )


def test_the_end_of_input_is_waited_for() -> None:
    reading, writing = os.pipe()
    kept = os.dup(0)
    ended = threading.Event()
    try:
        os.dup2(reading, 0)
        waiting = threading.Thread(target=worker.wait_for_end_of_input, args=[ended.set])
        waiting.start()
        os.write(writing, b"still here\n")
        assert not ended.wait(0.1)
        os.close(writing)
        assert ended.wait(5)
        waiting.join()
    finally:
        os.dup2(kept, 0)
        for number in (kept, reading):
            with contextlib.suppress(OSError):
                os.close(number)
