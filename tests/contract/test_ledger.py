"""The ledger that `make chaos` ends with finds what it is for."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.domain import RunKind
from engine.store import Store
from engine.store.chat.inbox import inbox
from engine.store.models import factors, live
from engine.store.people import events, ratings
from tests import world
from tests.contract.conftest import ANN, HEAT, MATRIX, at
from tests.ledger import faults, fewest_lost, files_left

KEEP = 3
SPOILT = {
    "the rating something else": sa.update(ratings).values(stars=1.0),
    "no event has made": sa.delete(events).where(events.c.movie_id == HEAT),
    "begins at 3.0, the one before ended at None": sa.delete(events).where(events.c.stars == 3),
    "changes nothing": sa.update(events).where(events.c.stars == 4).values(stars=3.0),
    "which never went live": sa.update(events).values(model_version=2),
    "not one version is live": sa.delete(live),
    "which cannot be served": sa.update(factors).values(model_version=9),
    "1 updates are not dealt with": sa.insert(inbox).values(update_id=7, digest=1, body="{}", answered=False, tries=0),
}


@pytest.fixture
def kept(store: Store) -> Store:
    """A live model, one that was never published, and a person who rated, changed their mind, and took one back."""
    world.build(store)
    world.create(store, ndcg_at_10=0.1)
    ann = store.person(ANN, "en", at(0)).id
    for minute, (film, stars) in enumerate([(HEAT, 3), (HEAT, 4), (MATRIX, 5)]):
        store.rate(ann, film, stars, at(minute))
    store.remove_rating(ann, MATRIX, at(9))
    return store


def test_where_all_is_well_it_finds_nothing(kept: Store) -> None:
    assert faults(kept, KEEP) == []


@pytest.mark.parametrize("fault", SPOILT)
def test_what_is_spoilt_is_found(kept: Store, fault: str) -> None:
    with kept.write() as connection:
        connection.execute(SPOILT[fault])
    assert fault in "\n".join(faults(kept, KEEP))


def test_an_open_run_is_found(kept: Store) -> None:
    kept.request_run(RunKind.TRAIN, "test", at(10))
    assert faults(kept, KEEP) == ["run 1 is still queued"]


def test_files_that_a_run_left_are_found(tmp_path: Path) -> None:
    (tmp_path / "scratch" / "a").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "half.tmp").touch()
    assert files_left(tmp_path) == ["models/half.tmp", "scratch/a"]


@pytest.mark.parametrize(
    ("tapped", "stored", "lost"),
    [
        ([3, 4, 3], [3, 4, 3], 0),
        ([3, 4, 3, 5], [3, 5], 1),  # 4 was lost, and 3 changed nothing
        ([3, 4, 5, 4], [3, 4], 1),  # 5 was lost
        ([3, 4], [], 2),
        ([], [], 0),
        ([3, 4], [3, 4, 3], None),
        ([3, 4], [5], None),
    ],
)
def test_taps_that_had_no_effect_are_counted_though_the_next_one_changes_nothing(
    tapped: list[float], stored: list[float | None], lost: int | None
) -> None:
    assert fewest_lost(tapped, stored) == lost
