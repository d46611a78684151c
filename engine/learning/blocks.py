"""Fits data that is too large for one task: ratings stay on their executors, and factors are sent around.

Ratings are partitioned once by person and once by film, as compressed rows. Each half-step broadcasts the factors of
the side that is held fixed, and every block returns its rows to the driver; nothing else crosses the network. A lost
block is rebuilt from the ratings and gives the same rows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Floats
from engine.learning.fits import BIAS_ROUNDS, Ints, OnProgress, Preference, Stars, compress, noted
from engine.learning.solver import FixedSide, Observations
from engine.serving.factors import Doubles, PreferenceHyperparameters, RatingHyperparameters, observed

RATINGS_A_BLOCK = 1_000_000

OBSERVED = "user_id int, movie_id int, weight float, target float, counted boolean"
BLOCK = "ids binary, starts binary, columns binary, weights binary, targets binary, ridge binary"
DTYPES: dict[str, type[np.generic]] = {
    "ids": np.int32,
    "starts": np.int64,
    "columns": np.int32,
    "weights": np.float32,
    "targets": np.float32,
    "ridge": np.float64,
}


SCHEMA = pa.schema(
    [
        ("user_id", pa.int32()),
        ("movie_id", pa.int32()),
        ("weight", pa.float32()),
        ("target", pa.float32()),
        ("counted", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Side:
    """One side's blocks, in Spark, and the ids of all its rows, ascending."""

    ids: Ints
    blocks: DataFrame

    @classmethod
    def of(
        cls,
        ratings: DataFrame,
        by: str,
        ids: dict[str, Ints],
        ridge: Callable[[NDArray[Any]], Doubles],
    ) -> "Side":
        """Make the blocks of one side, by "user_id" or "movie_id", from ratings with the columns ``OBSERVED``."""
        (other,) = ids.keys() - {by}
        spark = ratings.sparkSession
        blocks = max(spark.sparkContext.defaultParallelism, ratings.count() // RATINGS_A_BLOCK + 1)
        shared = spark.sparkContext.broadcast(ids[other])

        def gather(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            table = pa.Table.from_batches([batch.cast(SCHEMA) for batch in batches], SCHEMA)
            row_ids, rows = np.unique(table[by].to_numpy(), return_inverse=True)
            columns = np.searchsorted(shared.value, table[other].to_numpy()).astype(np.int32)
            # Sorted, so that sums are the same to the last bit in whatever order rows come.
            order = np.lexsort((columns, rows))
            weights, targets, counted = (table[name].to_numpy()[order] for name in ("weight", "target", "counted"))
            made = compress(
                rows[order].astype(np.int32), columns[order], weights, targets, len(row_ids), ridge, counted
            )
            parts = {"ids": row_ids, **{name: getattr(made, name) for name in DTYPES if name != "ids"}}
            yield pa.RecordBatch.from_pydict(
                {name: pa.array([part.astype(DTYPES[name]).tobytes()], pa.binary()) for name, part in parts.items()}
            )

        kept = ratings.repartition(blocks, by).mapInArrow(gather, BLOCK).cache()
        kept.count()
        return cls(ids[by], kept)

    def solve(self, factors: Floats, *, unobserved: float, prior: Floats | None = None) -> Floats:
        """Return the factors of this side, in the order of ``ids``, from the other side's."""
        held = self.blocks.sparkSession.sparkContext.broadcast(FixedSide.of(factors))

        def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for block in batch.to_pylist():
                    parts = {name: np.frombuffer(block[name], kind) for name, kind in DTYPES.items()}
                    ids = parts.pop("ids")
                    solved = held.value.solve(Observations(**parts), unobserved=unobserved, prior=prior)
                    columns = {"ids": [ids.tobytes()], "rows": [solved.tobytes()]}
                    yield pa.RecordBatch.from_pydict({name: pa.array(c, pa.binary()) for name, c in columns.items()})

        found = np.zeros((len(self.ids), factors.shape[1]), np.float32)
        for block in self.blocks.mapInArrow(rows, "ids binary, rows binary").toArrow().to_pylist():
            ids = np.frombuffer(block["ids"], np.int32)
            found[np.searchsorted(self.ids, ids)] = np.frombuffer(block["rows"], np.float32).reshape(len(ids), -1)
        held.destroy()
        return found


@dataclass(frozen=True)
class RatingFrames:
    """The ratings that blocks are made from. ``values`` has user_id, movie_id, value (stars or log(1 + plays)) and is
    partitioned by user_id. ``pseudo`` has user_id (negative) and movie_id. ``user_ids`` and ``movie_ids`` hold all ids,
    ascending."""

    values: DataFrame
    pseudo: DataFrame
    user_ids: Ints
    movie_ids: Ints

    @property
    def spark(self) -> SparkSession:
        return self.values.sparkSession


def fit_preference(
    ratings: RatingFrames,
    hyper: PreferenceHyperparameters,
    *,
    seed: int,
    progress: OnProgress = lambda done, detail: None,
) -> Preference:
    """Fit the preference model, as ``fits.PreferenceFit`` does."""

    def said(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            heard = observed(batch["value"].to_numpy(), hyper)
            columns = [heard.weights, heard.targets, heard.counted]
            yield pa.RecordBatch.from_arrays(
                [batch["user_id"], batch["movie_id"], *(pa.array(column) for column in columns)], SCHEMA.names
            )

    values = ratings.values.mapInArrow(said, OBSERVED)
    fit = _Fit(ratings, hyper.rank, hyper.iterations, 1.0, hyper.pull)
    users, films = fit.sides(
        _with_pseudo(ratings, values, hyper.alpha * hyper.pseudo, 1.0 if hyper.pseudo else 0.0),
        lambda n: hyper.ridge(n, hyper.nu_users),
        lambda n: hyper.ridge(n, hyper.nu_items),
    )
    items, mean = fit.alternate(users, films, seed, lambda done, detail: progress(done, f"preference model, {detail}"))
    average = fit.people(users.solve(items, unobserved=1.0, prior=mean)).mean(axis=0)
    fit.release(users, films)
    return Preference(items, noted(average))


def fit_stars(
    ratings: RatingFrames, hyper: RatingHyperparameters, *, seed: int, progress: OnProgress = lambda done, detail: None
) -> Stars:
    """Fit biases, and factors for their residuals, as ``fits.StarsFit`` does."""
    progress(0.0, "biases")
    values = ratings.values.withColumnRenamed("value", "stars")
    biases = fit_biases(values, user_damping=hyper.user_damping, movie_damping=hyper.movie_damping)
    left = residuals(values, biases).select(
        "user_id",
        "movie_id",
        F.lit(1.0).cast("float").alias("weight"),
        F.col("value").alias("target"),
        F.lit(True).alias("counted"),
    )
    fit = _Fit(ratings, hyper.rank, hyper.iterations, 0.0, 0.0)
    users, films = fit.sides(
        _with_pseudo(ratings, left, 1.0, hyper.pseudo),
        lambda n: hyper.ridge(n, hyper.nu_users),
        lambda n: hyper.ridge(n, hyper.nu_items),
    )
    items, _ = fit.alternate(users, films, seed, lambda done, detail: progress(done, f"rating model, {detail}"))
    fit.release(users, films)
    return Stars(biases.mean_stars, items, biases.film_bias.astype(np.float32))


def _with_pseudo(ratings: RatingFrames, values: DataFrame, weight: float, target: float) -> DataFrame:
    """Add the pseudo-users' pairs; a target of 0 adds none."""
    if not target:
        return values
    columns = [F.lit(weight).cast("float"), F.lit(target).cast("float"), F.lit(True)]
    return values.union(ratings.pseudo.select("user_id", "movie_id", *columns))


@dataclass(frozen=True)
class _Fit:
    ratings: RatingFrames
    rank: int
    iterations: int
    unobserved: float
    pull: float

    def sides(
        self,
        values: DataFrame,
        of_users: Callable[[NDArray[Any]], Doubles],
        of_films: Callable[[NDArray[Any]], Doubles],
    ) -> tuple[Side, Side]:
        pseudo = self.ratings.pseudo.select("user_id").distinct().toPandas()["user_id"].to_numpy(np.int32)
        ids = {"user_id": np.union1d(pseudo, self.ratings.user_ids), "movie_id": self.ratings.movie_ids}
        values = values.cache()
        made = Side.of(values, "user_id", ids, of_users), Side.of(values, "movie_id", ids, of_films)
        values.unpersist()
        return made

    def release(self, *sides: Side) -> None:
        for side in sides:
            side.blocks.unpersist()

    def people(self, users: Floats) -> Floats:
        """Return the people's rows: the pseudo-users' negative ids come first."""
        return users[len(users) - len(self.ratings.user_ids) :]

    def alternate(self, users: Side, films: Side, seed: int, progress: OnProgress) -> tuple[Floats, Floats | None]:
        """Return the films' factors, and the row that people are drawn to in the next iteration."""
        draw = np.random.default_rng(seed).standard_normal((len(films.ids), self.rank))
        items, mean = (0.1 * draw).astype(np.float32), None
        for iteration in range(self.iterations):
            progress(iteration / self.iterations, f"iteration {iteration} of {self.iterations}")
            rows = users.solve(items, unobserved=self.unobserved, prior=mean)
            if self.pull:
                mean = np.float32(self.pull) * self.people(rows).mean(axis=0)
            items = films.solve(rows, unobserved=self.unobserved)
        return items, mean


@dataclass(frozen=True)
class SparkBiases:
    """Differences of films and people from the mean of all stars. ``movie_bias`` is in the order of ``movie_ids``."""

    mean_stars: float
    movie_ids: NDArray[np.int32]
    film_bias: NDArray[np.float64]
    user_damping: float

    def of_users(self, user_ids: NDArray[Any], rows: NDArray[Any], stars: NDArray[Any]) -> NDArray[np.float64]:
        """Return the damped bias of each rating's user; all ratings of a user must be among those given."""
        _, user, count = np.unique(user_ids, return_inverse=True, return_counts=True)
        sums = np.bincount(user, stars - self.mean_stars - self.film_bias[rows])
        bias: NDArray[np.float64] = (sums / (count + self.user_damping))[user]
        return bias


def fit_biases(ratings: DataFrame, *, user_damping: float, movie_damping: float) -> SparkBiases:
    """Fit the mean, and each film's bias beside the users', by a few alternating damped means.

    The users' biases follow from the films' and are recomputed where they are needed, so only the films' side leaves
    Spark. Each round is one pass: every partition holds all ratings of its users, and sums the residuals of each film.

    Args:
        ratings: partitioned by user_id.

    Source: Funk 2006; Koren 2010 ("Factor in the neighbors"), section 2.1.
    """
    films = ratings.groupBy("movie_id").agg(F.count("*").alias("n"), F.sum("stars").alias("stars"))
    table = films.orderBy("movie_id").toPandas()
    count = table["n"].to_numpy(np.float64)
    mean_stars = float(table["stars"].sum() / count.sum())
    biases = SparkBiases(mean_stars, table["movie_id"].to_numpy(np.int32), np.zeros(len(table)), user_damping)
    for _ in range(BIAS_ROUNDS):
        sums = ratings.mapInArrow(_film_sums(biases), "row int, sum double").groupBy("row").agg(F.sum("sum"))
        found = sums.toPandas().to_numpy(np.float64)
        total = np.bincount(found[:, 0].astype(np.intp), found[:, 1], minlength=len(count))
        biases = replace(biases, film_bias=total / (count + movie_damping))
    return biases


def residuals(ratings: DataFrame, biases: SparkBiases) -> DataFrame:
    """Return user_id, movie_id, value (the stars less mean and biases) and the user's bias, for every rating."""

    def subtract(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        users, films, stars, rows = _arrays(batches, biases.movie_ids)
        bias = biases.of_users(users, rows, stars)
        value = stars - biases.mean_stars - bias - biases.film_bias[rows]
        columns = [users, films, value.astype(np.float32), bias.astype(np.float32)]
        yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], ["user_id", "movie_id", "value", "bias"])

    return ratings.mapInArrow(subtract, "user_id int, movie_id int, value float, bias float")


def _film_sums(biases: SparkBiases) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Do one round's pass over a partition: for each film, sum the stars less mean and user bias."""

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
    """Read one whole partition of ratings: users, films, stars, and the films' rows in ``movie_ids``."""
    schema = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("stars", pa.float32())])
    table = pa.Table.from_batches([batch.select(schema.names) for batch in batches], schema)
    users, films, stars = (table[name].to_numpy() for name in schema.names)
    return users, films, stars.astype(np.float64), np.searchsorted(movie_ids, films)
