"""The films that models showed people, and what people did with them: this shows whether a model helps in practice."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.database import Database
from engine.store.people import change_preferences
from engine.store.schema import RatingRow, ShownFilmRow, table

shown_films, ratings = table(ShownFilmRow), table(RatingRow)

KEPT = timedelta(days=90)
"""Rows are kept for this long."""

LIKED_STARS = 4.0
"""A shown film that gets this many stars was a good choice."""


@dataclass(frozen=True, slots=True)
class Reception:
    """People's answer to the films that a model showed them in the last 90 days. ``shown`` counts pairs of person and
    film in its lists, ``rated`` those rated afterwards, ``liked`` those rated ``LIKED_STARS`` or more. ``opened``
    counts those whose card people opened from a list, in the chat or on a site that reports it."""

    shown: int = 0
    rated: int = 0
    liked: int = 0
    opened: int = 0

    @property
    def liked_share(self) -> float | None:
        """The share of films rated afterwards that were liked; None if no film was rated."""
        return self.liked / self.rated if self.rated else None


@dataclass(frozen=True, slots=True)
class Shown:
    """A film that a model's list showed somebody: when first, and when they first opened it."""

    movie_id: int
    shown_at: datetime
    opened_at: datetime | None


class ShownStore(Database):
    def note_shown(
        self,
        user_id: int,
        version: int | None,
        movie_ids: Collection[int],
        now: datetime,
        *,
        remember: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    ) -> None:
        """Note that a list of a model showed somebody these films. The first time counts.

        A power cut may lose the last few notes: waiting for the disk would be the slowest step of showing a list.
        Nothing is noted without a model, or for people who were deleted meanwhile.

        Args:
            remember: a change of their preferences that belongs to it, made in any case.
        """
        rows = [
            {"user_id": user_id, "model_version": version, "movie_id": movie_id, "shown_at": now}
            for movie_id in sorted(set(movie_ids))
        ]
        with self.write(durable=False) as connection:
            still_here = change_preferences(connection, user_id, remember)
            if still_here and version is not None and rows:
                connection.execute(_FIRST_TIME[connection.dialect.name], rows)

    def note_opened(self, user_id: int, version: int | None, movie_ids: Collection[int], now: datetime) -> None:
        """Note that somebody opened films that they were shown. The first time counts."""
        if version is None or not movie_ids:
            return
        mine = (shown_films.c.user_id == user_id) & (shown_films.c.model_version == version)
        mine &= shown_films.c.movie_id.in_(movie_ids) & shown_films.c.opened_at.is_(None)
        with self.write(durable=False) as connection:
            connection.execute(sa.update(shown_films).where(mine).values(opened_at=now))

    def shown_by(self, user_id: int, version: int | None, movie_ids: Collection[int]) -> dict[int, Shown]:
        """Return which of these films a model's lists have shown somebody, by film."""
        columns = [shown_films.c[name] for name in Shown.__dataclass_fields__]
        mine = (shown_films.c.user_id == user_id) & (shown_films.c.model_version == version)
        with self.read() as connection:
            rows = connection.execute(sa.select(*columns).where(mine, shown_films.c.movie_id.in_(movie_ids)))
            return {row.movie_id: Shown(*row) for row in rows}

    def receptions(self) -> dict[int, Reception]:
        """Return for each version that has shown films lately what people did with them."""
        later = (ratings.c.user_id == shown_films.c.user_id) & (ratings.c.movie_id == shown_films.c.movie_id)
        later &= ratings.c.rated_at > shown_films.c.shown_at
        liked = sa.func.sum(sa.case((ratings.c.stars >= LIKED_STARS, 1), else_=0))
        opened = sa.func.count(shown_films.c.opened_at)
        query = (
            sa.select(shown_films.c.model_version, sa.func.count(), sa.func.count(ratings.c.stars), liked, opened)
            .select_from(shown_films.outerjoin(ratings, later))
            .group_by(shown_films.c.model_version)
        )
        with self.read() as connection:
            found = connection.execute(query)
            return {
                version: Reception(shown, rated, int(liked), opened) for version, shown, rated, liked, opened in found
            }

    def sweep_shown(self, now: datetime) -> None:
        """Delete rows that are older than ``KEPT``."""
        with self.write() as connection:
            connection.execute(sa.delete(shown_films).where(shown_films.c.shown_at < now - KEPT))


# Built once, as those that every update needs (``engine.store.people``).
_FIRST_TIME: dict[str, Any] = {
    "sqlite": sqlite.insert(shown_films).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(shown_films).on_conflict_do_nothing(),
}
