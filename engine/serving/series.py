"""Finds the films of each series and the order in which to see them, from a table and, for other films, from titles.
Pure.

The table (``names/series.txt``) has series that titles do not show: Bond, Marvel, Hannibal. Titles show the others:
"Rocky IV", "The Godfather: Part II", "Mission: Impossible - Ghost Protocol", "The Matrix Reloaded".
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.domain import Film
from engine.serving import names
from engine.serving.names.words import NUMERALS, PART_WORDS

MOST_PARTS = 13
"""A larger number at the end of a title is not the number of a part: "Apollo 18", "Area 51"."""

LONGEST_PAUSE = 15
"""A film without a number that comes this many years later begins a new series: "Robin Hood" of 1973 and of 1991."""

_PART_WORDS = "|".join(PART_WORDS)
_NUMBERED = re.compile(rf"(?P<name>.+?)(?:\s+|(?<=[a-z])(?=\d))(?P<number>\d{{1,2}}|{'|'.join(NUMERALS)})")
_PART = re.compile(rf"[,:]?\s+(?:{_PART_WORDS})\.?$")
_CUT = re.compile(rf":\s|\s[-–]\s|,?\s(?=(?:{_PART_WORDS})\b)")
_SEQUEL = re.compile(
    r"\s(?:reloaded|revolutions|resurrections?|returns?|forever|begins|rises|reborn|again|rides again|strikes back"
    r"|goes on|unleashed|evolution|redemption|revenge|legacy|nemesis|generations|genisys|salvation|in space)$"
)
_ARTICLE = re.compile(r"^(?:the|an?)\s")


@dataclass(frozen=True, slots=True)
class Part:
    """A film's place in its series; ``number`` counts the parts that the catalogue has, in order, from 1."""

    series: str
    number: int


def parts_of(films: Sequence[Film], table: Sequence[names.Series] | None = None) -> dict[int, Part]:
    """Return each film's place in its series, by film id; films of no series are left out.

    Films of the table come in its order, others by year and number. Films make a series by title only if their whole
    titles differ (two called "Crash" are no series) and they share a genre.

    Args:
        table: series known besides those that titles show; by default those of ``names``.
    """
    listed = _listed(films, names.read().series if table is None else table)
    by_title = _by_title([film for film in films if film.id not in listed])
    return listed | by_title


def series_of(films: Sequence[Film]) -> list[str | None]:
    """Return the name of each film's series, or None."""
    parts = parts_of(films)
    return [parts[film.id].series if film.id in parts else None for film in films]


def _listed(films: Sequence[Film], table: Sequence[names.Series]) -> dict[int, Part]:
    found: dict[tuple[str, int], int] = {}
    for film in films:
        for title in (film.display_title, *film.alternative_titles):
            if film.year is not None:
                found.setdefault((_plain(title), film.year), film.id)
    parts: dict[int, Part] = {}
    for series in table:
        ids: list[int] = []
        for entry in series.films:
            years = (entry.year, entry.year + 1, entry.year - 1)  # data sets differ in a film's year
            matches = (found.get((_plain(title), year)) for year in years for title in entry.titles)
            match = next((movie_id for movie_id in matches if movie_id is not None), None)
            if match is not None and match not in parts and match not in ids:
                ids.append(match)
        if len(ids) > 1:
            parts |= {movie_id: Part(series.names[0], number) for number, movie_id in enumerate(ids, 1)}
    return parts


def _by_title(films: Sequence[Film]) -> dict[int, Part]:
    named: defaultdict[str, list[Film]] = defaultdict(list)
    for film in films:
        for stem in set(_stems(film.display_title)) - {"", "the", "a", "an"}:
            named[stem].append(film)
    parts: dict[int, Part] = {}
    # The longest name first: "Mission: Impossible" is a series before "Mission" can be one.
    for stem in sorted(named, key=lambda stem: (-len(stem), stem)):
        free = sorted((film for film in named[stem] if film.id not in parts), key=_released)
        for run in _runs(stem, free):
            kin = [film for film in run if any(_are_kin(film, other) for other in run)]
            if len(kin) > 1:
                name = f"{stem} {kin[0].year}" if run[0] is not free[0] else stem
                parts |= {film.id: Part(name, number) for number, film in enumerate(kin, 1)}
    return parts


def _runs(stem: str, films: Sequence[Film]) -> list[list[Film]]:
    """Split films of one name, in order, wherever a new series begins: at a remake, or at a film without a number after
    a long pause."""
    runs: list[list[Film]] = []
    for film in films:
        anew = _plain(film.display_title) == stem
        numbered = number_in(film.display_title) > 1
        late = bool(runs) and (film.year or 0) - (runs[-1][-1].year or 0) > LONGEST_PAUSE
        if not runs or anew or (late and not numbered):
            runs.append([])
        runs[-1].append(film)
    return runs


def _released(film: Film) -> tuple[int, int, int]:
    return film.year or 0, number_in(film.display_title), film.id


def _are_kin(film: Film, other: Film) -> bool:
    return _plain(film.display_title) != _plain(other.display_title) and bool(set(film.genres) & set(other.genres))


def number_in(title: str) -> int:
    """Return the number that a title ends with, before its subtitle: 3 for "Rocky III"; 1 where there is none."""
    head = _CUT.split(_folded(title))
    numbers = [number for piece in head if (number := _split_number(piece)[1]) > 1]
    return numbers[0] if numbers else 1


def _stems(title: str) -> Iterator[str]:
    """Yield the names of series that a title may belong to: the whole title first, then shorter and shorter
    beginnings."""
    folded = _folded(title)
    ends = [len(folded), *(match.start() for match in reversed(list(_CUT.finditer(folded))))]
    for end in ends:
        head = folded[:end]
        yield _plain(head)
        shorter = _split_number(head)[0]
        if shorter != head:
            yield _plain(_PART.sub("", shorter))
        sequel = _SEQUEL.sub("", head)
        if sequel != head:
            yield _plain(sequel)


def _split_number(text: str) -> tuple[str, int]:
    match = _NUMBERED.fullmatch(text)
    if match is None:
        return text, 1
    written = match["number"]
    number = int(written) if written.isdecimal() else NUMERALS[written]
    first = 1 if written.isdecimal() else 2  # "The King and I" is no part
    return (match["name"], number) if first <= number <= MOST_PARTS else (text, 1)


def _folded(title: str) -> str:
    return unicodedata.normalize("NFKC", title).casefold()


def _plain(title: str) -> str:
    """Return the words of a title without a leading article, without signs, in lower case."""
    return " ".join(re.findall(r"\w+", _ARTICLE.sub("", _folded(title))))
