"""The per-person figures that trainings keep for the gate and the report. Forgotten people are removed from them.

The chat's people can /forget, and the bot, perhaps on another machine, deletes them from the database. Their figures
are in files that only the engine reaches.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from engine.store import Store, archive

if TYPE_CHECKING:
    from pyarrow import Table

log = structlog.get_logger(__name__)


class Figures:
    """The files ``per_user.parquet`` of all versions, below one folder."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store, self._folder = store, folder
        self._of_chat: dict[Path, tuple[int, set[int]]] = {}

    def forget(self) -> int:
        """Remove people who are no longer in the database from every file. Return the number of rows removed.

        Only people of the chat are looked up: the data set's are never deleted, and may be a million.
        """
        went = 0
        for file in sorted(self._folder.glob("*/per_user.parquet")):
            try:
                went += self._forget_in(file)
            except OSError as e:  # a sweep has removed the file, or it is broken and nobody reads it
                log.warning("figures_not_read", file=str(file), reason=str(e))
        if went:
            log.info("figures_forgotten", rows=went)
        return went

    def _forget_in(self, file: Path) -> int:
        changed, chat = self._of_chat.get(file, (0, set()))
        if changed != file.stat().st_mtime_ns:
            changed = file.stat().st_mtime_ns
            chat = _people(file) - set(archive.dataset_people(self._store)[0].tolist())
            self._of_chat[file] = changed, chat
        gone = chat - archive.people_among(self._store, chat)
        return _rewrite(file, gone) if gone else 0


def _people(file: Path) -> set[int]:
    return set(_read(file, ["user_id"])["user_id"].to_pylist())


def _read(file: Path, columns: list[str] | None = None) -> "Table":
    # Imported here, because a worker that has nothing to forget does not need it.
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        return parquet.read_table(file, columns=columns)
    except pa.ArrowException as e:
        raise OSError(str(e)) from e


def _rewrite(file: Path, gone: set[int]) -> int:
    """Write a file again without some people, under another name, and rename it, so that nobody reads half of one."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as parquet

    table = _read(file)
    ids = table["user_id"]
    kept = table.filter(pc.invert(pc.is_in(ids, pa.array(sorted(gone), ids.type))))
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        parquet.write_table(kept, aside)
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
    return len(table) - len(kept)
