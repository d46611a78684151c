"""People, their ratings, and what they put aside."""

import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.domain import MatineeError, Rating, check_stars
from engine.store.allowances import Limited, spend
from engine.store.database import Database, chunked, insert, upsert
from engine.store.schema import (
    LANGUAGE_LENGTH,
    AdmissionRow,
    DismissalRow,
    LiveRow,
    ModelVersionRow,
    MovieRow,
    RatingEventRow,
    RatingRow,
    RecommendationRow,
    RunNoticeRow,
    RunRow,
    RunWatcherRow,
    UserRow,
    table,
)

users, ratings, events, dismissals = table(UserRow), table(RatingRow), table(RatingEventRow), table(DismissalRow)
recommendations, live, movies = table(RecommendationRow), table(LiveRow), table(MovieRow)
versions, runs = table(ModelVersionRow), table(RunRow)
watchers, notices, admissions = table(RunWatcherRow), table(RunNoticeRow), table(AdmissionRow)

CHUNK_ACTS = 300
"""Ratings of an imported file in one transaction: about 20 ms."""


class Dismissal(enum.StrEnum):
    SEEN = "seen"
    NOT_FOR_ME = "not_for_me"
    WATCHLIST = "watchlist"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in the chat. ``id`` is our number, ``telegram_id`` Telegram's. ``is_new`` is true with the first message
    only."""

    id: int
    telegram_id: int
    language: str | None
    preferences: dict[str, Any]
    active: bool
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class RatingChange:
    """The result of a change of one film's stars.

    ``event_id`` identifies the event, so that it can be undone. If nothing changed, it is the person's latest event for
    this film, or None.
    """

    event_id: int | None
    movie_id: int
    stars: float | None
    previous_stars: float | None
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """One line of somebody's history: a film rated, changed or removed. ``model_version`` is the first published model
    that has learned from it."""

    id: int
    movie_id: int
    act: str
    stars: float | None
    previous_stars: float | None
    happened_at: datetime
    model_version: int | None


@dataclass(frozen=True, slots=True)
class Put:
    """A film that somebody put aside: why, and until when (None: for good)."""

    movie_id: int
    kind: Dismissal
    dismissed_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Taste:
    """Everything that one person's picks depend on, read at one moment.

    ``ratings`` come newest first. ``put_aside`` holds the films whose time has not expired. ``waiting`` counts the
    rated films that the live model has not learned from yet.
    """

    user_id: int
    ratings: tuple[Rating, ...] = ()
    put_aside: tuple[Put, ...] = ()
    waiting: int = 0

    def stars_for(self, movie_id: int) -> float | None:
        """Return the stars that this person gave the film, or None."""
        return next((rating.stars for rating in self.ratings if rating.movie_id == movie_id), None)

    @property
    def hidden(self) -> frozenset[int]:
        """Films that picks never show: rated, seen, not for me, or on the watchlist already."""
        return frozenset({r.movie_id for r in self.ratings} | {p.movie_id for p in self.put_aside})


class NoSuchFilm(MatineeError):
    """A film id that the catalogue does not have."""

    def __init__(self, movie_id: int) -> None:
        super().__init__(f"there is no film {movie_id} in the catalogue")
        self.movie_id = movie_id


class UndoTooLate(MatineeError):
    """The change cannot be undone: it is not this person's, or the same film was rated again since."""


class PeopleStore(Database):
    def __init__(self, url: str, *, ratings_a_day: int | None = None) -> None:
        """Args:
        ratings_a_day: the number of single ratings that one person may give, change or take back in a day; None for no
            limit.
        """
        super().__init__(url)
        self._ratings_a_day = ratings_a_day

    def person(self, telegram_id: int, language: str | None, now: datetime) -> Person:
        """Return the person with a Telegram id. Add them if they are new, and mark them active again if they had
        left."""
        with self.read() as connection:
            row = connection.execute(_BY_TELEGRAM_ID, {"telegram_id": telegram_id}).one_or_none()
        if row is not None and row.active:
            return _person(row)
        values: dict[str, Any] = {
            "telegram_id": telegram_id,
            "language": _fitting(language),
            "settings": {},
            "active": True,
            "created_at": now,
        }
        with self.write() as connection:
            statement = insert(connection, users).values(values)
            statement = statement.on_conflict_do_update(index_elements=["telegram_id"], set_={"active": True})
            return _person(connection.execute(statement.returning(users)).one(), is_new=row is None)

    def find_person(self, telegram_id: int) -> Person | None:
        """Return the person with a Telegram id, or None. Add nobody."""
        with self.read() as connection:
            row = connection.execute(_BY_TELEGRAM_ID, {"telegram_id": telegram_id}).one_or_none()
        return None if row is None else _person(row)

    def set_active(self, telegram_id: int, active: bool) -> None:
        """Store whether the bot can write to someone: it cannot once they have blocked it."""
        with self.write() as connection:
            connection.execute(sa.update(users).where(users.c.telegram_id == telegram_id).values(active=active))

    def set_language(self, user_id: int, language: str | None) -> None:
        """Store the language that somebody chose."""
        with self.write() as connection:
            connection.execute(sa.update(users).where(users.c.id == user_id).values(language=_fitting(language)))

    def change_preferences(self, user_id: int, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change someone's preferences, starting from what they are now: they may have changed since they were read."""
        with self.write() as connection:
            change_preferences(connection, user_id, change)

    def forget(self, user_id: int) -> None:
        """Delete the person, their ratings, the films they put aside and their lists, at once and for good.

        Runs that a deleted admin asked for or stopped stay, without their id.
        """
        with self.write() as connection:
            gone = sa.delete(users).where(users.c.id == user_id).returning(users.c.telegram_id)
            telegram_id = connection.scalar(gone)
            connection.execute(sa.delete(watchers).where(watchers.c.chat_id == telegram_id))
            connection.execute(sa.delete(notices).where(notices.c.telegram_id == telegram_id))
            connection.execute(sa.delete(admissions).where(admissions.c.telegram_id == telegram_id))
            for who in (runs.c.asked_by, runs.c.cancelled_by):
                theirs = sa.update(runs).where(who == f"telegram:{telegram_id}")
                connection.execute(theirs.values({who: "telegram"}))
            delete_lists(connection, user_id)

    def rate(self, user_id: int, movie_id: int, stars: float, now: datetime) -> tuple[RatingChange, Taste]:
        """Give a film its stars, and return the person's taste from then on.

        The same stars again change nothing, so a repeated update is harmless.

        Raises:
            BadStars: not 0.5 to 5.0 in half steps.
            NoSuchFilm: the catalogue has no such film.
            EnoughForToday: they have reached the daily limit of changes.
        """
        checked = check_stars(stars)
        with self.write() as connection:
            act = _set_stars(connection, user_id, movie_id, checked, now)
            self._count(connection, user_id, act, now)
            return act, read_taste(connection, user_id, now)

    def rate_many(self, user_id: int, given: Iterable[tuple[int, float, datetime]], now: datetime) -> list[int]:
        """Give many films their stars, as from a file: some hundreds in one transaction, with an event for each.

        Args:
            given: film, stars, and when they were given. If a film comes twice, the last one counts.
            now: the time of the events.

        Returns:
            The ids of the events, in order. Films that had these stars already have no event.

        Raises:
            BadStars: not 0.5 to 5.0 in half steps. Nothing has been written.
            NoSuchFilm: the catalogue lacks a film. Transactions before it stay committed.
        """
        checked = {movie_id: (check_stars(stars), rated_at) for movie_id, stars, rated_at in given}
        ids: list[int] = []
        for chunk in chunked(checked.items(), CHUNK_ACTS):
            with self.write_chunk() as connection:
                ids += set_many_stars(connection, user_id, dict(chunk), now)
        return ids

    def remove_rating(self, user_id: int, movie_id: int, now: datetime) -> RatingChange:
        """Take a rating back; nothing changes if there is none."""
        with self.write() as connection:
            act = _set_stars(connection, user_id, movie_id, None, now)
            self._count(connection, user_id, act, now)
            return act

    def _count(self, connection: sa.Connection, user_id: int, act: RatingChange, now: datetime) -> None:
        if act.changed and self._ratings_a_day is not None:
            spend(connection, user_id, Limited.RATINGS, self._ratings_a_day, now)

    def undo(self, user_id: int, event_id: int, now: datetime) -> RatingChange:
        """Undo one event: the film gets back its earlier stars with their date, or none if it had none.

        Raises:
            UndoTooLate: the event is someone else's, is gone, or the film was rated again since.
        """
        with self.write() as connection:
            hold(connection, user_id)
            mine = (events.c.user_id == user_id) & (events.c.id == event_id)
            act = connection.execute(sa.select(events).where(mine)).one_or_none()
            if act is None:
                raise UndoTooLate("there is nothing to undo")
            before = stars_before(connection, user_id, [act.movie_id], event_id, event_id, now)
            if not before:
                raise UndoTooLate("this film was rated again since")
            undone = set_many_stars(connection, user_id, before, now)
            event = next(iter(undone), None)
            undo = RatingChange(event, act.movie_id, act.previous_stars, act.stars, changed=event is not None)
            self._count(connection, user_id, undo, now)
            return undo

    def undo_many(self, user_id: int, first: int, last: int, now: datetime) -> list[int]:
        """Undo someone's events from ``first`` to ``last``, such as those of an import: some hundreds of films in one
        transaction.

        Each film gets back the stars that it had before the first of these events, with their date, or none if it had
        none. A film that was rated again since stays as it is. A second call, because a tap came twice or the first
        call was cut short, does what is left to do.

        Returns:
            The ids of the new events, in order. They can be undone in the same way.
        """
        these = (events.c.user_id == user_id) & events.c.id.between(first, last)
        with self.read() as connection:
            films = connection.scalars(sa.select(events.c.movie_id).where(these).distinct().order_by(events.c.movie_id))
            chunks = list(chunked(films, CHUNK_ACTS))
        ids: list[int] = []
        for chunk in chunks:
            with self.write_chunk() as connection:
                hold(connection, user_id)
                ids += set_many_stars(
                    connection, user_id, stars_before(connection, user_id, chunk, first, last, now), now
                )
        return ids

    def put_aside(
        self, user_id: int, movie_id: int, kind: Dismissal, now: datetime, *, expires_at: datetime | None = None
    ) -> bool:
        """Keep a film out of the picks, or on the watchlist. Return whether that is new.

        Raises:
            NoSuchFilm: the catalogue has no such film.
        """
        with self.write() as connection:
            _check_film(connection, movie_id)
            key = {"user_id": user_id, "movie_id": movie_id, "kind": kind.value}
            before = connection.execute(_dismissal(key)).one_or_none()
            statement = upsert(connection, dismissals, ["user_id", "movie_id", "kind"])
            by_hand = {"dismissed_at": now, "expires_at": expires_at, "import_number": None}
            connection.execute(statement, {**key, **by_hand})
            return before is None or (before.expires_at is not None and before.expires_at <= now)

    def put_many(
        self, user_id: int, given: Iterable[tuple[int, Dismissal, datetime]], import_number: int, now: datetime
    ) -> int:
        """Put many films aside for good, as from a file; those that are already, and films that are gone, are left.

        Args:
            given: film, kind, and since when.
            import_number: which of this person's imports this is, so that ``take_import_back`` finds them. Called a
                second time with the same, it does what is left to do.

        Returns:
            How many films this import has put aside.
        """
        mine = dismissals.c.user_id == user_id
        for chunk in chunked(given, CHUNK_ACTS):
            ids = {movie_id for movie_id, _, _ in chunk}
            with self.write_chunk() as connection:
                known = set(connection.scalars(sa.select(movies.c.id).where(movies.c.id.in_(ids))))
                there = sa.select(dismissals.c.movie_id, dismissals.c.kind).where(
                    mine, dismissals.c.movie_id.in_(ids), _not_expired(now)
                )
                kept = {(row.movie_id, row.kind) for row in connection.execute(there)}
                rows = [
                    {"user_id": user_id, "movie_id": movie_id, "kind": kind.value, "dismissed_at": at}
                    | {"expires_at": None, "import_number": import_number}
                    for movie_id, kind, at in chunk
                    if movie_id in known and (movie_id, kind.value) not in kept
                ]
                if rows:
                    connection.execute(upsert(connection, dismissals, ["user_id", "movie_id", "kind"]), rows)
        with self.read() as connection:
            count = sa.select(sa.func.count()).select_from(dismissals)
            return connection.scalar(count.where(mine, dismissals.c.import_number == import_number)) or 0

    def take_import_back(self, user_id: int, import_number: int, now: datetime, *, undone: bool) -> int:
        """Take back what ``put_many`` did in this import, or (not ``undone``) put it aside again.

        What was put aside or taken back by hand since stays as it is.

        Returns:
            How many films that changed: none the second time.
        """
        mine = (dismissals.c.user_id == user_id) & (dismissals.c.import_number == import_number)
        with self.write() as connection:
            if undone:
                change = sa.update(dismissals).where(mine, dismissals.c.expires_at.is_(None)).values(expires_at=now)
            else:
                change = sa.update(dismissals).where(mine, dismissals.c.expires_at.is_not(None)).values(expires_at=None)
            return connection.execute(change).rowcount

    def take_back(self, user_id: int, movie_id: int, kind: Dismissal) -> bool:
        """Reverse ``put_aside``. Return whether there was anything to reverse."""
        with self.write() as connection:
            where = (dismissals.c.user_id == user_id) & (dismissals.c.movie_id == movie_id)
            return connection.execute(sa.delete(dismissals).where(where, dismissals.c.kind == kind.value)).rowcount > 0

    def taste(self, user_id: int, now: datetime) -> Taste:
        """Return everything that picks for this person depend on."""
        with self.read() as connection:
            return read_taste(connection, user_id, now)

    def waiting_ratings(self, since: datetime | None = None) -> int:
        """Count the (person, film) pairs rated, changed or removed that the live model has not learned from.

        A pair that has again the stars which the model knows does not wait.

        Args:
            since: count only what happened after this moment.
        """
        query = _waiting() if since is None else _waiting(events.c.happened_at > since)
        with self.read() as connection:
            return connection.scalar(query) or 0

    def events_of(self, user_id: int) -> list[Event]:
        """Return all events of someone, oldest first, for the export of their data."""
        columns = [events.c[name] for name in Event.__dataclass_fields__]
        with self.read() as connection:
            query = sa.select(*columns).where(events.c.user_id == user_id).order_by(events.c.id)
            return [Event(*row) for row in connection.execute(query)]

    def last_event(self, user_id: int) -> int | None:
        """Return the id of someone's latest event; None if there is none."""
        with self.read() as connection:
            latest: int | None = connection.scalar(
                sa.select(sa.func.max(events.c.id)).where(events.c.user_id == user_id)
            )
        return latest

    def people_counts(self) -> dict[str, int]:
        """Count people in the chat, active people, chat ratings and dismissals."""
        count = sa.func.count()
        chat = sa.select(count).select_from(users).where(users.c.telegram_id.is_not(None))
        with self.read() as connection:
            return {
                "people": connection.scalar(chat) or 0,
                "active": connection.scalar(chat.where(users.c.active)) or 0,
                "ratings": connection.scalar(sa.select(count).select_from(ratings)) or 0,
                "dismissals": connection.scalar(sa.select(count).select_from(dismissals)) or 0,
            }


def read_taste(connection: sa.Connection, user_id: int, now: datetime) -> Taste:
    """As ``PeopleStore.taste``, within a transaction."""
    whose = {"user_id": user_id, "now": now}
    rated = connection.execute(_RATINGS_OF, whose).all()
    aside = connection.execute(_PUT_ASIDE_OF, whose).all()
    waiting = connection.scalar(_WAITING_OF, whose)
    return Taste(
        user_id,
        tuple(Rating(row.movie_id, row.stars, row.rated_at) for row in rated),
        tuple(Put(row.movie_id, Dismissal(row.kind), row.dismissed_at, row.expires_at) for row in aside),
        waiting or 0,
    )


def _person(row: Any, *, is_new: bool = False) -> Person:
    return Person(row.id, row.telegram_id, row.language, dict(row.settings), row.active, is_new)


def _fitting(language: str | None) -> str | None:
    """Cut a language code to the length of its column; its beginning matters."""
    return None if language is None else language[:LANGUAGE_LENGTH]


def _check_film(connection: sa.Connection, movie_id: int) -> None:
    if connection.scalar(sa.select(movies.c.id).where(movies.c.id == movie_id)) is None:
        raise NoSuchFilm(movie_id)


def _not_expired(now: datetime) -> sa.ColumnElement[bool]:
    return dismissals.c.expires_at.is_(None) | (dismissals.c.expires_at > now)


def _dismissal(key: dict[str, Any]) -> sa.Select[Any]:
    return sa.select(dismissals).where(*(dismissals.c[name] == value for name, value in key.items()))


def _waiting(*which: sa.ColumnElement[bool]) -> sa.Select[int]:
    """Pairs whose stars are others than before the first act that the live model has not used.

    Not used: by no version, or by one that was rolled back. Ratings that were given and taken back again do not count.
    """
    unused = sa.or_(
        events.c.model_version.is_(None),
        events.c.model_version > sa.func.coalesce(sa.select(live.c.model_version).scalar_subquery(), 0),
    )
    pair = (events.c.user_id, events.c.movie_id)
    firsts = sa.select(sa.func.min(events.c.id)).where(unused, *which).group_by(*pair)
    mine = sa.and_(ratings.c.user_id == events.c.user_id, ratings.c.movie_id == events.c.movie_id)
    changed = ratings.c.stars.is_distinct_from(events.c.previous_stars)
    pairs = sa.select(sa.func.count()).select_from(events.outerjoin(ratings, mine))
    return pairs.where(events.c.id.in_(firsts), changed)


# Statements that every update needs are built once: building one takes as long as the database needs to answer.
_WHOSE = sa.bindparam("user_id", type_=sa.Integer)
_BY_TELEGRAM_ID = sa.select(users).where(users.c.telegram_id == sa.bindparam("telegram_id"))
_RATINGS_OF = sa.select(ratings).where(ratings.c.user_id == _WHOSE).order_by(ratings.c.rated_at.desc(), "movie_id")
_PUT_ASIDE_OF = (
    sa.select(dismissals)
    .where(
        dismissals.c.user_id == _WHOSE,
        sa.or_(dismissals.c.expires_at.is_(None), dismissals.c.expires_at > sa.bindparam("now")),
    )
    .order_by(dismissals.c.dismissed_at.desc(), dismissals.c.movie_id)
)
_WAITING_OF = _waiting(events.c.user_id == _WHOSE)
_SETTINGS_OF = sa.select(users.c.settings).where(users.c.id == _WHOSE).with_for_update(key_share=True)  # as ``hold``
_NEW_SETTINGS = sa.update(users).where(users.c.id == sa.bindparam("whose")).values(settings=sa.bindparam("settings"))


def change_preferences(
    connection: sa.Connection, user_id: int, change: Callable[[dict[str, Any]], dict[str, Any]] | None
) -> bool:
    """As ``PeopleStore.change_preferences``, within a transaction. Return whether the person is still there; on
    Postgres their row is locked, so that they are there until its end."""
    settings = connection.scalar(_SETTINGS_OF, {"user_id": user_id})
    if settings is None:
        return False
    if change is not None:
        connection.execute(_NEW_SETTINGS, {"whose": user_id, "settings": change(settings)})
    return True


def delete_lists(connection: sa.Connection, user_id: int) -> None:
    """Delete somebody's published lists, of every model."""
    # The key of this table begins with the version: without a condition on it, all lists would be read.
    every = recommendations.c.model_version.in_(sa.select(versions.c.version))
    connection.execute(sa.delete(recommendations).where(every, recommendations.c.user_id == user_id))


def hold(connection: sa.Connection, user_id: int) -> None:
    """Let one act of a person wait for another: two taps at one moment must not both read the old stars.

    On Postgres this kind of lock does not block a publish. SQLite has one writer, and SQLAlchemy leaves the locking
    clause out there.
    """
    connection.execute(sa.select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))


def _set_stars(
    connection: sa.Connection, user_id: int, movie_id: int, stars: float | None, now: datetime
) -> RatingChange:
    _check_film(connection, movie_id)
    where = (ratings.c.user_id == user_id) & (ratings.c.movie_id == movie_id)
    hold(connection, user_id)
    previous = connection.scalar(sa.select(ratings.c.stars).where(where))
    if previous == stars:
        latest = sa.select(sa.func.max(events.c.id)).where(events.c.user_id == user_id, events.c.movie_id == movie_id)
        return RatingChange(connection.scalar(latest), movie_id, stars, previous, changed=False)
    if stars is None:
        connection.execute(sa.delete(ratings).where(where))
    else:
        row = {"user_id": user_id, "movie_id": movie_id, "stars": stars, "rated_at": now}
        connection.execute(upsert(connection, ratings, ["user_id", "movie_id"]), row)
    act = "removed" if stars is None else "rated" if previous is None else "changed"
    event = sa.insert(events).values(
        user_id=user_id, movie_id=movie_id, act=act, stars=stars, previous_stars=previous, happened_at=now
    )
    event_id = connection.scalar(event.returning(events.c.id))
    return RatingChange(event_id, movie_id, stars, previous)


def set_many_stars(
    connection: sa.Connection, user_id: int, given: Mapping[int, tuple[float | None, datetime]], now: datetime
) -> list[int]:
    known = set(connection.scalars(sa.select(movies.c.id).where(movies.c.id.in_(given))))
    if missing := given.keys() - known:
        raise NoSuchFilm(min(missing))
    hold(connection, user_id)
    mine = (ratings.c.user_id == user_id) & ratings.c.movie_id.in_(given)
    before = {row.movie_id: row.stars for row in connection.execute(sa.select(ratings).where(mine))}
    changes = {movie_id: change for movie_id, change in given.items() if before.get(movie_id) != change[0]}
    if not changes:
        return []
    rows = [
        {"user_id": user_id, "movie_id": movie_id, "stars": stars, "rated_at": rated_at}
        for movie_id, (stars, rated_at) in changes.items()
        if stars is not None
    ]
    if rows:
        connection.execute(upsert(connection, ratings, ["user_id", "movie_id"]), rows)
    removed = [movie_id for movie_id, (stars, _) in changes.items() if stars is None]
    if removed:
        connection.execute(sa.delete(ratings).where(mine, ratings.c.movie_id.in_(removed)))
    acts = [
        {
            "user_id": user_id,
            "movie_id": movie_id,
            "act": "removed" if stars is None else "changed" if movie_id in before else "rated",
            "stars": stars,
            "previous_stars": before.get(movie_id),
            "happened_at": now,
            "rated_at": rated_at if rated_at != now else None,
        }
        for movie_id, (stars, rated_at) in changes.items()
    ]
    added = sa.insert(events).returning(events.c.id, sort_by_parameter_order=True)
    return list(connection.scalars(added, acts))


def stars_before(
    connection: sa.Connection, user_id: int, movie_ids: Collection[int], first: int, last: int, now: datetime
) -> dict[int, tuple[float | None, datetime]]:
    """Return the stars before event ``first``, and when they were given, for those films that have no event after
    ``last``."""
    mine = (events.c.user_id == user_id) & events.c.movie_id.in_(movie_ids)
    span = sa.select(
        events.c.movie_id,
        sa.func.min(sa.case((events.c.id >= first, events.c.id))).label("act"),
        sa.func.max(sa.case((events.c.id < first, events.c.id))).label("earlier"),
    )
    span = span.where(mine).group_by(events.c.movie_id).having(sa.func.max(events.c.id) <= last)
    films, earlier = span.subquery(), events.alias()
    known = (
        sa.select(
            films.c.movie_id,
            events.c.previous_stars,
            sa.func.coalesce(earlier.c.rated_at, earlier.c.happened_at).label("rated_at"),
        )
        .join(events, events.c.id == films.c.act)
        .outerjoin(earlier, earlier.c.id == films.c.earlier)
        .order_by(films.c.act)
    )
    return {row.movie_id: (row.previous_stars, row.rated_at or now) for row in connection.execute(known)}
