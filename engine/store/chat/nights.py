"""Movie nights: the guests and the films proposed. Several people tap at once, so each change starts from what is
stored then."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.store.database import Database, insert
from engine.store.schema import NightGuestRow, NightRow, RatingRow, table

nights, guests, ratings = table(NightRow), table(NightGuestRow), table(RatingRow)

NAME_LENGTH = 64
"""Longest name of a guest that is stored; Telegram allows no longer ones."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Someone who takes part in an evening."""

    user_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Night:
    """An evening of a group.

    ``guests`` are in the order in which they joined. ``proposals`` are the films on show, ``passed_over`` those that
    the group replaced by others. ``message_id`` is the message that shows the evening, in the ``language`` of the guest
    who began it. An evening is ``open`` until its poll.
    """

    id: int
    chat_id: int
    open: bool
    message_id: int | None
    language: str | None
    wish: dict[str, Any]
    proposals: tuple[int, ...]
    passed_over: tuple[int, ...]
    ends_at: datetime
    guests: tuple[Guest, ...] = ()


class NightStore(Database):
    def begin_night(
        self, chat_id: int, wish: dict[str, Any], now: datetime, *, ends_at: datetime, language: str | None = None
    ) -> Night:
        """Return the open evening of a group, or begin one. A wish that is not empty replaces the evening's."""
        values: dict[str, Any] = {
            "chat_id": chat_id,
            "open_chat_id": chat_id,
            "language": language,
            "wish": wish,
            "proposals": [],
            "passed_over": [],
            "begun_at": now,
            "ends_at": ends_at,
        }
        with self.write() as connection:
            old = (nights.c.open_chat_id == chat_id) & (nights.c.ends_at <= now)
            connection.execute(sa.update(nights).where(old).values(open_chat_id=None))
            new = insert(connection, nights).values(values).on_conflict_do_nothing(index_elements=["open_chat_id"])
            connection.execute(new)
            mine = nights.c.open_chat_id == chat_id
            held = connection.execute(sa.select(nights.c.id, nights.c.wish).where(mine).with_for_update()).one()
            if wish and wish != held.wish:
                connection.execute(sa.update(nights).where(mine).values(wish=wish, proposals=[]))
            return _read(connection, held.id)

    def night(self, night_id: int) -> Night | None:
        """Return an evening, or None if it is over and deleted."""
        with self.read() as connection:
            return _night(connection, night_id)

    def newcomers(self, night_id: int) -> int:
        """Count the guests who have rated nothing."""
        with self.read() as connection:
            rated = sa.select(ratings.c.user_id).where(ratings.c.user_id == guests.c.user_id).exists()
            mine = sa.select(sa.func.count()).select_from(guests).where(guests.c.night_id == night_id, ~rated)
            return connection.scalar(mine) or 0

    def show_night(self, night_id: int, message_id: int) -> None:
        """Remember the message that shows an evening."""
        with self.write() as connection:
            connection.execute(sa.update(nights).where(nights.c.id == night_id).values(message_id=message_id))

    def join_night(self, night_id: int, user_id: int, name: str, now: datetime) -> bool:
        """Add a guest while the evening is open, and drop its proposals, which were not chosen for them. Return whether
        the guest is new."""
        with self.write() as connection:
            night = _locked(connection, night_id)
            if night is None or not night.open or any(guest.user_id == user_id for guest in night.guests):
                return False
            row = {"night_id": night_id, "user_id": user_id, "name": name[:NAME_LENGTH], "joined_at": now}
            connection.execute(sa.insert(guests), row)
            _propose(connection, night_id, [], night.passed_over)
            return True

    def leave_night(self, night_id: int, user_id: int) -> bool:
        """Remove a guest while the evening is open. Return whether they were one."""
        with self.write() as connection:
            night = _locked(connection, night_id)
            if night is None or not night.open or all(guest.user_id != user_id for guest in night.guests):
                return False
            mine = (guests.c.night_id == night_id) & (guests.c.user_id == user_id)
            connection.execute(sa.delete(guests).where(mine))
            _propose(connection, night_id, [], night.passed_over)
            return True

    def propose(self, seen: Night, movie_ids: list[int]) -> bool:
        """Propose films in place of the ones before.

        Args:
            seen: the evening as it was when these films were chosen. If it has changed since (somebody joined, or
                others were proposed), nothing happens.

        Returns:
            Whether these films are proposed now.
        """
        with self.write() as connection:
            night = _locked(connection, seen.id)
            if night is None or not night.open or (night.guests, night.proposals) != (seen.guests, seen.proposals):
                return False
            _propose(connection, seen.id, movie_ids, [*night.passed_over, *night.proposals])
            return True

    def close_night(self, night_id: int) -> Night | None:
        """End the search before the poll. Only the first caller gets the evening; later ones get None."""
        with self.write() as connection:
            night = _locked(connection, night_id)
            if night is None or not night.open or not night.proposals:
                return None
            connection.execute(sa.update(nights).where(nights.c.id == night_id).values(open_chat_id=None))
            return night

    def reopen_night(self, night_id: int) -> bool:
        """Undo ``close_night`` if no poll could be sent. Return False if the group has begun another evening since."""
        with self.write() as connection:
            night = _locked(connection, night_id)
            if night is None:
                return False
            taken = connection.scalar(sa.select(nights.c.id).where(nights.c.open_chat_id == night.chat_id))
            if taken is None:
                reopened = sa.update(nights).where(nights.c.id == night_id).values(open_chat_id=night.chat_id)
                connection.execute(reopened)
            return taken in (None, night_id)

    def move_night(self, old_chat_id: int, new_chat_id: int, now: datetime) -> Night | None:
        """Move a group's evenings to another chat id. The bot cannot edit messages of the old chat there.

        Returns:
            The open evening, which must be shown again, or None if there was none under the old id. If somebody has
            begun one under the new id meanwhile, it is that one, with the guests of both.
        """
        with self.write() as connection:
            here = nights.c.open_chat_id.in_((old_chat_id, new_chat_id))
            connection.execute(sa.update(nights).where(here, nights.c.ends_at <= now).values(open_chat_id=None))
            held = connection.execute(sa.select(nights.c.open_chat_id, nights.c.id).where(here).with_for_update())
            by_chat = {row.open_chat_id: row.id for row in held}
            moving, there = by_chat.get(old_chat_id), by_chat.get(new_chat_id)
            if moving is not None and there is not None:
                _merge(connection, moving, there)
            open_chat_id = sa.case((nights.c.open_chat_id.is_not(None), new_chat_id))
            moved = {"chat_id": new_chat_id, "message_id": None, "open_chat_id": open_chat_id}
            connection.execute(sa.update(nights).where(nights.c.chat_id == old_chat_id).values(moved))
            return None if moving is None else _read(connection, there or moving)

    def end_nights(self, now: datetime) -> list[Night]:
        """Delete the evenings whose time is over, with their guests, and return them."""
        with self.write() as connection:
            due = connection.scalars(sa.select(nights.c.id).where(nights.c.ends_at <= now)).all()
            ended = [night for night_id in due if (night := _night(connection, night_id)) is not None]
            connection.execute(sa.delete(nights).where(nights.c.id.in_(due)))
            return ended


def _night(connection: sa.Connection, night_id: int) -> Night | None:
    there = sa.select(nights.c.id).where(nights.c.id == night_id)
    return _read(connection, night_id) if connection.scalar(there) is not None else None


def _locked(connection: sa.Connection, night_id: int) -> Night | None:
    """Return an evening and lock it; SQLite has one writer anyway."""
    there = sa.select(nights.c.id).where(nights.c.id == night_id).with_for_update()
    return _read(connection, night_id) if connection.scalar(there) is not None else None


def _read(connection: sa.Connection, night_id: int) -> Night:
    row = connection.execute(sa.select(nights).where(nights.c.id == night_id)).one()
    # Ordered by id too: two may join at one moment.
    those = sa.select(guests).where(guests.c.night_id == night_id).order_by(guests.c.joined_at, guests.c.user_id)
    return Night(
        row.id,
        row.chat_id,
        row.open_chat_id is not None,
        row.message_id,
        row.language,
        dict(row.wish),
        tuple(row.proposals),
        tuple(row.passed_over),
        row.ends_at,
        tuple(Guest(guest.user_id, guest.name) for guest in connection.execute(those)),
    )


def _merge(connection: sa.Connection, one: int, other: int) -> None:
    """Close an evening and add its guests to another. The other's proposals are dropped: they were not chosen for
    all."""
    connection.execute(sa.update(nights).where(nights.c.id == one).values(open_chat_id=None))
    inside = sa.select(guests.c.user_id).where(guests.c.night_id == other)
    names = [column.name for column in guests.c if column.name != "night_id"]
    coming = sa.select(sa.literal(other), *(guests.c[name] for name in names))
    coming = coming.where(guests.c.night_id == one, guests.c.user_id.not_in(inside))
    connection.execute(sa.insert(guests).from_select(["night_id", *names], coming))
    _propose(connection, other, [], _read(connection, other).passed_over)


def _propose(connection: sa.Connection, night_id: int, movie_ids: list[int], passed_over: Any) -> None:
    values = {"proposals": list(movie_ids), "passed_over": list(passed_over)}
    connection.execute(sa.update(nights).where(nights.c.id == night_id).values(values))
