"""Limits how much one person may do a day."""

import enum
from datetime import datetime

import sqlalchemy as sa

from engine.domain import MatineeError
from engine.store.database import Database, insert
from engine.store.schema import AllowanceRow, table

allowances = table(AllowanceRow)


class Limited(enum.StrEnum):
    """Things that one person may do only a limited number of times a day."""

    RATINGS = "ratings"
    IMPORTS = "imports"
    LINKS = "links"


class EnoughForToday(MatineeError):
    """Somebody has reached a daily limit and must wait until tomorrow."""

    def __init__(self, kind: Limited, most: int) -> None:
        super().__init__(f"that was {most} {kind} today, and the rest waits until tomorrow")
        self.kind = kind
        self.most = most


class AllowanceStore(Database):
    def spend(self, user_id: int, kind: Limited, most: int, now: datetime) -> None:
        """Count one use of a daily allowance. The day is that of UTC.

        Raises:
            EnoughForToday: all ``most`` uses of this day are spent.
        """
        with self.write(durable=False) as connection:
            spend(connection, user_id, kind, most, now)


def spend(connection: sa.Connection, user_id: int, kind: Limited, most: int, now: datetime) -> None:
    """Do what ``AllowanceStore.spend`` does, in a transaction that is already open."""
    statement = insert(connection, allowances).values(user_id=user_id, kind=kind.value, day=now.date(), spent=1)
    same_day = allowances.c.day == statement.excluded.day
    spent = connection.scalar(
        statement.on_conflict_do_update(
            index_elements=["user_id", "kind"],
            set_={"day": statement.excluded.day, "spent": sa.case((same_day, allowances.c.spent + 1), else_=1)},
        ).returning(allowances.c.spent)
    )
    if spent is not None and spent > most:
        raise EnoughForToday(kind, most)
