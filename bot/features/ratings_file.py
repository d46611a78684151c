"""Files of ratings: read those of Letterboxd, IMDb and our own, find their films, and write ours. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.speech.cells import guarded, unguarded
from bot.speech.language import marked
from engine.domain import STARS, Film, MatineeError
from engine.serving.library import Films, imdb_number

MOST_BYTES = 2_000_000
"""Some twenty thousand ratings: more than anybody has given."""

TOO_LARGE = marked("the file is larger than {megabytes} MB")

MOST_SEARCHES = 500
"""Rows of a file for which we search; each takes some milliseconds, and a file has room for tens of thousands."""

NEAR_YEARS = 1
"""People's lists and ours may disagree about a film's year by this much."""


class NotRatings(MatineeError):
    """A file that we cannot read ratings from. ``why`` is a sentence that ``facts`` fill."""

    def __init__(self, why: str, **facts: object) -> None:
        super().__init__(why.format(**facts))
        self.why = why
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Row:
    """One rating of a file: its line (the header is line 1), the film as the file names it, and 0.5 to 5.0 stars."""

    line: int
    title: str
    year: int | None
    imdb: int | None
    stars: float


@dataclass(frozen=True, slots=True)
class RatingsFile:
    """The contents of a file. ``source`` is whose file it is; ``unusable`` are the lines that say no film or no
    stars."""

    source: str
    rows: tuple[Row, ...] = ()
    unusable: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """The films that a file speaks of: those of ours with their stars, in the file's order, and the rows of others."""

    stars: Mapping[Film, float] = field(default_factory=dict)
    unknown: tuple[Row, ...] = ()


def read(content: bytes) -> RatingsFile:
    """Return the ratings in a file.

    Understood are Letterboxd's ratings.csv (Name, Year, Rating), IMDb's (Const, Your Rating, Title, Year) and ours
    (imdbID, Title, Year, Rating); columns in any order, upper or lower case.

    Raises:
        NotRatings: it is no text, too large, or has no such columns.
    """
    if len(content) > MOST_BYTES:
        raise NotRatings(TOO_LARGE, megabytes=MOST_BYTES // 1_000_000)
    text = _decoded(content)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), strict=False)
        header = [name.strip().casefold() for name in next(lines, [])]
        source, columns, scale = _layout(header)
        rows: list[Row] = []
        unusable: list[int] = []
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            row = _row(cells, columns, scale, lines.line_num)
            if row is None:
                unusable.append(lines.line_num)
            else:
                rows.append(row)
    except csv.Error as e:
        raise NotRatings(marked("the file cannot be read as CSV: {detail}"), detail=e) from e
    return RatingsFile(source, tuple(rows), tuple(unusable))


def _decoded(content: bytes) -> str:
    if b"\0" in content:
        raise NotRatings(marked("the file is not a text"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


Columns = Mapping[str, int]


def _layout(header: Sequence[str]) -> tuple[str, Columns, float]:
    """Return whose file it is, where its columns are, and what one of its points is worth in stars."""
    at = {name: place for place, name in reversed(list(enumerate(header)))}
    if "your rating" in at and ("const" in at or "title" in at):
        return "IMDb", _columns(at, "title", "const", "your rating"), 0.5
    if "rating" in at and "name" in at:
        return "Letterboxd", _columns(at, "name", "imdbid", "rating"), 1.0
    if "rating" in at and "title" in at:
        return "Matinee", _columns(at, "title", "imdbid", "rating"), 1.0
    raise NotRatings(marked("it needs the columns Name, Year and Rating (Letterboxd), or Const and Your Rating (IMDb)"))


def _columns(at: Columns, title: str, imdb: str, stars: str) -> Columns:
    named = {"title": title, "year": "year", "imdb": imdb, "stars": stars}
    return {name: at[column] for name, column in named.items() if column in at}


def _row(cells: Sequence[str], columns: Columns, scale: float, line: int) -> Row | None:
    def cell(name: str) -> str:
        place = columns.get(name)
        return unguarded(cells[place].strip()) if place is not None and place < len(cells) else ""

    try:
        stars = float(cell("stars")) * scale
    except ValueError:
        return None
    year = int(cell("year")) if cell("year").isascii() and cell("year").isdecimal() and len(cell("year")) == 4 else None
    row = Row(line, cell("title"), year, imdb_number(cell("imdb")), stars)
    return row if stars in STARS and (row.title or row.imdb is not None) else None


def match(file: RatingsFile, films: Films) -> Matched:
    """Find the films of a file in our catalogue.

    By IMDb's number where the file has it, else by name and year; a film of a year next to it will do where the name is
    clear, as long as there are not more of those than ``MOST_SEARCHES``. If a film has two rows, the later one counts.
    """
    by_name = _by_name(films.by_id.values())
    stars: dict[Film, float] = {}
    unknown: list[Row] = []
    searches = 0
    for row in file.rows:
        film = films.by_imdb.get(row.imdb) if row.imdb is not None else None
        film = film or by_name.get((row.title.casefold(), row.year))
        if film is None and searches < MOST_SEARCHES:
            searches += 1
            film = _searched(row, films)
        if film is None:
            unknown.append(row)
        else:
            stars[film] = row.stars
    return Matched(stars, tuple(unknown))


def _by_name(films: Iterable[Film]) -> dict[tuple[str, int | None], Film]:
    found: dict[tuple[str, int | None], Film] = {}
    for film in sorted(films, key=lambda film: film.rating_count):  # of two, the better known has the last word
        for title in (*film.alternative_titles, film.display_title):
            found[title.casefold(), film.year] = film
    return found


SURE_SCORE = 85
"""The score that a title search needs before somebody's rating is given to its hit."""


def _searched(row: Row, films: Films) -> Film | None:
    if not row.title:
        return None
    found = films.titles.find(f"{row.title} {row.year}" if row.year else row.title, limit=1)
    if not found.hits or found.hits[0].score < SURE_SCORE or not found.sure:
        return None
    film = found.hits[0].film
    if row.year is not None and film.year is not None and abs(row.year - film.year) > NEAR_YEARS:
        return None
    return film


def write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a CSV file, in UTF-8 with a mark by which spreadsheets know it; None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")
