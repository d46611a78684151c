"""The store as a run uses it: if the database is away for a moment, calls are tried again until it is back.

A training may be an hour's work, and a database that is restarted is back within a minute. The bot does not wait like
this: it tells people at once that something was not saved.
"""

import copy
import functools
from typing import Any, cast

from engine.store import Store
from engine.store.database import patiently

AWAY_SECONDS = 120.0
"""A run waits this long for its database."""


def patient(store: Store, seconds: float = AWAY_SECONDS) -> Store:
    """Return the same store with patience, for a run. Every call may happen twice; the second time changes nothing.

    A call whose answer was lost with the connection may have taken effect. So a version may be created twice, and one
    of the two never gets rows; all other calls have a key or a condition.
    """
    ours = copy.copy(store)
    ours.patience_seconds = seconds
    return cast(Store, _Patient(ours))


class _Patient:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        # Bulk writes take rows from a stream, which cannot begin again, so each chunk is tried again by itself.
        if not callable(found) or name.startswith("write"):
            return found

        @functools.wraps(found)
        def act(*given: Any, **named: Any) -> Any:
            return patiently(lambda: found(*given, **named), self._store.patience_seconds)

        return act
