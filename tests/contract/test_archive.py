"""One version's rows in bulk, on both databases: rows come out as written, of that version alone and in order."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.runs.saved_models import export_model, import_model, publish_model
from engine.settings import EngineSettings
from engine.store import Store, archive
from tests import world
from tests.unit.test_saved_models import leave_a_run

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def world_store(store: Store) -> Store:
    """The tiny world; somebody of the chat, who has a list too, and a second version with other lists."""
    world.build(store)
    chat = store.person(5_000_000_001, "en", NOW).id
    store.write_recommendations(1, [(chat, 1, 10, 1.0, 4.0)])
    second = store.create_version(
        dataset="tiny", dataset_fingerprint="0" * 64, hyperparameters={}, metrics={}, counts={}, now=NOW
    )
    store.write_recommendations(second, [(1, 1, 99, 1.0, 4.0)])
    return store


def test_lists_come_in_order_and_without_people_of_the_chat(world_store: Store) -> None:
    rows = [row for batch in archive.all_lists(world_store, 1) for row in batch]
    assert [row[:3] for row in rows] == sorted(row[:3] for row in rows)
    assert {(row[0], row[1]) for row in rows} == {(1, 1), (2, 2), (3, 3)}
    published = [(pick.position, pick.movie_id, pick.score, pick.predicted_stars) for pick in
                 world_store.recommendations(2)]  # fmt: skip
    assert [row[2:] for row in rows if row[0] == 2] == published


def test_large_lists_come_in_batches(world_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "BATCH_ROWS", 7)
    batches = list(archive.all_lists(world_store, 1))
    assert [len(batch) for batch in batches] == [7] * 8 + [4]  # three people, twenty films each
    assert sum(len(batch) for batch in archive.all_similar(world_store, 1)) == 10 * len(world.item_factors().movie_ids)


def test_a_few_lists_of_any_version(world_store: Store) -> None:
    assert archive.lists_of(world_store, 1, [1, 77]) == {1: world_store.recommendations(1), 77: []}
    assert [pick.movie_id for pick in archive.lists_of(world_store, 2, [1])[1]] == [99]
    assert archive.similar_of(world_store, 1, [20, 999]) == {20: world_store.similar(20), 999: []}
    assert archive.similar_of(world_store, 2, [20]) == {20: []}


def test_places_count_only_the_top_of_a_list(world_store: Store) -> None:
    places = archive.places_of_films(world_store, 1, top=1)
    firsts = [world_store.recommendations(user_id)[0].movie_id for user_id in (1, 2, 3)]
    assert sum(places.values()) == 4  # three people of the data set, one of the chat
    assert places.keys() == {*firsts, 10}


def test_people_of_the_data_set_are_known_by_both_ids(world_store: Store) -> None:
    ours, theirs = archive.dataset_people(world_store)
    np.testing.assert_array_equal(theirs, [1, 2, 3])
    assert [world_store.dataset_user(int(i)) for i in theirs] == ours.tolist()


def test_a_saved_model_comes_back_on_either_database(world_store: Store, tmp_path: Path) -> None:
    settings = EngineSettings(_env_file=None, home=tmp_path, dataset="tiny")
    leave_a_run(settings.folder / "models" / "1", [1, 2, 3])
    before = [world_store.recommendations(user_id) for user_id in (1, 2, 3)]
    saved = export_model(world_store, settings, 1, tmp_path / "saved", now=NOW)
    version = import_model(world_store, settings, saved.folder, now=NOW).version
    assert publish_model(world_store, version, now=NOW) == 1
    assert [world_store.recommendations(user_id) for user_id in (1, 2, 3)] == before
