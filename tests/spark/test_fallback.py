"""If learning finds nothing, a model goes live all the same: with popularity's order, or the mean of all stars."""

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from engine.judging.evaluation import Measured, held_out, is_held, measure, measure_folded, popularity, split
from engine.judging.fallback import best_there_is
from engine.judging.gate import Losing, decide, losing
from engine.learning.training import Trained, train
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters

pytestmark = pytest.mark.spark

SMALL = Hyperparameters(PreferenceHyperparameters(rank=8, iterations=3), RatingHyperparameters(rank=4, iterations=3))


@pytest.fixture(scope="module")
def sides(ratings: DataFrame) -> tuple[DataFrame, DataFrame]:
    training, test = split(ratings, seed=3)
    return training.cache(), test.cache()


@pytest.fixture(scope="module")
def trained(spark: SparkSession, sides: tuple[DataFrame, DataFrame]) -> Trained:
    return train(spark, sides[0], SMALL, seed=1, progress=lambda done, detail: None)


def counts_of(trained: Trained, training: DataFrame) -> np.ndarray:
    table = training.groupBy("movie_id").count().orderBy("movie_id").toPandas()
    assert table["movie_id"].tolist() == trained.rows.movie_ids.tolist()
    return table["count"].to_numpy(np.float32)


def bar_of(trained: Trained, ratings: DataFrame, counts: np.ndarray) -> Measured:
    return measure_folded(ratings, is_held(seed=3), [popularity(counts, trained)], counts)[0]


def test_everybody_is_shown_what_most_people_rated(
    trained: Trained, sides: tuple[DataFrame, DataFrame], ratings: DataFrame
) -> None:
    """This holds for people of the training data and for people of the chat, with any ratings."""
    counts = counts_of(trained, sides[0])
    found = best_there_is(trained, counts, Losing(lists=True, stars=False))
    people = held_out(*sides)
    ours, theirs = measure(found.users, found.model(), people, counts), bar_of(trained, ratings, counts)
    assert ours.metrics["ndcg_at_10"] == pytest.approx(theirs.metrics["ndcg_at_10"])
    assert ours.metrics["rmse_all"] == pytest.approx(
        measure(trained.users, trained.model(), people, counts).metrics["rmse_all"]
    )
    model = found.model()
    for rated in ({}, {0: 5.0, 4: 4.5}, {1: 0.5}):
        picks = model.scores(model.profile(rated))
        assert np.all(np.diff(picks[np.argsort(-counts, kind="stable")]) <= 1e-6)


def test_everybody_is_told_the_mean_of_all_stars(trained: Trained, sides: tuple[DataFrame, DataFrame]) -> None:
    counts = counts_of(trained, sides[0])
    found = best_there_is(trained, counts, Losing(lists=False, stars=True))
    model = found.model()
    for rated in ({}, {0: 5.0, 4: 5.0}, {1: 0.5, 2: 0.5, 3: 0.5}):
        stars = model.predicted_stars(model.profile(rated), [0, 1, 2, 99_999])
        np.testing.assert_allclose(stars, found.mean_stars, atol=1e-3)
    people = found.users.toPandas()
    assert (people["bias"] == 0).all()
    assert not np.any(np.stack(people["rating"].to_numpy()))


def test_what_fell_back_passes_the_gate(
    trained: Trained, sides: tuple[DataFrame, DataFrame], ratings: DataFrame
) -> None:
    """A model of noise loses to the simplest recommender. Replaced by it, it is as good and goes live."""
    counts, rng = counts_of(trained, sides[0]), np.random.default_rng(2)
    noise = rng.normal(0, 2, trained.rows.preference.shape).astype(np.float32)
    stars = rng.normal(0, 2, len(counts)).astype(np.float32)
    users = trained.users
    broken = replace(trained, rows=replace(trained.rows, preference=noise, bias=stars), users=users)
    people = held_out(*sides)
    bar = bar_of(trained, ratings, counts).metrics
    bad = measure(broken.users, broken.model(), people, counts)
    lost = losing(bad.per_user, bar)
    assert lost.stars
    assert not decide(bad.per_user, bar, None).accepted
    found = best_there_is(broken, counts, Losing(lists=True, stars=True))
    good = measure(found.users, found.model(), people, counts)
    assert not decide(bad.per_user, bar, good.per_user).accepted
    assert decide(good.per_user, bar, None).accepted
