"""Postgres's own tools: ``pg_dump``, and ``pg_restore`` with ``psql``. They get the password through the
environment."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.backups.files import BackupError, aside
from engine.store.copying import drop_script


def can_dump(server_version: int) -> bool:
    """Return whether an installed ``pg_dump`` can read a server of this major version: it must not be older."""
    if shutil.which("pg_dump") is None:
        return False
    version = re.search(r"\) (\d+)", _run("pg_dump", ["--version"]))
    return version is not None and int(version[1]) >= server_version


def dump(url: str, file: Path) -> None:
    """Write a database to an existing file, in pg_dump's compressed format, as of one moment.

    Raises:
        BackupError: pg_dump could not; the text is its own.
    """
    where, environment = _connection(url)
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--file={file}", f"--dbname={where}"]
    _run("pg_dump", options, env=environment)


def revision(file: Path) -> str | None:
    """Return the revision of the tables in such a file, None if there are none of ours.

    Raises:
        BackupError: the file is no such file, or pg_restore is not here.
    """
    said = _run("pg_restore", ["--data-only", "--table=alembic_version", "--file=-", str(file)])
    found = re.search(r"^COPY [^\n]*alembic_version[^\n]*\n([^\n\\]+)$", said, re.MULTILINE)
    return None if found is None else found[1]


def load(url: str, file: Path, scratch: Path) -> None:
    """Replace all data of a database by such a file, in one transaction.

    Args:
        scratch: a folder with room for the same as SQL, several times the file's size.

    Raises:
        BackupError: pg_restore or psql could not; the database is as it was.
    """
    where, environment = _connection(url)
    with aside(scratch / "restored.sql", keep=False) as script:
        _run("pg_restore", ["--no-owner", "--no-privileges", f"--file={script}", str(file)])
        whole = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
        steps = [f"--command={drop_script()}", f"--file={script}"]
        _run("psql", [*whole, *steps, f"--dbname={where}"], env=environment)


def _connection(url: str) -> tuple[str, dict[str, str]]:
    """Return connection arguments without the password, and an environment that has it."""
    said = conninfo_to_dict(re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", url))
    parts = {name: str(value) for name, value in said.items()}
    password = parts.pop("password", None)
    environment = dict(os.environ) | ({} if password is None else {"PGPASSWORD": password})
    return make_conninfo("", **parts), environment


def _run(program: str, options: list[str], *, env: dict[str, str] | None = None) -> str:
    """Run one of the tools to its end, and return what it printed."""
    path = shutil.which(program)
    if path is None:
        raise BackupError(f"{program} is not on this machine: install Postgres's client programs (postgresql-client)")
    done = subprocess.run([path, *options], capture_output=True, text=True, env=env, check=False)  # noqa: S603
    if done.returncode:
        raise BackupError(f"{program}: {_in_short(done.stderr)}")
    return done.stdout


def _in_short(complaint: str) -> str:
    """Return the telling line of a tool's output: the first error, or else the last line."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"(error|ERROR|FATAL): ", line)]
    return errors[0] if errors else lines[-1] if lines else "it ended without a word"
