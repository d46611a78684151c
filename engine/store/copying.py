"""Copies a whole database row by row, empties it, or closes it to writers after a move."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.domain import MatineeError
from engine.store.database import MOVED, Database
from engine.store.migrate import upgrade
from engine.store.schema import Base

BATCH_ROWS = 5_000

TABLES = Base.metadata.sorted_tables
"""Every table, those that others refer to first."""


def is_empty(database: Database) -> bool:
    """Return whether this database has no tables of ours, or no rows in them."""
    with database.read() as connection:
        there = set(sa.inspect(connection).get_table_names())
        held = (table for table in TABLES if table.name in there)
        return not any(connection.scalar(sa.select(sa.literal(1)).select_from(table).limit(1)) for table in held)


def fill(source: sa.Connection, target: Database) -> int:
    """Put every row that ``source`` sees into ``target``, in place of all that is there. Return how many.

    One transaction on ``target``: it has all, or what it had. The ids that were ever given away stay so, those of
    people who were forgotten among them. ``source`` has to have the newest tables.

    Raises:
        MatineeError: the rows that arrived are not as many as those that left.
    """
    with target.write() as connection:
        drop_tables(connection)
        upgrade(connection)
        total = 0
        for table in TABLES:
            rows = _copy(table, source, connection)
            if (arrived := connection.scalar(sa.select(sa.func.count()).select_from(table))) != rows:
                raise MatineeError(f"{rows:,} rows of {table.name} were read, and {arrived} arrived: nothing was kept")
            total += rows
        _give_numbers(connection, _numbers(source))
    return total


def _copy(table: sa.Table, source: sa.Connection, target: sa.Connection) -> int:
    count = 0
    with source.execute(sa.select(table), execution_options={"yield_per": BATCH_ROWS}) as found:
        for rows in found.partitions():
            _insert(table, rows, target)
            count += len(rows)
    return count


def _insert(table: sa.Table, rows: Sequence[sa.Row[Any]], target: sa.Connection) -> None:
    names = [column.name for column in table.columns]
    if target.dialect.name != "postgresql":
        target.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        return
    # COPY is three times as fast, but goes past SQLAlchemy, so the columns' types prepare the values here.
    prepare = [column.type.dialect_impl(target.dialect).bind_processor(target.dialect) for column in table.columns]
    with target.connection.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            values = zip(prepare, row, strict=True)
            copy.write_row([value if value is None or fit is None else fit(value) for fit, value in values])


def drop_tables(connection: sa.Connection) -> None:
    """Remove our tables with all that is in them."""
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for name in [*(table.name for table in reversed(TABLES)), "alembic_version"]:
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {name}{cascade}"))


def drop_script() -> str:
    """The same for Postgres, as SQL that another program executes."""
    names = ", ".join([*(table.name for table in TABLES), "alembic_version"])
    return f"DROP TABLE IF EXISTS {names} CASCADE;"


# --- The numbers that are taken ---------------------------------------------------------------------------------------


def _numbers(connection: sa.Connection) -> dict[str, int]:
    """Return the last number that each table has given to a row, by the table's name."""
    found: dict[str, int] = {}
    for table in TABLES:
        if (column := table.autoincrement_column) is None:
            continue
        if connection.dialect.name == "postgresql":
            sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
            row = connection.execute(sa.text(f"SELECT last_value, is_called FROM {sequence}")).one()  # noqa: S608 - ours
            last = row.last_value if row.is_called else 0
        elif table.dialect_options["sqlite"]["autoincrement"]:
            last = connection.scalar(
                sa.text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name}
            )
        else:
            last = connection.scalar(sa.select(sa.func.max(column)))
        found[table.name] = last or 0
    return found


def _give_numbers(connection: sa.Connection, numbers: dict[str, int]) -> None:
    """Let each table count on from there."""
    for table in TABLES:
        column, last = table.autoincrement_column, numbers.get(table.name, 0)
        if column is None or not last:
            continue
        if connection.dialect.name == "postgresql":
            sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(sa.select(sa.func.setval(sequence, last)))
        elif table.dialect_options["sqlite"]["autoincrement"]:
            values = {"name": table.name, "last": last}
            connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
            connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"), values)


# --- A database that has moved ----------------------------------------------------------------------------------------


def hold_writers(connection: sa.Connection) -> None:
    """Let nobody else write until this transaction ends. On SQLite a transaction that writes does so by itself."""
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in TABLES)
        connection.execute(sa.text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))


def close_for_good(connection: sa.Connection) -> None:
    """Refuse every write from now on, those of running programs too: the database has moved.

    ``fill`` or a restore opens it again, with other contents.
    """
    postgres = connection.dialect.name == "postgresql"
    if postgres:
        connection.execute(
            sa.text(
                "CREATE OR REPLACE FUNCTION matinee_moved() RETURNS trigger LANGUAGE plpgsql "
                f"AS $$ BEGIN RAISE EXCEPTION '{MOVED}'; END $$"
            )
        )
    for table in TABLES:
        for act in ("INSERT", "UPDATE", "DELETE"):
            begin = f"CREATE TRIGGER moved_{table.name}_{act.lower()} BEFORE {act} ON {table.name} "
            then = (
                "FOR EACH STATEMENT EXECUTE FUNCTION matinee_moved()"
                if postgres
                else f"BEGIN SELECT RAISE(ABORT, '{MOVED}'); END"
            )
            connection.execute(sa.text(begin + then))
    connection.execute(sa.text("UPDATE alembic_version SET version_num = :moved"), {"moved": MOVED})
