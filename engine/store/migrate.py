"""Brings a database to the newest schema."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from engine.store.database import MOVED, NEWER, Database, DatabaseMoved, StoreError

ROOT = Path(__file__).parents[2]
LOCK_KEY = 0x4D61_7469
"""The number of our advisory lock on Postgres ("Mati"). Any number that no other program uses would do."""


def migrate(database: Database) -> tuple[str | None, str]:
    """Bring the tables to the newest revision, in one transaction. Two programs may call this at once.

    A missing SQLite file is created.

    Returns:
        The revision before (None for an empty database) and the revision now.

    Raises:
        DatabaseMoved: the database was moved elsewhere.
        StoreError: the database has been used by a newer Matinee.
    """
    database.make_file()
    with database.write() as connection:
        return upgrade(connection)


def upgrade(connection: sa.Connection) -> tuple[str | None, str]:
    """Do so within a transaction of the caller's that writes."""
    config = Config(ROOT / "alembic.ini")
    scripts = ScriptDirectory.from_config(config)
    (newest,) = scripts.get_heads()
    if connection.dialect.name == "postgresql":  # on SQLite the writer's lock is held already
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_KEY)))
    before = MigrationContext.configure(connection).get_current_revision()
    if before == MOVED:
        raise DatabaseMoved
    if before not in {None, *(script.revision for script in scripts.walk_revisions())}:
        raise StoreError(NEWER.format(found=before))
    if before != newest:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, newest
