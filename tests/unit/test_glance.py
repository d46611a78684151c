"""The two pictures for admins: the numbers in them, and that they are pictures."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from structlog.testing import capture_logs

from engine.datasets import ratings_folder
from engine.domain import Feedback, ModelState
from engine.pages import glance
from engine.settings import EngineSettings
from engine.store import DataShown, ModelsShown, ModelVersion, Store
from tests import world
from tests.conftest import NewDatabase

NOW = datetime(2026, 3, 1, tzinfo=UTC)
METRICS = {"ndcg_at_10": 0.31, "rmse_all": 0.84, "popularity": {"ndcg_at_10": 0.16, "rmse_all": 1.04}}
FEW_BYTES = 150_000
"""A size that a phone loads at once, also with a weak signal."""


@pytest.fixture
def store(new_database: NewDatabase) -> Iterator[Store]:
    store = Store(new_database("sqlite"))
    yield world.build(store)
    store.close()


@pytest.fixture
def settings(tmp_path: Path, store: Store) -> EngineSettings:
    """Where the ratings of the tiny world are: person 1 gave 4 stars twice, person 5 gave 1½ once."""
    settings = EngineSettings(_env_file=None, home=tmp_path / "home", dataset="tiny")
    write_ratings(settings, store, {"user_id": [1, 1, 5], "stars": np.array([4, 4, 1.5], np.float32)})
    return settings


def write_ratings(settings: EngineSettings, store: Store, columns: dict[str, Any]) -> None:
    catalogue = store.catalogue()
    assert catalogue
    folder = ratings_folder(settings.folder, catalogue.fingerprint)
    folder.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns), folder / "part-0.parquet")


def model(
    version: int, *, published: bool = True, metrics: dict[str, Any] = METRICS, of: str = "0" * 64
) -> ModelVersion:
    state = ModelState.RETIRED if published else ModelState.REJECTED
    return ModelVersion(version, state, None, "tiny", of, {}, metrics, {}, NOW, NOW if published else None)


def test_models_go_from_the_oldest_to_the_newest_and_those_of_other_data_are_left_out(store: Store) -> None:
    models = [model(4, published=False), model(3), model(2, of="f" * 64), model(1, metrics={"rmse_all": 0.9})]
    catalogue = store.catalogue()
    assert catalogue
    numbers = glance.models_shown(models, 3, catalogue)
    assert (numbers.versions, numbers.served, numbers.live) == ((1, 3, 4), (True, True, False), 3)
    assert [(course.key, course.values, course.bars) for course in numbers.courses] == [
        ("ndcg_at_10", (None, 0.31, 0.31), (None, 0.16, 0.16)),
        ("rmse_all", (0.9, 0.84, 0.84), (None, 1.04, 1.04)),
    ]


def test_models_of_play_counts_are_judged_by_what_there_is_without_stars(store: Store) -> None:
    catalogue = store.catalogue()
    assert catalogue
    numbers = glance.models_shown(
        [model(1, metrics={"ndcg_at_10": 0.2, "roem": 0.1, "rmse_all": None})],
        1,
        replace(catalogue, feedback=Feedback.COUNTS),
    )
    assert [course.key for course in numbers.courses] == ["ndcg_at_10", "roem"]


def test_only_the_newest_models_are_shown(store: Store) -> None:
    catalogue = store.catalogue()
    assert catalogue
    numbers = glance.models_shown([model(version) for version in range(30, 0, -1)], 30, catalogue)
    assert numbers.versions == tuple(range(31 - glance.MODELS, 31))


def test_a_data_set_is_counted_batch_by_batch(
    store: Store, settings: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = store.catalogue()
    assert catalogue
    folder = ratings_folder(settings.folder, catalogue.fingerprint)
    whole = glance.data_shown(catalogue, world.FILMS, folder)
    monkeypatch.setattr(glance, "BATCH_ROWS", 1)
    assert glance.data_shown(catalogue, world.FILMS, folder) == whole
    assert [row.ratings for row in whole.stars] == [0, 0, 1, 0, 0, 0, 0, 2, 0, 0]
    assert whole.mean_stars == pytest.approx(9.5 / 3)
    assert (whole.per_person.median, whole.per_person.largest) == (1.5, 2)
    assert whole.per_film is None
    assert {row.decade: row.films for row in whole.decades}[1940] == 1


def test_both_pictures_are_kept_with_what_they_show(store: Store, settings: EngineSettings) -> None:
    world.publish(store, [1, 2, 3], ndcg_at_10=0.345)
    with capture_logs() as logs:
        glance.draw(store, settings, now=NOW)
    assert [entry["event"] for entry in logs] == ["pictures_drawn"]
    for kind in (ModelsShown, DataShown):
        looks_drawn(store, kind)


def test_play_counts_have_their_own_panels(store: Store, settings: EngineSettings) -> None:
    catalogue = store.catalogue()
    assert catalogue
    store.save_catalogue(replace(catalogue, feedback=Feedback.COUNTS))
    write_ratings(settings, store, {"user_id": [1, 1, 5], "plays": np.array([4, 40, 1], np.float32)})
    glance.draw(store, settings, now=NOW)
    facts = looks_drawn(store, DataShown)
    assert (facts.stars, facts.mean_stars, facts.decades) == ((), None, ())
    assert facts.per_film.largest == 300


def looks_drawn(store: Store, kind: type[Any]) -> Any:
    """Hold a picture to what a phone can show; return its facts."""
    kept = store.picture(kind)
    assert kept
    assert len(kept.png) < FEW_BYTES
    with Image.open(io.BytesIO(kept.png)) as picture:
        assert picture.format == "PNG"
        assert 990 <= picture.width <= 1010
        assert 600 <= picture.height <= 1200
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 50
    return kept.facts


def test_a_picture_that_cannot_be_drawn_is_logged_and_the_one_before_stays(
    store: Store, settings: EngineSettings
) -> None:
    glance.draw(store, settings, now=NOW)
    before = store.picture(DataShown)
    with capture_logs() as logs:
        glance.draw(store, settings.model_copy(update={"home": settings.home / "elsewhere"}), now=NOW)
    assert [entry["event"] for entry in logs] == ["pictures_not_drawn"]
    assert store.picture(DataShown) == before


def test_without_a_data_set_there_is_nothing_to_draw(new_database: NewDatabase, settings: EngineSettings) -> None:
    bare = Store(new_database("sqlite"))
    glance.draw(bare, settings, now=NOW)
    assert bare.picture(ModelsShown) is None
    assert bare.picture(DataShown) is None
    bare.close()
