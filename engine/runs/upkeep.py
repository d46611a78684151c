"""Scheduled backups: each runs in a process of its own, and admins are told of a failed one."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from prometheus_client import Counter, Gauge

from engine.backups.files import SCHEDULED, listed
from engine.clock import Clock
from engine.settings import EngineSettings
from engine.store import Store, StoreError

log = structlog.get_logger(__name__)

COMMAND = (sys.executable, "-m", "engine", "backup")

NOTE_SECONDS = 30
"""If the database is away, storing a failure is tried again this often."""

BACKUPS = Counter("matinee_engine_backups", "Scheduled backups that ended", ["state"])
BACKUP_AGE = Gauge(
    "matinee_engine_last_backup_age_seconds", "Time since the newest scheduled backup, 0 before the first"
)


class Backups:
    """Makes the scheduled backups of an engine, and keeps as many as the settings say."""

    def __init__(self, store: Store, settings: EngineSettings, *, now: Clock, command: Sequence[str] = COMMAND) -> None:
        self._store, self._settings, self._now = store, settings, now
        self._command = (*command, "--keep", str(settings.backup_keep))
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def make(self) -> None:
        """Make a backup now, and remove the oldest ones beyond the limit."""
        if self._stopped.is_set():
            return
        # Its output names its file; its stderr says why it failed.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if self._stopped.is_set():  # since the look above, and so ``stop`` saw no process
            self._process.terminate()
        said, complaint = self._process.communicate()
        if self._stopped.is_set():
            return
        if self._process.returncode == 0:
            BACKUPS.labels("done").inc()
            log.info("backup_made", said=said.strip())
        else:
            lines = complaint.strip().splitlines()
            self._tell(lines[-1] if lines else f"its process ended with code {self._process.returncode}")

    def _tell(self, reason: str) -> None:
        """Store a failure, so that admins are told of it."""
        BACKUPS.labels("failed").inc()
        log.error("backup_failed", reason=reason)
        while not self._stopped.is_set():
            try:
                self._store.note_failed_backup(reason, self._now())
                return
            except StoreError as e:
                log.warning("store_unavailable", reason=str(e))
                self._stopped.wait(NOTE_SECONDS)

    def last(self) -> datetime | None:
        """Return when the newest scheduled backup was made."""
        made = [backup.made_at for backup in listed(self._settings.backups) if backup.path.name.startswith(SCHEDULED)]
        return made[-1] if made else None

    def age_seconds(self) -> float:
        last = self.last()
        return 0.0 if last is None else (self._now() - last).total_seconds()

    def owes(self, schedule: CronTrigger) -> bool:
        """Return whether a backup was due since the last one, or since the data was loaded, while no engine was
        running."""
        since = self.last()
        if since is None and (catalogue := self._store.catalogue()) is not None:
            since = catalogue.loaded_at
        if since is None:
            return False
        # Names of files have no fractions of seconds.
        due = schedule.get_next_fire_time(None, since + timedelta(seconds=1))
        return due is not None and bool(due <= self._now())

    def stop(self) -> None:
        """Stop a backup in progress; its file is removed."""
        self._stopped.set()
        if self._process is not None:
            self._process.terminate()


@contextlib.contextmanager
def by_the_clock(backups: Backups, schedule: CronTrigger | None) -> Iterator[None]:
    """Make backups on schedule during the block, and one at once if one is due."""
    BACKUP_AGE.set_function(backups.age_seconds)
    scheduler = BackgroundScheduler(timezone=UTC)
    if schedule is not None:
        at = {"next_run_time": datetime.now(UTC)} if backups.owes(schedule) else {}
        always = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        scheduler.add_job(backups.make, schedule, id="backup", **always, **at)
    scheduler.start()
    try:
        yield
    finally:
        backups.stop()
        scheduler.shutdown(wait=False)
