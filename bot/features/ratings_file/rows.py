"""The rows of a file, one for each film: all formats are read into these values."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.speech.language import marked
from engine.domain import MatineeError

MOST_SENT = 10_000_000
"""Most bytes of a file as it is sent; archives may have many files that we don't read."""

MOST_BYTES = 5_000_000
"""Most bytes of a table or list, unpacked: tens of thousands of films."""

TOO_LARGE = marked("the file is larger than {megabytes} MB")

MOST_ROWS = 50_000
"""Most rows of all files that are read together. Nobody has seen more films, and more rows would delay other people."""

TOO_MANY_ROWS = marked("it has more than {most} lines")

FIRST_YEAR = 1900
"""Earlier dates are mistakes: no film was rated then."""


class NotRatings(MatineeError):
    """A file that we cannot read ratings from. ``why`` is a sentence that ``facts`` fill."""

    def __init__(self, why: str, **facts: object) -> None:
        super().__init__(why.format(**facts))
        self.why = why
        self.facts = facts


class Says(enum.Enum):
    """The meaning of a row for its film."""

    RATED = enum.auto()
    SEEN = enum.auto()
    WATCHLIST = enum.auto()


class Cause(enum.Enum):
    """Why a line of a file is not used."""

    NO_FILM = enum.auto()
    NO_STARS = enum.auto()
    OTHER_STARS = enum.auto()
    SERIES = enum.auto()
    COMES_AGAIN = enum.auto()


@dataclass(frozen=True, slots=True)
class Row:
    """One film of a file: its line (a table's header is line 1), the film as the file names it, and what it says.

    ``stars`` are 0.5 to 5.0, null unless it says ``RATED``; ``at`` is when, null where the file does not tell;
    ``series`` whether the file calls it a series, which some data sets have and most have not; ``part`` is its file
    where an archive has several.
    """

    line: int
    title: str
    year: int | None
    imdb: int | None = None
    tmdb: int | None = None
    says: Says = Says.RATED
    stars: float | None = None
    at: datetime | None = None
    series: bool = False
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Unused:
    """A line that is not used, and why; ``part`` is its file where an archive has several."""

    cause: Cause
    line: int
    part: str | None = None


@dataclass(frozen=True, slots=True)
class RatingsFile:
    """The contents of a file. ``source`` names the site that it is from."""

    source: str
    rows: tuple[Row, ...] = ()
    unused: tuple[Unused, ...] = ()


def moment(text: str) -> datetime | None:
    """Return a date or a moment that a file writes in ISO 8601; without a zone it is UTC. None if it is none."""
    try:
        at = datetime.fromisoformat(text.strip())
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if at.year >= FIRST_YEAR else None


def year(text: str) -> int | None:
    """Return a year of four digits, or None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) == 4 else None


def number(text: str) -> int | None:
    """Return a number as sites give films, or None."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
