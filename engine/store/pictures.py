"""Pictures that the engine draws and the bot sends."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.store.database import Database, upsert
from engine.store.schema import PictureRow, table

pictures = table(PictureRow)


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and the facts that it shows: whoever sends it says them in words."""

    png: bytes
    facts: dict[str, Any]


class PictureStore(Database):
    def keep_picture(self, name: str, png: bytes, facts: dict[str, Any], now: datetime) -> None:
        """Keep a picture in place of the one of the same name, whole or not at all."""
        with self.write() as connection:
            row = upsert(connection, pictures, ["name"])
            connection.execute(row.values(name=name, png=png, facts=facts, drawn_at=now))

    def picture(self, name: str) -> Picture | None:
        """Return the newest picture of this name, or None if none has been drawn yet."""
        query = sa.select(pictures.c.png, pictures.c.facts).where(pictures.c.name == name)
        with self.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Picture(bytes(row.png), row.facts)
