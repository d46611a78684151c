"""Finds similar titles, by common viewers and by content. Spark's executors compute it, a block of films at a time.

Two films are similar if more people like both than expected by chance: ``max(log(observed / expected), −1)``, shrunk by
the number of those people, ``· together / (together + 15)``. Content (genres, year, tags) and a shared series are
added. Cosines of a model's factors are not used: they make all popular films look alike.

The driver and each executor hold all likes in memory: 8 bytes each, once by person and once by film.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from engine.domain import Film, Floats
from engine.learning.content import Tags, content_vectors, telling_tags
from engine.serving.series import series_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LIKED_STARS = 3.5
"""Somebody likes a film from this many stars on. 3.0 and 4.0 find a little less on ml-latest-small."""

LIKED_PLAYS = 5
"""Somebody likes an artist from this many plays on: a few plays may come from a radio."""

SUPPORT = 15.0
"""With this many people who like both films, the evidence counts half."""

AGAINST = -1.0
"""The lowest value for few common viewers, which do not prove that films are unlike."""

CONTENT = 3.0
"""The weight of content: of two films with the same genres, year and tags."""

SERIES = 2.0
"""The weight of a shared series: more than common viewers mostly give."""

KNOWN_RATINGS = 0.5
"""With this many ratings, a film's content counts half, so that a film which one person knows tops no list."""

SAME_PEOPLE = 0.3
"""From this value of the first term on, "liked by the same people" is given as a reason."""

BLOCK_FILMS = 64
"""Films in one block: their similarities to 87,000 others take 22 MB."""

SCHEMA = "movie_id int, position int, similar_movie_id int, similarity float, times_chance float, shared_tag string"


def similar_films(
    spark: SparkSession, films: Sequence[Film], ratings: DataFrame, tags: Tags | None = None, *, limit: int
) -> DataFrame:
    """Return the films most like each film of the catalogue, including films that nobody rated.

    Columns: movie_id, position (1 is most alike), similar_movie_id, similarity (no fixed top; 3 is much);
    ``times_chance``, how many times as many people as by chance like both, or null if that is no reason; and
    ``shared_tag``, a tag of both, or null. A film without ratings and content has no similar films.

    Args:
        ratings: user_id, movie_id, and stars or plays; each pair once.
        limit: films in a list.
    """
    shared = spark.sparkContext.broadcast(Alike.of(films, ratings, tags))
    blocks = -(-len(films) // BLOCK_FILMS)

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for block in batch.column("id").to_pylist():
                yield shared.value.lists(block * BLOCK_FILMS, limit)

    # Popular films take longer, and often have neighbouring ids: four blocks for each task even that out.
    pieces = min(blocks, 4 * spark.sparkContext.defaultParallelism)
    return spark.range(0, blocks, 1, max(pieces, 1)).mapInArrow(score, SCHEMA)


@dataclass(frozen=True)
class Alike:
    """Everything that similarity is computed from, by rows of films.

    The films that person i likes are ``liked[starts[i]:starts[i + 1]]``. ``known`` (n_films,) is 0 to 1; ``series``
    holds the number of each film's series, −1 for none; ``tags`` and ``words`` are ``telling_tags``.
    """

    movie_ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    liked: NDArray[np.int32]
    content: Floats
    known: Floats
    series: NDArray[np.int32]
    tags: NDArray[np.int32]
    words: list[str]

    @classmethod
    def of(cls, films: Sequence[Film], ratings: DataFrame, tags: Tags | None) -> "Alike":
        """Collect it from the data. Ratings of films that are not among ``films`` are ignored."""
        films = sorted(films, key=lambda film: film.id)
        ids = np.array([film.id for film in films], np.int32)
        likes = F.col("stars") >= LIKED_STARS if "stars" in ratings.columns else F.col("plays") >= LIKED_PLAYS
        table = ratings.where(likes).select("user_id", "movie_id").toArrow()
        starts, liked = _by_person(ids, table["user_id"].to_numpy(), table["movie_id"].to_numpy())
        rated = ratings.groupBy("movie_id").count().toArrow()
        counts = np.zeros(len(ids), np.float32)
        rows, here = _rows(ids, rated["movie_id"].to_numpy())
        counts[rows[here]] = rated["count"].to_numpy()[here]
        named = series_of(films)
        numbers = {name: number for number, name in enumerate(sorted({name for name in named if name is not None}))}
        series = np.array([-1 if name is None else numbers[name] for name in named], np.int32)
        content, known = content_vectors(films, tags), counts / (counts + np.float32(KNOWN_RATINGS))
        return cls(ids, starts, liked, content, known, series, *telling_tags(ids, tags))

    @cached_property
    def likes(self) -> "csr_matrix":
        """Matrix of people × films, 1 where they like it."""
        from scipy.sparse import csr_matrix

        shape = (len(self.starts) - 1, len(self.movie_ids))
        return csr_matrix((np.ones(len(self.liked), np.float32), self.liked, self.starts), shape=shape)

    @cached_property
    def fans(self) -> "csr_matrix":
        """The transposed matrix, films × people."""
        return self.likes.T.tocsr()

    @cached_property
    def popularity(self) -> Floats:
        """Number of people who like each film, (n_films,)."""
        return np.bincount(self.liked, minlength=len(self.movie_ids)).astype(np.float32)

    @cached_property
    def parts(self) -> dict[int, NDArray[np.intp]]:
        """The films of each series."""
        found: defaultdict[int, list[int]] = defaultdict(list)
        for row, series in enumerate(self.series.tolist()):
            if series >= 0:
                found[series].append(row)
        return {series: np.array(rows, np.intp) for series, rows in found.items()}

    def lists(self, first: int, limit: int) -> pa.RecordBatch:
        """Return the lists of the ``BLOCK_FILMS`` films from row ``first`` on, in the form of ``similar_films``."""
        own = np.arange(first, min(first + BLOCK_FILMS, len(self.movie_ids)))
        score = np.float32(CONTENT) * (self.content[own] @ self.content.T) * self.known
        for at, series in enumerate(self.series[own].tolist()):
            if series >= 0:
                score[at, self.parts[series]] += SERIES * self.known[self.parts[series]]
        together = self.fans[own] @ self.likes
        pairs = together.tocoo()
        score[pairs.row, pairs.col] += _worth(pairs.data, self._by_chance(own[pairs.row], pairs.col))
        score[np.arange(len(own)), own] = -np.inf

        limit = min(limit, score.shape[1] - 1)
        best = np.argpartition(-score, limit, axis=1)[:, :limit] if limit > 0 else np.empty((len(own), 0), np.intp)
        values = np.take_along_axis(score, best, axis=1)
        order = np.lexsort((best, -values), axis=1)
        best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)

        common = together[np.arange(len(own))[:, None], best].toarray().reshape(best.shape)
        chance = self._by_chance(own[:, None], best)
        with np.errstate(divide="ignore", invalid="ignore"):
            telling = _worth(common, chance) >= SAME_PEOPLE
            times = np.where(telling, common / chance, np.nan)
        filled = values > 0
        position = np.cumsum(filled, axis=1, dtype=np.int32)
        films = np.broadcast_to(self.movie_ids[own][:, None], best.shape)
        shared = self._shared_words(own, best)
        columns = (films, position, self.movie_ids[best], values.astype(np.float32))
        arrays = [pa.array(column[filled]) for column in columns]
        arrays.append(pa.array(times[filled].astype(np.float32), from_pandas=True))
        arrays.append(pa.array(shared[filled].tolist(), pa.string()))
        return pa.RecordBatch.from_arrays(arrays, [field.split()[0] for field in SCHEMA.split(", ")])

    def _by_chance(self, films: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Return the expected number of people who like both films if liking one is independent of liking the other."""
        chance: Floats = self.popularity[films] * self.popularity[others] / np.float32(max(self.likes.shape[0], 1))
        return chance

    def _shared_words(self, own: NDArray[np.intp], best: NDArray[np.intp]) -> NDArray[np.object_]:
        """Return for each pair the first film's most telling tag that the other has too, or None."""
        mine, theirs = self.tags[own][:, None, :, None], self.tags[best][:, :, None, :]
        common = ((mine == theirs) & (mine >= 0)).any(axis=3)
        word = np.take_along_axis(self.tags[own][:, None, :], common.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
        words = np.array([*self.words, None], np.object_)
        return words[np.where(common.any(axis=2), word, -1)]


def _worth(together: Floats, by_chance: Floats) -> Floats:
    """Return the evidence of this many people liking both films, given the number expected by chance."""
    worth: Floats = np.maximum(np.log(together / by_chance), AGAINST) * (together / (together + SUPPORT))
    return worth


def _by_person(
    ids: NDArray[np.int32], users: NDArray[np.int32], films: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where each person's films start, and the rows of the films."""
    rows, here = _rows(ids, films)
    users, rows = users[here], rows[here]
    order = np.argsort(users, kind="stable")
    _, counts = np.unique(users, return_counts=True)
    in_order = rows[order].astype(np.int32)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), in_order


def _rows(ids: NDArray[np.int32], wanted: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    rows = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return rows, ids[rows] == wanted
