"""Every placement fits the same model, and MLlib's model if MLlib supports the objective."""

from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pyspark.ml.recommendation import ALSModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from structlog.testing import capture_logs

from engine.domain import Film
from engine.learning.fits import Fit, PreferenceFit, StarsFit
from engine.learning.mllib import collect_factors, expressible, fit_als, signed_strengths
from engine.learning.scoring import histories, recommend
from engine.learning.solver import half_step
from engine.learning.training import LARGEST_TASK, Placement, Trained, place, rating_table, train
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from tests.spark.conftest import FILMS_PER_GENRE, GENRES, genre_of

pytestmark = pytest.mark.spark

SMALL = Hyperparameters(PreferenceHyperparameters(rank=8, iterations=5), RatingHyperparameters(rank=4, iterations=5))
OF_MLLIB = PreferenceHyperparameters(
    "signed",
    rank=8,
    reg=0.2,
    neutral=2.9,
    nu_users=1.0,
    nu_items=1.0,
    alpha=1.0,
    iterations=5,
    scale=1.0,
    pull=0.0,
    prior=False,
)
FILMS = [Film(film, "", "", genres=(f"{genre_of(film)}",)) for film in range(GENRES * FILMS_PER_GENRE)]


def told(done: float, detail: str) -> None:
    """A progress callback that does nothing."""


@pytest.fixture(scope="module")
def values(ratings: DataFrame) -> DataFrame:
    return ratings.select("user_id", "movie_id", F.col("stars").alias("value"))


def agrees_with_mllib(fit: Fit, start: ALSModel, end: ALSModel, iterations: int) -> None:
    """MLlib solves films first, from random people; we begin where that has brought it."""
    by_user, by_film = fit.sides
    first = half_step(by_film, collect_factors(start.userFactors)[1], unobserved=fit.unobserved)
    items, _ = fit.advance(first, None, iterations - 1)
    users = half_step(by_user, items, unobserved=fit.unobserved)
    np.testing.assert_allclose(items, collect_factors(end.itemFactors)[1], atol=1e-4)
    np.testing.assert_allclose(users, collect_factors(end.userFactors)[1], atol=1e-4)


def test_the_preference_model_is_mllibs_for_its_objective(values: DataFrame) -> None:
    fit = PreferenceFit(rating_table(values), OF_MLLIB)
    strengths = signed_strengths(values, OF_MLLIB)
    start, end = (fit_als(strengths, rank=8, reg=0.2, iterations=n, alpha=1.0, seed=3) for n in (0, 5))
    agrees_with_mllib(fit, start, end, 5)


def test_the_rating_model_is_mllibs(values: DataFrame, spark: SparkSession) -> None:
    fit = StarsFit(
        rating_table(values),
        RatingHyperparameters(rank=4, reg=0.15, nu_users=1.0, nu_items=1.0, iterations=5, pseudo=0.0),
    )
    left = fit.biases.residuals(fit.table).astype(np.float32)
    rows = zip(fit.table.users.tolist(), fit.table.films.tolist(), left.tolist(), strict=True)
    residuals = spark.createDataFrame(list(rows), "user_id int, movie_id int, value float")
    start, end = (fit_als(residuals, rank=4, reg=0.15, iterations=n, seed=3) for n in (0, 5))
    agrees_with_mllib(fit, start, end, 5)


Lines = list[MutableMapping[str, Any]]


@pytest.fixture(scope="module")
def whole(spark: SparkSession, ratings: DataFrame) -> tuple[Trained, Lines]:
    """The model as the sizes place it, in one task, and the log of its training."""
    with capture_logs() as lines:
        return train(spark, ratings, SMALL, films=FILMS, seed=1, progress=told), lines


@pytest.fixture(scope="module")
def in_blocks(spark: SparkSession, ratings: DataFrame) -> tuple[Trained, Lines, list[str]]:
    """The model fitted in blocks because we ask for that, the log of its training, and its progress."""
    heard: list[str] = []
    with capture_logs() as lines:
        trained = train(
            spark, ratings, SMALL, films=FILMS, seed=1, placement=Placement.BLOCKS,
            progress=lambda done, detail: heard.append(detail),
        )  # fmt: skip
    return trained, lines, heard


def test_in_blocks_the_model_is_the_same(
    whole: tuple[Trained, Lines], in_blocks: tuple[Trained, Lines, list[str]]
) -> None:
    (expected, _), (apart, _, heard) = whole, in_blocks
    assert "preference model, iteration 3 of 5" in heard
    assert "rating model, iteration 4 of 5" in heard
    np.testing.assert_array_equal(apart.rows.movie_ids, expected.rows.movie_ids)
    for name in ("preference", "rating", "bias"):
        np.testing.assert_allclose(getattr(apart.rows, name), getattr(expected.rows, name), atol=1e-4, err_msg=name)
    np.testing.assert_allclose(apart.average_taste, expected.average_taste, atol=1e-4)
    assert apart.mean_stars == pytest.approx(expected.mean_stars)


def test_by_mllib_it_is_a_model_of_the_objective_that_mllib_has(spark: SparkSession, ratings: DataFrame) -> None:
    trained = train(spark, ratings, SMALL, films=FILMS, seed=1, placement=Placement.MLLIB, progress=told)
    assert trained.hyperparameters == expressible(SMALL)
    assert trained.hyperparameters.preference.target == "signed"
    lists = recommend(trained.users, histories(ratings), trained.model(), limit=10).toPandas()
    assert (lists["movie_id"].map(genre_of) == lists["user_id"] % GENRES).mean() > 0.97


def test_what_mllib_can_express_is_left_as_it_is() -> None:
    stars = RatingHyperparameters(nu_users=1.0, nu_items=1.0, reg=0.3)
    theirs = Hyperparameters(OF_MLLIB, stars)
    assert expressible(theirs) == theirs
    assert expressible(replace(theirs, preference=replace(OF_MLLIB, pull=0.5))).preference.pull == 0
    assert expressible(replace(theirs, rating=replace(stars, nu_users=0.5))).rating != stars


def test_the_sizes_say_where() -> None:
    assert place(LARGEST_TASK, 200_000, 20_000, rank=64) is Placement.WHOLE
    assert place(20_000_000, 138_000, 27_000, rank=64) is Placement.BLOCKS
    assert place(2_000_000_000, 50_000_000, 27_000, rank=64) is Placement.MLLIB


def test_the_log_says_where_a_model_was_fitted_and_who_chose(
    whole: tuple[Trained, Lines], in_blocks: tuple[Trained, Lines, list[str]]
) -> None:
    placed = [line for line in (*whole[1], *in_blocks[1]) if line["event"] == "training_placed"]
    assert [(line["placement"], line["asked"]) for line in placed] == [("whole", False), ("blocks", True)]
    assert placed[0]["ratings"] == 2400
