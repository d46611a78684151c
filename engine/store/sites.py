"""People by the id that a site has for them. It never meets a Telegram id: the two stand in columns of their own."""

from datetime import datetime

import sqlalchemy as sa

from engine.store.database import Database, insert
from engine.store.schema import UserRow, table

users = table(UserRow)


class SiteStore(Database):
    def site_person(self, site_id: str, now: datetime) -> int:
        """Return ``users.id`` of a site's person, who is added if they are new."""
        known = self.find_site_person(site_id)
        if known is not None:
            return known
        row = {"site_id": site_id, "settings": {}, "active": True, "created_at": now}
        with self.write() as connection:
            connection.execute(insert(connection, users).values(row).on_conflict_do_nothing())
            return int(connection.execute(_BY_SITE_ID, {"site_id": site_id}).scalar_one())

    def find_site_person(self, site_id: str) -> int | None:
        """Return ``users.id`` of a site's person, or None; nobody is added."""
        with self.read() as connection:
            return connection.scalar(_BY_SITE_ID, {"site_id": site_id})


_BY_SITE_ID = sa.select(users.c.id).where(users.c.site_id == sa.bindparam("site_id"))
