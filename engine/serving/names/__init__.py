"""Other names of films: in other languages, nicknames, and series with their order.

Two tables beside this file hold these facts; operators can add names of their own, in a file of the same form as
``called.tsv``. It may import the standard library only.
"""

import re
from dataclasses import dataclass
from pathlib import Path

CALLED = Path(__file__).with_name("called.tsv")
SERIES = Path(__file__).with_name("series.txt")

_DATED = re.compile(r"(?P<titles>.+) \((?P<year>\d{4})\)")


@dataclass(frozen=True, slots=True)
class FilmName:
    """A film as a table names it: its title in each form that data sets have, and its year."""

    titles: tuple[str, ...]
    year: int


@dataclass(frozen=True, slots=True)
class Series:
    """Films that belong together, in the order in which to see them, and the names of the series."""

    names: tuple[str, ...]
    films: tuple[FilmName, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that the tables say. ``called`` holds a film and its other names."""

    called: tuple[tuple[FilmName, tuple[str, ...]], ...] = ()
    series: tuple[Series, ...] = ()


NO_NAMES = Names()


class BadName(ValueError):
    """A line of a table does not name a film."""

    def __init__(self, file: Path, line: int, text: str) -> None:
        super().__init__(f"{file}, line {line}: this is no title with its year, as in “Heat (1995)”: {text}")
        self.file, self.line = file, line


def read(own: Path | None = None) -> Names:
    """Return the names of the tables, and those of the file ``own`` if there is one.

    Raises:
        BadName: a line names no film.
    """
    called = _called(CALLED)
    if own is not None and own.exists():
        called += _called(own)
    return Names(tuple(called), tuple(_series(SERIES)))


def _called(file: Path) -> list[tuple[FilmName, tuple[str, ...]]]:
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        film, *names = line.split("\t")
        others = (_split(column) for column in names)
        rows.append((_film(film, file, number), tuple(name for column in others for name in column)))
    return rows


def _series(file: Path) -> list[Series]:
    found: list[Series] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("="):
            found.append(Series(_split(line[1:]), ()))
        elif line.strip() and not line.startswith("#"):
            last = found.pop()
            found.append(Series(last.names, (*last.films, _film(line, file, number))))
    return found


def _film(text: str, file: Path, line: int) -> FilmName:
    dated = _DATED.fullmatch(text.strip())
    if dated is None:
        raise BadName(file, line, text)
    return FilmName(_split(dated["titles"]), int(dated["year"]))


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, text.split("|")) if part)
