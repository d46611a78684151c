"""Links a person in the chat with their account on a site, by a code that the site asks for and the person sends to the
chat.

A link moves what the site's person has to the person in the chat, who then carries the site's id too. A copy of what
came is kept with it, so that unlinking can put it back.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.domain import MatineeError
from engine.store.database import Database, chunked, insert, upsert
from engine.store.people import CHUNK_ACTS, delete_lists, hold, set_many_stars, stars_before
from engine.store.schema import (
    ApiAnswerRow,
    ApiKeyRow,
    DismissalRow,
    LinkCodeRow,
    LinkRow,
    MovieRow,
    RatingRow,
    ShownFilmRow,
    UserRow,
    table,
)

codes, links, users, movies = table(LinkCodeRow), table(LinkRow), table(UserRow), table(MovieRow)
ratings, dismissals, shown = table(RatingRow), table(DismissalRow), table(ShownFilmRow)
keys, answers = table(ApiKeyRow), table(ApiAnswerRow)

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""The letters of codes: none is easily mistaken for another."""

CODE = re.compile(f"[{LETTERS}]{{8}}")
"""40 random bits. Codes live for minutes and people have few tries a day, so nobody guesses one."""


class NoSuchCode(MatineeError):
    """This is no code, or it is too old, or it was used."""

    def __init__(self) -> None:
        super().__init__("there is no such code (any more)")


class AlreadyLinked(MatineeError):
    """The person is linked; one chat and one person of a site go together."""

    def __init__(self) -> None:
        super().__init__("this person is linked already: unlink them first")


@dataclass(frozen=True, slots=True)
class Link:
    """The link of a person of the chat: its time and the site's id."""

    site_id: str
    linked_at: datetime


class LinkStore(Database):
    def offer_link(self, user_id: int, now: datetime, expires_at: datetime) -> str:
        """Return a new code for a site's person, which replaces an earlier one. Only its digest is stored.

        Raises:
            AlreadyLinked: the person is linked.
        """
        code = "".join(secrets.choice(LETTERS) for _ in range(8))
        row = {"user_id": user_id, "digest": _digest(code), "expires_at": expires_at}
        with self.write() as connection:
            if _linked(connection, user_id):
                raise AlreadyLinked
            connection.execute(sa.delete(codes).where(codes.c.expires_at <= now))
            connection.execute(upsert(connection, codes, ["user_id"]), row)
        return code

    def link_offered(self, code: str, now: datetime) -> str:
        """Return the site's id of the person whose code this is.

        It is looked up by its digest, so the time that this takes reveals nothing about the code.

        Raises:
            NoSuchCode: there is no such code, or it is too old.
        """
        with self.read() as connection:
            return _offered(connection, code, now)[1]

    def link(self, user_id: int, code: str, now: datetime) -> Link:
        """Link a person of the chat with the site's person, and use the code up.

        The person of the chat stays, with the site's id. Ratings come over as acts of now, each as old as it was; where
        both have rated a film, the newer rating counts. Films put aside come over, but for those that both put aside.

        Raises:
            NoSuchCode: there is none such, it is too old, or it was used.
            AlreadyLinked: the person of the chat is linked.
        """
        with self.write() as connection:
            theirs, site_id = _offered(connection, code, now)
            for number in sorted((user_id, theirs)):  # always lock in the same order, to avoid a deadlock
                hold(connection, number)
            if not connection.execute(sa.delete(codes).where(codes.c.digest == _digest(code))).rowcount:
                raise NoSuchCode
            if _linked(connection, user_id):
                raise AlreadyLinked
            brought = _belongings(connection, theirs)
            acts = _bring(connection, user_id, brought, now)
            _move_rows(connection, theirs, user_id)
            delete_lists(connection, theirs)
            connection.execute(sa.delete(users).where(users.c.id == theirs))
            connection.execute(sa.update(users).where(users.c.id == user_id).values(site_id=site_id))
            row = {
                "user_id": user_id,
                "brought": brought,
                "first_event": min(acts, default=None),
                "last_event": max(acts, default=None),
                "linked_at": now,
            }
            connection.execute(sa.insert(links), row)
        return Link(site_id, now)

    def unlink(self, user_id: int, now: datetime) -> bool:
        """Unlink chat and site. Return whether they were linked.

        The site's person has again what they had before the link. In the chat goes what came from the site, but for
        films that were rated again since; what was rated since stays in the chat.
        """
        with self.write() as connection:
            hold(connection, user_id)
            link = connection.execute(sa.delete(links).where(links.c.user_id == user_id).returning(links)).one_or_none()
            if link is None:
                return False
            _take_back(connection, user_id, link, now)
            site_id = connection.scalar(sa.select(users.c.site_id).where(users.c.id == user_id))
            connection.execute(sa.update(users).where(users.c.id == user_id).values(site_id=None))
            row: dict[str, Any] = {"site_id": site_id, "settings": {}, "active": True, "created_at": now}
            again = connection.scalar(sa.insert(users).values(row).returning(users.c.id))
            _bring(connection, int(again or 0), link.brought, now)
            for owned in (keys, answers):
                connection.execute(sa.update(owned).where(owned.c.user_id == user_id).values(user_id=again))
            return True

    def link_of(self, user_id: int) -> Link | None:
        """Return somebody's link, or None."""
        query = sa.select(users.c.site_id, links.c.linked_at).join(users, users.c.id == links.c.user_id)
        with self.read() as connection:
            row = connection.execute(query.where(links.c.user_id == user_id)).one_or_none()
        return None if row is None else Link(*row)


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()


def read_code(text: str) -> str | None:
    """Return the code in a typed text, which may have small letters and dashes; None if the text is no code."""
    code = re.sub(r"[\s-]", "", text).upper()
    return code if CODE.fullmatch(code) else None


def _linked(connection: sa.Connection, user_id: int) -> bool:
    return connection.scalar(sa.select(links.c.user_id).where(links.c.user_id == user_id)) is not None


def _offered(connection: sa.Connection, code: str, now: datetime) -> tuple[int, str]:
    query = sa.select(users.c.id, users.c.site_id).join(codes, codes.c.user_id == users.c.id)
    query = query.where(codes.c.digest == _digest(code), codes.c.expires_at > now)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NoSuchCode
    return row.id, row.site_id


def _belongings(connection: sa.Connection, user_id: int) -> dict[str, list[dict[str, Any]]]:
    """Return somebody's ratings and films put aside, as values that JSON can hold."""
    return {
        "ratings": [
            {"movie_id": row.movie_id, "stars": row.stars, "rated_at": row.rated_at.isoformat()}
            for row in connection.execute(sa.select(ratings).where(ratings.c.user_id == user_id))
        ],
        "aside": [
            {
                "movie_id": row.movie_id,
                "kind": row.kind,
                "dismissed_at": row.dismissed_at.isoformat(),
                "expires_at": row.expires_at and row.expires_at.isoformat(),
            }
            for row in connection.execute(sa.select(dismissals).where(dismissals.c.user_id == user_id))
        ],
    }


def _bring(
    connection: sa.Connection, user_id: int, brought: dict[str, list[dict[str, Any]]], now: datetime
) -> list[int]:
    """Give somebody another person's ratings and films put aside, and return the new events. Films that no longer exist
    are skipped."""
    wanted = {put["movie_id"] for put in (*brought["ratings"], *brought["aside"])}
    known: set[int] = set()
    for films in chunked(wanted, CHUNK_ACTS):
        known.update(connection.scalars(sa.select(movies.c.id).where(movies.c.id.in_(films))))
    mine = sa.select(ratings.c.movie_id, ratings.c.rated_at).where(ratings.c.user_id == user_id)
    rated_at = {row.movie_id: row.rated_at for row in connection.execute(mine)}
    newer = {}
    for rating in brought["ratings"]:
        movie_id, at = rating["movie_id"], datetime.fromisoformat(rating["rated_at"])
        if movie_id in known and (movie_id not in rated_at or at > rated_at[movie_id]):
            newer[movie_id] = (rating["stars"], at)
    acts = [
        act
        for chunk in chunked(newer.items(), CHUNK_ACTS)
        for act in set_many_stars(connection, user_id, dict(chunk), now)
    ]
    for row in _aside_rows(user_id, brought):
        if row["movie_id"] in known:
            connection.execute(insert(connection, dismissals).on_conflict_do_nothing(), row)
    return acts


def _take_back(connection: sa.Connection, user_id: int, link: sa.Row[Any], now: datetime) -> None:
    if link.first_event is not None:
        films = [rating["movie_id"] for rating in link.brought["ratings"]]
        for chunk in chunked(films, CHUNK_ACTS):
            before = stars_before(connection, user_id, chunk, link.first_event, link.last_event, now)
            set_many_stars(connection, user_id, before, now)
    for row in _aside_rows(user_id, link.brought):
        same = [dismissals.c[name] == row[name] for name in ("user_id", "movie_id", "kind", "dismissed_at")]
        connection.execute(sa.delete(dismissals).where(*same))


def _aside_rows(user_id: int, brought: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {
            "user_id": user_id,
            "movie_id": put["movie_id"],
            "kind": put["kind"],
            "dismissed_at": datetime.fromisoformat(put["dismissed_at"]),
            "expires_at": put["expires_at"] and datetime.fromisoformat(put["expires_at"]),
        }
        for put in brought["aside"]
    ]


def _move_rows(connection: sa.Connection, old: int, new: int) -> None:
    """Move keys, answers and shown films to another person's id."""
    for owned in (keys, answers):
        connection.execute(sa.update(owned).where(owned.c.user_id == old).values(user_id=new))
    there = shown.alias()
    twice = sa.select(there.c.movie_id).where(
        there.c.user_id == new, there.c.model_version == shown.c.model_version, there.c.movie_id == shown.c.movie_id
    )
    connection.execute(sa.update(shown).where(shown.c.user_id == old, ~twice.exists()).values(user_id=new))
