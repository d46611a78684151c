"""Pictures of people's taste, drawn beside the runs: they ask in the chat, and wait for it."""

import contextlib
import threading
import time
from collections.abc import Iterator

import structlog

from engine.clock import Clock, utc_now
from engine.store import Sheet, Store, StoreError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""How often the thread looks for pictures to draw; it reads those alone that nobody has been sent yet."""

AT_ONCE = 20
"""Pictures that are read at one time."""


def draw_waiting(store: Store, now: Clock) -> int:
    """Draw the pictures that people wait for. Return how many.

    One that cannot be drawn is noted as such, so that its reader is told and nobody tries it again.
    """
    waiting = store.waiting_portraits(AT_ONCE)
    for portrait in waiting:
        started = time.monotonic()
        png = None if portrait.sheet is None else _drawn(portrait.sheet)
        wanted = store.keep_portrait(portrait, png, now())
        log.info("portrait_drawn", drawn=png is not None, wanted=wanted, seconds=round(time.monotonic() - started, 2))
    return len(waiting)


def _drawn(sheet: Sheet) -> bytes | None:
    try:
        from engine.pages import portrait  # loads matplotlib, which takes a second

        return portrait.draw(sheet)
    except Exception as e:  # noqa: BLE001 - a picture must not end the worker
        log.warning("portrait_not_drawn", reason=f"{type(e).__name__}: {e}")
        return None


@contextlib.contextmanager
def drawing(store: Store, *, now: Clock = utc_now) -> Iterator[None]:
    """Draw the pictures that people ask for until the block ends. A thread does it, because the worker's own thread
    watches runs meanwhile."""
    over = threading.Event()

    def work() -> None:
        told = False
        while not over.wait(LOOK_SECONDS):
            try:
                draw_waiting(store, now)
                told = False
            except StoreError as e:  # the worker says that it is gone, too; once is enough here
                if not told:
                    log.warning("portraits_not_read", reason=str(e))
                told = True

    thread = threading.Thread(target=work, name="portraits", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LOOK_SECONDS + 5)
