"""Trakt's files: lists in JSON, of what somebody rated, watched, and wants to watch."""

import json
from collections.abc import Iterator
from typing import Any

from bot.features.ratings_file.rows import (
    MOST_ROWS,
    TOO_MANY_ROWS,
    Cause,
    NotRatings,
    RatingsFile,
    Row,
    Says,
    Unused,
    moment,
)
from bot.speech.language import marked
from engine.domain import STARS
from engine.serving.library import imdb_number

SOURCE = "Trakt"

SAYS = {"rated_at": Says.RATED, "watched_at": Says.SEEN, "last_watched_at": Says.SEEN, "listed_at": Says.WATCHLIST}
"""The meaning of an entry, by the name of its time field."""

SERIES = ("show", "season", "episode")

OTHER_JSON = marked("it is JSON, but none of Trakt's lists of what you rated, watched or want to watch")


def is_json(text: str) -> bool:
    """Say whether a text means to be JSON; no table begins like this."""
    return text.lstrip()[:1] in ("[", "{")


def read(text: str) -> RatingsFile:
    """Return the films of a list of Trakt. An entry's line is its place in the list, from 1.

    Raises:
        NotRatings: it is no JSON, or another.
    """
    try:
        entries = list(_entries(json.loads(text)))
    except (ValueError, RecursionError) as e:
        raise NotRatings(marked("it begins as JSON and is broken: download it once more")) from e
    if len(entries) > MOST_ROWS:
        raise NotRatings(TOO_MANY_ROWS, most=MOST_ROWS)
    said = [(place, entry, says) for place, entry in enumerate(entries, 1) if (says := _says(entry)) is not None]
    if entries and not said:
        raise NotRatings(OTHER_JSON)
    rows: list[Row] = []
    unused: list[Unused] = []
    for place, entry, says in said:
        row = _row(place, entry, says)
        if isinstance(row, Row):
            rows.append(row)
        else:
            unused.append(Unused(row, place))
    return RatingsFile(SOURCE, tuple(rows), tuple(unused))


def _entries(read: Any) -> Iterator[dict[str, Any]]:
    """Yield the entries of a list, or of all lists of an object, as other programs put them into one file."""
    lists = [read] if isinstance(read, list) else list(read.values()) if isinstance(read, dict) else []
    for each in lists:
        yield from (entry for entry in each if isinstance(entry, dict)) if isinstance(each, list) else ()


def _says(entry: dict[str, Any]) -> Says | None:
    return next((says for name, says in SAYS.items() if name in entry), None)


def _row(place: int, entry: dict[str, Any], says: Says) -> Row | Cause:
    film = entry.get("movie")
    if not isinstance(film, dict):
        return Cause.SERIES if any(name in entry for name in SERIES) else Cause.NO_FILM
    ids = film["ids"] if isinstance(film.get("ids"), dict) else {}
    title, imdb, tmdb = _text(film.get("title")), imdb_number(_text(ids.get("imdb"))), _whole(ids.get("tmdb"))
    if not title and imdb is None and tmdb is None:
        return Cause.NO_FILM
    points, stars = _whole(entry.get("rating")), None
    if says is Says.RATED:
        if points is None:
            return Cause.NO_STARS
        if (stars := points / 2) not in STARS:
            return Cause.OTHER_STARS
    at = next((moment(_text(entry[name])) for name in SAYS if name in entry), None)
    return Row(place, title, _whole(film.get("year")), imdb, tmdb, says, stars, at)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _whole(value: object) -> int | None:
    """Return a whole number that is not too large to be one of a film, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None
