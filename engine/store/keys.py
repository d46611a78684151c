"""Keys to the API, the people of the sites that hold them, and the answers to calls that may come twice."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.store.database import Database, insert
from engine.store.people import Taste, read_taste
from engine.store.schema import ApiAnswerRow, ApiKeyRow, UserRow, table

keys, answers, users = table(ApiKeyRow), table(ApiAnswerRow), table(UserRow)

ANSWERS_KEPT = timedelta(days=1)


class Scope(enum.StrEnum):
    """The rights of a key. Each of the first three includes those before it. ``person`` gives access to one person's
    own data, from their browser."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without its secret. ``site_id`` names the person whose token it is; it is None for a key of the site
    itself."""

    id: int
    name: str
    digest: bytes
    scope: Scope
    site_id: str | None
    per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Return whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class KeyStore(Database):
    def add_key(
        self,
        name: str,
        scope: Scope,
        digest: bytes,
        now: datetime,
        *,
        user_id: int | None = None,
        per_minute: int | None = None,
        expires_at: datetime | None = None,
    ) -> int:
        """Store a new key and return its number. Delete expired tokens.

        Args:
            digest: SHA-256 of the secret.
            user_id: the person whose token it is.
            per_minute: the number of calls that it may make; None for the default of the settings.
        """
        row = {
            "name": name,
            "scope": scope.value,
            "digest": digest,
            "user_id": user_id,
            "per_minute": per_minute,
            "created_at": now,
            "expires_at": expires_at,
        }
        with self.write() as connection:
            connection.execute(sa.delete(keys).where(keys.c.user_id.is_not(None), keys.c.expires_at <= now))
            number = connection.scalar(sa.insert(keys).values(row).returning(keys.c.id))
        return int(number or 0)

    def key(self, number: int) -> ApiKey | None:
        """Return one key, even a revoked or expired one, or None."""
        with self.read() as connection:
            row = connection.execute(_KEYS.where(keys.c.id == number)).mappings().one_or_none()
        return None if row is None else _key(row)

    def keys(self) -> list[ApiKey]:
        """Return the site's own keys, revoked ones too, oldest first; not the tokens of people."""
        with self.read() as connection:
            mine = _KEYS.where(keys.c.user_id.is_(None)).order_by(keys.c.id)
            return [_key(row) for row in connection.execute(mine).mappings()]

    def revoke_key(self, number: int, now: datetime) -> bool:
        """Revoke a key. Return whether it was valid until now."""
        with self.write() as connection:
            mine = sa.update(keys).where(keys.c.id == number, keys.c.revoked_at.is_(None))
            return connection.execute(mine.values(revoked_at=now)).rowcount > 0

    def answer(self, key_id: int, idempotency_key: str) -> tuple[bytes, dict[str, Any]] | None:
        """Return the call and its answer stored under an idempotency key, for this API key; None if there is none."""
        mine = (answers.c.key_id == key_id) & (answers.c.idempotency_key == idempotency_key)
        with self.read() as connection:
            row = connection.execute(sa.select(answers.c.call, answers.c.answer).where(mine)).one_or_none()
        return None if row is None else (bytes(row.call), row.answer)

    def keep_answer(
        self, key_id: int, idempotency_key: str, call: bytes, user_id: int, answer: dict[str, Any], now: datetime
    ) -> None:
        """Store a call's answer; of two at one moment, the first stays. Delete answers older than a day."""
        row = {
            "key_id": key_id,
            "idempotency_key": idempotency_key,
            "call": call,
            "user_id": user_id,
            "answer": answer,
            "answered_at": now,
        }
        with self.write() as connection:
            connection.execute(sa.delete(answers).where(answers.c.answered_at < now - ANSWERS_KEPT))
            connection.execute(insert(connection, answers).on_conflict_do_nothing(), row)


_KEYS = sa.select(*(column for column in keys.columns if column.name != "user_id"), users.c.site_id).outerjoin(
    users, users.c.id == keys.c.user_id
)


def _key(row: sa.RowMapping) -> ApiKey:
    return ApiKey(**{**row, "digest": bytes(row["digest"]), "scope": Scope(row["scope"])})


class SiteStore(Database):
    """People by the id that a site has for them. It never meets a Telegram id: each kind has its own column. Only a
    person who links both (``engine.store.links``) has both."""

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

    def site_taste(self, site_id: str, now: datetime) -> Taste:
        """Return everything that picks for a site's person depend on; an empty taste if nobody knows them yet."""
        with self.read() as connection:
            user_id = connection.scalar(_BY_SITE_ID, {"site_id": site_id})
            return Taste(0) if user_id is None else read_taste(connection, user_id, now)


_BY_SITE_ID = sa.select(users.c.id).where(users.c.site_id == sa.bindparam("site_id"))
