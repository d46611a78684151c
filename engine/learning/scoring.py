"""Batch scoring in Spark's executors: everybody's top N, without the films that they have seen.

The films' side of a model is small and is broadcast. People are scored in blocks, each with a matrix product and a
partial sort in native code (implicit's ``topk``, which skips seen films itself).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from engine.domain import Floats, MatineeError
from engine.serving.factors import Model, user_order_vectors
from engine.serving.kinds import Kinds
from engine.serving.similar_titles import FADES_BY, NEUTRAL, SimilarTitles

UNFILLED = np.float32(-1e30)
"""``topk`` pads with scores below this if somebody has fewer films left than the limit."""


@dataclass(frozen=True)
class Block:
    """The rows of some people as numpy arrays; an executor works on one block at a time.

    ``preference`` and ``rating`` (n_users, rank), ``bias`` (n_users,); ``seen`` holds rows of films, those of person i
    at ``seen[starts[i]:starts[i + 1]]``; ``liking``, parallel to it, says how much they liked each.
    """

    user_ids: NDArray[np.int32]
    preference: Floats
    rating: Floats
    bias: Floats
    seen: NDArray[np.int32]
    liking: Floats
    starts: NDArray[np.int32]

    def rated_by(self, person: int) -> tuple[NDArray[np.int32], Floats]:
        """Return the rows of the films that one person rated, and how much they liked each."""
        own = slice(self.starts[person], self.starts[person + 1])
        return self.seen[own], self.liking[own]


class KernelMissing(MatineeError):
    """The native top-N kernel does not load on this machine."""


def check_kernel() -> None:
    """Check that the native kernel loads, so that a training does not find out at its end.

    Raises:
        KernelMissing: it does not load; the text says what to install.
    """
    try:
        import implicit.cpu.topk  # noqa: F401
    except ImportError as e:
        raise KernelMissing(f"scoring needs a library that is not here ({e}); on Debian: apt install libgomp1") from e


def histories(ratings: DataFrame) -> DataFrame:
    """Return user_id, seen (the ids of all films that this person has rated) and liking (how much they liked each).

    Liking is ``serving.similar_titles.liking_of``.
    """
    liking = F.lit(1.0)
    if "stars" in ratings.columns:
        above = (F.col("stars") - NEUTRAL) / (5 - NEUTRAL)
        liking = F.greatest(F.lit(0.0), F.least(F.lit(1.0), above.cast("double")))
    rated = F.collect_list(F.struct("movie_id", liking.cast("float").alias("liking"))).alias("rated")
    people = ratings.groupBy("user_id").agg(rated)
    return people.select("user_id", F.col("rated.movie_id").alias("seen"), F.col("rated.liking").alias("liking"))


def recommend(
    users: DataFrame,
    seen: DataFrame,
    model: Model,
    similar: SimilarTitles | None = None,
    kinds: Kinds | None = None,
    *,
    limit: int,
) -> DataFrame:
    """Return everybody's list: user_id, position (1 is best), movie_id, score, predicted_stars (null if the model
    predicts none).

    Args:
        users: user_id, preference, rating, bias, as ``training.Trained`` has them.
        seen: ``histories``: films never to be recommended to each person, and how they liked them.
        similar: similar titles of each film; as in the bot, they affect the lists of people with few ratings.
        kinds: the kinds of films, likewise.
        limit: films in a list; a person who has few unseen films left gets fewer.

    Lists come in no particular order of people. Ties are broken arbitrarily.
    """
    model.warm_up()
    shared = users.sparkSession.sparkContext.broadcast((model, similar, kinds))

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        model, similar, kinds = shared.value
        for batch in batches:
            if batch.num_rows:
                yield _recommend_block(model, similar, kinds, read_block(batch, model.movie_ids), limit)

    schema = "user_id int, position int, movie_id int, score float, predicted_stars float"
    return users.join(seen, "user_id", "left").mapInArrow(score, schema)


def list_lengths(ratings: DataFrame, model: Model, *, limit: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the people of ``recommend``, and the least number of films in each one's list: two parallel arrays."""
    left = F.lit(len(model.movie_ids)) - F.count("movie_id")
    table = ratings.groupBy("user_id").agg(F.least(F.lit(limit), left).cast("int").alias("films")).toPandas()
    return table["user_id"].to_numpy(np.int32), table["films"].to_numpy(np.int32)


def read_block(batch: pa.RecordBatch, movie_ids: NDArray[np.int32]) -> Block:
    """Unpack one Arrow batch of user_id, preference, rating, bias, seen, liking without copying the factors."""
    seen = batch.column("seen").fill_null([])
    starts = seen.offsets.to_numpy()
    films = seen.values.to_numpy()[starts[0] : starts[-1]]
    liking = batch.column("liking").fill_null([])
    liked = liking.values.to_numpy()[liking.offsets[0].as_py() : liking.offsets[-1].as_py()]
    rows = np.searchsorted(movie_ids, films).astype(np.int32)
    known = (rows < len(movie_ids)) & (movie_ids[np.minimum(rows, len(movie_ids) - 1)] == films)
    if not known.all():  # films outside the model are never recommended
        counts = np.add.reduceat(np.append(known, 0), np.minimum(starts[:-1] - starts[0], len(known)))
        counts[np.diff(starts) == 0] = 0
        starts, rows, liked = np.concatenate([[0], np.cumsum(counts)]), rows[known], liked[known]
    return Block(
        batch.column("user_id").to_numpy(),
        _matrix(batch.column("preference")),
        _matrix(batch.column("rating")),
        batch.column("bias").to_numpy(),
        rows,
        liked,
        (starts - starts[0]).astype(np.int32),
    )


def _matrix(column: pa.ListArray) -> Floats:
    values: Floats = column.flatten().to_numpy().reshape(len(column), -1)
    return values


def top_rows(
    items: Floats, queries: Floats, limit: int, seen: NDArray[np.int32], starts: NDArray[np.int32]
) -> tuple[NDArray[np.int32], Floats]:
    """Return the rows of ``items`` with the largest inner products, and those, both (n_queries, ≤ limit).

    Rows in ``seen`` come last, with scores below ``UNFILLED``. It uses one thread: Spark runs one task per core.
    """
    from implicit.cpu.topk import topk
    from scipy.sparse import csr_matrix

    ones = np.ones(len(seen), np.float32)
    mask = csr_matrix((ones, seen, starts), shape=(len(queries), len(items)))
    return topk(items, queries, min(limit, len(items)), filter_query_items=mask, num_threads=1)  # type: ignore[no-any-return]


def _recommend_block(
    model: Model, similar: SimilarTitles | None, kinds: Kinds | None, block: Block, limit: int
) -> pa.RecordBatch:
    queries, offset = user_order_vectors(
        model.ordering(block.preference, np.diff(block.starts)),
        block.rating,
        model.preference_moments,
        model.rating_moments,
        model.hyperparameters.blend,
    )
    items, few = model.order_vectors, np.flatnonzero(np.diff(block.starts) < FADES_BY).tolist()
    if kinds is not None and few:
        # Evidence for kinds is linear in the films too, so that more columns are all that it takes.
        pulling = kinds.pulling
        items = np.hstack([items, pulling])
        evidence = np.zeros((len(queries), pulling.shape[1]), np.float32)
        for person in few:
            evidence[person] = kinds.evidence(*block.rated_by(person))
        queries = np.hstack([queries, evidence])
    rows, scores = top_rows(items, queries, limit, block.seen, block.starts)
    if similar is not None:
        for person in few:
            seen, liking = block.rated_by(person)
            lifted, gains = similar.gains(seen, liking)
            new = ~np.isin(lifted, seen)
            lifted, gains = lifted[new], gains[new]
            _merge(rows[person], scores[person], lifted, items[lifted] @ queries[person] + gains)
    filled = scores > UNFILLED
    scores = scores - offset[:, None]
    position = np.broadcast_to(np.arange(1, rows.shape[1] + 1, dtype=np.int32), rows.shape)
    users = np.broadcast_to(block.user_ids[:, None], rows.shape)
    columns = [users, position, model.movie_ids[rows], scores.astype(np.float32)]
    arrays = [pa.array(column[filled]) for column in columns]
    if model.predicts_stars:
        stars = np.einsum("ue,une->un", block.rating, model.rating[rows]) + model.bias[rows]
        stars = np.clip(stars + model.mean_stars + block.bias[:, None], 0.5, 5.0)
        arrays.append(pa.array(stars[filled].astype(np.float32)))
    else:
        arrays.append(pa.nulls(len(arrays[0]), pa.float32()))
    return pa.RecordBatch.from_arrays(arrays, ["user_id", "position", "movie_id", "score", "predicted_stars"])


def _merge(rows: NDArray[np.int32], scores: Floats, others: NDArray[np.intp], found: Floats) -> None:
    """Merge films whose score was raised to ``found`` into the best films of a person, in place; ``others`` are unique.

    The new best films are among the old best and those that were raised, so no others need be looked at.
    """
    kept = ~np.isin(rows, others)
    all_rows, all_scores = np.concatenate([rows[kept], others]), np.concatenate([scores[kept], found])
    best = np.argsort(-all_scores, kind="stable")[: len(rows)]
    rows[:], scores[:] = all_rows[best], all_scores[best]
