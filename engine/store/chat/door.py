"""The door: invitations and admissions, where not everybody may talk to the bot."""

import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from engine.store.database import Database, insert
from engine.store.schema import AdmissionRow, InviteRow, table

invites, admissions = table(InviteRow), table(AdmissionRow)

CODE_BYTES = 12
"""96 bits, so nobody guesses a link."""


@dataclass(frozen=True, slots=True)
class Invite:
    """A link that lets ``uses`` people in."""

    id: int
    code: str
    uses: int


class DoorStore(Database):
    def make_invite(self, uses: int, now: datetime) -> Invite:
        """Create an invitation that ``uses`` people can use."""
        code = secrets.token_urlsafe(CODE_BYTES)
        new = sa.insert(invites).values(code=code, uses_left=uses, made_at=now).returning(invites.c.id)
        with self.write() as connection:
            return Invite(connection.scalar(new) or 0, code, uses)

    def revoke_invite(self, invite_id: int) -> bool:
        """Revoke an invitation. Return whether anybody could still have used it."""
        gone = sa.delete(invites).where(invites.c.id == invite_id).returning(invites.c.uses_left)
        with self.write() as connection:
            return bool(connection.scalar(gone))

    def is_admitted(self, telegram_id: int) -> bool:
        """Return whether somebody was let in by an invitation."""
        with self.read() as connection:
            return connection.scalar(_ADMITTED, {"telegram_id": telegram_id}) is not None

    def admit(self, telegram_id: int, code: str, now: datetime) -> bool:
        """Let somebody in by an invitation, which spends one of its uses. Return False if the code is unknown or used
        up."""
        with self.write() as connection:
            open_ = sa.update(invites).where(invites.c.code == code, invites.c.uses_left > 0)
            if not connection.execute(open_.values(uses_left=invites.c.uses_left - 1)).rowcount:
                return False
            new = insert(connection, admissions).values(telegram_id=telegram_id, admitted_at=now)
            connection.execute(new.on_conflict_do_nothing())
            return True


_ADMITTED = sa.select(admissions.c.telegram_id).where(admissions.c.telegram_id == sa.bindparam("telegram_id"))
