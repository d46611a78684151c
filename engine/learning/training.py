"""Training both models with Spark ALS: what to show (preference) and which stars to print (rating)."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.ml.functions import array_to_vector
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.ml.stat import Summarizer
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import FactorRows, Floats, MatineeError, Movie
from engine.serving.factors import NUDGE, Hyperparameters, Model, PreferenceSettings, RatingSettings

SEED = 20
"""Of the split and of Spark's random start. A constant: two versions are judged on the same ratings."""

BIAS_ROUNDS = 3
"""Alternations of film and user biases; a fourth moves no bias by more than 0.01 stars on ml-latest-small."""

FEWEST_RATINGS = 100
"""Below this neither model nor its evaluation means anything."""

Progress = Callable[[float, str], None]
"""Takes the fraction done, 0 to 1, and what is going on."""


class TooFewRatings(MatineeError):
    """There is not enough to learn from."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"{found} ratings are too few to learn from, at least {FEWEST_RATINGS} are needed: "
            "rate more films, or load a data set with `python -m engine load`"
        )
        self.found = found


@dataclass(frozen=True)
class Trained:
    """Both models.

    ``users`` has one row for each person: user_id int, preference and rating array<float>, bias float. It stays in
    Spark, cached: a million people's rows need not fit on the driver. The films' side is small and is here.
    """

    users: DataFrame
    rows: FactorRows
    hyperparameters: Hyperparameters
    mean_stars: float
    average_taste: Floats
    seed: int

    @property
    def parameters(self) -> dict[str, Any]:
        """What a version notes beside its rows, and ``Model.assemble`` reads."""
        return asdict(self.hyperparameters) | {
            "mean_stars": self.mean_stars,
            "average_taste": [round(float(x), 7) for x in self.average_taste],
            "seed": self.seed,
        }

    def model(self) -> Model:
        """Return the films' side, ready to score with."""
        return Model.assemble(self.rows, self.parameters)


def train(
    spark: SparkSession,
    ratings: DataFrame,
    hyperparameters: Hyperparameters,
    *,
    films: Sequence[Movie] = (),
    seed: int,
    progress: Progress,
) -> Trained:
    """Train both models; of play counts only the preference model, with nothing in the other's place.

    Args:
        ratings: user_id int, movie_id int, and stars or plays float; each pair once, user ids not negative.
            Partitioned by user_id, and cached: they are read many times.
        hyperparameters: with no rating model exactly if the ratings are plays.
        films: the catalogue, for the typical viewers of each kind of film; without it there are none.
        seed: of Spark's random start.
        progress: told about each iteration.

    Raises:
        TooFewRatings: fewer than ``FEWEST_RATINGS``.
    """
    count = ratings.count()
    if count < FEWEST_RATINGS:
        raise TooFewRatings(count)
    progress(0.0, "preference model")
    typical = typical_viewers(spark, films, ratings)
    preference = fit_preference(
        ratings,
        hyperparameters.preference,
        typical,
        seed=seed,
        progress=lambda done, detail: progress(0.55 * done, f"preference model, {detail}"),
    )
    movie_ids, preference_items = collect_factors(preference.itemFactors)
    people = preference.userFactors.where("id >= 0")  # the typical viewers end here
    people = people.select(F.col("id").alias("user_id"), F.col("features").alias("preference"))
    if hyperparameters.rating is None:
        stars = no_stars(people, len(movie_ids))
    else:
        stars = fit_stars(
            ratings,
            hyperparameters.rating,
            typical,
            seed=seed,
            progress=lambda done, detail: progress(0.55 + 0.45 * done, detail),
        )
    people = people.join(stars.people, "user_id").cache()
    (average,) = people.select(Summarizer.mean(array_to_vector(F.col("preference")))).collect()[0]
    stars.people.unpersist()
    progress(1.0, "trained")
    rows = FactorRows(movie_ids, preference_items, stars.items, stars.movie_bias)
    return Trained(people, rows, hyperparameters, stars.mean_stars, average.toArray().astype(np.float32), seed)


def fit_preference(
    ratings: DataFrame,
    settings: PreferenceSettings,
    typical: DataFrame,
    *,
    seed: int,
    progress: Progress = lambda done, detail: None,
) -> ALSModel:
    """Fit the model of what to show, on people's ratings and those of typical viewers."""
    return fit_als(
        with_typical(signed_strengths(ratings, settings.neutral), typical, settings.typical),
        rank=settings.rank,
        reg=settings.reg,
        iterations=settings.iterations,
        alpha=settings.alpha,
        seed=seed,
        progress=progress,
    )


@dataclass(frozen=True)
class Stars:
    """The rating model: what predicts stars.

    ``items`` (n_items, rank) and ``movie_bias`` (n_items,) are ordered by film id; ``people`` has user_id int, rating
    array<float>, bias float.
    """

    mean_stars: float
    items: Floats
    movie_bias: Floats
    people: DataFrame


def fit_stars(
    ratings: DataFrame,
    settings: RatingSettings,
    typical: DataFrame,
    *,
    seed: int,
    progress: Progress = lambda done, detail: None,
) -> Stars:
    """Fit biases, and ALS on what they leave.

    Args:
        ratings: partitioned by user_id.
    """
    progress(0.0, "biases")
    biases = fit_biases(ratings, user_damping=settings.user_damping, movie_damping=settings.movie_damping)
    left = residuals(ratings, biases).cache()
    fitted = fit_als(
        with_typical(left.select("user_id", "movie_id", "value"), typical, settings.typical),
        rank=settings.rank,
        reg=settings.reg,
        iterations=settings.iterations,
        seed=seed,
        progress=lambda done, detail: progress(0.2 + 0.8 * done, f"rating model, {detail}"),
    )
    _, items = collect_factors(fitted.itemFactors)
    rows = fitted.userFactors.select(F.col("id").alias("user_id"), F.col("features").alias("rating"))
    people = rows.join(left.select("user_id", "bias").distinct(), "user_id").cache()
    people.count()
    left.unpersist()
    return Stars(biases.mean_stars, items, biases.movie_bias.astype(np.float32), people)


def no_stars(people: DataFrame, n_items: int) -> Stars:
    """Return what stands in for a rating model where nobody gave stars: zeros, which add nothing to any order."""
    zero = F.lit(0.0).cast("float")
    zeros = np.zeros((n_items, 1), np.float32)
    return Stars(0.0, zeros, zeros[:, 0], people.select("user_id", F.array(zero).alias("rating"), zero.alias("bias")))


def typical_viewers(spark: SparkSession, films: Sequence[Movie], ratings: DataFrame) -> DataFrame:
    """Return user_id and movie_id: for each genre of each decade, someone made up who likes exactly those films.

    Trained on beside the people, they draw a film that few have rated towards its kind. Their ids are negative and they
    end with the training: people's own rows are solved from the films alone, so folding in stays exact.

    Args:
        films: the catalogue; a film without a year goes with those of its genre that have none either.
        ratings: movie_id; films that have none of them are passed over.
    """
    trained_on = set(ratings.select("movie_id").distinct().toPandas()["movie_id"].tolist()) if films else set()
    kinds: dict[tuple[str, int | None], int] = {}
    pairs = [
        (-1 - kinds.setdefault((genre, film.year and film.year // 10), len(kinds)), film.id)
        for film in films
        if film.id in trained_on
        for genre in film.genres
    ]
    return spark.createDataFrame(pairs, "user_id int, movie_id int")


def with_typical(values: DataFrame, typical: DataFrame, value: float) -> DataFrame:
    """Return user_id, movie_id, value with those of the typical viewers added; a value of 0 adds none."""
    return values if value == 0 else values.union(typical.withColumn("value", F.lit(value).cast("float")))


def values_of(ratings: DataFrame) -> Column:
    """Return what each row says: its stars, or log(1 + plays), since the second play says more than the hundredth.

    Source: Hu, Koren, Volinsky 2008, equation 6, with ε = 1.
    """
    return F.col("stars") if "stars" in ratings.columns else F.log1p("plays").cast("float")


def signed_strengths(ratings: DataFrame, neutral: float) -> DataFrame:
    """Return user_id, movie_id, value: what the preference model is trained on, as ``factors.strengths`` has it."""
    strength = values_of(ratings) - F.lit(neutral)
    value = F.when(strength == 0, F.lit(NUDGE)).otherwise(strength).cast("float")
    return ratings.select("user_id", "movie_id", value.alias("value"))


def fit_als(
    values: DataFrame,
    *,
    rank: int,
    reg: float,
    iterations: int,
    seed: int,
    alpha: float | None = None,
    nonnegative: bool = False,
    progress: Progress = lambda done, detail: None,
) -> ALSModel:
    """Fit Spark's ALS on user_id, movie_id, value.

    Args:
        alpha: given, the values are signed strengths (``implicitPrefs``); else they are predicted as they are.
    """
    spark = values.sparkSession
    blocks = max(spark.sparkContext.defaultParallelism, 1)
    als = ALS(
        rank=rank,
        regParam=reg,
        maxIter=iterations,
        implicitPrefs=alpha is not None,
        alpha=1.0 if alpha is None else alpha,
        nonnegative=nonnegative,
        seed=seed,
        userCol="user_id",
        itemCol="movie_id",
        ratingCol="value",
        numUserBlocks=blocks,
        numItemBlocks=blocks,
    )
    # Two half-steps an iteration; with implicit preferences each sums YᵀY first, in a stage of its own.
    with _iterations(spark, iterations, 2 if alpha is None else 4, progress):
        return als.fit(values)


@dataclass(frozen=True)
class Biases:
    """How far films and people lie from the mean of all stars. ``movie_bias`` is in the order of ``movie_ids``."""

    mean_stars: float
    movie_ids: NDArray[np.int32]
    movie_bias: NDArray[np.float64]
    user_damping: float

    def of_users(self, user_ids: NDArray[Any], rows: NDArray[Any], stars: NDArray[Any]) -> NDArray[np.float64]:
        """Return the damped bias of each rating's user; all ratings of a user must be among those given."""
        _, user, count = np.unique(user_ids, return_inverse=True, return_counts=True)
        sums = np.bincount(user, stars - self.mean_stars - self.movie_bias[rows])
        bias: NDArray[np.float64] = (sums / (count + self.user_damping))[user]
        return bias


def fit_biases(ratings: DataFrame, *, user_damping: float, movie_damping: float) -> Biases:
    """Fit the mean, and each film's bias beside the users', by a few alternating damped means.

    The users' side follows from the films' and is recomputed where it is needed, so that only the films' side leaves
    Spark: each round is one pass in which every partition, which holds whole users, sums what it leaves of each film.

    Args:
        ratings: partitioned by user_id.

    Source: Funk 2006; Koren 2010 ("Factor in the neighbors"), section 2.1.
    """
    films = ratings.groupBy("movie_id").agg(F.count("*").alias("n"), F.sum("stars").alias("stars"))
    table = films.orderBy("movie_id").toPandas()
    count = table["n"].to_numpy(np.float64)
    mean_stars = float(table["stars"].sum() / count.sum())
    biases = Biases(mean_stars, table["movie_id"].to_numpy(np.int32), np.zeros(len(table)), user_damping)
    for _ in range(BIAS_ROUNDS):
        sums = ratings.mapInArrow(_film_sums(biases), "row int, sum double").groupBy("row").agg(F.sum("sum"))
        found = sums.toPandas().to_numpy(np.float64)
        total = np.bincount(found[:, 0].astype(np.intp), found[:, 1], minlength=len(count))
        biases = replace(biases, movie_bias=total / (count + movie_damping))
    return biases


def residuals(ratings: DataFrame, biases: Biases) -> DataFrame:
    """Return user_id, movie_id, value (what the biases leave of the stars) and the user's bias, for every rating."""

    def subtract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        users, movies, stars, rows = _arrays(batches, biases.movie_ids)
        bias = biases.of_users(users, rows, stars)
        value = stars - biases.mean_stars - bias - biases.movie_bias[rows]
        columns = [users, movies, value.astype(np.float32), bias.astype(np.float32)]
        yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], ["user_id", "movie_id", "value", "bias"])

    return ratings.mapInArrow(subtract, "user_id int, movie_id int, value float, bias float")


def _film_sums(biases: Biases) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Make the pass of one round: for each film of a partition, the sum of stars less mean and user bias."""

    def partial(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        users, _, stars, rows = _arrays(batches, biases.movie_ids)
        left = stars - biases.mean_stars - biases.of_users(users, rows, stars)
        seen, film = np.unique(rows, return_inverse=True)
        columns = [pa.array(seen.astype(np.int32)), pa.array(np.bincount(film, left, minlength=len(seen)))]
        yield pa.RecordBatch.from_arrays(columns, ["row", "sum"])

    return partial


def _arrays(
    batches: Iterator[pa.RecordBatch], movie_ids: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.intp]]:
    """Read one partition of ratings whole: users, films, stars, and the films' rows in ``movie_ids``."""
    schema = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("stars", pa.float32())])
    table = pa.Table.from_batches([batch.select(schema.names) for batch in batches], schema)
    users, movies, stars = (table[name].to_numpy() for name in schema.names)
    return users, movies, stars.astype(np.float64), np.searchsorted(movie_ids, movies)


def collect_factors(factors: DataFrame) -> tuple[NDArray[np.int32], Floats]:
    """Bring one side of a model to the driver, ordered by id."""
    table = factors.orderBy("id").toPandas()
    return table["id"].to_numpy(np.int32), np.array(table["features"].tolist(), np.float32)


@contextmanager
def _iterations(spark: SparkSession, iterations: int, stages: int, progress: Progress) -> Iterator[None]:
    """Tell which iteration a fit is in, by counting the stages that Spark has finished: it has no callback for it."""
    tracker = spark.sparkContext.statusTracker()
    group = f"fit-{threading.get_ident()}-{id(progress)}"
    spark.sparkContext.setJobGroup(group, "ALS")
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.3):
            finished = 0
            for job in tracker.getJobIdsForGroup(group):
                info = tracker.getJobInfo(job)
                for stage in info.stageIds if info else ():
                    details = tracker.getStageInfo(stage)
                    finished += bool(details and details.numCompletedTasks >= details.numTasks)
            iteration = min(max((finished - 4) // stages, 0), iterations)
            progress(iteration / iterations, f"iteration {iteration} of {iterations}")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
