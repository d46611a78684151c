"""Files of ratings: those of others, and our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.features.ratings_file import MOST_BYTES, MOST_SEARCHES, NotRatings, match, read, write
from engine.domain import STARS
from engine.serving.library import Films
from tests import world

FILMS = Films.of(None, list(world.FILMS))

LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2024-01-05,The Matrix,1999,https://boxd.it/2a1m,4.5
2024-01-06,"The Good, the Bad and the Ugly",1966,https://boxd.it/1,5
2024-01-07,Amélie,2001,https://boxd.it/2,3.5
2024-01-08,Stalker,1979,https://boxd.it/3,5
2024-01-09,Heat,1996,https://boxd.it/4,4
2024-01-10,True Grit,2010,https://boxd.it/5,3
"""

IMDB = """Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,Runtime (mins),Year,Genres
tt0133093,9,2024-01-05,Some other name,X,https://www.imdb.com/title/tt0133093/,Movie,8.7,136,1999,"Action, Sci-Fi"
tt0113277,7,2024-01-05,Heat,Heat,https://www.imdb.com/title/tt0113277/,Movie,8.3,170,1995,Crime
tt9999999,1,2024-01-05,Casablanca,Casablanca,,Movie,8.5,102,1942,Drama
tt0903747,10,2024-01-05,Breaking Bad,Breaking Bad,,TV Series,9.5,49,2008,Crime
"""


def named(text: str | bytes) -> dict[str, float]:
    """The films of ours that a file rates."""
    content = text.encode() if isinstance(text, str) else text
    return {f"{film.display_title} ({film.year})": stars for film, stars in match(read(content), FILMS).stars.items()}


def test_letterboxd_by_name_and_year():
    assert named(LETTERBOXD) == {
        "The Matrix (1999)": 4.5,
        "The Good, the Bad and the Ugly (1966)": 5,
        "Amelie (2001)": 3.5,
        "Heat (1995)": 4,  # a year beside ours
        "True Grit (2010)": 3,
    }
    file = read(LETTERBOXD.encode())
    assert file.source == "Letterboxd"
    assert [row.title for row in match(file, FILMS).unknown] == ["Stalker"]


@pytest.mark.parametrize("title", ['=HYPERLINK("http://evil","Heat")', "+1", "-30-", "@home"])
def test_a_title_that_looks_like_a_formula_comes_out_as_text_and_back_as_it_was(title: str):
    content = write(("Title", "Year", "Rating"), [(title, 1999, 4.5)])
    assert f"'{title}".replace('"', '""') in content.decode("utf-8-sig")
    assert [row.title for row in read(content).rows] == [title]


def test_a_title_that_begins_with_an_apostrophe_stays_as_it_is():
    content = write(("Title", "Rating"), [("'Round Midnight", 4.0)])
    assert [row.title for row in read(content).rows] == ["'Round Midnight"]


def test_imdb_by_number_else_by_name_its_points_halved():
    assert named(IMDB) == {"The Matrix (1999)": 4.5, "Heat (1995)": 3.5, "Casablanca (1942)": 0.5}
    file = read(IMDB.encode())
    assert file.source == "IMDb"
    assert [row.title for row in match(file, FILMS).unknown] == ["Breaking Bad"]


def test_of_very_many_names_that_are_not_ours_not_all_are_searched_for():
    """Those that are ours to the letter are found all the same."""
    strangers = [f"Xyzzy {number},1950,4" for number in range(MOST_SEARCHES)]
    file = "\n".join(["Name,Year,Rating", "Heat,1996,3", *strangers[1:], "True Grit,2011,5", "Casablanca,1942,5"])
    assert named(file) == {"Heat (1995)": 3, "Casablanca (1942)": 5}
    assert len(match(read(file.encode()), FILMS).unknown) == MOST_SEARCHES


def test_our_own_file_comes_back():
    content = write(("imdbID", "tmdbID", "Title", "Year", "Rating"), [("tt0133093", 603, "The Matrix", 1999, 4.5)])
    assert named(content) == {"The Matrix (1999)": 4.5}
    assert read(content).source == "Matinee"


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_line_ends_and_encodings_of_all_sorts(line_end: str, encoding: str):
    assert named(LETTERBOXD.replace("\n", line_end).encode(encoding))["Amelie (2001)"] == 3.5


def test_lines_that_say_no_stars_are_named():
    file = read(
        b"Name,Year,Rating\nHeat,1995,4\nAlien,1979,\nFargo,1996,six\nPsycho,1960,5.5\n,,3\nScream\n\nScream,1996,3\n"
    )
    assert [row.title for row in file.rows] == ["Heat", "Scream"]
    assert file.unusable == (3, 4, 5, 6, 7)


def test_of_two_rows_for_one_film_the_later_counts():
    assert named("Name,Year,Rating\nHeat,1995,4\nHeat,1995,2\n") == {"Heat (1995)": 2}


def test_a_name_that_only_resembles_a_film_is_not_rated():
    assert named("Name,Year,Rating\nThe Heat,2013,4\nAliens,1986,5\nHeatt Wavez,1995,3\nSabrina,,4\n") == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"Name,Year\nHeat,1995\n", b"\0\1\2", b"PK\x03\x04\0", b"<html>", b"x" * (MOST_BYTES + 1)],
    ids=["empty", "no stars", "bytes", "zip", "html", "large"],
)
def test_what_is_no_file_of_ratings_is_refused_with_a_reason(content: bytes):
    with pytest.raises(NotRatings):
        read(content)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"Name,Year,Rating\n{text}".encode()))
def test_any_file_is_read_or_refused(content: bytes):
    try:
        file = read(content)
    except NotRatings:
        return
    matched = match(file, FILMS)
    assert file.source
    assert all(row.stars in STARS and row.line > 1 for row in file.rows)
    assert set(matched.stars) <= set(world.FILMS)
    assert set(matched.stars.values()) <= {row.stars for row in file.rows}
    assert set(matched.unknown) <= set(file.rows)
    assert len(matched.stars) + len(matched.unknown) <= len(file.rows)
