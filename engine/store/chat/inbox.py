"""Updates from Telegram that the bot has not handled yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.database import Database, chunked
from engine.store.schema import InboxRow, table

inbox = table(InboxRow)

REMEMBERED = 1000
"""Number of latest updates that are recognised if they come again. Telegram repeats updates that were not confirmed: at
most the 100 of one poll, or the 40 that it sends to a webhook at once."""

MOST_TRIES = 10
"""An update that was left behind is tried this often, because it may be the one that ends the process."""

IN_ONE_STATEMENT = 500


@dataclass(frozen=True, slots=True)
class WaitingUpdate:
    """An update that an earlier process left behind. ``answered`` says that an answer to it may have been sent."""

    body: str
    answered: bool


class InboxStore(Database):
    def keep_updates(
        self,
        came: Mapping[int, str] | None = None,
        answered: Mapping[int, bool] | None = None,
        tried: Sequence[int] = (),
        handled: Sequence[int] = (),
    ) -> set[int]:
        """Store what became of updates, by their ids, in one transaction.

        Args:
            came: new updates with their bodies. They are on disk once this returns.
            answered: updates that are about to be answered (True), or surely were not (False).
            tried: updates that an earlier process left behind and that are tried again.
            handled: updates that have been handled; their bodies are deleted.

        Returns:
            The ids of those in ``came`` that have not come before.
        """
        new: set[int] = set()
        with self.write(durable=bool(came)) as connection:
            if came:
                new = _add(connection, came)
            for update_id, whether in (answered or {}).items():
                connection.execute(_ANSWERED, {"id_": update_id, "whether": whether})
            for ids in chunked(tried, IN_ONE_STATEMENT):
                connection.execute(_TRIED, {"ids": ids})
            for ids in chunked(handled, IN_ONE_STATEMENT):
                connection.execute(_HANDLED, {"ids": ids})
            if new:
                connection.execute(_FORGET_OLD)
        return new

    def waiting_updates(self) -> list[WaitingUpdate]:
        """Return the updates that an earlier process left behind, in the order in which they came.

        Updates that have been tried ``MOST_TRIES`` times are given up and left out.
        """
        waits = inbox.c.body.is_not(None)
        with self.write() as connection:
            connection.execute(sa.update(inbox).where(waits, inbox.c.tries >= MOST_TRIES).values(body=None))
            rows = connection.execute(sa.select(inbox.c.body, inbox.c.answered).where(waits).order_by(inbox.c.id))
            return [WaitingUpdate(row.body, row.answered) for row in rows]


def _add(connection: sa.Connection, came: Mapping[int, str]) -> set[int]:
    statement = _NEW[connection.dialect.name]
    added = (
        connection.scalar(
            statement, {"update_id": update_id, "digest": _digest(body), "body": body, "answered": False, "tries": 0}
        )
        for update_id, body in came.items()
    )
    return {update_id for update_id in added if update_id is not None}


def _digest(body: str) -> int:
    return int.from_bytes(blake2b(body.encode(), digest_size=8).digest(), signed=True)


def _new(statement: Any) -> Any:
    """Build an INSERT that returns the id, or nothing if this very update is stored already."""
    fresh = {name: statement.excluded[name] for name in ("digest", "body", "answered", "tries")}
    return statement.on_conflict_do_update(
        index_elements=["update_id"], set_=fresh, where=inbox.c.digest != statement.excluded.digest
    ).returning(inbox.c.update_id)


# These are built once, because building takes longer than the database needs to answer.
_NEW = {"sqlite": _new(sqlite.insert(inbox)), "postgresql": _new(postgresql.insert(inbox))}
_THESE = inbox.c.update_id.in_(sa.bindparam("ids", expanding=True))
_ANSWERED = sa.update(inbox).where(inbox.c.update_id == sa.bindparam("id_")).values(answered=sa.bindparam("whether"))
_TRIED = sa.update(inbox).where(_THESE).values(tries=inbox.c.tries + 1)
_HANDLED = sa.update(inbox).where(_THESE).values(body=None)
_FORGET_OLD = sa.delete(inbox).where(
    inbox.c.body.is_(None), inbox.c.id <= sa.select(sa.func.max(inbox.c.id) - REMEMBERED).scalar_subquery()
)
