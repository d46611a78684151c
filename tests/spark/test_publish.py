"""A run's lists are counted before they go live."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.dataset as arrow_dataset
import pyarrow.parquet as parquet
import pytest
from pyspark.sql import SparkSession

from engine.datasets import load
from engine.judging import evaluation
from engine.judging.tuning import Remembered
from engine.learning.training import SEED, train
from engine.runs.retrain import _Run
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from engine.settings import EngineSettings
from engine.spark.ingest import TooFewRatings, read_ratings
from engine.store import NoSuchVersion, PublishRefused, Store
from tests.conftest import NewDatabase
from tests.genres import write_films

pytestmark = pytest.mark.spark

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SMALL = Hyperparameters(PreferenceHyperparameters(rank=8, iterations=3), RatingHyperparameters(rank=4, iterations=3))


@pytest.fixture
def store(new_database: NewDatabase) -> Iterator[Store]:
    store = Store(new_database("sqlite"))
    yield store
    store.close()


def test_a_run_whose_lists_were_cut_short_publishes_nothing(spark: SparkSession, store: Store, tmp_path: Path) -> None:
    films = write_films(tmp_path / "films")
    settings = EngineSettings(_env_file=None, home=tmp_path, dataset=str(films), recommendations_per_user=90)
    catalogue = load(settings.dataset, store, settings.folder, tmp_path / "downloads", now=NOW).catalogue
    queue, ratings = read_ratings(spark, store, settings, catalogue, tmp_path)
    trained = train(spark, ratings, SMALL, films=store.films(), seed=1, progress=lambda *_: None)
    known = Remembered(SMALL, searched_at=NOW)
    run = _Run(store, settings, spark, tmp_path, catalogue, known, lambda *_: None, lambda: NOW)
    run.score(trained, ratings)
    version, cut = create(store), create(store)

    run.publish(version, trained, ratings, queue, None)
    assert store.live_version() == version

    lists = arrow_dataset.dataset(tmp_path / "recommendations", format="parquet")
    whole, all_films = lists.to_table(), lists.count_rows()
    assert all_films == 120 * 80, "each of 120 people has seen 20 of 100 films"
    for part in (tmp_path / "recommendations").glob("*.parquet"):
        part.unlink()
    parquet.write_table(whole.slice(0, all_films - 1), tmp_path / "recommendations" / "part.parquet")
    dead = create(store)  # as a publish that was killed leaves it
    store.write_item_factors(dead, trained.rows)
    with pytest.raises(PublishRefused, match="lacks films in 1 lists"):
        run.publish(cut, trained, ratings, queue, None)
    assert store.live_version() == version
    with pytest.raises(NoSuchVersion):
        store.item_factors(dead)


@pytest.mark.parametrize(("loaded", "enough"), [(99, False), (100, True)])
def test_too_few_ratings_are_counted_as_loaded(
    spark: SparkSession, store: Store, tmp_path: Path, loaded: int, enough: bool
) -> None:
    """Not what is left of them once a fifth is kept aside for the test."""
    films = write_films(tmp_path / "films")
    lines = (films / "ratings.csv").read_text().splitlines()[: loaded + 1]
    (films / "ratings.csv").write_text("\n".join(lines))
    settings = EngineSettings(_env_file=None, home=tmp_path, dataset=str(films))
    catalogue = load(settings.dataset, store, settings.folder, tmp_path / "downloads", now=NOW).catalogue
    if enough:
        training, _ = evaluation.split(read_ratings(spark, store, settings, catalogue, tmp_path)[1], seed=SEED)
        train(spark, training, SMALL, films=store.films(), seed=SEED, progress=lambda *_: None)
    else:
        with pytest.raises(TooFewRatings, match=r"^99 ratings are too few .* rate more films, or load a data set"):
            read_ratings(spark, store, settings, catalogue, tmp_path)


def create(store: Store) -> int:
    return store.create_version(
        dataset="films", dataset_fingerprint="f" * 64, hyperparameters={}, metrics={}, counts={}, now=NOW
    )
