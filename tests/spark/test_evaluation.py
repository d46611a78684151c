"""Evaluation on a world whose right answer is known, and both splits."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.judging import evaluation, rivals
from engine.judging.comparison import METRICS, Comparison, compare
from engine.judging.evaluation import (
    held_out,
    is_held,
    measure,
    measure_folded,
    popularity,
    same_for_all,
    split,
    split_by_time,
)
from engine.judging.rivals import MODELS
from engine.learning.fits import Folding
from engine.learning.training import train
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters

pytestmark = pytest.mark.spark

SMALL = Hyperparameters(PreferenceHyperparameters(rank=8, iterations=5), RatingHyperparameters(rank=4, iterations=5))


def compared(spark: SparkSession, ratings: DataFrame) -> Comparison:
    sides = split(ratings, seed=3, percent=30)
    about = {"by": "random", "train_percent": 70, "seed": 3, "dataset": "tiny"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "REGS", (0.1, 0.3))  # two are enough for a choice
        return compare(spark, *sides, SMALL, split=about, show=lambda stage, done, detail: None)


@pytest.fixture(scope="module")
def comparison(spark: SparkSession, ratings: DataFrame) -> Comparison:
    return compared(spark, ratings)


class TestComparison:
    def test_every_model_has_every_metric_by_name(self, comparison: Comparison) -> None:
        assert list(comparison.models) == list(MODELS)
        assert all(list(found) == list(METRICS) for found in comparison.models.values())

    def test_what_does_not_apply_is_null(self, comparison: Comparison) -> None:
        """Popularity and EASE know no stars; plain ALS has no prediction for what it was not trained on."""
        nothing = {
            name: {m for m, value in found.items() if value is None} for name, found in comparison.models.items()
        }
        stars = {name for name in METRICS if "mse" in name or "mae" in name or "stars" in name}
        assert nothing == {
            "popularity": stars,
            "biases": set(),
            "plain_als": {"rmse_all"},
            "signed_als": stars,
            "ease": stars,
            "ease_stars": stars,
            "matinee": set(),
        }

    def test_who_knows_genres_finds_what_people_love_and_who_knows_popularity_does_not(
        self, comparison: Comparison
    ) -> None:
        """About four of the 90 unseen films are loved, and they are among some fifteen of the viewer's genre."""
        ndcg = {name: found["ndcg_at_10"] or 0 for name, found in comparison.models.items()}
        assert ndcg["popularity"] < 0.2
        assert ndcg["biases"] < 0.2
        assert min(ndcg["ease"], ndcg["ease_stars"], ndcg["matinee"]) > 0.4
        roem = {name: found["roem"] or 0 for name, found in comparison.models.items()}
        assert 0.35 < roem["popularity"] < 0.6
        assert roem["matinee"] < 0.3

    def test_who_knows_genres_predicts_stars_better(self, comparison: Comparison) -> None:
        """Loved films have 4 stars or more, the others 3 or less; that says nothing about person or film alone."""
        rmse = {name: found["rmse_warm"] or 0 for name, found in comparison.models.items()}
        assert rmse["biases"] > 1.4
        assert 0 < rmse["plain_als"] < 1.0
        assert 0 < rmse["matinee"] < rmse["biases"]
        assert 0 < (comparison.models["matinee"]["rmse_train"] or 0) < rmse["matinee"]

    def test_intervals_hold_their_figures(self, comparison: Comparison) -> None:
        for name, spans in comparison.intervals.items():
            for metric, span in spans.items():
                assert span.low <= (comparison.models[name][metric] or 0) <= span.high, (name, metric)
        assert comparison.lead["popularity"].low > 0.2

    def test_the_table_and_the_json_say_the_same(self, comparison: Comparison) -> None:
        facts, lines = comparison.facts(), comparison.lines()
        ndcg = next(line for line in lines if line.startswith("ndcg_at_10"))
        assert ndcg.split()[1:] == [f"{found['ndcg_at_10']:.4f}" for found in facts["models"].values()]
        assert facts["split"]["train_ratings"] + facts["split"]["test_ratings"] == 2_400
        assert max(map(len, lines)) <= 118


class TestMeasure:
    def test_popularity_worked_out_by_hand(self, spark: SparkSession) -> None:
        """Films 1 to 4 have 4, 3, 2 and 1 ratings. Ann saw 1 and is tested on 3 (loved), 4 (not) and 9 (new).

        She is shown 2, 3, 4: the film she loves is second. One of the two films that she loves can be found.
        """
        films = np.array([1, 2, 3, 4], np.int32)
        counts = np.array([4, 3, 2, 1], np.float32)
        people = spark.createDataFrame([(7, 0.5)], "user_id int, bias float")
        users, model = same_for_all(people, films, counts, np.zeros(4, np.float32), 3.0)
        train = spark.createDataFrame([(7, 1, 5.0)], "user_id int, movie_id int, stars float")
        rows = [(7, 3, 4.5), (7, 4, 2.0), (7, 9, 4.0), (8, 1, 3.0)]
        test = spark.createDataFrame(rows, "user_id int, movie_id int, stars float")
        found = measure(users, model, held_out(train, test), counts)

        assert found.metrics["ndcg_at_10"] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
        assert found.metrics["precision_at_10"] == pytest.approx(0.1)
        assert found.metrics["recall_at_10"] == pytest.approx(0.5)
        assert found.metrics["map_at_10"] == pytest.approx(0.25)
        assert found.metrics["coverage_at_10"] == pytest.approx(3 / 4)
        bits = -np.log2(counts[1:] / 10)
        assert found.metrics["novelty_at_10"] == pytest.approx(bits.mean(), abs=1e-5)
        # For Ann, film 3 is second of three candidates, film 4 last; film 9 is no candidate. Person 8, who is new, is
        # shown what the average person is: film 1, which they rated 3.0, is first.
        assert found.metrics["roem"] == pytest.approx((4.5 * 0.5 + 2.0 * 1.0 + 3.0 * 0.0) / 9.5)
        # Everything is predicted 3.5; person 8 is new and gets 3.0. Only films 3 and 4 of person 7 are warm.
        assert found.metrics["rmse_warm"] == pytest.approx(((1.0 + 2.25) / 2) ** 0.5)
        assert found.metrics["rmse_all"] == pytest.approx(((1.0 + 2.25 + 0.25 + 0) / 4) ** 0.5)
        assert found.per_user["ndcg"].notna().sum() == 1, "nobody is ranked for whom nothing is known"

    def test_of_many_people_a_fixed_sample_is_ranked_and_all_have_their_stars_measured(
        self, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(evaluation, "RANKED_USERS", 100)
        ids = spark.range(1_000).select(F.col("id").cast("int").alias("user_id"))
        films, counts = np.array([1, 2], np.int32), np.ones(2, np.float32)
        users, model = same_for_all(ids.withColumn("bias", F.lit(0.0)), films, counts, 0 * counts, 3.0)
        train = ids.withColumns({"movie_id": F.lit(1), "stars": F.lit(4.0)})
        test = ids.withColumns({"movie_id": F.lit(2), "stars": F.lit(4.0)})
        found = measure(users, model, held_out(train, test), counts)
        assert 60 < found.per_user["ndcg"].notna().sum() < 140
        assert found.per_user["n_all"].sum() == 1_000


class TestMeasureFolded:
    def test_it_finds_what_measure_finds_with_people_s_rows_from_spark(
        self, spark: SparkSession, ratings: DataFrame
    ) -> None:
        """Also about a person and a film of whom all ratings are on the test side."""
        held = is_held(seed=3) | (F.col("user_id") == 3) | (F.col("movie_id") == 7)
        training_side, test_side = ratings.where(~held), ratings.where(held)
        trained = train(spark, training_side, SMALL, seed=1, progress=lambda done, detail: None)
        counted = training_side.groupBy("movie_id").count().orderBy("movie_id").toPandas()
        counts = counted["count"].to_numpy(np.float32)
        everybody = trained.users.select("user_id", F.lit(0.0).cast("float").alias("bias"))
        by_popularity = same_for_all(everybody, trained.rows.movie_ids, counts, 0 * counts, trained.mean_stars)
        people = held_out(training_side, test_side)

        model = trained.model()
        found = measure_folded(ratings, held, [Folding(model), popularity(counts, trained)], counts)
        expected = [measure(trained.users, model, people, counts), measure(*by_popularity, people, counts)]
        for mine, theirs in zip(found, expected, strict=True):
            assert mine.metrics == pytest.approx(theirs.metrics)
            sides = (one.per_user.sort_values("user_id").reset_index(drop=True) for one in (mine, theirs))
            pd.testing.assert_frame_equal(*sides, check_dtype=False)
            pd.testing.assert_frame_equal(mine.errors, theirs.errors)
        stranger = found[0].per_user.set_index("user_id").loc[3]
        assert (stranger["n_all"], stranger["n_warm"]) == (20, 0)


class TestSplits:
    def test_a_random_split_is_the_same_in_any_order_and_parts_the_ratings(self, ratings: DataFrame) -> None:
        train, test = split(ratings, seed=20)
        shuffled, _ = split(ratings.orderBy(F.rand(1)).repartition(5), seed=20)
        assert train.exceptAll(shuffled).isEmpty()
        assert train.count() + test.count() == ratings.count()
        assert train.join(test, ["user_id", "movie_id"]).isEmpty()
        assert 0.17 < test.count() / ratings.count() < 0.23

    def test_a_larger_test_side_holds_the_smaller_one(self, ratings: DataFrame) -> None:
        """So figures at 60 and at 80 % are about nested sets of ratings."""
        _, large = split(ratings, seed=20, percent=40)
        _, small = split(ratings, seed=20, percent=20)
        assert small.exceptAll(large).isEmpty()

    def test_new_ratings_leave_the_side_of_the_others_alone(self, spark: SparkSession, ratings: DataFrame) -> None:
        more = spark.createDataFrame([(900, 1, 4.0), (901, 2, 4.0)], ratings.schema)
        train, _ = split(ratings, seed=20)
        again, _ = split(ratings.union(more), seed=20)
        assert train.exceptAll(again).isEmpty()

    def test_a_split_by_time_tests_on_what_each_person_rated_last(self, spark: SparkSession) -> None:
        """Ann's last two of ten, one of them rated in the same second as another; Bob has too few to give any."""
        start = datetime(2024, 1, 1, tzinfo=UTC)
        ann = [(1, film, 4.0, start + timedelta(minutes=-film)) for film in range(1, 9)]
        ann += [(1, 20, 4.0, start + timedelta(days=1)), (1, 21, 4.0, start), (1, 22, 4.0, start)]
        bob = [(2, film, 4.0, start + timedelta(days=film)) for film in range(1, 5)]
        world = spark.createDataFrame(ann + bob, "user_id int, movie_id int, stars float, rated_at timestamp")
        train, test = split_by_time(world, percent=20)
        assert sorted((row.user_id, row.movie_id) for row in test.collect()) == [(1, 20), (1, 22)]
        assert train.count() == 13
        assert train.columns == world.columns


def test_a_set_of_fewer_people_than_factors_is_compared_all_the_same(spark: SparkSession) -> None:
    """MLlib's signed ALS cannot solve it at its usual rank: a film that is only disliked is not regularised there."""
    rows = [(user, film, 1.0 if film % 5 == 0 else 4.5) for user in range(8) for film in range(30) if (user + film) % 3]
    ratings = spark.createDataFrame(rows, "user_id int, movie_id int, stars float")
    found = compared(spark, ratings)
    assert found.models["signed_als"]["ndcg_at_10"] is not None
    assert any("signed_als: rank" in line for line in found.lines())
