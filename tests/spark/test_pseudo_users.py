"""Pseudo-users for each kind of film draw films with few ratings towards their kind, and are not in the model."""

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from engine.domain import Film
from engine.learning.fits import pseudo_pairs
from engine.learning.training import Trained, train
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from tests.spark.conftest import FILMS_PER_GENRE, GENRES, genre_of

pytestmark = pytest.mark.spark

SMALL = Hyperparameters(PreferenceHyperparameters(rank=8, iterations=5), RatingHyperparameters(rank=4, iterations=5))
NEW = 60
"""A film of genre 0 that only one viewer, of another genre, has rated, and found so-so."""

FILMS = [
    Film(film, f"Film {film} (1990)", f"Film {film}", (), 1990, (f"Genre {genre_of(film)}",))
    for film in range(GENRES * FILMS_PER_GENRE)
]


@pytest.fixture(scope="module")
def world(spark: SparkSession, ratings: DataFrame) -> DataFrame:
    one = spark.createDataFrame([(1, NEW, 3.5)], ratings.schema)
    return ratings.where(ratings["movie_id"] != NEW).union(one).repartition("user_id").cache()


def trained_on(spark: SparkSession, world: DataFrame, settings: Hyperparameters) -> Trained:
    return train(spark, world, settings, films=FILMS, seed=1, progress=lambda done, detail: None)


@pytest.fixture(scope="module")
def trained(spark: SparkSession, world: DataFrame) -> Trained:
    return trained_on(spark, world, SMALL)


def test_there_is_one_for_each_genre_of_each_decade() -> None:
    """Films that nobody has rated are left out, and a film without a year goes with those of its genre without one."""
    films = [
        Film(1, "", "", year=1991, genres=("Drama", "War")),
        Film(2, "", "", year=1999, genres=("Drama",)),
        Film(3, "", "", year=2001, genres=("Drama",)),
        Film(4, "", "", genres=("Drama",)),
        Film(5, "", "", year=1995, genres=("Drama",)),
        Film(6, "", "", year=1995),
    ]
    movie_ids = np.array([1, 2, 3, 4, 6], np.int32)
    kinds: dict[int, set[int]] = {}
    for kind, row in zip(*pseudo_pairs(films, movie_ids), strict=True):
        kinds.setdefault(int(kind), set()).add(int(movie_ids[row]))
    assert sorted(map(sorted, kinds.values())) == [[1], [1, 2], [3], [4]]
    assert sorted(kinds) == [0, 1, 2, 3]


def test_a_film_that_one_person_rated_is_near_its_kind(trained: Trained, spark: SparkSession, world: DataFrame) -> None:
    """Viewers of genre 0 are predicted to like it, though none of them has rated it; without pseudo-users they are
    not."""
    nobody = Hyperparameters(replace(SMALL.preference, pseudo=0.0), replace(SMALL.rating, pseudo=0.0))
    alone = trained_on(spark, world, nobody)
    assert _margin(trained) > 0.3 > 2 * abs(_margin(alone))


def _margin(trained: Trained) -> float:
    """By how many stars viewers of genre 0 are expected to like the new film more than others are, at the median."""
    model = trained.model()
    row = model.row(NEW)
    assert row is not None
    table = trained.users.toPandas()
    stars = np.array(table["rating"].tolist()) @ model.rating[row]
    own = table["user_id"].to_numpy() % GENRES == 0
    return float(np.median(stars[own]) - np.median(stars[~own]))


def test_they_are_not_among_the_people(trained: Trained, world: DataFrame) -> None:
    ids = {row["user_id"] for row in trained.users.select("user_id").collect()}
    assert ids == {row["user_id"] for row in world.select("user_id").distinct().collect()}


def test_folding_in_stays_exact(trained: Trained, world: DataFrame) -> None:
    """People's rows are solved from the films alone, also if pseudo-users helped to place the films."""
    model = trained.model()
    table = world.toPandas()
    for person in trained.users.limit(20).collect():
        own = table[table["user_id"] == person["user_id"]]
        profile = model.profile(dict(zip(own["movie_id"], own["stars"], strict=True)))
        np.testing.assert_allclose(profile.preference, person["preference"], atol=2e-6)
        np.testing.assert_allclose(profile.rating, person["rating"], atol=2e-6)
