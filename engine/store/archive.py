"""Reads one version's rows in bulk, for reports and saved models. The chat reads one list at a time."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.store.database import Database, chunked
from engine.store.models import SIMILAR_COLUMNS, Recommendation, SimilarFilm
from engine.store.schema import RecommendationRow, SimilarMovieRow, UserRow, table

recommendations, similar_movies, users = table(RecommendationRow), table(SimilarMovieRow), table(UserRow)

BATCH_ROWS = 20_000


def dataset_people(store: Database) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return ``users.id`` of all people of the data set, ascending, and the data set's own ids for them.

    People of the chat are left out, so files made from this hold nothing about them.
    """
    mine = users.c.dataset_user_id.is_not(None)
    query = sa.select(users.c.id, users.c.dataset_user_id).where(mine).order_by(users.c.id)
    with store.read() as connection:
        rows = connection.execute(query).all()
    return np.array([row[0] for row in rows], np.int32), np.array([row[1] for row in rows], np.int64)


def people_among(store: Database, user_ids: Collection[int]) -> set[int]:
    """Return which of these people are in the database."""
    found: set[int] = set()
    with store.read() as connection:
        for chunk in chunked(user_ids, 10_000):
            found.update(connection.scalars(sa.select(users.c.id).where(users.c.id.in_(chunk))))
    return found


def lists_of(store: Database, version: int, user_ids: Collection[int]) -> dict[int, list[Recommendation]]:
    """Return the lists that a version has for a few people, best first; an empty list for people without one."""
    r = recommendations.c
    query = (
        sa.select(r.user_id, r.position, r.movie_id, r.score, r.predicted_stars)
        .where(r.model_version == version, r.user_id.in_(user_ids))
        .order_by(r.user_id, r.position)
    )
    found: dict[int, list[Recommendation]] = {user_id: [] for user_id in user_ids}
    with store.read() as connection:
        for user_id, *rest in connection.execute(query):
            found[user_id].append(Recommendation(*rest))
    return found


def similar_of(store: Database, version: int, movie_ids: Collection[int]) -> dict[int, list[SimilarFilm]]:
    """Return the similar titles that a version has for a few films, best first."""
    s = similar_movies.c
    query = (
        sa.select(s.movie_id, *(s[name] for name in SIMILAR_COLUMNS))
        .where(s.model_version == version, s.movie_id.in_(movie_ids))
        .order_by(s.movie_id, s.position)
    )
    found: dict[int, list[SimilarFilm]] = {movie_id: [] for movie_id in movie_ids}
    with store.read() as connection:
        for movie_id, *rest in connection.execute(query):
            found[movie_id].append(SimilarFilm(*rest))
    return found


def places_of_films(store: Database, version: int, *, top: int) -> dict[int, int]:
    """Return how many people have each film among the first ``top`` of their list, in one version; only films that
    somebody has there."""
    r = recommendations.c
    query = (
        sa.select(r.movie_id, sa.func.count()).where(r.model_version == version, r.position <= top).group_by(r.movie_id)
    )
    with store.read() as connection:
        return {int(movie_id): int(count) for movie_id, count in connection.execute(query)}


def all_lists(store: Database, version: int) -> Iterator[list[tuple[Any, ...]]]:
    """Yield (user_id, dataset_user_id, position, movie_id, score, predicted_stars) of one version in batches.

    Rows are ordered by person and position. People of the chat are left out.
    """
    r = recommendations.c
    columns = (r.user_id, users.c.dataset_user_id, r.position, r.movie_id, r.score, r.predicted_stars)
    query = (
        sa.select(*columns)
        .join(users, users.c.id == r.user_id)
        .where(r.model_version == version, users.c.dataset_user_id.is_not(None))
        .order_by(r.user_id, r.position)
    )
    yield from _batches(store, query)


def all_similar(store: Database, version: int) -> Iterator[list[tuple[Any, ...]]]:
    """Yield (movie_id, position, similar_movie_id, similarity, times_chance, shared_tag) of one version in batches, by
    film and position."""
    s = similar_movies.c
    columns = (s.movie_id, *(s[name] for name in SIMILAR_COLUMNS))
    yield from _batches(store, sa.select(*columns).where(s.model_version == version).order_by(s.movie_id, s.position))


def _batches(store: Database, query: sa.Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    with store.read() as connection:
        rows = connection.execution_options(yield_per=BATCH_ROWS).execute(query)
        for batch in rows.partitions():
            yield [tuple(row) for row in batch]
