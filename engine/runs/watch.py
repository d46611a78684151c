"""Finds out whether another process' run is alive, without comparing two machines' clocks, which may differ by minutes.

On one machine a lock says it at once: whoever takes a run holds a file locked, and the system frees the lock when they
are gone. Elsewhere only silence says it, counted by our own clock: the time of a heartbeat is never compared with the
time here, it only shows whether there was a new one.
"""

import fcntl
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from engine.store import Run

SILENT_SECONDS = 60.0
"""A run is lost after we have watched it for this long without a new heartbeat."""

GAP_SECONDS = 5.0
"""If our last look is longer ago, we have not been watching: the database was away, or this machine was asleep."""


class Hold:
    """A file that this process keeps locked while it lives. Its ``name`` goes into the runs that it takes.

    A run's own process inherits the lock (by ``descriptor``), so the run is held as long as either of them lives.

    Raises:
        OSError: ``folder`` cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self.name = folder, uuid4().hex
        self._file = (folder / self.name).open("x")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    @property
    def descriptor(self) -> int:
        return self._file.fileno()

    def is_free(self, name: str | None) -> bool:
        """Return whether a hold was one of this folder, and all that had it are gone. False where we cannot know: it is
        another machine's, or an earlier release took the run."""
        if name is None:
            return False
        try:
            with (self._folder / name).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # it is locked, or not here
            return False
        return True

    def clear_up(self) -> None:
        """Remove the files of those that are gone. Call this only after taking a run: no other run is open then, so
        nobody will ask for them."""
        for path in self._folder.iterdir():
            if self.is_free(path.name):
                path.unlink(missing_ok=True)


class Watch:
    """Watches the open run of somebody else. ``monotonic`` returns seconds, which only this process compares."""

    def __init__(self, hold: Hold, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._hold, self._monotonic = hold, monotonic
        self._sign: tuple[object, ...] = ()
        self._since = self._looked = monotonic()

    def is_dead(self, run: Run) -> bool:
        """Look at the run, and return whether nobody works on it any more: its hold is free, or it has been silent for
        too long."""
        return self.silent_seconds(run) >= SILENT_SECONDS or self._hold.is_free(run.holder)

    def silent_seconds(self, run: Run) -> float:
        """Look at the run, and return for how long we have watched it without a new heartbeat."""
        now, sign = self._monotonic(), (run.id, run.heartbeat_at)
        if sign != self._sign or now - self._looked > GAP_SECONDS:
            self._sign, self._since = sign, now
        self._looked = now
        return now - self._since
