"""The clock, one of the two things that tests replace (the other is Telegram)."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the current time as aware UTC."""


def utc_now() -> datetime:
    """Return the real current time, as aware UTC."""
    return datetime.now(UTC)
