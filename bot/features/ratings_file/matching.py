"""Finds the films of a file in our catalogue."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.features.ratings_file.rows import Cause, RatingsFile, Row, Says, Unused
from engine.domain import Film
from engine.serving.library import Films
from engine.store import Dismissal, Taste

MOST_SEARCHES = 500
"""Most rows of a file that are searched by title; each takes some milliseconds, and a file has room for tens of
thousands."""

NEAR_YEARS = 1
"""People's lists and ours may disagree about a film's year by this much."""

SURE_SCORE = 85
"""The score that a title search needs before somebody's rating is given to its hit."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The films of a file: those of our catalogue, in the file's order, and the rows of unknown ones.

    ``stars`` of those that it rates; ``seen`` and ``watchlist`` are the others, and no film is in two of the three.
    ``dates`` has when each was said, of those where the file tells. ``unused`` are lines that name a film of ours and
    count for nothing.
    """

    stars: Mapping[Film, float] = field(default_factory=dict)
    seen: tuple[Film, ...] = ()
    watchlist: tuple[Film, ...] = ()
    dates: Mapping[Film, datetime] = field(default_factory=dict)
    unknown: tuple[Row, ...] = ()
    unused: tuple[Unused, ...] = ()

    @property
    def films(self) -> int:
        """The number of our films that the file names."""
        return len(self.stars) + len(self.seen) + len(self.watchlist)


def match(file: RatingsFile, films: Films) -> Matched:
    """Find the films of a file in our catalogue.

    By IMDb's number where the file has it, else TMDb's, else by name and year; a film of a year next to it will do
    where the name is clear, as long as there are not more of those than ``MOST_SEARCHES``. If a film has two ratings,
    the later row counts. A film that is rated has been seen, and one that was rated or seen is wanted no more.
    """
    finder = _Finder(films)
    said: dict[Says, dict[Film, Row]] = {says: {} for says in Says}
    unknown: dict[tuple[object, ...], Row] = {}
    unused: list[Unused] = []
    for row in file.rows:
        film = finder.find(row)
        if film is None and row.series:
            unused.append(Unused(Cause.SERIES, row.line, row.part))
        elif film is None:
            unknown.setdefault((row.title.casefold(), row.year, row.imdb, row.tmdb), row)
        else:
            before = said[row.says].pop(film, None)
            if before is not None and row.says is Says.RATED:
                unused.append(Unused(Cause.COMES_AGAIN, before.line, before.part))
            said[row.says][film] = row
    rated, seen = said[Says.RATED], said[Says.SEEN]
    dates = {film: row.at for kind in (Says.WATCHLIST, Says.SEEN, Says.RATED) for film, row in said[kind].items()}
    return Matched(
        {film: row.stars for film, row in rated.items() if row.stars is not None},
        tuple(film for film in seen if film not in rated),
        tuple(film for film in said[Says.WATCHLIST] if film not in rated and film not in seen),
        {film: at for film, at in dates.items() if at is not None},
        tuple(unknown.values()),
        tuple(unused),
    )


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes that a file would make for somebody: films new to their ratings, those with other stars, and those
    with the same; films that it would mark as seen, and put on their watchlist."""

    new: tuple[Film, ...]
    changed: tuple[Film, ...]
    same: tuple[Film, ...]
    seen: tuple[Film, ...]
    watchlist: tuple[Film, ...]

    @property
    def size(self) -> int:
        return len(self.new) + len(self.changed) + len(self.seen) + len(self.watchlist)


def changes(matched: Matched, taste: Taste) -> Changes:
    """Compare a file with somebody's ratings and marks. Rated films count as seen."""
    had = {rating.movie_id: rating.stars for rating in taste.ratings}
    aside = {(put.movie_id, put.kind) for put in taste.put_aside}

    def still(films: Iterable[Film], kind: Dismissal) -> tuple[Film, ...]:
        return tuple(film for film in films if film.id not in had and (film.id, kind) not in aside)

    return Changes(
        tuple(film for film in matched.stars if film.id not in had),
        tuple(film for film, stars in matched.stars.items() if had.get(film.id, stars) != stars),
        tuple(film for film, stars in matched.stars.items() if had.get(film.id) == stars),
        still(matched.seen, Dismissal.SEEN),
        still(matched.watchlist, Dismissal.WATCHLIST),
    )


class _Finder:
    """Finds films, and remembers how often it had to search."""

    def __init__(self, films: Films) -> None:
        self._films, self._by_name, self._searches = films, _by_name(films.by_id.values()), 0
        self._searched: dict[tuple[str, int | None], Film | None] = {}

    def find(self, row: Row) -> Film | None:
        film = self._films.by_imdb.get(row.imdb) if row.imdb is not None else None
        if film is None and row.tmdb is not None:
            film = self._films.by_tmdb.get(row.tmdb)
        return film or self._by_name.get((row.title.casefold(), row.year)) or self._search(row)

    def _search(self, row: Row) -> Film | None:
        key = (row.title, row.year)
        if key not in self._searched:
            if not row.title or row.series or self._searches >= MOST_SEARCHES:
                return None
            self._searches += 1
            self._searched[key] = _searched(row, self._films)
        return self._searched[key]


def _by_name(films: Iterable[Film]) -> dict[tuple[str, int | None], Film]:
    found: dict[tuple[str, int | None], Film] = {}
    for film in sorted(films, key=lambda film: film.rating_count):  # of two films with one name, the better known wins
        for title in (*film.alternative_titles, film.display_title):
            found[title.casefold(), film.year] = film
    return found


def _searched(row: Row, films: Films) -> Film | None:
    found = films.titles.find(f"{row.title} {row.year}" if row.year else row.title, limit=1)
    if not found.hits or found.hits[0].score < SURE_SCORE or not found.sure:
        return None
    film = found.hits[0].film
    if row.year is not None and film.year is not None and abs(row.year - film.year) > NEAR_YEARS:
        return None
    return film
