"""Finds out whether another process' run is alive, by our own clock alone.

Two machines' clocks may differ by minutes, so the time of a sign of life is never compared with the time here. It only
shows whether there was a new heartbeat.
"""

import time
from collections.abc import Callable

from engine.store import Run

SILENT_SECONDS = 60.0
"""A run is lost after we have watched it for this long without a new heartbeat."""

GAP_SECONDS = 5.0
"""If our last look is longer ago, we have not been watching: the database was away, or this machine was asleep."""


class Watch:
    """Watches the open run. ``monotonic`` returns seconds, which only this process compares."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sign: tuple[object, ...] = ()
        self._since = self._looked = monotonic()

    def silent_seconds(self, run: Run) -> float:
        """Look at the run, and return for how long we have watched it without a new heartbeat."""
        now, sign = self._monotonic(), (run.id, run.heartbeat_at)
        if sign != self._sign or now - self._looked > GAP_SECONDS:
            self._sign, self._since = sign, now
        self._looked = now
        return now - self._since
