"""Pages without repeats: a cursor holds the films that were shown, so nothing has to be remembered here."""

import base64
import binascii
from collections.abc import Collection
from http import HTTPStatus

import numpy as np

from api.problems import Problem

MOST_SHOWN = 300
"""Films in one list, over all of its pages."""


def cursor_of(shown: Collection[int]) -> str | None:
    """Return the cursor for the page after these films; None when a list has had as many as it may."""
    if len(shown) >= MOST_SHOWN:
        return None
    return base64.urlsafe_b64encode(np.array(sorted(shown), "<u4").tobytes()).decode().rstrip("=")


def shown_by(cursor: str | None) -> frozenset[int]:
    """Return the films that the pages before have shown.

    Raises:
        Problem: this is no cursor of ours.
    """
    if cursor is None:
        return frozenset()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        shown = np.frombuffer(raw, "<u4")
    except (binascii.Error, ValueError):
        shown = None
    if shown is None or len(shown) > MOST_SHOWN:
        detail = "send `next` of the page before as it was"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_cursor", detail, field="cursor")
    return frozenset(shown.tolist())
