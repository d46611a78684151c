"""A saved model opens in Spark itself, and predicts there what our own arithmetic does."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import SparkSession

from engine.domain import Floats
from engine.runs.saved_models import export_model
from engine.settings import EngineSettings
from engine.store import Store
from tests import world
from tests.conftest import NewDatabase

pytestmark = pytest.mark.spark
RANK = len(world.TASTES)


@pytest.fixture
def people() -> dict[str, Floats]:
    """Rows of the tiny world's three viewers in both models."""
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(3, RANK)).astype(np.float32) for name in ("preference", "rating")}


@pytest.fixture
def folder(new_database: NewDatabase, tmp_path: Path, people: dict[str, Floats]) -> Path:
    store = Store(new_database("sqlite"))
    world.build(store)
    settings = EngineSettings(_env_file=None, home=tmp_path, dataset="tiny")
    users = settings.folder / "models" / "1" / "users"
    users.mkdir(parents=True)
    sides = {name: pa.array(rows.tolist(), pa.list_(pa.float32())) for name, rows in people.items()}
    columns = {"user_id": pa.array([1, 2, 3], pa.int32()), **sides, "bias": pa.array([0.1, 0.2, 0.3], pa.float32())}
    parquet.write_table(pa.table(columns), users / "part-00000.parquet")
    exported = export_model(store, settings, 1, tmp_path / "saved", now=world.NOW)
    store.close()
    return exported.folder


@pytest.mark.parametrize("name", ["preference", "rating"])
def test_als_model_load_opens_it_and_predicts_as_numpy_does(
    spark: SparkSession, folder: Path, people: dict[str, Floats], name: str
) -> None:
    model = ALSModel.load(str(folder / name))
    assert model.rank == RANK
    rows = world.item_factors()
    pairs = [(user, int(movie_id)) for user in (1, 2, 3) for movie_id in rows.movie_ids]
    predicted = model.transform(spark.createDataFrame(pairs, "user_id int, movie_id int")).toPandas()
    expected = people[name] @ getattr(rows, name).T
    got = predicted.pivot_table(index="user_id", columns="movie_id", values="prediction").to_numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_spark_recommends_from_it(spark: SparkSession, folder: Path, people: dict[str, Floats]) -> None:
    """And what it puts first has the largest inner product."""
    rows = world.item_factors()
    best = rows.movie_ids[(people["preference"] @ rows.preference.T).argmax(axis=1)]
    found = ALSModel.load(str(folder / "preference")).recommendForAllUsers(1).toPandas().sort_values("user_id")
    assert [lists[0]["movie_id"] for lists in found["recommendations"]] == best.tolist()


def test_it_can_be_saved_by_spark_again(spark: SparkSession, folder: Path, tmp_path: Path) -> None:
    """Spark finds nothing amiss: a copy that it writes itself holds the same."""
    model = ALSModel.load(str(folder / "rating"))
    model.write().save(str(tmp_path / "copy"))
    copy = ALSModel.load(str(tmp_path / "copy"))
    assert copy.itemFactors.orderBy("id").collect() == model.itemFactors.orderBy("id").collect()
    assert copy.userFactors.orderBy("id").collect() == model.userFactors.orderBy("id").collect()
