"""Trains both models on Spark: the preference model, which orders films, and the rating model, which predicts stars.

The size of the data decides where the work is done (``Placement``); the result does not depend on it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import structlog
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Film, Floats
from engine.learning import distributed, mllib
from engine.learning.blocks import RatingBlock, RatingBlocks
from engine.learning.fits import (
    Fit,
    Fitted,
    Folding,
    OnProgress,
    People,
    Preference,
    PreferenceFit,
    RatingTable,
    Stars,
    StarsFit,
    pseudo_pairs,
)
from engine.serving.factors import Hyperparameters

log = structlog.get_logger(__name__)

SEED = 20
"""Seed of the split and of the random start. It is constant, so that all versions are judged on the same ratings."""

LARGEST_TASK = 5_000_000
"""Up to this many ratings are fitted in one task: stored twice, as compressed rows, they take 200 MB."""

LARGEST_BROADCAST = 1 << 30
"""Most bytes of factors to broadcast: every task of a half-step holds the other side's factors."""

WORK_A_JOB = 4e10
"""A task reports after this many multiplications: about a second of one core."""

PEOPLE_A_BATCH = 10_000


class Placement(StrEnum):
    """Where a fit is done: as a whole in one task; in blocks, with a job for each half-step; or by Spark's MLlib."""

    WHOLE = "whole"
    BLOCKS = "blocks"
    MLLIB = "mllib"


@dataclass(frozen=True)
class Trained(Fitted):
    """Both models, and the people.

    ``users`` has one row for each person: user_id int, preference and rating array<float>, bias float. It stays in
    Spark, because a million people's rows may not fit on the driver; rows are made and cached at the first use. The
    films' side is small and is held here.
    """

    users: DataFrame


def train(
    spark: SparkSession,
    ratings: DataFrame,
    hyperparameters: Hyperparameters,
    *,
    films: Sequence[Film] = (),
    seed: int,
    placement: Placement | None = None,
    progress: OnProgress,
) -> Trained:
    """Train both models; for play counts, only the preference model.

    Args:
        ratings: user_id int, movie_id int, and stars or plays float; each pair once, user ids are not negative. They
            should be partitioned by user_id and cached: they are read many times.
        hyperparameters: those of the rating model are None exactly if the ratings are plays.
        films: the catalogue, for the pseudo-users of each kind of film; without it there are no pseudo-users.
        seed: seed of the random start.
        placement: where to do the work; by default the sizes decide.
        progress: called after each iteration, or about each second if iterations are shorter.
    """
    count = ratings.count()
    progress(0.0, "reading ratings")
    values = ratings.select("user_id", "movie_id", values_of(ratings).alias("value"))
    chosen = placement
    if chosen is None:
        large = count > LARGEST_TASK  # the number of people matters only then
        people, known = (ratings.select(name).distinct().count() if large else 0 for name in ("user_id", "movie_id"))
        chosen = place(count, people, known, rank=hyperparameters.largest_rank)
    log.info("training_placed", placement=chosen.value, ratings=count, asked=placement is not None)
    fitted = fit(values, hyperparameters, films=films, seed=seed, placement=chosen, progress=progress)
    users = fold_everyone(values, fitted)
    progress(1.0, "trained")
    return Trained(fitted.rows, fitted.hyperparameters, fitted.mean_stars, fitted.average_taste, seed, users)


def fit(
    values: DataFrame,
    hyperparameters: Hyperparameters,
    *,
    films: Sequence[Film] = (),
    seed: int,
    placement: Placement,
    progress: OnProgress = lambda done, detail: None,
) -> Fitted:
    """Fit both models where ``placement`` says. People are not folded in yet.

    Args:
        values: user_id, movie_id, value (stars or log(1 + plays)); partitioned by user_id.
    """
    if placement is Placement.WHOLE:
        return _fit_whole(values, hyperparameters, films, seed, progress)
    return _fit_apart(values, hyperparameters, films, seed, placement, progress)


def values_of(ratings: DataFrame) -> Column:
    """Return each row's value: its stars, or log(1 + plays), because the second play says more than the hundredth.

    Source: Hu, Koren, Volinsky 2008, equation 6, with ε = 1.
    """
    return F.col("stars") if "stars" in ratings.columns else F.log1p("plays").cast("float")


def fold_everyone(values: DataFrame, fitted: Fitted) -> DataFrame:
    """Return everybody's rows in both models (user_id, preference, rating, bias), each folded in from their own
    ratings.

    Args:
        values: user_id, movie_id, value; partitioned by user_id.
    """
    shared = values.sparkSession.sparkContext.broadcast(Folding(fitted.model()))

    def fold(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        table = _whole(batches)
        people = shared.value.people(*(table[name].to_numpy() for name in ("user_id", "movie_id", "value")))
        yield from _batches(people)

    return values.mapInArrow(fold, "user_id int, preference array<float>, rating array<float>, bias float").cache()


def rating_table(values: DataFrame, films: Sequence[Film] = ()) -> RatingTable:
    """Bring user_id, movie_id, value to the driver as a table of numbers."""
    table = values.toArrow()
    users, rated, said = (table[name].to_numpy() for name in ("user_id", "movie_id", "value"))
    return RatingTable.of(users, rated, said, films)


def place(ratings: int, people: int, films: int, *, rank: int) -> Placement:
    """Choose where to fit models of this size."""
    if ratings <= LARGEST_TASK:
        return Placement.WHOLE
    return Placement.BLOCKS if 4 * max(people, films) * rank <= LARGEST_BROADCAST else Placement.MLLIB


def _fit_whole(
    values: DataFrame, hyperparameters: Hyperparameters, films: Sequence[Film], seed: int, progress: OnProgress
) -> Fitted:
    """Fit each model in one task."""
    table = rating_table(values, films)
    fits: list[Fit] = [PreferenceFit(table, hyperparameters.preference)]
    if hyperparameters.rating is not None:
        fits.append(StarsFit(table, hyperparameters.rating))
    models = fit_in_tasks(values.sparkSession, fits, seed=seed, progress=progress)
    preference, stars = (*models, None)[:2]
    return Fitted.of(table.movie_ids, preference, stars, hyperparameters, seed)


def fit_in_tasks(
    spark: SparkSession, fits: Sequence[Fit], *, seed: int, progress: OnProgress = lambda done, detail: None
) -> list[Any]:
    """Return the models of several fits, each fitted in a task of its own.

    Tasks return about every second to report progress. The tasks of the next job continue from what they returned, so a
    lost task is repeated with the same result.
    """
    context = spark.sparkContext
    # Locally all cores are ours; on a cluster a task may use only one.
    threads = context.defaultParallelism if (context.master or "").startswith("local") else 1
    most = max(fit.iterations for fit in fits)
    work = max(2 * len(fit.table.values) * fit.rank**2 * fit.iterations for fit in fits)
    jobs = max(min(math.ceil(work / (WORK_A_JOB * threads)), most), 1)
    shared = context.broadcast(fits)
    state: list[Any] = [(fit.start(seed), None) for fit in fits]
    for job in range(jobs):
        progress(job / jobs, f"both models, iteration {most * job // jobs} of {most}")

        def advance(which: int, job: int = job, state: list[Any] = state) -> Any:
            fit: Fit = shared.value[which]
            iterations = fit.iterations * (job + 1) // jobs - fit.iterations * job // jobs
            items, mean = state[which]
            items, mean = fit.advance(items, mean, iterations, threads)
            return fit.finish(items, mean, threads) if job == jobs - 1 else (items, mean)

        state = context.parallelize(range(len(fits)), len(fits)).map(advance).collect()
    shared.destroy()
    return state


def _fit_apart(
    values: DataFrame,
    hyperparameters: Hyperparameters,
    films: Sequence[Film],
    seed: int,
    placement: Placement,
    progress: OnProgress,
) -> Fitted:
    """Fit one model after the other on ratings that stay in Spark, in blocks or by MLlib."""
    in_blocks = placement is Placement.BLOCKS
    if not in_blocks:
        hyperparameters = mllib.expressible(hyperparameters)
    share = 1.0 if hyperparameters.rating is None else 0.6
    stars: Stars | None = None
    with RatingBlocks.of(values) as ratings:
        kinds, rows = pseudo_pairs(films, ratings.movie_ids)
        pseudo = RatingBlock.of(-1 - kinds, rows, np.full(len(rows), np.nan, np.float32))
        fit_preference = distributed.fit_preference if in_blocks else mllib.fit_preference
        preference: Preference = fit_preference(
            ratings,
            hyperparameters.preference,
            pseudo,
            seed=seed,
            progress=lambda done, detail: progress(share * done, f"preference model, {detail}"),
        )
        if hyperparameters.rating is not None:
            fit_stars = distributed.fit_stars if in_blocks else mllib.fit_stars
            stars = fit_stars(
                ratings,
                hyperparameters.rating,
                pseudo,
                seed=seed,
                progress=lambda done, detail: progress(share + (1 - share) * done, f"rating model, {detail}"),
            )
    return Fitted.of(ratings.movie_ids, preference, stars, hyperparameters, seed)


def _whole(batches: Iterator[pa.RecordBatch]) -> pa.Table:
    """Read one whole partition of user_id, movie_id, value."""
    schema = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("value", pa.float32())])
    return pa.Table.from_batches([batch.select(schema.names) for batch in batches], schema)


def _batches(people: People) -> Iterator[pa.RecordBatch]:
    names = ["user_id", "preference", "rating", "bias"]
    for at in range(0, len(people.user_ids), PEOPLE_A_BATCH):
        own = slice(at, at + PEOPLE_A_BATCH)
        columns = [
            pa.array(people.user_ids[own]),
            float_lists(people.preference[own]),
            float_lists(people.rating[own]),
            pa.array(people.bias[own]),
        ]
        yield pa.RecordBatch.from_arrays(columns, names)


def float_lists(rows: Floats) -> pa.Array:
    """Turn a matrix into a column of lists."""
    starts = np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(np.ravel(rows)))
