"""The store with the tiny world's films in it, on SQLite and on Postgres."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine.store import Store
from tests.world import FILMS, NOW

HEAT, MATRIX, ALIEN, FARGO = 30, 20, 23, 32
ANN, BOB = 1001, 5_000_000_001
"""Telegram ids; the second is above 2**31, as they are nowadays."""


def at(minutes: float) -> datetime:
    """So many minutes after the tests' now."""
    return NOW + timedelta(minutes=minutes)


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Call all at one moment, each in a thread and so on a connection of its own; return what each gave or raised."""
    with ThreadPoolExecutor(len(acts)) as pool:
        futures = [pool.submit(act) for act in acts]
    return [future.exception() or future.result() for future in futures]


@contextmanager
def plans(store: Store, table: str) -> Iterator[list[str]]:
    """Collect how SQLite finds the rows of a table, for all statements during the block; skip on Postgres, which
    chooses another way for few rows than for many."""
    if store.is_postgres:
        pytest.skip("its way depends on how many rows there are")
    found: list[str] = []

    def explain(connection: sa.Connection, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", values)
        found.extend(row[-1] for row in rows if f" {table} " in row[-1])

    sa.event.listen(store.db, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sa.event.remove(store.db, "before_cursor_execute", explain)


@pytest.fixture
def films(store: Store) -> Store:
    """The store, with films to rate."""
    store.save_films(FILMS)
    return store


@pytest.fixture
def ann(films: Store) -> int:
    """``users.id`` of Ann."""
    return films.person(ANN, "en", NOW).id


@pytest.fixture
def bob(films: Store) -> int:
    """``users.id`` of Bob."""
    return films.person(BOB, None, NOW).id
