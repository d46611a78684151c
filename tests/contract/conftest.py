"""The store with the tiny world's films in it, on SQLite and on Postgres."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

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
