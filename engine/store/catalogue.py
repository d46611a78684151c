"""The films and the data set that they came from."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from engine.domain import Catalogue, Feedback, Film, ItemKind
from engine.store.database import Database, chunked, insert, upsert
from engine.store.schema import CatalogueRow, GenreRow, MovieGenreRow, MovieRow, UserRow, table

catalogues, movies, genres = table(CatalogueRow), table(MovieRow), table(GenreRow)
movie_genres, users = table(MovieGenreRow), table(UserRow)

CHUNK_ROWS = 500
"""Rows in one statement: SQLite takes at most 32,766 values, and this keeps a transaction short."""


class CatalogueStore(Database):
    def catalogue(self) -> Catalogue | None:
        """Return which data set is loaded, or None."""
        with self.read() as connection:
            row = connection.execute(sa.select(catalogues)).mappings().one_or_none()
        if row is None:
            return None
        facts = {name: row[name] for name in Catalogue.__dataclass_fields__}
        return Catalogue(**facts | {"feedback": Feedback(row["feedback"]), "kind": ItemKind(row["kind"])})

    def save_catalogue(self, catalogue: Catalogue) -> None:
        """Name the data set that is loaded now."""
        row = {name: getattr(catalogue, name) for name in Catalogue.__dataclass_fields__}
        with self.write() as connection:
            connection.execute(upsert(connection, catalogues, ["id"]), {"id": 1, **row})

    def save_films(self, films: Iterable[Film]) -> None:
        """Add films, or overwrite those with the same id."""
        for chunk in chunked(films, CHUNK_ROWS):
            with self.write_chunk() as connection:
                connection.execute(upsert(connection, movies, ["id"]), [_film_values(film) for film in chunk])
                self._save_genres(connection, chunk)

    def _save_genres(self, connection: sa.Connection, chunk: list[Film]) -> None:
        ids: dict[str, int] = {}
        for name in dict.fromkeys(genre for film in chunk for genre in film.genres):
            found = connection.scalar(sa.select(genres.c.id).where(genres.c.name == name))
            if found is None:
                found = connection.scalar(sa.insert(genres).values(name=name).returning(genres.c.id))
            ids[name] = int(found)
        connection.execute(sa.delete(movie_genres).where(movie_genres.c.movie_id.in_([film.id for film in chunk])))
        rows = [
            {"movie_id": film.id, "genre_id": ids[name], "position": position}
            for film in chunk
            for position, name in enumerate(film.genres, start=1)
        ]
        if rows:
            connection.execute(sa.insert(movie_genres), rows)

    def films(self) -> list[Film]:
        """Return every film, by id."""
        with self.read() as connection:
            named = (
                sa.select(movie_genres.c.movie_id, genres.c.name)
                .join(genres, genres.c.id == movie_genres.c.genre_id)
                .order_by(movie_genres.c.movie_id, movie_genres.c.position)
            )
            of_film: defaultdict[int, list[str]] = defaultdict(list)
            for movie_id, name in connection.execute(named):
                of_film[movie_id].append(name)
            rows = connection.execute(sa.select(movies).order_by(movies.c.id))
            return [
                Film(
                    id=row.id,
                    title=row.title,
                    display_title=row.display_title,
                    alternative_titles=tuple(row.alternative_titles),
                    year=row.year,
                    genres=tuple(of_film.get(row.id, ())),
                    imdb_id=row.imdb_id,
                    tmdb_id=row.tmdb_id,
                    rating_count=row.rating_count,
                    mean_stars=row.mean_stars,
                )
                for row in rows
            ]

    def dataset_users(self, dataset_user_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return ``users.id`` for each of the data set's own user ids, in their order. Add people who are missing."""
        known = self._known_dataset_users()
        missing = np.setdiff1d(dataset_user_ids, np.fromiter(known, np.int64, len(known)))
        now = datetime.now(UTC)
        for chunk in chunked(missing.tolist(), CHUNK_ROWS):
            with self.write_chunk() as connection:
                statement = insert(connection, users).on_conflict_do_nothing()
                people = [{"dataset_user_id": i, "settings": {}, "active": True, "created_at": now} for i in chunk]
                connection.execute(statement, people)
        if missing.size:
            known = self._known_dataset_users()
        return np.array([known[i] for i in dataset_user_ids.tolist()], dtype=np.int32)

    def _known_dataset_users(self) -> dict[int, int]:
        with self.read() as connection:
            query = sa.select(users.c.dataset_user_id, users.c.id).where(users.c.dataset_user_id.is_not(None))
            return {row.dataset_user_id: row.id for row in connection.execute(query)}

    def dataset_user(self, dataset_user_id: int) -> int | None:
        """Return ``users.id`` of one person of the data set, or None."""
        with self.read() as connection:
            return connection.scalar(sa.select(users.c.id).where(users.c.dataset_user_id == dataset_user_id))


def _film_values(film: Film) -> dict[str, Any]:
    values = {column.name: getattr(film, column.name) for column in movies.columns}
    return values | {"alternative_titles": list(film.alternative_titles)}
