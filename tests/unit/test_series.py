"""Which films come in a series, and in which order."""

import pytest

from engine.datasets.titles import parse_title
from engine.domain import Film
from engine.serving.names import FilmName, Series
from engine.serving.series import Part, number_in, parts_of, series_of


def catalogue(*titles: str, genres: tuple[str, ...] = ("Action",)) -> list[Film]:
    parsed = [parse_title(title) for title in titles]
    return [
        Film(number, title, p.display_title, p.alternative_titles, p.year, genres)
        for number, (title, p) in enumerate(zip(titles, parsed, strict=True), 1)
    ]


def in_order(*titles: str) -> list[str | None]:
    """Return "series number" for each title, as titles alone say it."""
    films = catalogue(*titles)
    parts = parts_of(films, table=())
    return [f"{parts[film.id].series} {parts[film.id].number}" if film.id in parts else None for film in films]


def test_numerals_parts_and_subtitles_tell_a_series() -> None:
    assert in_order("Rocky IV (1985)", "Rocky (1976)", "Rocky II (1979)") == ["rocky 3", "rocky 1", "rocky 2"]
    assert in_order("Godfather: Part II, The (1974)", "Godfather, The (1972)") == ["godfather 2", "godfather 1"]
    assert in_order("Matrix Reloaded, The (2003)", "Matrix, The (1999)") == ["matrix 2", "matrix 1"]
    assert in_order("Kill Bill: Vol. 2 (2004)", "Kill Bill: Vol. 1 (2003)") == ["kill bill 2", "kill bill 1"]
    assert in_order("F/X (1986)", "F/X2 (1991)") == ["f x 1", "f x 2"]


def test_the_longest_shared_name_counts() -> None:
    """ "The Mission" is no part of "Mission: Impossible"."""
    films = ("Mission, The (1986)", "Mission: Impossible (1996)", "Mission: Impossible - Ghost Protocol (2011)")
    assert in_order(*films) == [None, "mission impossible 1", "mission impossible 2"]


def test_what_looks_like_a_series_and_is_none() -> None:
    assert in_order("Crash (1996)", "Crash (2004)") == [None, None]  # a remade name
    assert in_order("Apollo 13 (1995)", "Apollo 18 (2011)") == [None, None]  # such numbers count no parts
    assert in_order("Big (1988)", "Big Fish (2003)") == [None, None]
    assert in_order("The Return (2003)", "The Salvation (2014)") == [None, None]
    animated = Film(9, "Frozen II (2019)", "Frozen II", (), 2019, ("Animation",))
    other = [*catalogue("Frozen (2010)", genres=("Horror",)), animated]
    assert parts_of(other, table=()) == {}


def test_a_remake_begins_anew() -> None:
    """Somebody who wants "The Fly II" is first offered the film of 1986, not that of 1958."""
    assert in_order("Fly, The (1958)", "Fly, The (1986)", "Fly II, The (1989)") == [None, "fly 1986 1", "fly 1986 2"]


def test_a_long_pause_without_a_number_ends_a_series() -> None:
    assert in_order("Robin Hood (1973)", "Robin Hood: Prince of Thieves (1991)") == [None, None]
    assert in_order("Psycho (1960)", "Psycho II (1983)") == ["psycho 1", "psycho 2"]


def test_the_table_knows_what_titles_do_not_say() -> None:
    films = catalogue("GoldenEye (1995)", "Goldfinger (1964)", "Heat (1995)", "Dr. No (1962)")
    assert series_of(films) == ["james bond", "james bond", None, "james bond"]
    assert [parts_of(films)[film.id].number for film in films if film.id in parts_of(films)] == [3, 2, 1]


def test_the_table_comes_before_titles_and_its_years_may_be_one_off() -> None:
    table = [Series(("knights",), (FilmName(("Batman Begins",), 2005), FilmName(("The Dark Knight",), 2008)))]
    films = catalogue("Dark Knight, The (2009)", "Batman Begins (2005)", "Batman (1989)", "Batman Returns (1992)")
    parts = parts_of(films, table=table)
    assert parts[1] == Part("knights", 2)
    assert parts[2] == Part("knights", 1)
    assert parts[3].series == parts[4].series == "batman"


@pytest.mark.parametrize(("title", "number"), [("Rocky III", 3), ("Heat", 1), ("Mulan II: More", 2), ("Part Two", 2)])
def test_number_in_a_title(title: str, number: int) -> None:
    assert number_in(title) == number
