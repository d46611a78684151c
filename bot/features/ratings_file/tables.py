"""Tables: those of Letterboxd, of IMDb, and our own."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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
    number,
    year,
)
from bot.speech.cells import guarded, unguarded
from bot.speech.language import marked
from engine.domain import STARS
from engine.serving.library import imdb_number

SEPARATORS = ",;\t"
"""Separators of columns; spreadsheets write a semicolon in languages whose numbers have a comma."""

SERIES = ("series", "episode")
"""Parts of IMDb's title types that are not films."""

UNKNOWN_COLUMNS = marked("it needs the columns Name, Year and Rating (Letterboxd), or Const and Your Rating (IMDb)")
A_LIST = marked("it is a list of films, and I cannot tell of which: call it watched.csv or watchlist.csv")
A_LETTERBOXD_LIST = marked("it is one of your lists on Letterboxd; I read ratings.csv, watched.csv and watchlist.csv")


@dataclass(frozen=True, slots=True)
class KnownTable:
    """The program that wrote a table, and where the table's columns are.

    ``scale`` is what one of its points is worth in stars; ``otherwise`` is what a row without stars says, null where
    it says nothing.
    """

    source: str
    columns: Mapping[str, int]
    scale: float = 1.0
    otherwise: Says | None = None


def decoded(content: bytes) -> str:
    """Return the text of a file in any of the usual encodings.

    Raises:
        NotRatings: it is no text.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):  # "Unicode text", as Excel calls it
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise NotRatings(marked("the file is not a text"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read(text: str, name: str) -> RatingsFile:
    """Return the films of a table. Columns may be in any order, in upper or lower case.

    Raises:
        NotRatings: it cannot be read as a table, or has no columns that we know.
    """
    first_line = text.partition("\n")[0].partition("\r")[0]
    separator = max(SEPARATORS, key=lambda mark: len(first_line.split(mark)))
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=False)
        table = _known_table([column.strip().casefold() for column in next(lines, [])], name.casefold())
        rows: list[Row] = []
        unused: list[Unused] = []
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) + len(unused) >= MOST_ROWS:
                raise NotRatings(TOO_MANY_ROWS, most=MOST_ROWS)
            row = _row(cells, table, lines.line_num)
            if isinstance(row, Row):
                rows.append(row)
            else:
                unused.append(Unused(row, lines.line_num))
    except csv.Error as e:
        raise NotRatings(marked("the file cannot be read as CSV: {detail}"), detail=e) from e
    return RatingsFile(table.source, tuple(rows), tuple(unused))


def _known_table(header: Sequence[str], name: str) -> KnownTable:
    at = {column: place for place, column in reversed(list(enumerate(header)))}

    def columns(**named: str) -> dict[str, int]:
        return {name: at[column] for name, column in named.items() if column in at}

    if "const" in at and "watchlist" in name:
        found = columns(title="title", year="year", imdb="const", stars="your rating", at="created", type="title type")
        return KnownTable("IMDb", found, 0.5, Says.WATCHLIST)
    if "your rating" in at and ("const" in at or "title" in at):
        found = columns(
            title="title", year="year", imdb="const", stars="your rating", at="date rated", type="title type"
        )
        return KnownTable("IMDb", found, 0.5)
    ids = {"year": "year", "imdb": "imdbid", "tmdb": "tmdbid"}
    if "name" in at and ("rating" in at or "letterboxd uri" in at):
        seen_at = "watched date" if "watched date" in at else "date"
        found = columns(title="name", stars="rating", at=seen_at, **ids)
        return KnownTable("Letterboxd", found, otherwise=_listed(name) if "rating" not in at else _unrated(at))
    if "rating" in at and "title" in at:
        found = columns(title="title", stars="rating", at="date" if "date" in at else "watcheddate", **ids)
        return KnownTable("Matinee", found)
    raise NotRatings(A_LETTERBOXD_LIST if header[:1] and header[0].startswith("letterboxd list") else UNKNOWN_COLUMNS)


def _listed(name: str) -> Says:
    """Return the meaning of a Letterboxd list without ratings, by its name: its columns do not tell."""
    if "watchlist" in name:
        return Says.WATCHLIST
    if "watched" in name:
        return Says.SEEN
    raise NotRatings(A_LIST)


def _unrated(at: Mapping[str, int]) -> Says | None:
    """Return the meaning of a row without stars: in a diary, the film was seen."""
    return Says.SEEN if "watched date" in at else None


def _row(cells: Sequence[str], table: KnownTable, line: int) -> Row | Cause:
    def cell(name: str) -> str:
        place = table.columns.get(name)
        return unguarded(cells[place].strip()) if place is not None and place < len(cells) else ""

    title, imdb, tmdb = cell("title"), imdb_number(cell("imdb")), number(cell("tmdb"))
    if not title and imdb is None and tmdb is None:
        return Cause.NO_FILM
    says, stars = _said(cell("stars"), table)
    if says is None:
        return Cause.OTHER_STARS if cell("stars") else Cause.NO_STARS
    series = any(word in cell("type").casefold() for word in SERIES)
    return Row(line, title, year(cell("year")), imdb, tmdb, says, stars, moment(cell("at")), series)


def _said(points: str, table: KnownTable) -> tuple[Says | None, float | None]:
    """Return the meaning of a row, and its stars; nothing if its stars are not valid."""
    if not points:
        return table.otherwise, None
    stars = _in_stars(points, table.scale)
    return (Says.RATED, stars) if stars is not None else (None, None)


def _in_stars(points: str, scale: float) -> float | None:
    """Return points as stars, or None if that is no valid number of stars."""
    try:
        stars = float(points.replace(",", ".")) * scale
    except ValueError:
        return None
    return stars if stars in STARS else None


def write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a CSV file, in UTF-8 with a mark by which spreadsheets know it; None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")
