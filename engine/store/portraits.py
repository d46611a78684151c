"""Pictures of people's taste: the bot asks for one, an engine draws it, the bot sends it.

The request holds everything that is drawn, with words in the reader's language, so the engine needs neither ratings nor
languages to draw it.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from engine.store.database import Database, upsert
from engine.store.schema import PortraitRow, UserRow, table

portraits, users = table(PortraitRow), table(UserRow)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a panel: its name and value, and (stars only) everyone's value for the same films."""

    name: str
    value: float
    everyone: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: ``stars`` says that values are stars, 0.5 to 5.0, else they are counts."""

    title: str
    bars: tuple[Bar, ...]
    stars: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """The contents of a picture. ``mine`` and ``everyone`` name the two values where panels have both."""

    title: str
    mine: str
    everyone: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class WaitingPortrait:
    """A picture that must be drawn. Each person has only one, the newest."""

    user_id: int
    asked_at: datetime
    sheet: Sheet | None


@dataclass(frozen=True, slots=True)
class FinishedPortrait:
    """A picture to send, or (without ``png``) the news that there is none, with the language of the person who
    asked."""

    user_id: int
    telegram_id: int
    language: str | None
    png: bytes | None


_READER = TypeAdapter(Sheet)
_UNSENT = portraits.c.sent_at.is_(None)
"""By this the index finds the few pictures that somebody waits for, among those of everybody who ever asked."""


class PortraitStore(Database):
    def ask_portrait(self, user_id: int, sheet: Sheet, language: str | None, now: datetime) -> None:
        """Ask for somebody's picture, in place of one that they asked for before."""
        values = {"user_id": user_id, "sheet": asdict(sheet), "language": language, "asked_at": now}
        empty = dict.fromkeys(("png", "drawn_at", "sent_at", "file_id"))
        with self.write() as connection:
            connection.execute(upsert(connection, portraits, ["user_id"]), {**values, **empty})

    def waiting_portraits(self, limit: int) -> list[WaitingPortrait]:
        """Return pictures that are to be drawn, the longest waiting first. ``sheet`` is None if we cannot read it."""
        query = sa.select(portraits.c.user_id, portraits.c.asked_at, portraits.c.sheet)
        query = query.where(_UNSENT, portraits.c.drawn_at.is_(None)).order_by(portraits.c.asked_at, portraits.c.user_id)
        with self.read() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [WaitingPortrait(row.user_id, row.asked_at, _sheet(row.sheet)) for row in rows]

    def keep_portrait(self, waiting: WaitingPortrait, png: bytes | None, now: datetime) -> bool:
        """Store a picture, or (None) that it could not be drawn. Return whether it is still wanted."""
        asked = (portraits.c.user_id == waiting.user_id) & (portraits.c.asked_at == waiting.asked_at)
        with self.write() as connection:
            drawn = sa.update(portraits).where(asked, portraits.c.drawn_at.is_(None)).values(png=png, drawn_at=now)
            return connection.execute(drawn).rowcount > 0

    def take_portraits(self, asked_before: datetime, now: datetime) -> list[FinishedPortrait]:
        """Return the pictures that are drawn, and those that were asked for before a given time and are not drawn yet.

        Each is returned once: it is marked as sent, and our copy is deleted, before it goes out. One that is not drawn
        by then will not be.
        """
        finished = _UNSENT & (portraits.c.drawn_at.is_not(None) | (portraits.c.asked_at <= asked_before))
        with self.read() as connection:
            if connection.scalar(sa.select(portraits.c.user_id).where(finished).limit(1)) is None:
                return []
        columns = (portraits.c.user_id, users.c.telegram_id, portraits.c.language, portraits.c.png)
        with self.write() as connection:
            due = sa.select(*columns).join(users, users.c.id == portraits.c.user_id).where(finished)
            rows = connection.execute(due.with_for_update(of=portraits)).all()
            sent = sa.update(portraits).where(portraits.c.user_id.in_([row.user_id for row in rows]))
            drawn_at = sa.func.coalesce(portraits.c.drawn_at, now)
            connection.execute(sent.values(sent_at=now, drawn_at=drawn_at, png=None))
        return [
            FinishedPortrait(row.user_id, row.telegram_id, row.language, row.png)
            for row in rows
            if row.telegram_id is not None
        ]

    def note_portrait_sent(self, user_id: int, file_id: str) -> None:
        """Store Telegram's name of a picture that was sent."""
        with self.write() as connection:
            mine = sa.update(portraits).where(portraits.c.user_id == user_id, portraits.c.sent_at.is_not(None))
            connection.execute(mine.values(file_id=file_id))

    def portrait_sent(self, user_id: int) -> str | None:
        """Return Telegram's name of the picture that somebody was sent last, or None."""
        with self.read() as connection:
            return connection.scalar(sa.select(portraits.c.file_id).where(portraits.c.user_id == user_id))


def _sheet(facts: object) -> Sheet | None:
    try:
        return _READER.validate_python(facts)
    except ValidationError:  # asked for by another release
        return None
