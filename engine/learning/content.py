"""The content of films as vectors: genres, year and tags.

The likeness of two films is the inner product of their rows.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from engine.domain import Film, Floats
from engine.serving.content import genre_and_year_vectors, unit

TAGS = 0.40
"""The weight of tags, beside genres and year. Tags only add: a film without tags is not unlike films with tags."""

TAGS_TRUSTED = 1.0
"""With this many tags, a film's tags count half."""

TAG_WORDS = 2_000
TAG_TOPICS = 48

TAGS_NAMED = 12
"""This many tags of a film, the most telling ones, may be named as shared with another."""

NAMED_FROM = 3
"""A tag is named only if this many films have it: a rarer one is mostly a typing error."""

NOT_OF_FILMS = re.compile(r"netflix|queue|seen|watch|dvd|bd-r|vhs|imdb|own|library|rating|\d{4}|view|rent|!|\?")
"""Tags about the person who gave them: "In Netflix queue", "seen 2008"."""


@dataclass(frozen=True)
class Tags:
    """How often people gave a film a tag: three parallel arrays."""

    movie_ids: NDArray[np.int32]
    words: NDArray[np.str_]
    counts: NDArray[np.int64]

    @classmethod
    def read(cls, file: Path) -> "Tags | None":
        """Return what a data set's Parquet file of tags holds; None if there is no such file."""
        if not file.exists():
            return None
        table = parquet.read_table(file)
        words = np.array(table["tag"].to_pylist(), dtype=np.str_)
        return cls(table["movie_id"].to_numpy(), words, table["count"].to_numpy().astype(np.int64))


def content_vectors(films: Sequence[Film], tags: Tags | None) -> Floats:
    """Return each film's content as a vector of length at most 1: genres (rare ones weigh more), year, and tags if
    there are any."""
    ids = np.array([film.id for film in films], np.int32)
    parts = [genre_and_year_vectors(films)]
    if tags is not None and len(tags.words):
        rows = _rows_of(ids, tags.movie_ids)
        given = np.bincount(rows[rows >= 0], tags.counts[rows >= 0], minlength=len(ids))
        certain = np.sqrt(given / (given + TAGS_TRUSTED))[:, None]
        parts.append((np.sqrt(TAGS) * certain * _topics(len(ids), rows, tags)).astype(np.float32))
    return np.hstack(parts)


def telling_tags(movie_ids: NDArray[np.int32], tags: Tags | None) -> tuple[NDArray[np.int32], list[str]]:
    """Return the most telling tags of each film, as numbers, and the list of tags.

    The first is (n_films, ``TAGS_NAMED``): numbers of tags, the most telling first, −1 if a film has no more.
    """
    best = np.full((len(movie_ids), TAGS_NAMED), -1, np.int32)
    if tags is None or not len(tags.words):
        return best, []
    words, word, films_with = np.unique(tags.words, return_inverse=True, return_counts=True)
    fits = (films_with >= NAMED_FROM) & np.array([NOT_OF_FILMS.search(text) is None for text in words.tolist()])
    rows = _rows_of(movie_ids, tags.movie_ids)
    keep = (rows >= 0) & fits[word]
    rows, word = rows[keep], word[keep]
    weight = (1 + np.log(tags.counts[keep])) * np.log(1 + len(movie_ids) / films_with[word])
    order = np.lexsort((word, -weight, rows))
    rows, word = rows[order], word[order]
    nth = np.arange(len(rows)) - np.searchsorted(rows, rows)
    named = nth < TAGS_NAMED
    best[rows[named], nth[named]] = word[named]
    return best, words.tolist()


def _rows_of(ids: NDArray[np.int32], wanted: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return the row of each wanted film in ``ids``, −1 if it is missing."""
    order = np.argsort(ids, kind="stable")
    at = order[np.minimum(np.searchsorted(ids, wanted, sorter=order), len(ids) - 1)]
    return np.where(ids[at] == wanted, at, -1)


def _topics(n_films: int, rows: NDArray[np.intp], tags: Tags) -> Floats:
    """Reduce the commonest tags, weighted by rarity, to a few topics (latent semantic analysis)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import svds

    words, word, films_with = np.unique(tags.words, return_inverse=True, return_counts=True)
    common = np.argsort(-films_with, kind="stable")[:TAG_WORDS]
    column = np.full(len(words), -1)
    column[common] = np.arange(len(common))
    keep = (rows >= 0) & (column[word] >= 0)
    rarity = np.log(1 + n_films / films_with)
    values = (1 + np.log(tags.counts[keep])) * rarity[word[keep]]
    weights = csr_matrix((values, (rows[keep], column[word[keep]])), shape=(n_films, len(common)))
    topics = min(TAG_TOPICS, min(weights.shape) - 1)
    if topics < 1:
        return np.zeros((n_films, 1), np.float32)
    _, _, axes = svds(weights, k=topics, random_state=0)
    return unit(np.asarray(weights @ axes.T, np.float32))
