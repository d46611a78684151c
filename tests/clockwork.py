"""Clocks for tests: one that a test sets, and one that jumps over what everybody sleeps through."""

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

TICK = 1e-9
"""The duration of one turn of the loop, in seconds. If it were 0, a wait for the length of a rounding error would last
for ever."""


class SettableClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **passed: float) -> None:
        """Let time pass: ``clock.advance(minutes=5)``."""
        self.now += timedelta(**passed)


class FastForward(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while a task works, and jumps to the next timer when all wait.

    What is timed by it is exact, however slow and busy the machine: ``asyncio.Runner(loop_factory=FastForward)``.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._in_threads = 0
        selector = selectors.DefaultSelector()
        wait = selector.select

        def select(timeout: float | None = None) -> Any:
            self._now += TICK
            if timeout == 0 or timeout is None or self._in_threads:  # a thread that is done wakes us up
                return wait(0 if timeout == 0 else None)
            events = wait(0)
            if not events:
                self._now += timeout
            return events

        selector.select = select  # type: ignore[method-assign]
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        def done(_: object) -> None:
            self._in_threads -= 1

        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(done)
        return future
