"""Recognises a full disk by the errors that it causes."""

import errno

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
