"""The store of a run: what a database that is away for a moment would fail is tried again until it is back.

A training may be an hour's work, and a database that is restarted is back within a minute. Whoever answers people does
not wait: the bot says at once that something was not saved.
"""

import copy
import functools
from typing import Any, cast

from engine.store import Store
from engine.store.database import patiently

AWAY_SECONDS = 120.0
"""For how long a run waits for its database."""


def patient(store: Store, seconds: float = AWAY_SECONDS) -> Store:
    """Return the same store for a run. Every act of it may happen twice, and then changes nothing more.

    An act whose answer was lost with the connection may have happened. So a version may be noted twice, of which one
    never gets rows; all else has a key or a condition.
    """
    ours = copy.copy(store)
    ours.patience_seconds = seconds
    return cast(Store, _Patient(ours))


class _Patient:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        # What writes many rows takes them from a stream, which cannot begin again: it is patient chunk by chunk.
        if not callable(found) or name.startswith("write"):
            return found

        @functools.wraps(found)
        def act(*given: Any, **named: Any) -> Any:
            return patiently(lambda: found(*given, **named), self._store.patience_seconds)

        return act
