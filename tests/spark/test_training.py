"""Both models, trained for real on a world whose right answer is known."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Film, Rating
from engine.learning.blocks import RatingBlocks, fit_biases
from engine.learning.mllib import fit_als
from engine.learning.scoring import histories, list_lengths, recommend
from engine.learning.training import Trained, train
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from engine.serving.kinds import Kinds
from engine.serving.library import Shelf
from engine.serving.order import Viewer, pool, scores
from engine.serving.similar_titles import FADES_BY, SimilarTitles
from engine.store import Taste
from tests.spark.conftest import genre_of

pytestmark = pytest.mark.spark

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = Hyperparameters(PreferenceHyperparameters(rank=8, iterations=5), RatingHyperparameters(rank=4, iterations=5))


@pytest.fixture(scope="module")
def trained(spark: SparkSession, ratings: DataFrame) -> Trained:
    heard: list[str] = []
    result = train(spark, ratings, SMALL, seed=1, progress=lambda done, detail: heard.append(detail))
    assert heard[1] == "both models, iteration 0 of 5"
    assert heard[-1] == "trained"
    return result


@pytest.fixture(scope="module")
def published(trained: Trained, ratings: DataFrame) -> pd.DataFrame:
    """Everybody's ten, as a run publishes them."""
    return recommend(trained.users, histories(ratings), trained.model(), limit=10).toPandas()


def test_viewers_of_one_genre_are_shown_that_genre(published: pd.DataFrame) -> None:
    """Unseen films only: 11 of the loved genre are left to everybody, so all of the first ten are."""
    right = published["movie_id"].map(genre_of) == published["user_id"] % 4
    assert right.mean() > 0.97


def test_nobody_is_shown_a_film_they_rated_or_one_twice(trained: Trained, ratings: DataFrame) -> None:
    lists = recommend(trained.users, histories(ratings), trained.model(), limit=90).toPandas()
    assert not lists.merge(ratings.toPandas(), on=["user_id", "movie_id"]).size
    assert not lists.duplicated(["user_id", "movie_id"]).any()
    assert lists.groupby("user_id").size().eq(80).all(), "100 films less the 20 that each has seen"
    assert lists.groupby("user_id")["position"].agg(lambda p: sorted(p) == list(range(1, 81))).all()


def test_it_is_known_how_long_each_list_will_be(trained: Trained, ratings: DataFrame) -> None:
    few = ratings.where(
        "user_id < 3 or user_id > 3 and movie_id > 50"
    )  # that is 3 who have seen 20 films, others fewer
    for limit in (10, 85):
        lists = recommend(trained.users.where("user_id != 3"), histories(few), trained.model(), limit=limit).toPandas()
        people, lengths = list_lengths(few, trained.model(), limit=limit)
        assert dict(zip(people.tolist(), lengths.tolist(), strict=True)) == lists.groupby("user_id").size().to_dict()


def test_a_folded_in_viewer_gets_the_row_that_they_were_trained_with(trained: Trained, ratings: DataFrame) -> None:
    """People are solved last, so the same ratings with the films held still give the same row, in both models."""
    model = trained.model()
    of_user = {user: dict(zip(rows["movie_id"], rows["stars"], strict=True)) for user, rows in _by_user(ratings)}
    for person in trained.users.collect():
        profile = model.profile(of_user[person["user_id"]])
        np.testing.assert_allclose(profile.preference, person["preference"], atol=2e-6)
        np.testing.assert_allclose(profile.rating, person["rating"], atol=2e-6)
        assert profile.bias == pytest.approx(person["bias"], abs=1e-6)


def test_a_fresh_list_is_the_published_one(trained: Trained, ratings: DataFrame, published: pd.DataFrame) -> None:
    """The bot, folding in at request time, orders films and predicts stars as the batch does."""
    model = trained.model()
    for user, rows in _by_user(ratings):
        rated = dict(zip(rows["movie_id"], rows["stars"], strict=True))
        fresh = model.best(model.profile(rated), limit=10, hidden=rated, diversity=0.0)
        batch = published[published["user_id"] == user].sort_values("position")
        np.testing.assert_allclose([pick.score for pick in fresh], batch["score"], atol=1e-4)
        np.testing.assert_allclose(
            sorted(pick.predicted_stars for pick in fresh), sorted(batch["predicted_stars"]), atol=1e-3
        )


def test_likeness_says_the_same_in_a_fresh_list_and_in_a_published_one(
    trained: Trained, ratings: DataFrame, published: pd.DataFrame
) -> None:
    """Likeness and kinds lift films into everybody's list; both orders are the bot's and the batch's alike."""
    model = trained.model()
    films = model.movie_ids
    kinds = Kinds.of(
        model, [Film(film, "", "", (), 1950 + film, ("Drama",), rating_count=9) for film in films.tolist()]
    )
    likeness = SimilarTitles.of(films, films, np.roll(films, 1), np.linspace(0, 6, len(films)).astype(np.float32))
    assert ratings.groupBy("user_id").count().where(F.col("count") < FADES_BY).count(), "likeness has a say"
    lifted, *others = (
        recommend(trained.users, histories(ratings), model, *lifting, limit=10).toPandas()
        for lifting in ((likeness, kinds), (likeness,), (None, kinds))
    )
    every = (lifted, *others, published)
    in_order = [lists.sort_values(["user_id", "position"]).reset_index(drop=True) for lists in every]
    assert not any(a.equals(b) for a, b in itertools.combinations(in_order, 2)), "both have a say"
    for user, rows in _by_user(ratings):
        rated = dict(zip(rows["movie_id"], rows["stars"], strict=True))
        person = Viewer.of(model, Taste(user, tuple(Rating(film, stars, NOW) for film, stars in rated.items())))
        found = scores(Shelf(model=model, similar=likeness, kinds=kinds), model, person)
        found[model.rows(rated)] = -np.inf
        fresh = pool(model, found, 10)[:10]
        batch = lifted[lifted["user_id"] == user].sort_values("position")
        np.testing.assert_allclose(found[fresh], batch["score"], atol=1e-4)
        assert set(model.movie_ids[fresh[:5]]) <= set(batch["movie_id"])


def test_the_order_of_preference_alone_is_sparks_own(trained: Trained, ratings: DataFrame) -> None:
    """With blend 0 our lists are those of recommendForAllUsers with the films that each has seen taken out."""
    values = ratings.select("user_id", "movie_id", (F.col("stars") - 2.9).cast("float").alias("value"))
    als = fit_als(values, rank=8, reg=0.2, iterations=5, seed=1, alpha=1.0)
    nested = als.recommendForAllUsers(100).select("user_id", F.explode("recommendations").alias("r"))
    oracle = nested.select("user_id", "r.movie_id", "r.rating").join(ratings, ["user_id", "movie_id"], "left_anti")
    oracle = oracle.toPandas().sort_values(["user_id", "rating"], ascending=[True, False])

    users = als.userFactors.select(F.col("id").alias("user_id"), F.col("features").alias("preference"))
    users = users.join(trained.users.drop("preference"), "user_id")
    items = als.itemFactors.orderBy("id").toPandas()["features"]
    rows = replace(trained.rows, preference=np.array(items.tolist(), np.float32))
    nobodys = np.zeros_like(trained.average_taste)
    model = replace(trained, rows=rows, average_taste=nobodys, hyperparameters=replace(SMALL, blend=0.0)).model()
    ours = recommend(users, histories(ratings), model, limit=5).toPandas().sort_values(["user_id", "position"])

    expected = oracle.groupby("user_id")["movie_id"].agg(lambda films: films.tolist()[:5])
    assert ours.groupby("user_id")["movie_id"].agg(list).to_dict() == expected.to_dict()


def test_biases_solve_the_damped_means(ratings: DataFrame) -> None:
    """A film's bias is the damped mean of its stars less the overall mean and the users' biases."""
    blocks = RatingBlocks.of(ratings.repartition("user_id").withColumnRenamed("stars", "value"))
    biases = fit_biases(blocks, user_damping=8.0, movie_damping=3.0)
    rows = ratings.toPandas().sort_values(["user_id", "movie_id"])
    assert biases.mean_stars == pytest.approx(rows["stars"].mean(), abs=1e-6)
    film = biases.films[np.searchsorted(blocks.movie_ids, rows["movie_id"])]
    people = blocks.with_biases(biases).toPandas().set_index("user_id")["bias"]
    bias = people[rows["user_id"]].to_numpy()
    left = blocks.with_values(biases.residuals).frame().toPandas().sort_values(["user_id", "movie_id"])
    np.testing.assert_allclose(left["value"], rows["stars"] - biases.mean_stars - bias - film, atol=1e-5)
    for user, group in rows.assign(film=film).groupby("user_id"):
        expected = (group["stars"] - biases.mean_stars - group["film"]).sum() / (len(group) + 8.0)
        assert people[user] == pytest.approx(expected, abs=1e-5), user


def test_the_same_seed_gives_the_same_model(trained: Trained, ratings: DataFrame, spark: SparkSession) -> None:
    again = train(spark, ratings, SMALL, seed=1, progress=lambda done, detail: None)
    np.testing.assert_allclose(again.rows.preference, trained.rows.preference, atol=1e-5)
    np.testing.assert_allclose(again.rows.bias, trained.rows.bias, atol=1e-6)


def _by_user(ratings: DataFrame) -> list[tuple[int, "object"]]:
    return list(ratings.toPandas().groupby("user_id"))
