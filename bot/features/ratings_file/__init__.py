"""Files of ratings: reads those of Letterboxd, IMDb, Trakt and our own, and writes ours. Pure: takes bytes, returns
values.

Nothing in a file is trusted: sizes are bounded before anything is unpacked, names in an archive only choose what is
read, and what cannot be used is counted with its reason. The modules here import one another, the engine's serving and
the bot's speech, and no other feature.
"""

from dataclasses import replace

from bot.features.ratings_file import tables, trakt, zipped
from bot.features.ratings_file.kinds import named_for_what_it_is
from bot.features.ratings_file.matching import MOST_SEARCHES, Changes, Matched, changes, match
from bot.features.ratings_file.rows import (
    MOST_BYTES,
    MOST_ROWS,
    MOST_SENT,
    TOO_LARGE,
    TOO_MANY_ROWS,
    Cause,
    NotRatings,
    RatingsFile,
    Row,
    Says,
    Unused,
)
from bot.features.ratings_file.tables import write

__all__ = [
    "MOST_BYTES",
    "MOST_SEARCHES",
    "MOST_SENT",
    "TOO_LARGE",
    "Cause",
    "Changes",
    "Matched",
    "NotRatings",
    "RatingsFile",
    "Row",
    "Says",
    "Unused",
    "changes",
    "match",
    "read",
    "write",
]


def read(content: bytes, name: str = "") -> RatingsFile:
    """Return the films of a file, with their ratings and marks.

    Understood are Letterboxd's whole archive, and its ratings.csv, watched.csv, watchlist.csv and diary.csv; IMDb's
    ratings and watchlist; Trakt's archive, and its files of ratings, of what was watched and of the watchlist; our own;
    and an archive with one of these in it.

    Args:
        name: the file's name. Letterboxd's lists all have the same columns, so only the name tells which list it is.

    Raises:
        NotRatings: it is too large, or another kind of file; the error names it.
    """
    if len(content) > MOST_SENT:
        raise NotRatings(TOO_LARGE, megabytes=MOST_SENT // 1_000_000)
    if (what := named_for_what_it_is(content)) is not None:
        raise NotRatings(what)
    if not zipped.is_archive(content):
        return _read_text(content, name)
    members = zipped.unpack(content)
    files = [_read_text(member.content, member.name) for member in members]
    if len(files) == 1:
        return files[0]
    rows = [replace(row, part=member.name) for member, file in zip(members, files, strict=True) for row in file.rows]
    unused = [
        replace(one, part=member.name) for member, file in zip(members, files, strict=True) for one in file.unused
    ]
    if len(rows) + len(unused) > MOST_ROWS:
        raise NotRatings(TOO_MANY_ROWS, most=MOST_ROWS)
    return RatingsFile(files[0].source, tuple(rows), tuple(unused))


def _read_text(content: bytes, name: str) -> RatingsFile:
    if len(content) > MOST_BYTES:
        raise NotRatings(TOO_LARGE, megabytes=MOST_BYTES // 1_000_000)
    text = tables.decoded(content)
    return trakt.read(text) if trakt.is_json(text) else tables.read(text, name)
