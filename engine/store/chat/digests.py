"""Messages that the bot sends unasked: weekly picks, and notices to admins about failed runs.

Each is marked as sent before it goes out, so that nobody gets it twice, even if the bot dies in between.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.domain import RunState
from engine.store.database import Database, insert
from engine.store.people import Person
from engine.store.runs import Run, run_of
from engine.store.schema import DigestRow, RunNoticeRow, RunRow, UserRow, table

digests, notices, runs, users = table(DigestRow), table(RunNoticeRow), table(RunRow), table(UserRow)

MOST_SHOWN = 300
"""Number of films of earlier digests that are remembered: about two years of digests."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Somebody's weekly picks, due at ``due_at``; ``shown`` are the films of earlier ones."""

    person: Person
    due_at: datetime
    shown: tuple[int, ...]


class DigestStore(Database):
    def order_digest(self, user_id: int, next_at: datetime) -> None:
        """Send somebody weekly picks, first at ``next_at``. Films of earlier digests stay remembered."""
        row = {"user_id": user_id, "next_at": next_at, "shown": []}
        with self.write() as connection:
            statement = insert(connection, digests).values(row)
            again = statement.on_conflict_do_update(index_elements=["user_id"], set_={"next_at": next_at})
            connection.execute(again)

    def stop_digest(self, user_id: int) -> None:
        """Send somebody no more digests."""
        with self.write() as connection:
            connection.execute(sa.update(digests).where(digests.c.user_id == user_id).values(next_at=None))

    def wants_digest(self, user_id: int) -> bool:
        with self.read() as connection:
            mine = sa.select(digests.c.next_at).where(digests.c.user_id == user_id)
            return connection.scalar(mine) is not None

    def due_digests(self, now: datetime, limit: int) -> list[Digest]:
        """Return the digests that are due to active people, the longest waiting first."""
        query = (
            sa.select(users, digests.c.next_at, digests.c.shown)
            .join(digests, digests.c.user_id == users.c.id)
            .where(digests.c.next_at <= now, users.c.active)
            .order_by(digests.c.next_at, users.c.id)
            .limit(limit)
        )
        with self.read() as connection:
            return [
                Digest(
                    Person(row.id, row.telegram_id, row.language, dict(row.settings), row.active),
                    row.next_at,
                    tuple(row.shown),
                )
                for row in connection.execute(query)
            ]

    def take_digest(self, digest: Digest, next_at: datetime, movie_ids: Collection[int] = ()) -> bool:
        """Note that a digest goes out with these films, and when the next is due.

        Returns:
            Whether it was still to be sent: False if another bot was first or the person wants none any more.
        """
        mine = (digests.c.user_id == digest.person.id) & (digests.c.next_at == digest.due_at)
        shown = [*digest.shown, *movie_ids][-MOST_SHOWN:]
        with self.write() as connection:
            taken = connection.execute(sa.update(digests).where(mine).values(next_at=next_at, shown=shown))
            return taken.rowcount > 0

    def give_digest_back(self, digest: Digest, taken_until: datetime, again_at: datetime) -> None:
        """Undo ``take_digest`` if nothing could be sent, and try again at ``again_at``."""
        mine = (digests.c.user_id == digest.person.id) & (digests.c.next_at == taken_until)
        with self.write() as connection:
            connection.execute(sa.update(digests).where(mine).values(next_at=again_at, shown=list(digest.shown)))

    def failed_unattended(self, since: datetime) -> list[Run]:
        """Return the runs that no person asked for and that ended without a new model since then, oldest first."""
        bad = [RunState.FAILED.value, RunState.LOST.value, RunState.REJECTED.value]
        query = (
            sa.select(runs)
            .where(runs.c.asked_by.in_(("schedule", "ratings")), runs.c.state.in_(bad), runs.c.finished_at >= since)
            .order_by(runs.c.id)
        )
        with self.read() as connection:
            return [run_of(row) for row in connection.execute(query).mappings()]

    def take_notice(self, run_id: int, telegram_id: int) -> bool:
        """Note that an admin is told how a run ended. Return False if they had been told already."""
        row = {"run_id": run_id, "telegram_id": telegram_id}
        with self.write() as connection:
            new = insert(connection, notices).values(row).on_conflict_do_nothing()
            return connection.scalar(new.returning(notices.c.run_id)) is not None

    def give_notice_back(self, run_id: int, telegram_id: int) -> None:
        """Undo ``take_notice`` after the notice could not be sent."""
        with self.write() as connection:
            mine: Any = (notices.c.run_id == run_id) & (notices.c.telegram_id == telegram_id)
            connection.execute(sa.delete(notices).where(mine))
