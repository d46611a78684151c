"""The content of films as vectors of genres and years, and from it factors for films that nobody has rated. Pure
numpy."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.domain import Film, Floats
from engine.serving.factors import Model

GENRES, YEARS = 0.35, 0.25
"""The weight of each part of the content; tags get the rest (``engine.learning.content``)."""

YEAR_WIDTH = 8.0
"""Films this many years apart are clearly of another time."""

RIDGE = 1.0
"""The ridge of the regression of rows on genres and years; values from 1 to 10 make no difference
(docs/experiments.md)."""

TRUSTED = 10.0
"""With this many ratings, a film counts half when others' rows are predicted from its own."""

LIKENESS_POWER = 3
"""Similar titles count by this power of their likeness: one of the same series, or with the same tags, beats ten that
only share a genre."""


def genre_and_year_vectors(films: Sequence[Film]) -> Floats:
    """Return genres (rare ones weigh more) and year of each film as a vector of length at most 1."""
    return np.hstack([np.sqrt(GENRES) * _genres(films), np.sqrt(YEARS) * _years(films)]).astype(np.float32)


def with_unrated(
    model: Model, films: Collection[Film], similar: tuple[NDArray[np.int32], NDArray[np.int32], Floats]
) -> Model:
    """Return the model with a predicted row for each film that it was not trained on and whose genres are known.

    Half of a row is predicted from genres and year by a ridge regression. The other half is the mean of the most
    similar films, which also reflects tags and series. A film added after the training has no list of similar titles
    yet, so its row is the regression alone.

    Args:
        films: the catalogue.
        similar: published similar titles as parallel arrays: a film, one like it, and how much.
    """
    by_id = {film.id: film for film in films}
    known = np.array([movie_id in by_id for movie_id in model.movie_ids.tolist()], np.bool_)
    rated = [by_id[movie_id] for movie_id in model.movie_ids[known].tolist()]
    new_ids = sorted(by_id.keys() - set(model.movie_ids.tolist()))
    new = [by_id[movie_id] for movie_id in new_ids if by_id[movie_id].genres]
    if not new or not rated:
        return model
    trust = np.zeros(len(model.movie_ids))
    trust[known] = [film.rating_count / (film.rating_count + TRUSTED) for film in rated]
    content = genre_and_year_vectors([*rated, *new]).astype(np.float64)
    guesses = _regressed(content[: len(rated)], model.order_vectors[known], trust[known], content[len(rated) :])
    ids = np.array([film.id for film in new], np.int32)
    alike, found = _mean_of_similar(model, ids, trust, similar)
    guesses[found] = (guesses[found] + alike[found]) / 2
    return model.with_guesses(ids, guesses.astype(np.float32))


def _regressed(
    content: NDArray[np.float64], rows: Floats, trust: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return rows for ``wanted`` content, given ``rows`` of known content that are trusted so much."""
    weighted = (content * trust[:, None]).T
    left = weighted @ content + RIDGE * np.eye(content.shape[1])
    return np.asarray(wanted @ np.linalg.solve(left, weighted @ rows))


def _mean_of_similar(
    model: Model,
    ids: NDArray[np.int32],
    trust: NDArray[np.float64],
    similar: tuple[NDArray[np.int32], NDArray[np.int32], Floats],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the mean row of the films that each film of ``ids`` is like, and whether there are any."""
    film, other, likeness = similar
    at = np.minimum(np.searchsorted(ids, film), len(ids) - 1)
    mine = ids[at] == film
    rows, trained = model.known(other[mine].astype(np.int64))
    at, likeness = at[mine][trained], likeness[mine][trained]
    weights = likeness.astype(np.float64) ** LIKENESS_POWER * trust[rows]
    total = np.bincount(at, weights, len(ids))
    mean = np.zeros((len(ids), model.order_vectors.shape[1]))
    np.add.at(mean, at, weights[:, None] * model.order_vectors[rows])
    return mean / np.maximum(total, 1e-12)[:, None], total > 0


def _genres(films: Sequence[Film]) -> Floats:
    names = sorted({genre for film in films for genre in film.genres})
    columns = {name: column for column, name in enumerate(names)}
    has = np.zeros((len(films), max(len(names), 1)), np.float32)
    for row, film in enumerate(films):
        has[row, [columns[genre] for genre in film.genres]] = 1
    return unit(has * np.log(1 + len(films) / (1 + has.sum(axis=0))))


def _years(films: Sequence[Film]) -> Floats:
    """Return vectors of years, whose cosine falls with the distance of two years; an unknown year gives zeros."""
    centres = np.arange(1890, 2060, YEAR_WIDTH, dtype=np.float32)
    years = np.array([film.year if film.year is not None else np.nan for film in films], np.float32)
    return unit(np.nan_to_num(np.exp(-(((years[:, None] - centres) / YEAR_WIDTH) ** 2))))


def unit(vectors: NDArray[np.floating]) -> Floats:
    """Return the vectors scaled to length 1; those of length 0 stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled
