"""Folders that are deleted when their user is done, or by the next user if it was killed."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

LOCK = ".lock"


@contextmanager
def own_folder(above: Path) -> Iterator[Path]:
    """Yield a new folder below ``above``, and remove folders that killed programs left there.

    A living process holds the lock on its folder's ``.lock``; the system frees the lock when the process dies. The lock
    on ``above`` protects a new folder that is not locked yet from being removed. Locks are on files, not on folders,
    because NFS locks only files that are open for writing.
    """
    above = above.absolute()
    above.mkdir(parents=True, exist_ok=True)
    with (above / LOCK).open("w") as all_of_it:
        fcntl.flock(all_of_it, fcntl.LOCK_EX)
        _remove_dead(above)
        folder = Path(mkdtemp(dir=above))
        ours = (folder / LOCK).open("w")
        fcntl.flock(ours, fcntl.LOCK_EX)
    with ours:
        try:
            yield folder
        finally:
            _remove(folder)


def remove_dead(above: Path) -> None:
    """Remove what killed programs left below ``above``, if there is anything."""
    if above.is_dir():
        with (above / LOCK).open("w") as all_of_it:
            fcntl.flock(all_of_it, fcntl.LOCK_EX)
            _remove_dead(above)


def _remove_dead(above: Path) -> None:
    for path in above.iterdir():
        if path.name != LOCK and not _in_use(path):
            _remove(path)


def _in_use(folder: Path) -> bool:
    try:
        with (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, NotADirectoryError):
        pass
    return False


def _remove(path: Path) -> None:
    """Remove as much as possible; the next program removes the rest."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
