"""Fits with Spark MLlib's ALS: the oracle that tests our solver, and the way for data too large to broadcast.

It can express one objective for preference (target ``signed``, ν = 1, no pull), and one for stars (ν = 1).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from py4j.protocol import Py4JJavaError
from pyspark.ml.functions import array_to_vector
from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.ml.stat import Summarizer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Floats, MatineeError
from engine.learning.blocks import RatingBlock, RatingBlocks, fit_biases
from engine.learning.fits import OnProgress, Preference, Stars, noted
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters

NUDGE = 1e-3
"""Replaces a strength of exactly 0, which Spark would read as "not observed"."""

OURS = PreferenceHyperparameters(
    target="signed", reg=0.2, nu_users=1.0, nu_items=1.0, alpha=2.0, scale=1.0, pseudo=0.7, pull=0.0
)
"""The best hyperparameters of MLlib's objective on stars (DECISIONS)."""


REG_OF_STARS = 0.15
"""The same for the rating model."""


def expressible(hyper: Hyperparameters) -> Hyperparameters:
    """Return hyperparameters of MLlib's objectives: those given, if they are such, else those that are known to do."""
    preference, rating = hyper.preference, hyper.rating
    if preference.target != "signed" or not preference.nu_users == preference.nu_items == 1 or preference.pull:
        preference = replace(OURS, rank=preference.rank, iterations=preference.iterations)
    if rating is not None and not rating.nu_users == rating.nu_items == 1:
        rating = replace(rating, reg=REG_OF_STARS, nu_users=1.0, nu_items=1.0)
    return replace(hyper, preference=preference, rating=rating)


def signed_strengths(values: DataFrame, hyper: PreferenceHyperparameters) -> DataFrame:
    """Turn user_id, movie_id, value into the signed strengths that MLlib takes: above or below neutral, never exactly
    0."""
    strength = (F.col("value") - F.lit(hyper.neutral)) / F.lit(hyper.scale)
    nudged = F.when(strength == 0, F.lit(NUDGE)).otherwise(strength).cast("float")
    return values.select("user_id", "movie_id", nudged.alias("value"))


def fit_preference(
    ratings: RatingBlocks,
    hyper: PreferenceHyperparameters,
    pseudo: RatingBlock,
    *,
    seed: int,
    progress: OnProgress = lambda done, detail: None,
) -> Preference:
    """Fit the preference model; its hyperparameters must be ``expressible``."""
    strengths = _with_pseudo(ratings, signed_strengths(ratings.frame(), hyper), pseudo, hyper.pseudo)
    fitted = fit_als(
        strengths,
        rank=hyper.rank,
        reg=hyper.reg,
        iterations=hyper.iterations,
        alpha=hyper.alpha,
        seed=seed,
        progress=progress,
    )
    _, items = collect_factors(fitted.itemFactors)
    people = fitted.userFactors.where("id >= 0")
    (average,) = people.select(Summarizer.mean(array_to_vector(F.col("features")))).collect()[0]
    return Preference(items, noted(average.toArray()))


def fit_stars(
    ratings: RatingBlocks,
    hyper: RatingHyperparameters,
    pseudo: RatingBlock,
    *,
    seed: int,
    progress: OnProgress = lambda done, detail: None,
) -> Stars:
    """Fit biases, and ALS on what they leave; the hyperparameters must be ``expressible``."""
    progress(0.0, "biases")
    biases = fit_biases(ratings, user_damping=hyper.user_damping, movie_damping=hyper.movie_damping)
    with ratings.with_values(biases.residuals) as left:
        fitted = fit_als(
            _with_pseudo(ratings, left.frame(), pseudo, hyper.pseudo),
            rank=hyper.rank,
            reg=hyper.reg,
            iterations=hyper.iterations,
            seed=seed,
            progress=progress,
        )
    _, items = collect_factors(fitted.itemFactors)
    return Stars(biases.mean_stars, items, biases.films.astype(np.float32))


def _with_pseudo(ratings: RatingBlocks, values: DataFrame, pseudo: RatingBlock, value: float) -> DataFrame:
    """Add the pseudo-users' pairs; a value of 0 adds none."""
    if not value or not len(pseudo.ids):
        return values
    pairs = pa.table({"user_id": pseudo.ids[pseudo.rows], "movie_id": ratings.movie_ids[pseudo.columns]})
    return values.union(ratings.spark.createDataFrame(pairs).select("*", F.lit(value).cast("float")))


class NotPositiveDefinite(MatineeError):
    """A row's normal matrix cannot be factored by Cholesky."""

    def __init__(self, rank: int) -> None:
        super().__init__(f"with rank {rank} Spark's ALS cannot solve all rows: choose a smaller one")


def fit_als(
    values: DataFrame,
    *,
    rank: int,
    reg: float,
    iterations: int,
    seed: int,
    alpha: float | None = None,
    nonnegative: bool = False,
    progress: OnProgress = lambda done, detail: None,
) -> ALSModel:
    """Fit Spark's ALS on user_id, movie_id, value.

    Args:
        alpha: given, the values are signed strengths (``implicitPrefs``); else they are predicted as they are.

    Raises:
        NotPositiveDefinite: ``rank`` is too large. Spark does not regularise a film or person without likes, so with
            fewer people or films than ``rank`` their rows have no unique solution.
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
    # An iteration has two half-steps; with implicit preferences each first sums YᵀY in a stage of its own.
    with _iterations(spark, iterations, 2 if alpha is None else 4, progress):
        try:
            return als.fit(values)
        except Py4JJavaError as error:
            if "SingularMatrixException" in str(error):
                raise NotPositiveDefinite(rank) from error
            raise


def collect_factors(factors: DataFrame) -> tuple[NDArray[np.int32], Floats]:
    """Bring one side of a model to the driver, ordered by id."""
    table = factors.orderBy("id").toPandas()
    return table["id"].to_numpy(np.int32), np.array(table["features"].tolist(), np.float32)


@contextmanager
def _iterations(spark: SparkSession, iterations: int, stages: int, progress: OnProgress) -> Iterator[None]:
    """Report which iteration a fit is in, by counting the stages that Spark has finished: MLlib has no callback."""
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
            progress(iteration / max(iterations, 1), f"iteration {iteration} of {iterations}")

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
