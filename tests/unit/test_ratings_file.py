"""Files of ratings: those of others, and our own."""

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.features.ratings_file import (
    MOST_BYTES,
    MOST_SEARCHES,
    MOST_SENT,
    Cause,
    Matched,
    NotRatings,
    match,
    read,
    write,
)
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


WATCHED = """Date,Name,Year,Letterboxd URI
2024-02-01,The Matrix,1999,https://boxd.it/2a1m
2024-02-02,Alien,1979,https://boxd.it/6
2024-02-03,Nosuch,1980,https://boxd.it/7
"""

WATCHLIST = """Date,Name,Year,Letterboxd URI
2024-03-01,Fargo,1996,https://boxd.it/8
2024-03-02,Alien,1979,https://boxd.it/6
"""


def zipped(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these files, by their paths in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


LETTERBOXD_ZIP = zipped(
    {
        "ratings.csv": LETTERBOXD,
        "watched.csv": WATCHED,
        "watchlist.csv": WATCHLIST,
        "diary.csv": "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n2024-01-05,Psycho,1960,,1,,,\n",
        "likes/films.csv": "Date,Name,Year,Letterboxd URI\n2024-01-05,Psycho,1960,\n",
        "deleted/ratings.csv": "Date,Name,Year,Letterboxd URI,Rating\n2024-01-05,Psycho,1960,,1\n",
        "lists/watchlist.csv": "Letterboxd list export v7\n",
        "profile.csv": "Date Joined,Username\n2012-01-01,anna\n",
    }
)
"""As Letterboxd sends it."""


def entry(title: str, year: int, kind: str = "movie", **said: object) -> dict[str, object]:
    ids = {"trakt": 1, "slug": "x"} | {name: said.pop(name) for name in ("imdb", "tmdb") if name in said}
    return {**said, "type": kind, kind: {"title": title, "year": year, "ids": ids}}


AT = "2014-09-01T09:10:11.000Z"
TRAKT_RATINGS = [
    entry("Whatever", 1, imdb="tt0133093", rated_at=AT, rating=9),
    entry("Other", 2, tmdb=949, rated_at=AT, rating=7),
    entry("Casablanca", 1942, rated_at=AT, rating=0),
    entry("Psycho", 1960, rated_at=AT),
    {"rated_at": AT, "rating": 8, "type": "show", "show": {"title": "Fargo", "year": 2014}},
    {"rated_at": AT, "rating": 8, "type": "movie", "movie": {}},
]
TRAKT_HISTORY = [
    entry("Alien", 1979, watched_at=AT, action="watch"),
    entry("Alien", 1979, watched_at="2013-01-01T00:00:00.000Z", action="watch"),
    entry("Whatever", 1, imdb="tt0133093", watched_at=AT, action="watch"),
]
TRAKT_WATCHLIST = [entry("Fargo", 1996, listed_at=AT, rank=1)]
TRAKT_ZIP = zipped(
    {
        "ratings-movies.json": json.dumps(TRAKT_RATINGS),
        "ratings-shows.json": "[]",
        "watched-history-1.json": json.dumps(TRAKT_HISTORY),
        "lists-watchlist.json": json.dumps(TRAKT_WATCHLIST),
        "lists-favorites.json": "[]",
        "user-profile.json": "{}",
    }
)
"""As Trakt sends it."""


def titles(films) -> list[str]:
    return [film.display_title for film in films]


def matched(content: bytes, name: str = "") -> Matched:
    return match(read(content, name), FILMS)


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
    matched = match(file, FILMS)
    assert matched.unknown == ()
    assert [(one.cause, one.line) for one in matched.unused] == [(Cause.SERIES, 5)]


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
    assert [(one.line, one.cause) for one in file.unused] == [
        (3, Cause.NO_STARS),
        (4, Cause.OTHER_STARS),
        (5, Cause.OTHER_STARS),
        (6, Cause.NO_FILM),
        (7, Cause.NO_STARS),
    ]


def test_of_two_rows_for_one_film_the_later_counts():
    text = "Name,Year,Rating\nHeat,1995,4\nHeat,1995,2\n"
    assert named(text) == {"Heat (1995)": 2}
    assert [(one.cause, one.line) for one in match(read(text.encode()), FILMS).unused] == [(Cause.COMES_AGAIN, 2)]


def test_a_name_that_only_resembles_a_film_is_not_rated():
    assert named("Name,Year,Rating\nThe Heat,2013,4\nAliens,1986,5\nHeatt Wavez,1995,3\nSabrina,,4\n") == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"Name,Year\nHeat,1995\n", b"\0\1\2", b"PK\x03\x04\0", b"<html>", b"Name,Rating\n" + b"x" * MOST_BYTES],
    ids=["empty", "no stars", "bytes", "zip", "html", "large"],
)
def test_what_is_no_file_of_ratings_is_refused_with_a_reason(content: bytes):
    with pytest.raises(NotRatings):
        read(content)


def test_letterboxds_archive_has_stars_what_was_watched_and_the_watchlist():
    """A rated film was watched too, and is said once; the diary, likes and deleted entries are left out."""
    file, found = read(LETTERBOXD_ZIP, "letterboxd-anna-2024.zip"), matched(LETTERBOXD_ZIP)
    assert file.source == "Letterboxd"
    assert {film.display_title: stars for film, stars in found.stars.items()} == {
        "The Matrix": 4.5, "The Good, the Bad and the Ugly": 5, "Amelie": 3.5, "Heat": 4, "True Grit": 3,
    }  # fmt: skip
    assert titles(found.seen) == ["Alien"]
    assert titles(found.watchlist) == ["Fargo"]
    assert [row.title for row in found.unknown] == ["Stalker", "Nosuch"]


def test_an_archive_that_was_packed_again_in_a_folder_is_the_same():
    with zipfile.ZipFile(io.BytesIO(LETTERBOXD_ZIP)) as archive:
        again = {f"letterboxd-anna/{name}": archive.read(name) for name in archive.namelist()}
    content = zipped({"__MACOSX/letterboxd-anna/._ratings.csv": b"\0\5", **again})
    assert matched(content) == matched(LETTERBOXD_ZIP)


def test_dates_are_those_of_the_file():
    found = {film.display_title: at for film, at in matched(LETTERBOXD_ZIP).dates.items()}
    assert found["The Matrix"] == datetime(2024, 1, 5, tzinfo=UTC)
    assert found["Alien"] == datetime(2024, 2, 2, tzinfo=UTC)
    assert found["Fargo"] == datetime(2024, 3, 1, tzinfo=UTC)
    assert matched(IMDB.encode()).dates[FILMS.by_id[world_id("Heat")]] == datetime(2024, 1, 5, tzinfo=UTC)
    slips = b"Name,Year,Rating,Date\nHeat,1995,4,soon\nFargo,1996,4,0019-01-01\nAlien,1979,4,\n"
    assert matched(slips).dates == {}


def world_id(title: str) -> int:
    return next(film.id for film in world.FILMS if film.display_title == title)


@pytest.mark.parametrize("name", ["watchlist.csv", "letterboxd-anna-WATCHLIST (1).csv"])
def test_letterboxds_watchlist_alone(name: str):
    found = matched(WATCHLIST.encode(), name)
    assert titles(found.watchlist) == ["Fargo", "Alien"]
    assert not found.stars
    assert not found.seen


def test_letterboxds_lists_of_films_are_told_apart_by_their_names():
    assert titles(matched(WATCHED.encode(), "watched.csv").seen) == ["The Matrix", "Alien"]
    with pytest.raises(NotRatings, match="cannot tell of which"):
        read(WATCHED.encode(), "films.csv")


def test_in_a_diary_a_film_without_stars_was_seen():
    head = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
    found = matched((head + "2024-01-09,Heat,1995,,4,,,2024-01-08\n2024-01-09,Alien,1979,,,,,2024-01-07\n").encode())
    assert titles(found.stars) == ["Heat"]
    assert titles(found.seen) == ["Alien"]
    assert [at.day for at in found.dates.values()] == [7, 8]


def test_imdbs_watchlist_has_films_that_are_rated_and_films_that_are_wanted():
    text = "Position,Const,Created,Title,Title Type,Year,Your Rating,Date Rated\n"
    text += "1,tt0133093,2024-01-05,The Matrix,Movie,1999,,\n2,tt0113277,2024-01-05,Heat,Movie,1995,8,2024-01-06\n"
    found = matched(text.encode(), "WATCHLIST.csv")
    assert titles(found.watchlist) == ["The Matrix"]
    assert {film.display_title: stars for film, stars in found.stars.items()} == {"Heat": 4}


def test_trakts_archive_by_the_numbers_of_imdb_and_tmdb():
    file, found = read(TRAKT_ZIP), matched(TRAKT_ZIP)
    assert file.source == "Trakt"
    assert {film.display_title: stars for film, stars in found.stars.items()} == {"The Matrix": 4.5, "Heat": 3.5}
    assert titles(found.seen) == ["Alien"]
    assert titles(found.watchlist) == ["Fargo"]
    assert set(found.dates.values()) == {datetime(2014, 9, 1, 9, 10, 11, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC)}
    assert [(one.cause, one.line, one.part) for one in file.unused] == [
        (Cause.OTHER_STARS, 3, "ratings-movies.json"),
        (Cause.NO_STARS, 4, "ratings-movies.json"),
        (Cause.SERIES, 5, "ratings-movies.json"),
        (Cause.NO_FILM, 6, "ratings-movies.json"),
    ]


def test_trakts_lists_alone_and_as_one_object():
    assert titles(matched(json.dumps(TRAKT_WATCHLIST).encode(), "x.json").watchlist) == ["Fargo"]
    together = {"ratings": TRAKT_RATINGS, "watched": TRAKT_HISTORY, "watchlist": TRAKT_WATCHLIST, "user": {"name": "x"}}
    found = matched(json.dumps(together).encode())
    assert (titles(found.stars), titles(found.seen), titles(found.watchlist)) == (
        ["The Matrix", "Heat"], ["Alien"], ["Fargo"],
    )  # fmt: skip


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_as_spreadsheets_write_them(separator: str):
    text = separator.join(["Name", "Year", "Rating"]) + "\n" + separator.join(["Heat", "1995", "3,5"]) + "\n"
    for encoding in ("utf-8", "utf-16"):
        assert named(text.encode(encoding)) == {"Heat (1995)": 3.5}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\x89PNG\r\n\x1a\n\0", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a picture"),
        (b"\0\0\0\x18ftypheic", "a picture"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"ID3\x04\0", "a sound recording"),
        (b"%PDF-1.7", "a PDF"),
        (zipped({"[Content_Types].xml": "", "xl/workbook.xml": ""}), "an Excel workbook: save it as CSV"),
        (zipped({"word/document.xml": ""}), "a text document"),
        (zipped({"mimetype": "", "META-INF/manifest.xml": ""}), "another office program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "older Excel"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x1f\x8b\x08\0", "an archive that I can't unpack"),
        (b"SQLite format 3\0", "a database"),
        (b" \n", "nothing in it"),
        (b'{"a": [{"b": 1}]}', "none of Trakt's lists"),
        (b"[1, 2", "broken"),
        (b"[" * 100_000, "broken"),
        (b"Letterboxd list export v7\nDate,Name\n", "one of your lists on Letterboxd"),
        (zipped({"a.csv": "x", "b.csv": "y"}), "an archive without"),
        (zipped({"notes.txt": "x"}), "an archive without"),
        (LETTERBOXD_ZIP[:300], "an archive that is broken"),
        (b"Bambi,is,no,picture\n", "it needs the columns"),
    ],
)
def test_a_file_that_is_none_of_these_is_named_for_what_it_is(content: bytes, what: str):
    with pytest.raises(NotRatings) as refusal:
        read(content)
    assert what in str(refusal.value)


def test_an_archive_of_one_table_is_that_table():
    assert read(zipped({"export.csv": IMDB})) == read(IMDB.encode())


def test_an_archive_that_swells_is_not_unpacked():
    with pytest.raises(NotRatings, match="larger than"):
        read(zipped({"ratings.csv": b"Name,Rating\n" + b"\n" * 3 * MOST_BYTES}))
    in_parts = {f"watched-history-{part}.json": b" " * (MOST_BYTES - 1) for part in range(9)}
    with pytest.raises(NotRatings, match="larger than"):
        read(zipped(in_parts))


def test_what_an_archive_claims_of_sizes_is_not_believed():
    """Both of its headers say that the file has one byte."""
    content = bytearray(zipped({"ratings.csv": b"\n" * 3 * MOST_BYTES}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = content.index(mark) + at
        content[start : start + 4] = (1).to_bytes(4, "little")
    with pytest.raises(NotRatings):
        read(bytes(content))


def test_archives_with_passwords_of_other_packers_and_of_too_many_files_are_refused():
    locked = bytearray(zipped({"ratings.csv": LETTERBOXD}))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    for content, why in (
        (bytes(locked), "password"),
        (zipped({"ratings.csv": LETTERBOXD}, zipfile.ZIP_BZIP2), "packed in a way"),
        (zipped({f"{number}": "" for number in range(5001)}), "more than 5000 files"),
        (b"PK\x03\x04" + b"x" * MOST_SENT, "larger than"),
    ):
        with pytest.raises(NotRatings, match=why):
            read(content)


def test_paths_lead_nowhere():
    """They are names and nothing else: what matters is how they end."""
    content = zipped({"../../etc/ratings.csv": LETTERBOXD, "/ratings.csv": "x", "a\\b\\ratings.csv": "y"})
    with pytest.raises(NotRatings):  # of the three, the one that lies least deep is read, and is none
        read(content)
    assert named(zipped({"../../etc/ratings.csv": LETTERBOXD})) == named(LETTERBOXD)


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_damaged_inside_is_refused(packed: int):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as archive:
        archive.writestr("ratings.csv", LETTERBOXD)
    content = bytearray(buffer.getvalue())
    at = content.index(b"ratings.csv") + len("ratings.csv") + 12  # behind the packer's own header
    content[at : at + 60] = b"\xff" * 60
    with pytest.raises(NotRatings):
        read(bytes(content))


@given(
    st.integers(0, len(LETTERBOXD_ZIP) - 1),
    st.binary(min_size=1, max_size=8),
    st.sampled_from([LETTERBOXD_ZIP, TRAKT_ZIP]),
)
def test_any_archive_is_read_or_refused(at: int, garbage: bytes, content: bytes):
    try:
        read(content[:at] + garbage + content[at + len(garbage) :])
    except NotRatings:
        return


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "movie",
                        "ids",
                        "imdb",
                        "tmdb",
                        "title",
                        "year",
                        "rating",
                        "rated_at",
                        "watched_at",
                        "listed_at",
                        "show",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=30,
    )
)
def test_any_json_is_read_or_refused(value: object):
    try:
        file = read(json.dumps([value]).encode())
    except NotRatings:
        return
    assert all(row.stars in (*STARS, None) for row in file.rows)
    match(file, FILMS)


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"Name,Year,Rating\n{text}".encode()))
def test_any_file_is_read_or_refused(content: bytes):
    try:
        file = read(content)
    except NotRatings:
        return
    matched = match(file, FILMS)
    assert file.source
    assert all(row.stars in (*STARS, None) and row.line > 0 for row in file.rows)
    assert set(matched.stars) <= set(world.FILMS)
    assert set(matched.stars.values()) <= {row.stars for row in file.rows}
    assert set(matched.unknown) <= set(file.rows)
    assert matched.films + len(matched.unknown) <= len(file.rows)
