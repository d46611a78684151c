"""How much one person may do a day."""

import enum
from datetime import datetime

import sqlalchemy as sa

from engine.domain import MatineeError
from engine.store.database import Database, insert
from engine.store.schema import AllowanceRow, table

allowances = table(AllowanceRow)


class Limited(enum.StrEnum):
    """What one person may do only so often a day."""

    RATINGS = "ratings"
    IMPORTS = "imports"
    LINKS = "links"


class EnoughForToday(MatineeError):
    """Somebody has done so much of one thing that the rest waits until tomorrow."""

    def __init__(self, kind: Limited, most: int) -> None:
        super().__init__(f"that was {most} {kind} today, and the rest waits until tomorrow")
        self.kind = kind
        self.most = most


class AllowanceStore(Database):
    def spend(self, user_id: int, kind: Limited, most: int, now: datetime) -> None:
        """Count one more of what somebody may do so often a day (UTC).

        Raises:
            EnoughForToday: they have done it ``most`` times.
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
