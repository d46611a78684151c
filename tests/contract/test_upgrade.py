"""From the release before this one: its own database, made by its own program, is brought to this one's tables.

``tests/data/release-0.1.0.sql`` is what SQLite's ``.dump`` prints of it: the tiny world, published by that release's
store, with two people of the chat.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.backups.keeping import restore
from engine.serving.answers import current_picks
from engine.serving.library import Library
from engine.store import Store, StoreUnavailable
from engine.store.database import REVISION
from engine.store.migrate import migrate
from tests import world
from tests.conftest import ROOT, NewDatabase
from tests.world import NOW

ANN = 5_000_000_001
GAVE = {10: 5.0, 11: 4.5, 13: 4.0, 30: 2.5, 62: 1.0}
"""Ann's stars; those of film 30 she had changed, those of film 20 taken back."""


@pytest.fixture
def before(tmp_path: Path) -> Path:
    path = tmp_path / "matinee.db"
    with sqlite3.connect(path) as connection:
        connection.executescript((ROOT / "tests" / "data" / "release-0.1.0.sql").read_text())
    connection.close()
    return path


@pytest.fixture(params=["migrated", "restored to sqlite", "restored to postgres"])
def store(request: pytest.FixtureRequest, before: Path, new_database: NewDatabase, tmp_path: Path) -> Iterator[Store]:
    """That database, as the upgrade leaves it: where it was, or from a backup of it in a new place."""
    if request.param == "migrated":
        upgraded = Store(f"sqlite:///{before}")
        with pytest.raises(StoreUnavailable, match=r"older Matinee \(0006\).*engine migrate"):
            upgraded.check_revision()
        assert migrate(upgraded) == ("0006", REVISION)
    else:
        upgraded = Store(new_database(request.param.split()[-1], migrated=False))
        assert restore(upgraded, before, tmp_path / "scratch") == ("0006", REVISION)
    yield upgraded
    upgraded.close()


def test_everybody_has_what_they_gave_and_it_waits_as_before(store: Store) -> None:
    store.check_revision()
    ann = store.find_person(ANN)
    assert ann is not None
    taste = store.taste(ann.id, NOW)
    assert {film: taste.stars_for(film) for film in GAVE} == GAVE
    assert taste.stars_for(20) is None
    assert store.people_counts() == {"people": 2, "active": 2, "ratings": 7, "dismissals": 1}
    assert taste.waiting == len(GAVE)


def test_picks_and_lists_are_those_of_a_world_made_today(store: Store, new_database: NewDatabase) -> None:
    new = world.build(Store(new_database("sqlite")))
    person = new.person(ANN, "en", NOW).id
    for film, stars in GAVE.items():
        new.rate(person, film, stars, NOW)

    def picks(of: Store) -> list[tuple[int, float | None]]:
        found = of.find_person(ANN)
        assert found is not None
        lines = current_picks(of, asyncio.run(Library(of).shelf()), of.taste(found.id, NOW), leave_out=[14])
        return [(line.film.id, line.predicted_stars) for line in lines]

    assert len(picks(store)) == 10
    assert picks(store) == picks(new)
    viewer = store.dataset_user(1)
    assert viewer is not None
    assert [line.movie_id for line in store.recommendations(viewer)] == [
        line.movie_id for line in new.recommendations(viewer)
    ]
    new.close()


def test_people_go_on_rating_and_new_ones_come(store: Store) -> None:
    ann = store.find_person(ANN)
    assert ann is not None
    store.rate(ann.id, 20, 4.0, NOW)
    assert store.taste(ann.id, NOW).stars_for(20) == 4.0
    newcomer = store.person(77, "es", NOW)
    assert newcomer.is_new
    assert newcomer.id > ann.id
    store.rate(newcomer.id, 20, 4.0, NOW)
    assert store.people_counts() == {"people": 3, "active": 3, "ratings": 9, "dismissals": 1}
