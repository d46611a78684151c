"""A full disk, recognised in whatever it makes fail."""

import errno

FULL = "the disk is full: free some space, then try again"


def is_full(error: BaseException) -> bool:
    """Say whether an error, or one that it came of, is that of a full disk: Python's, Arrow's, Java's or a quota's."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, OSError) and at.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if "No space left on device" in str(at):
            return True
        at = at.__cause__ or at.__context__
    return False
