"""Ids of lists and cursors of pages. Both contain everything that they stand for, so the API stores nothing."""

import base64
import binascii
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import numpy as np
from numpy.typing import NDArray

from api.problems import Problem

Numbers = NDArray[np.uint32]

MOST_SHOWN = 300
"""Films in one list, over all of its pages."""

LIST_PATTERN = r"^[A-Za-z0-9_-]{1,600}$"


@dataclass(frozen=True, slots=True)
class ListShown:
    """One page of a list: which model made it (null before the first training), and its films, best first."""

    model_version: int | None
    films: tuple[int, ...]


def list_id_of(model_version: int | None, films: Sequence[int]) -> str:
    """Return the id of a list that holds these films."""
    held = np.array([model_version or 0, *films], "<u4")
    return _text(np.array([zlib.crc32(held.tobytes()), *held], "<u4"))


def list_of(list_id: str, field: str) -> ListShown:
    """Return the list that an id names.

    Raises:
        Problem: this is no id of ours, or not the whole of one.
    """
    numbers = _numbers(list_id)
    if numbers is None or len(numbers) < 2 or zlib.crc32(numbers[1:].tobytes()) != numbers[0]:
        detail = "send the `list_id` of a list as it was"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_list", detail, field=field)
    version, *films = numbers[1:].tolist()
    return ListShown(version or None, tuple(films))


def cursor_of(shown: Collection[int]) -> str | None:
    """Return the cursor for the page after these films; None when a list has had as many as it may."""
    return None if len(shown) >= MOST_SHOWN else _text(np.array(sorted(shown), "<u4"))


def shown_by(cursor: str | None) -> frozenset[int]:
    """Return the films that the pages before have shown.

    Raises:
        Problem: this is no cursor of ours.
    """
    shown = _numbers(cursor or "")
    if shown is None or len(shown) > MOST_SHOWN:
        detail = "send `next` of the page before as it was"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_cursor", detail, field="cursor")
    return frozenset(shown.tolist())


def _text(numbers: Numbers) -> str:
    return base64.urlsafe_b64encode(numbers.tobytes()).decode().rstrip("=")


def _numbers(text: str) -> Numbers | None:
    try:
        return np.frombuffer(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), "<u4")
    except (binascii.Error, ValueError):
        return None
