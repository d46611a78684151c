"""Alembic's entry: the schema of the store, on a caller's connection or the database that the settings name."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from engine.settings import StoreSettings
from engine.store.database import connect
from engine.store.schema import Base, UtcDateTime


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        with connect(StoreSettings.load().url).connect() as connection, connection.begin():
            migrate(connection)
    else:
        migrate(connection)


def plain_types(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Write our column types as plain ones: a migration must not change when the program does."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=plain_types,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
