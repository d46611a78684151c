"""Play counts: the preference model alone, trained for real on listeners whose taste is known."""

from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Film
from engine.judging import evaluation
from engine.judging.comparison import METRICS, compare
from engine.judging.gate import decide
from engine.judging.rivals import OF_STARS
from engine.learning.scoring import histories, recommend
from engine.learning.training import Trained, train, values_of
from engine.progress import nothing
from engine.serving.factors import OF_PLAYS, observed
from tests.spark.conftest import FILMS_PER_GENRE, GENRES, WATCHERS_PER_GENRE, genre_of

pytestmark = pytest.mark.spark

SMALL = replace(OF_PLAYS, preference=replace(OF_PLAYS.preference, rank=8, iterations=5))
LISTENERS = GENRES * WATCHERS_PER_GENRE


def plays_of(seed: int = 0) -> list[tuple[int, int, float]]:
    """Return (user, artist, plays): everybody plays artists of one genre often, and a few others once or twice."""
    rng = np.random.default_rng(seed)
    artists = range(GENRES * FILMS_PER_GENRE)
    rows = []
    for user in range(LISTENERS):
        loved = [artist for artist in artists if genre_of(artist) == user % GENRES]
        others = [artist for artist in artists if genre_of(artist) != user % GENRES]
        rows += [(user, int(artist), float(rng.integers(20, 5_000))) for artist in rng.choice(loved, 14, False)]
        rows += [(user, int(artist), float(rng.integers(1, 3))) for artist in rng.choice(others, 6, False)]
    return rows


@pytest.fixture(scope="module")
def plays(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(plays_of(), "user_id int, movie_id int, plays float").repartition("user_id").cache()


@pytest.fixture(scope="module")
def trained(spark: SparkSession, plays: DataFrame) -> Trained:
    return train(spark, plays, SMALL, seed=1, progress=lambda done, detail: None)


def test_the_strength_of_a_count_is_its_logarithm(plays: DataFrame) -> None:
    values = plays.withColumn("value", values_of(plays)).toPandas()
    said = observed(values["value"].to_numpy(), OF_PLAYS.preference)
    np.testing.assert_allclose(said.weights, OF_PLAYS.preference.alpha * np.log1p(values["plays"]), rtol=1e-6)
    assert (said.targets == 1).all()


def test_listeners_are_shown_their_genre_and_no_stars(trained: Trained, plays: DataFrame) -> None:
    lists = recommend(trained.users, histories(plays), trained.model(), limit=10).toPandas()
    assert (lists["movie_id"].map(genre_of) == lists["user_id"] % GENRES).mean() > 0.97
    assert lists["predicted_stars"].isna().all()
    assert not lists.merge(plays.toPandas(), on=["user_id", "movie_id"]).size


def test_a_folded_in_listener_gets_the_row_that_they_were_trained_with(trained: Trained, plays: DataFrame) -> None:
    model, rows = trained.model(), plays.toPandas()
    for person in trained.users.collect():
        own = rows[rows["user_id"] == person["user_id"]]
        played = dict(zip(own["movie_id"].tolist(), own["plays"].tolist(), strict=True))
        profile = model.profile(played)
        np.testing.assert_allclose(profile.preference, person["preference"], atol=2e-6)
        fresh = model.best(profile, limit=5, hidden=played, diversity=0.0)
        assert all(pick.predicted_stars is None for pick in fresh)
        assert {genre_of(pick.movie_id) for pick in fresh} == {person["user_id"] % GENRES}
        reasons = model.reasons(profile, fresh[0].movie_id)
        assert reasons
        assert {genre_of(artist) for artist in reasons} == {person["user_id"] % GENRES}


def test_pseudo_users_are_no_people(spark: SparkSession, plays: DataFrame) -> None:
    kinds = [Film(artist, "", "", genres=(f"{genre_of(artist)}",)) for artist in range(GENRES * FILMS_PER_GENRE)]
    alone = replace(SMALL, preference=replace(SMALL.preference, prior=False, pull=0.0))
    found = train(spark, plays, alone, films=kinds, seed=1, progress=lambda done, detail: None)
    people = found.users.toPandas()
    assert sorted(people["user_id"]) == list(range(LISTENERS))
    np.testing.assert_allclose(found.average_taste, np.mean(people["preference"].tolist(), axis=0), atol=1e-5)


def test_models_are_judged_by_ranking_and_by_nothing_that_needs_stars(spark: SparkSession, plays: DataFrame) -> None:
    sides = evaluation.split(plays, seed=20)
    found = compare(spark, *sides, SMALL, split={"by": "random", "train_percent": 80, "dataset": "x"}, show=nothing)
    ours, popularity = found.models["matinee"], found.models["popularity"]
    assert all(found.models[name][metric] is None for name in found.models for metric in OF_STARS)
    assert all(value is None for value in found.models["biases"].values())
    ranking = [name for name in METRICS if name not in OF_STARS and name not in ("rmse_train", "train_seconds")]
    assert all(ours[name] is not None for name in ranking)
    assert (ours["roem"] or 1) < 0.2 < 0.3 < (popularity["roem"] or 0)
    assert (ours["ndcg_at_10"] or 0) > 2 * (popularity["ndcg_at_10"] or 1)
    assert "nDCG@10 above ease's" in "\n".join(found.lines())


def test_everything_played_is_relevant_and_weighs_by_its_logarithm(spark: SparkSession) -> None:
    """Artists 1 to 3 have 3, 2 and 1 listeners. Ann knows 1, and is tested on 2 (99 plays) and 3 (once)."""
    artists, counts = np.array([1, 2, 3], np.int32), np.array([3, 2, 1], np.float32)
    people = spark.createDataFrame([(7, 0.0)], "user_id int, bias float")
    users, model = evaluation.same_for_all(people, artists, counts, 0 * counts, 0.0)
    before, after = (
        spark.createDataFrame(rows, "user_id int, movie_id int, plays float")
        for rows in ([(7, 1, 10.0)], [(7, 2, 99.0), (7, 3, 1.0)])
    )
    found = evaluation.measure(users, model, evaluation.held_out(before, after), counts, predicts_stars=False)
    assert found.metrics["ndcg_at_10"] == pytest.approx(1)
    assert found.metrics["recall_at_10"] == pytest.approx(1)
    assert found.metrics["roem"] == pytest.approx(np.log(2) / (np.log(2) + np.log(100)))
    assert found.metrics["rmse_all"] is None


def test_the_gate_judges_lists_alone(spark: SparkSession, plays: DataFrame, trained: Trained) -> None:
    """A model of play counts predicts no stars; the gate still rejects one of shuffled counts."""
    training_side, test_side = evaluation.split(plays, seed=20)
    people = evaluation.held_out(training_side, test_side).cache()
    shuffled = plays.select(
        "user_id", F.pmod(F.xxhash64("user_id", "movie_id"), F.lit(100)).cast("int").alias("movie_id")
    )
    noise = shuffled.distinct().withColumn("plays", F.lit(5.0).cast("float")).repartition("user_id").cache()
    measured = {}
    for name, source in (("honest", training_side), ("noise", noise)):
        model = train(spark, source, SMALL, seed=1, progress=lambda done, detail: None)
        counts = np.ones(len(model.rows.movie_ids), np.float32)
        measured[name] = evaluation.measure(model.users, model.model(), people, counts, predicts_stars=False)
        assert measured[name].per_user["squared_all"].isna().all()
    bar = {"ndcg_at_10": 0.05, "rmse_all": None}
    accepted = decide(measured["honest"].per_user, bar, None)
    assert accepted.accepted
    rejected = decide(measured["noise"].per_user, bar, measured["honest"].per_user)
    assert not rejected.accepted
    assert "nDCG@10" in rejected.reason
