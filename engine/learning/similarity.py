"""Which titles are alike: by who likes them, and by what they are. Pure numpy.

Likeness of film j seen from film i is one inner product, so the engine's executors can use their top-N kernel:
``trust_i · support_j · cosine of preference factors + known_j · ((1 − trust_i) · content + kinship)``. ``support_j``
and ``known_j`` keep a film with two ratings from topping a list; ``trust_i`` lets a film that is too new borrow from
genre, year and tags; kinship is a shared series, by title. The factors are whitened first: otherwise the few directions
that tell popular films from others drown what the rest say.
"""

import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.domain import Floats, Movie
from engine.serving.factors import Model

TRUST_RATINGS = 5.0
"""Ratings at which a film is half judged by who likes it, half by its content."""

SUPPORT_RATINGS = 10.0
"""Ratings at which a film counts half among those with the same viewers."""

KNOWN_RATINGS = 2.0
"""Ratings at which a film counts half among those with the same content: what it is, is certain from the start."""

MOST_TRUST = 0.75
"""However well known a film is, its content keeps this much less than the whole: it settles near-ties for kin."""

GENRES, YEARS, TAGS = 0.35, 0.25, 0.40
"""What each says of content. Tags only add: a film that nobody has tagged is not thereby unlike those that are."""

KINSHIP = 0.3
"""What a shared series adds to the likeness of two films, before it is brought back to at most 1."""

SERIES_CODE = 128
"""Length of the random vectors that stand for series; of two different ones the product is about a tenth."""

TAGS_TRUSTED = 1.0
"""Tags at which a film's tags count half."""

FAINT = 0.03
"""Directions of taste that hold less than this share of the largest are not stretched to its length."""

YEAR_WIDTH = 8.0
"""Films this many years apart are clearly of another time."""

TAG_WORDS = 2_000
TAG_TOPICS = 48

_PART = re.compile(r":\s|\s[-–]\s|,?\s(?:part|pt\.?|vol\.?|volume|chapter|episode)\b")
_NUMBER = re.compile(r"\s+(?:\d+(?:\s\d/\d)?|[ivx]+|two|three|four|five|six|seven|eight)$|(?<=[a-z])\d+$")
_ARTICLE = re.compile(r"^(?:the|an?)\s")


@dataclass(frozen=True)
class SimilarityVectors:
    """Both sides of the likeness: ``queries[i] @ targets[j]``, at most 1; rows in the order of ``movie_ids``."""

    movie_ids: NDArray[np.int32]
    queries: Floats
    targets: Floats


@dataclass(frozen=True)
class Tags:
    """How often people put a word to a film: three parallel arrays."""

    movie_ids: NDArray[np.int32]
    words: NDArray[np.str_]
    counts: NDArray[np.int64]


def similarity_vectors(
    movies: Sequence[Movie], model: Model, rating_counts: Mapping[int, int], tags: Tags | None = None
) -> SimilarityVectors:
    """Build both sides for every film of the catalogue, those that nobody rated included.

    Args:
        rating_counts: how many ratings the model learned from, for each film id; absent means 0.
    """
    ids = np.array([movie.id for movie in movies], np.int32)
    counts = np.array([rating_counts.get(int(movie_id), 0) for movie_id in ids], np.float32)
    liking = np.zeros((len(ids), model.preference.shape[1]), np.float32)
    rows = [model.row(int(movie_id)) for movie_id in ids]
    known = np.array([row is not None for row in rows], bool)
    liking[known] = _unit(_whitened(model.preference)[[row for row in rows if row is not None]])
    content, series = _content(movies, ids, tags), KINSHIP * _series(movies)
    trust = (MOST_TRUST * counts / (counts + TRUST_RATINGS))[:, None]
    support, certain = ((counts / (counts + half))[:, None] for half in (SUPPORT_RATINGS, KNOWN_RATINGS))
    queries = np.hstack([trust * liking, (1 - trust) * content, series]) / (1 + KINSHIP)
    targets = np.hstack([support * liking, certain * content, certain * series / KINSHIP])
    return SimilarityVectors(ids, np.ascontiguousarray(queries, np.float32), np.ascontiguousarray(targets, np.float32))


def _whitened(factors: Floats) -> Floats:
    """Turn and stretch the factors so that each direction of taste counts alike (Mahalanobis's cosine).

    Directions that hold next to nothing are chance, and are not blown up.
    """
    y = factors.astype(np.float64)
    values, axes = np.linalg.eigh(y.T @ y)
    stretch = 1 / np.sqrt(np.maximum(values, FAINT * max(float(values.max()), 1e-12)))
    whitened: Floats = ((y @ axes) * stretch).astype(np.float32)
    return whitened


def _content(movies: Sequence[Movie], ids: NDArray[np.int32], tags: Tags | None) -> Floats:
    """What a film is, as a vector of length at most 1: genres (rare ones weigh more), year, and tags as far as any."""
    parts = [np.sqrt(GENRES) * _genres(movies), np.sqrt(YEARS) * _years(movies)]
    if tags is not None and len(tags.words):
        given = np.zeros(len(ids))
        position = {int(movie_id): row for row, movie_id in enumerate(ids)}
        for movie_id, count in zip(tags.movie_ids.tolist(), tags.counts.tolist(), strict=True):
            if movie_id in position:
                given[position[movie_id]] += count
        certain = np.sqrt(given / (given + TAGS_TRUSTED))[:, None]
        parts.append((np.sqrt(TAGS) * certain * _tags(ids, tags)).astype(np.float32))
    return np.hstack(parts)


def series_of(movies: Sequence[Movie]) -> list[str | None]:
    """Return the name of each film's series, as its title gives it, or None.

    "Toy Story 2", "Star Wars: Episode IV - A New Hope" and "The Godfather: Part II" are named by what stands before
    number and subtitle. A name makes a series only of films that differ in their whole titles (two called "Crash" are
    no series) and share a genre with another of them ("The Mission" is none of "Mission: Impossible").
    """
    named: defaultdict[str, list[Movie]] = defaultdict(list)
    for movie in movies:
        named[_stem(movie.display_title)].append(movie)
    found: dict[int, str] = {}
    for stem, films in named.items():
        for film in films if len(films) > 1 else ():
            whole = _words(film.display_title)
            if any(whole != _words(other.display_title) and set(film.genres) & set(other.genres) for other in films):
                found[film.id] = stem
    return [found.get(movie.id) for movie in movies]


def _stem(title: str) -> str:
    name = _PART.split(unicodedata.normalize("NFKC", title).casefold())[0]
    return _words(_NUMBER.sub("", name) or name)


def _words(title: str) -> str:
    """Return the words of a title without a leading article, without signs, in lower case."""
    return " ".join(re.findall(r"\w+", _ARTICLE.sub("", unicodedata.normalize("NFKC", title).casefold())))


def _series(movies: Sequence[Movie]) -> Floats:
    """A vector of length 1 for each series, the same in every run; none for a film of no series."""
    codes = np.zeros((len(movies), SERIES_CODE), np.float32)
    for row, name in enumerate(series_of(movies)):
        if name is not None:
            codes[row] = np.random.default_rng(zlib.crc32(name.encode())).choice([-1.0, 1.0], SERIES_CODE)
    return _unit(codes)


def _genres(movies: Sequence[Movie]) -> Floats:
    names = sorted({genre for movie in movies for genre in movie.genres})
    columns = {name: column for column, name in enumerate(names)}
    has = np.zeros((len(movies), max(len(names), 1)), np.float32)
    for row, movie in enumerate(movies):
        has[row, [columns[genre] for genre in movie.genres]] = 1
    return _unit(has * np.log(1 + len(movies) / (1 + has.sum(axis=0))))


def _years(movies: Sequence[Movie]) -> Floats:
    """Bumps along time, so that the cosine of two years falls with their distance; no year is no vector."""
    centres = np.arange(1890, 2060, YEAR_WIDTH, dtype=np.float32)
    years = np.array([movie.year if movie.year is not None else np.nan for movie in movies], np.float32)
    return _unit(np.nan_to_num(np.exp(-(((years[:, None] - centres) / YEAR_WIDTH) ** 2))))


def _tags(ids: NDArray[np.int32], tags: Tags) -> Floats:
    """The commonest words, weighed by rarity, pressed into a few topics (latent semantic analysis)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import svds

    words, word, films_with = np.unique(tags.words, return_inverse=True, return_counts=True)
    common = np.argsort(-films_with, kind="stable")[:TAG_WORDS]
    column = np.full(len(words), -1)
    column[common] = np.arange(len(common))
    position = {int(movie_id): row for row, movie_id in enumerate(ids)}
    rows = np.array([position.get(int(movie_id), -1) for movie_id in tags.movie_ids])
    keep = (rows >= 0) & (column[word] >= 0)
    rarity = np.log(1 + len(ids) / films_with)
    values = (1 + np.log(tags.counts[keep])) * rarity[word[keep]]
    weights = csr_matrix((values, (rows[keep], column[word[keep]])), shape=(len(ids), len(common)))
    topics = min(TAG_TOPICS, min(weights.shape) - 1)
    if topics < 1:
        return np.zeros((len(ids), 1), np.float32)
    _, _, axes = svds(weights, k=topics, random_state=0)
    return _unit(np.asarray(weights @ axes.T, np.float32))


def _unit(vectors: NDArray[np.floating]) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return unit
