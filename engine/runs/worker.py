"""The worker: takes runs from the database and executes each in a child process, one at a time.

The child writes its heartbeat and progress to the database. The worker starts it, watches it, and closes its run if it
dies. The database alone says which model is live and which ratings wait, so nothing has to be cleaned up after either
of them dies.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from apscheduler.events import EVENT_JOB_MISSED
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from prometheus_client import Counter, Gauge

from engine import disk, health
from engine.clock import Clock, utc_now
from engine.domain import MatineeError, RunKind, RunState, Stage
from engine.runs import portraits
from engine.runs.child import Child
from engine.runs.figures import Figures
from engine.runs.patience import patient
from engine.runs.upkeep import Backups, by_the_clock
from engine.runs.watch import Hold, Watch
from engine.settings import EngineSettings, SettingsError
from engine.store import Run, RunAlreadyOpen, Store, StoreError

if TYPE_CHECKING:
    from engine.runs.retrain import Outcome

log = structlog.get_logger(__name__)

Pipeline = Callable[[Callable[[Stage, float, str], None]], "Outcome"]
"""Does the work of a run, and reports progress to the ``engine.runs.retrain.Report`` it is given."""

TICK_SECONDS = 0.5
BEAT_SECONDS = 1.0
REPORT_SECONDS = 0.5
"""A run writes its progress at most this often, but a new stage at once."""

UNHEALTHY_SECONDS = 45
"""This is longer than a locked database keeps a tick waiting."""

FORGET_SECONDS = 60.0
"""How often the files are rid of people who have used /forget since."""

COUNT_SECONDS = 5.0
"""Waiting ratings are counted this often."""

MISFIRE_GRACE_SECONDS = 86_400
"""A scheduled training that could not start in time starts up to a day later. APScheduler's default is one second."""

GRACE_SECONDS = 6.0
"""A run whose engine died gets this long to stop Spark and remove its files."""

CHILD = (sys.executable, "-m", "engine", "train", "--run")

STOPPED = "the engine was stopped; ask again"
CANCELLED = "cancelled"
ORPHANED = "its engine died; every rating is still queued, ask for it again"

RUNS = Counter("matinee_engine_runs", "Runs that ended", ["state"])
TICK_AGE = Gauge("matinee_engine_last_tick_age_seconds", "Time since the worker last looked for work")
WAITING = Gauge("matinee_engine_waiting_ratings", "Ratings that the live model has not learned from")
LIVE_VERSION = Gauge("matinee_engine_live_model_version", "The model that is served, 0 before the first")


# --- Executing one run, in the process that calls ---------------------------------------------------------------------


class Stopped(BaseException):
    """The run must end now. This is no Exception, so that no code on the way handles it as a failure."""


def execute(run: Run, store: Store, pipeline: Pipeline, *, now: Clock, orphanable: bool = False) -> "Outcome":
    """Execute a run that has been taken, in this process, and store how it ended.

    It writes a heartbeat meanwhile. It stops if it is cancelled (here or in a chat), if this process is asked to end
    (SIGTERM), or, if ``orphanable``, when its standard input ends: that is a pipe which only the worker holds.

    Raises:
        Stopped: one of these stopped the run; the text says which.
        Exception: any error of the pipeline.
    """
    stop, waits = _RunStop(), patient(store)
    with _on_sigterm(stop), _beating(run.id, store, stop, now=now, orphanable=orphanable):
        try:
            stop.begin()
            outcome = pipeline(_reporter(run.id, store, now))
            stop.too_late = True
        except BaseException as e:
            stop.too_late = True
            # Spark, once interrupted, may raise errors of its own. The reason of the interruption counts.
            if stop.asked or isinstance(e, KeyboardInterrupt):
                _note_stopped(run.id, store, stop, now)
            else:  # a database that was waited for in vain is not waited for again
                books = store if isinstance(e, StoreError) else waits
                books.finish_run(run.id, RunState.FAILED, now(), error=in_words(e))
            if stop.asked:
                raise Stopped(stop.text) from e
            raise
        metrics, reason = outcome.metrics, outcome.reason
        error = reason if outcome.state is RunState.REJECTED else None
        waits.finish_run(run.id, outcome.state, now(), error=error, metrics=metrics, model_version=outcome.version)
    return outcome


def close_books(store: Store, run_id: int, state: RunState, error: str, now: datetime) -> None:
    """End a run that is still open. One that has published is done, with its model's metrics."""
    run = store.run(run_id)
    if run.is_open:
        metrics = None if run.model_version is None else store.model_version(run.model_version).metrics
        store.finish_run(run_id, state, now, error=error, metrics=metrics)


def _note_stopped(run_id: int, store: Store, stop: "_RunStop", now: Clock) -> None:
    """Note why a run was stopped. A worker that stops cannot wait for a database that is away: the worker closes the
    books."""
    try:
        close_books(store, run_id, stop.state, stop.text, now())
    except StoreError as e:
        log.warning("end_not_noted", run=run_id, reason=str(e))


class _RunStop:
    """Whether the run must stop, and the reason that will be stored. The first reason stays."""

    def __init__(self) -> None:
        self.asked = self.begun = self.too_late = False
        self.state, self.text = RunState.CANCELLED, STOPPED

    def begin(self) -> None:
        """Call this once an interruption is handled. One that came earlier happens here.

        A run whose engine died while it started is asked to stop at its very first step.
        """
        self.begun = True
        if self.asked:
            raise Stopped(self.text)

    def because(self, state: RunState, text: str) -> None:
        """Interrupt the main thread, wherever it is."""
        if not (self.asked or self.too_late):
            self.state, self.text = state, text
            os.kill(os.getpid(), signal.SIGTERM)

    def __call__(self, *_: Any) -> None:
        """SIGTERM's handler: it runs in the main thread, between two steps of it."""
        if not (self.asked or self.too_late):
            self.asked = True
            if self.begun:
                raise Stopped(self.text)


@contextlib.contextmanager
def _on_sigterm(stop: _RunStop) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _beating(run_id: int, store: Store, stop: _RunStop, *, now: Clock, orphanable: bool) -> Iterator[None]:
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT_SECONDS):
            try:
                if not store.beat(run_id, now()):
                    close_books(store, run_id, RunState.CANCELLED, CANCELLED, now())  # Spark may be slow to stop
                    stop.because(RunState.CANCELLED, CANCELLED)
            except StoreError as e:  # the run is given up as lost if this goes on for long
                log.warning("beat_failed", run=run_id, reason=str(e))

    def parent_gone() -> None:
        if not over.is_set():
            log.warning("parent_gone", run=run_id)
            kill_at = time.monotonic() + GRACE_SECONDS
            stop.because(RunState.LOST, ORPHANED)
            if not over.wait(GRACE_SECONDS):  # Spark may be stuck half-started: the books must not wait for it
                with contextlib.suppress(StoreError):  # otherwise another engine gives the run up as silent
                    store.finish_run(run_id, RunState.LOST, now(), error=ORPHANED)
            time.sleep(max(0.0, kill_at - time.monotonic()))  # this thread ends with the process, if that can end
            os.killpg(0, signal.SIGKILL)  # we too: nobody else is left to see to it that Java goes

    beats = threading.Thread(target=beat, daemon=True)
    beats.start()
    if orphanable:
        threading.Thread(target=wait_for_end_of_input, args=[parent_gone], daemon=True).start()
    try:
        yield
    finally:
        over.set()
        beats.join(BEAT_SECONDS)


def wait_for_end_of_input(then: Callable[[], None]) -> None:
    """Read standard input to its end, then call ``then``.

    It bypasses Python's own object for it, which a thread must not hold when the program ends.
    """
    while os.read(0, 4096):
        pass
    then()


def _reporter(run_id: int, store: Store, now: Clock) -> Callable[[Stage, float, str], None]:
    told: Stage | None = None
    next_at = 0.0

    def report(stage: Stage, fraction: float, detail: str) -> None:
        nonlocal told, next_at
        if stage is told and time.monotonic() < next_at:
            return
        if stage is not told:
            log.info("run_stage", run=run_id, stage=stage.value)
        try:
            store.report_run(run_id, now(), stage=stage.value, fraction=fraction, detail=detail)
        except StoreError as e:  # a run must not fail because its progress cannot be stored
            log.warning("report_failed", run=run_id, reason=str(e))
        told, next_at = stage, time.monotonic() + REPORT_SECONDS

    return report


def in_words(error: BaseException) -> str:
    """Return a line that says why a run failed."""
    if isinstance(error, MatineeError):
        return str(error)
    if disk.is_full(error):
        return disk.FULL
    text = disk.text_of(error)
    if "OutOfMemoryError" in text:
        return "Spark ran out of memory: raise MATINEE_SPARK_MEMORY"
    name = type(error).__name__
    if name == "Py4JNetworkError" or isinstance(error, ConnectionError) or "JAVA_GATEWAY_EXITED" in text:
        return "Spark's Java process died; logs/spark.log in the data set's folder says more"
    lines = [line.strip().removeprefix(": ") for line in text.splitlines() if line.strip()]
    return f"{name}: {' '.join(lines[:2])}"[:500] if lines else name


# --- The worker -------------------------------------------------------------------------------------------------------


class Worker:
    """Takes the waiting run, executes it in a child process, and makes sure that the database says how it ended."""

    def __init__(
        self, store: Store, settings: EngineSettings, *, now: Clock = utc_now, command: Sequence[str] = CHILD
    ) -> None:
        self._store, self._settings, self._now, self._command = store, settings, now, command
        self._child: Child | None = None
        self._hold = Hold(settings.folder / "holds")
        self._others = Watch(self._hold)
        self._figures = Figures(store, settings.folder / "models")
        self._next_forget = time.monotonic()
        self._next_count = time.monotonic()

    def tick(self) -> None:
        """Look after the child if there is one, else look for work. This is called twice a second; without work it
        only reads.

        Raises:
            StoreError: the database does not answer. Nothing is lost; the next tick goes on from here.
        """
        if time.monotonic() >= self._next_count:
            self.count_waiting()
            self._next_count = time.monotonic() + COUNT_SECONDS
        if time.monotonic() >= self._next_forget:
            self._figures.forget()
            self._next_forget = time.monotonic() + FORGET_SECONDS
        if self._child is not None:
            self._watch(self._child)
        elif (run := self._store.open_run()) is not None:
            if run.state is RunState.QUEUED:
                self._take()
            elif run.holder == self._hold.name:  # the answer to our claim was lost
                self._start(run)
            else:
                self._lose_if_dead(run)

    def _take(self) -> None:
        run = self._store.claim_run(self._now(), holder=self._hold.name)
        if run is not None:  # else another engine was faster, or the run was cancelled
            self._start(run)

    def _start(self, run: Run) -> None:
        self._hold.clear_up()
        try:
            self._child = Child(run.id, self._command, held=self._hold.descriptor)
        except OSError as e:
            self._store.finish_run(run.id, RunState.FAILED, self._now(), error=f"its process could not be started: {e}")
            log.error("run_not_started", run=run.id, reason=str(e))
            return
        log.info("run_started", run=run.id, kind=run.kind.value, asked_by=run.asked_by, pid=self._child.pid)

    def _lose_if_dead(self, run: Run) -> None:
        """Give up the run of another engine, or of the command line, that nobody works on any more."""
        if not self._others.is_dead(run):
            return
        if not self._store.lose_run(run.id, run.heartbeat_at, self._now()):
            return
        log.warning("run_lost", run=run.id)
        RUNS.labels(RunState.LOST.value).inc()
        if self._store.live_version() is None:
            self.ask("start")  # this run was to make the first model, which nobody should have to ask for

    def _watch(self, child: Child) -> None:
        if not child.ended:
            run = self._store.run(child.run_id)
            if run.is_open and not run.cancel_asked:
                return
            # What is live and what waits survive a kill at any instant, and Spark may take seconds to stop.
            child.kill()
        self._end(child)

    def _end(self, child: Child, *, stopped: bool = False) -> None:
        """Note how a dead child's run ended, unless the child did so, and clear up."""
        cancelled = stopped or self._store.run(child.run_id).cancel_asked
        state, error = (RunState.CANCELLED, STOPPED) if cancelled else (RunState.FAILED, child.why())
        close_books(self._store, child.run_id, state, error, self._now())
        run = self._store.run(child.run_id)
        child.clear_up(self._settings.folder / "scratch", self._settings.folder / "spark")
        self._child = None
        seconds = round(((run.finished_at or self._now()) - (run.started_at or run.asked_at)).total_seconds(), 1)
        told = log.info if run.state is RunState.DONE else log.warning
        told("run_ended", run=run.id, state=run.state.value, seconds=seconds, reason=run.error)
        RUNS.labels(run.state.value).inc()

    def count_waiting(self) -> None:
        """Ask for a training if enough ratings wait that the last training has not seen, even if that one failed."""
        waiting, enough = self._store.waiting_ratings(), self._settings.train_after_ratings
        WAITING.set(waiting)
        LIVE_VERSION.set(self._store.live_version() or 0)
        if self._child is not None or not enough or waiting < enough:
            return
        if self._store.waiting_ratings(since=self._answered_until()) >= enough:
            self.ask("ratings")

    def _answered_until(self) -> datetime | None:
        """Return the time up to which ratings do not ask for a training: one has begun since, or a run was cancelled.

        Somebody who cancels a run, or a search, wants the machine for something else. Ratings up to then wait for a
        request, for the schedule, or for as many new ratings again.
        """
        last = self._last_training()
        begun = None if last is None else last.started_at or last.asked_at
        cancelled = (run.finished_at for run in self._store.last_runs(20) if run.cancelled_by is not None)
        return max((at for at in (begun, next(cancelled, None)) if at is not None), default=None)

    def _last_training(self) -> Run | None:
        return next((run for run in self._store.last_runs(20) if run.kind is RunKind.TRAIN), None)

    def ask(self, asked_by: str) -> None:
        """Ask for a training, unless one is open already."""
        try:
            run = self._store.request_run(RunKind.TRAIN, asked_by, self._now())
            log.info("run_asked_for", run=run.id, asked_by=asked_by)
        except RunAlreadyOpen as e:
            log.info("run_open_already", run=e.run.id, asked_by=asked_by)

    def ask_at_start(self, schedule: CronTrigger | None) -> None:
        """Ask for the first training, or for one that was due while no engine was running."""
        if self._store.live_version() is None:
            if self._store.catalogue() is not None:
                self.ask("start")
        elif schedule is not None and self._store.waiting_ratings():
            last = self._last_training()
            if last is not None and owes_training(schedule, last.asked_at, self._now()):
                self.ask("schedule")

    def stop(self) -> None:
        """Stop the child, if there is one; its run can be asked for again."""
        if (child := self._child) is not None:
            child.kill()
            self._end(child, stopped=True)


def owes_training(schedule: CronTrigger, last: datetime, now: datetime) -> bool:
    """Return whether a training was due since the last one. After several missed trainings, only one is due."""
    due = schedule.get_next_fire_time(None, last)
    return due is not None and bool(due <= now)


def parse_schedule(cron: str, setting: str = "MATINEE_TRAIN_CRON") -> CronTrigger | None:
    """Return when to do what this setting is about, or None for "off".

    Raises:
        SettingsError: the text is no cron line.
    """
    if cron.strip().lower() == "off":
        return None
    try:
        return CronTrigger.from_crontab(cron, timezone=UTC)
    except ValueError as e:
        raise SettingsError(
            f'{setting}: {cron!r} is not a cron line ({e}): write five fields, such as "0 4 * * *" for '
            'every day at four (UTC), or "off"'
        ) from e


# --- The long-lived process -------------------------------------------------------------------------------------------


def heartbeat_file(settings: EngineSettings) -> Path:
    """The file with the worker's heartbeat."""
    return settings.folder / "engine.heartbeat"


def check(settings: EngineSettings) -> tuple[bool, str]:
    """Return whether the worker on this machine is healthy, and a line that says why."""
    return health.check(heartbeat_file(settings), "look for work", limit_seconds=UNHEALTHY_SECONDS, now=time.time())


def serve(store: Store, settings: EngineSettings, *, now: Clock = utc_now, until_end_of_input: bool = False) -> None:
    """Work until SIGTERM, SIGINT or, if asked for, the end of standard input.

    Raises:
        SettingsError: a schedule is no cron line, or the home folder cannot be written to.
        PortTaken: the port for /healthz and /metrics cannot be had.
        StoreError: the database cannot be used at the start. Later, the worker waits until it is back.
    """
    schedule = parse_schedule(settings.train_cron)
    backup_schedule = parse_schedule(settings.backup_cron, "MATINEE_BACKUP_CRON")
    heartbeat = health.Heartbeat(heartbeat_file(settings))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if until_end_of_input:
        threading.Thread(target=wait_for_end_of_input, args=[stop.set], daemon=True).start()
    try:
        heartbeat.start()
        worker = Worker(store, settings, now=now)
    except OSError as e:
        raise SettingsError(f"MATINEE_HOME: {settings.folder} cannot be written to: {e.strerror}") from e
    TICK_AGE.set_function(heartbeat.age_seconds)
    worker.ask_at_start(schedule)
    backups, drawing = Backups(store, settings, now=now), portraits.drawing(store, now=now)
    with _scheduled(worker, schedule), by_the_clock(backups, backup_schedule), _health_server(settings), drawing:
        log.info("engine_started", train_cron=settings.train_cron, train_after_ratings=settings.train_after_ratings)
        while not stop.is_set():
            _tick(worker, heartbeat)
            stop.wait(TICK_SECONDS)
        log.info("engine_stopping")
        try:
            worker.stop()
        except StoreError as e:  # its run is given up as silent by the next engine
            log.warning("store_unavailable", reason=str(e))


def _tick(worker: Worker, heartbeat: health.Heartbeat) -> None:
    try:
        worker.tick()
    except StoreError as e:  # no heartbeat then: an engine that cannot reach its database is not healthy
        log.warning("store_unavailable", reason=str(e))
    else:
        heartbeat.beat()


@contextlib.contextmanager
def _scheduled(worker: Worker, schedule: CronTrigger | None) -> Iterator[None]:
    def ask() -> None:
        try:
            worker.ask("schedule")
        except StoreError as e:
            log.error("schedule_failed", reason=str(e))

    scheduler = BackgroundScheduler(timezone=UTC)
    if schedule is not None:
        scheduler.add_job(
            ask, schedule, coalesce=True, max_instances=1, misfire_grace_time=MISFIRE_GRACE_SECONDS, id="schedule"
        )
    scheduler.add_listener(
        lambda event: log.warning("training_missed", due=event.scheduled_run_time.isoformat()), EVENT_JOB_MISSED
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


@contextlib.contextmanager
def _health_server(settings: EngineSettings) -> Iterator[None]:
    if not settings.engine_port:
        yield
        return
    server = health.serve(settings.engine_port, lambda: check(settings))
    try:
        yield
    finally:
        server.close()
