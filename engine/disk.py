"""Files as such: a full disk is recognised by the errors that it causes, and files are closed to other users."""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FULL = "the disk is full: free some space, then try again"


def is_full(error: BaseException) -> bool:
    """Return whether an error, or one of its causes, is that of a full disk: from Python, Arrow, Java or a quota."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, OSError) and at.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in text_of(at):
            return True
        at = at.__cause__ or at.__context__
    return False


def text_of(error: BaseException) -> str:
    """Return an error's text, empty if it has none: Py4J's errors ask Java for theirs, and Java may be dead."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it raises, there is no text
        return ""


def close_to_others(*places: Path) -> None:
    """Leave files and folders, and everything in these folders, to their owner alone. Links are not followed.

    What is not there is no matter, and what belongs to another user stays as it is.
    """
    for place in places:
        for path in (place, *_below(place)):
            with suppress(FileNotFoundError, PermissionError):
                mode = path.lstat().st_mode
                if mode & 0o077 and not path.is_symlink():
                    path.chmod(mode & 0o700)


def _below(folder: Path) -> Iterator[Path]:
    if folder.is_symlink():
        return
    for above, folders, files in os.walk(folder):
        yield from (Path(above, name) for name in (*folders, *files))
