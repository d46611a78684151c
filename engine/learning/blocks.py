"""Ratings in Spark as compressed rows, in blocks: a block of people has all their ratings, one of films all of theirs.

A block is one row of a DataFrame, and each of its arrays a binary column, so that Spark moves arrays and never single
ratings.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession

from engine.domain import Floats
from engine.learning.fits import BIAS_ROUNDS, Ints
from engine.serving.factors import Doubles

Batches = Iterator[pa.RecordBatch]


@dataclass(frozen=True)
class RatingBlock:
    """Some rows of one side with all their ratings, as compressed rows: those of row i are at ``starts[i]:starts[i +
    1]``.

    ``ids`` int32 (n_rows,) ascending; ``starts`` int64 (n_rows + 1,); ``columns`` int32 (n,), rows of the other side;
    ``values`` float32 (n,).
    """

    ids: Ints
    starts: NDArray[np.int64]
    columns: Ints
    values: Floats

    @classmethod
    def of(cls, ids: NDArray[Any], columns: NDArray[Any], values: NDArray[Any]) -> "RatingBlock":
        """Compress ratings, each given by the id of its row, its column and its value; each pair once."""
        # Sorted by both, so that sums are the same to the last bit in whatever order ratings come.
        order = np.argsort(ids.astype(np.int64) << 32 | columns)
        own, starts = np.unique(ids[order], return_index=True)
        return cls(own, np.append(starts, len(ids)), columns[order], values[order])

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Each rating's row in the block, (n,)."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.starts))

    def packed(self) -> pa.RecordBatch:
        return packed(ids=self.ids, starts=self.starts, columns=self.columns, values=self.values)

    @classmethod
    def unpacked(cls, batches: Batches) -> Iterator["RatingBlock"]:
        kinds = {"ids": np.int32, "starts": np.int64, "columns": np.int32, "values": np.float32}
        return (cls(**arrays) for arrays in unpacked(batches, kinds))


BLOCK = "ids binary, starts binary, columns binary, values binary"


def packed(**arrays: NDArray[Any]) -> pa.RecordBatch:
    """Make one row with each array's bytes in a column. Spark moves it whole, not number by number."""
    return pa.RecordBatch.from_pydict(
        {name: pa.array([array.tobytes()], pa.binary()) for name, array in arrays.items()}
    )


def unpacked(batches: Batches, kinds: dict[str, Any]) -> Iterator[dict[str, NDArray[Any]]]:
    """Read back the arrays of each row, aligned as compiled code needs them."""
    for batch in batches:
        for row in range(len(batch)):
            yield {
                name: np.require(np.frombuffer(batch[name][row].as_buffer(), kind), requirements="A")
                for name, kind in kinds.items()
            }


def _collected(column: DataFrame, kind: Any) -> Iterator[NDArray[Any]]:
    """Bring a single column of packed arrays to the driver."""
    return (
        array for row in unpacked(column.toArrow().to_batches(), {column.columns[0]: kind}) for array in row.values()
    )


@dataclass(frozen=True)
class RatingBlocks:
    """Ratings in Spark, in ``blocks`` blocks of people; columns are rows of ``movie_ids``. Both arrays of ids are
    ascending."""

    people: DataFrame
    user_ids: Ints
    movie_ids: Ints
    blocks: int

    @classmethod
    def of(cls, values: DataFrame) -> "RatingBlocks":
        """Gather user_id, movie_id, value (stars or log(1 + plays)); each of its partitions, by user_id, is a block."""
        found = values.select("movie_id").distinct().toArrow()["movie_id"].to_numpy()
        movie_ids = np.sort(found).astype(np.int32)
        shared = values.sparkSession.sparkContext.broadcast(movie_ids)
        schema = pa.schema([("user_id", pa.int32()), ("movie_id", pa.int32()), ("value", pa.float32())])

        def gather(batches: Batches) -> Batches:
            table = pa.Table.from_batches([batch.select(schema.names) for batch in batches], schema)
            if len(table):
                users, films, said = (table[name].to_numpy() for name in schema.names)
                yield RatingBlock.of(users, np.searchsorted(shared.value, films).astype(np.int32), said).packed()

        people = values.mapInArrow(gather, BLOCK).cache()
        user_ids = list(_collected(people.select("ids"), np.int32))
        return cls(people, np.sort(np.concatenate(user_ids)), movie_ids, len(user_ids))

    @property
    def spark(self) -> SparkSession:
        return self.people.sparkSession

    def sums(self, values: Callable[[RatingBlock], NDArray[Any]]) -> Doubles:
        """Return each film's sum, over all its ratings, of ``values``, (n,) for a block of n ratings."""
        films = len(self.movie_ids)

        def partial(batches: Batches) -> Batches:
            for block in RatingBlock.unpacked(batches):
                yield packed(sums=np.bincount(block.columns, values(block), films))

        total = np.zeros(films)
        for part in _collected(self.people.mapInArrow(partial, "sums binary"), np.float64):
            total += part
        return total

    def with_values(self, values: Callable[[RatingBlock], NDArray[Any]]) -> "RatingBlocks":
        """Return the same ratings with other values, made from each block's."""

        def changed(batches: Batches) -> Batches:
            for block in RatingBlock.unpacked(batches):
                yield replace(block, values=values(block).astype(np.float32)).packed()

        return replace(self, people=self.people.mapInArrow(changed, BLOCK).cache())

    def __enter__(self) -> "RatingBlocks":
        return self

    def __exit__(self, *error: object) -> None:
        """Release Spark's memory."""
        self.people.unpersist()

    def frame(self) -> DataFrame:
        """Return the ratings as rows again: user_id, movie_id, value."""
        shared = self.spark.sparkContext.broadcast(self.movie_ids)

        def spread(batches: Batches) -> Batches:
            for block in RatingBlock.unpacked(batches):
                columns = [block.ids[block.rows], shared.value[block.columns], block.values]
                yield pa.RecordBatch.from_arrays([pa.array(c) for c in columns], ["user_id", "movie_id", "value"])

        return self.people.mapInArrow(spread, "user_id int, movie_id int, value float")

    def with_biases(self, biases: "SparkBiases") -> DataFrame:
        """Return user_id and bias of everybody."""

        def biased(batches: Batches) -> Batches:
            for block in RatingBlock.unpacked(batches):
                bias = pa.array(biases.of_people(block).astype(np.float32))
                yield pa.RecordBatch.from_arrays([pa.array(block.ids), bias], ["user_id", "bias"])

        return self.people.mapInArrow(biased, "user_id int, bias float")


@dataclass(frozen=True)
class SparkBiases:
    """Differences of films and people from the mean of all stars; ``films`` float64 (n_films,)."""

    mean_stars: float
    films: Doubles
    user_damping: float

    def of_people(self, block: RatingBlock) -> Doubles:
        """Return the damped bias of each person of a block."""
        sums = np.bincount(block.rows, self._beside_films(block), len(block.ids))
        return sums / (np.diff(block.starts) + self.user_damping)

    def residuals(self, block: RatingBlock) -> Doubles:
        """Return each rating's stars less mean and biases."""
        left: Doubles = self._beside_films(block) - self.of_people(block)[block.rows]
        return left

    def _beside_films(self, block: RatingBlock) -> Doubles:
        """Return each rating's stars less mean and film's bias."""
        left: Doubles = block.values - self.mean_stars - self.films[block.columns]
        return left


def fit_biases(ratings: RatingBlocks, *, user_damping: float, movie_damping: float) -> SparkBiases:
    """Fit the mean, and each film's bias beside the people's, by a few alternating damped means.

    People's biases follow from the films' and are computed where they are needed, so only the films' side leaves Spark.

    Source: Funk 2006; Koren 2010 ("Factor in the neighbors"), section 2.1.
    """
    count, stars = ratings.sums(lambda block: np.ones(len(block.values))), ratings.sums(lambda block: block.values)
    biases = SparkBiases(float(stars.sum() / count.sum()), np.zeros(len(count)), user_damping)
    for _ in range(BIAS_ROUNDS):
        # The sum of what the mean and the people's biases leave.
        total = ratings.sums(biases.residuals) + count * biases.films
        biases = replace(biases, films=total / (count + movie_damping))
    return biases
