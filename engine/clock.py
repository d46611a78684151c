"""The clock, one of the two things that tests replace (the other is Telegram)."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns aware UTC."""


def utc_now() -> datetime:
    """The clock of everyday use: aware UTC."""
    return datetime.now(UTC)
