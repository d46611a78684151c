"""What every handler works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.library import Library
from bot.settings import BotSettings
from engine.store import Store

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock of everyday use: aware UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Services:
    """Built once at start, handed to every handler as ``context.services``."""

    settings: BotSettings
    store: Store
    library: Library
    clock: Clock = utc_now
