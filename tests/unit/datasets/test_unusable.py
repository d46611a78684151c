"""Lines and whole sets that cannot be used: each is named, with its reason."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from engine.datasets import DatasetError, silent
from engine.datasets.files import open_files
from engine.datasets.ratings import Aliases, read_ratings
from engine.datasets.report import Problems
from engine.domain import Feedback
from tests.unit.datasets.sets import HEADER, MOVIES, unusable


def test_every_unusable_line_is_named(world):
    lines = [
        "7,1,3,1",
        "8,1,three,1",
        "9,1",
        "x,1,3,1",
        "9,y,3,1",
        "9,404,3,1",
        "9,4294967297,3,1",
        "9,1,nan,1",
        "9,1,,1",
        "9,1,inf,1",
        "9,1,-1,1",
        "9,1,3,yesterday",
        "9,1,3,1456791700000",
        "9,2,3,",
        "9999999999999999999999,1,3,1",
    ]
    world.write(ratings_csv=HEADER + "\r\n".join(lines), movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 3.0, (9, 2): 3.0}
    assert unusable(report) == [
        ("ratings.csv", 3, "rating is not a number: 'three'"),
        ("ratings.csv", 4, "not 4 columns: 2"),
        ("ratings.csv", 5, "userId is not a whole number: 'x'"),
        ("ratings.csv", 6, "movieId is not a whole number: 'y'"),
        ("ratings.csv", 7, "no such title in movies.csv: 404"),
        ("ratings.csv", 8, "no such title in movies.csv: 4294967297"),
        ("ratings.csv", 9, "rating is not a number: nan"),
        ("ratings.csv", 10, "rating is not a number: ''"),
        ("ratings.csv", 11, "rating is not a number: inf"),
        ("ratings.csv", 12, "rating is outside 0.5 to 5: -1.0"),
        ("ratings.csv", 13, "timestamp is not a time: 'yesterday'"),
        ("ratings.csv", 14, "timestamp is not in seconds: 1456791700000"),
        ("ratings.csv", 16, "userId is not a whole number: '9999999999999999999999'"),
    ]
    assert sum(report.unusable.values()) == 13
    assert "  4 × ratings.csv: rating is not a number" in report.lines()
    assert "  ratings.csv, line 3: rating is not a number: 'three'" in report.lines()


def test_unusable_titles_are_named_and_so_are_their_ratings(world):
    films = "movieId,title,genres\n1,Heat (1995),Crime\n1,Heat again,Crime\n2147483648,Big,Drama\n-1,Small,Drama\n"
    films += "x,Odd,Drama\n5,  ,Drama\n6,Matrix, The (1999),Action\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n7,2147483648,3,1\n7,6,5,1\n", movies_csv=films)
    report = world.load()
    assert [film.title for film in world.store.films.values()] == ["Heat (1995)"]
    assert unusable(report) == [
        ("movies.csv", 3, "id of an earlier line: 1"),
        ("movies.csv", 4, "id is not from 0 to 2147483647: '2147483648'"),
        ("movies.csv", 5, "id is not from 0 to 2147483647: '-1'"),
        ("movies.csv", 6, "id is not a whole number: 'x'"),
        ("movies.csv", 7, "no title: 5"),
        ("movies.csv", 8, "not 3 columns: 4"),
        ("ratings.csv", 3, "no such title in movies.csv: 2147483648"),
        ("ratings.csv", 4, "no such title in movies.csv: 6"),
    ]


def test_at_most_twenty_examples_and_every_kind_has_its_share(world):
    lines = "7,1,3,1\n" + "7,404,3,1\n" * 500 + "7,2,x,1\n"
    world.write(ratings_csv=HEADER + lines, movies_csv=MOVIES)
    report = world.load()
    assert len(report.examples) == 20
    assert report.examples[-1].line == 503
    assert report.unusable == {
        "ratings.csv: no such title in movies.csv": 500,
        "ratings.csv: rating is not a number": 1,
    }
    assert "Lines that could not be used: 501" in report.lines()


@pytest.mark.parametrize("block_bytes", [1, 7, 64, 2**20])
def test_a_bad_line_costs_itself_wherever_blocks_are_cut(world, block_bytes):
    good = [f"{user},{film},4,1" for user in range(1, 30) for film in (1, 2, 3)]
    lines = [*good[:40], "8,1,bad,1", "", *good[40:], "9,9,9"]
    world.write(ratings_csv=HEADER + "\n".join(lines), movies_csv=MOVIES)
    problems, ids = Problems(), np.array([1, 2, 3])
    nobody = Aliases(np.empty(0, np.int64), np.empty(0, np.int64))
    with open_files(world.source) as files:
        chunks = list(read_ratings(files, Feedback.STARS, ids, nobody, problems, silent, block_bytes=block_bytes))
    read = [f"{user},{film},4,1" for chunk in chunks for user, film in zip(chunk.users, chunk.films, strict=True)]
    assert read == good
    assert [line for chunk in chunks for line in chunk.lines] == [*range(2, 42), *range(44, 91)]
    assert [(each.line, each.reason) for each in problems.examples()] == [
        (42, "rating is not a number: 'bad'"),
        (91, "not 4 columns: 3"),
    ]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (
            {"ratings_csv": "user,flick,mark\n1,1,1\n", "movies_csv": MOVIES},
            r"no column movieId and no column rating. Found in its first line: user, flick, mark. Wanted: userId, m",
        ),
        (
            {"ratings_csv": "1,1,4,1\n", "movies_csv": MOVIES},
            r"no column userId.*Found in its first line: 1, 1, 4, 1\.",
        ),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": "movieId,name_of_it\n1,Heat\n"},
            "movies.csv has no column title",
        ),
        ({"ratings_csv": "", "movies_csv": MOVIES}, "ratings.csv is empty. Wanted: userId, movieId, rating"),
        ({"ratings_csv": HEADER, "movies_csv": MOVIES}, "ratings.csv holds no usable rating"),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": "movieId,title,genres\n"},
            "movies.csv holds no usable title",
        ),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n"},
            r"ratings.csv is there, but the file with the titles is not.*Found: ratings.csv",
        ),
        ({"notes_txt": "hello"}, r"no data set that can be read. Found: notes.txt.\nWhat can be loaded:"),
        ({"ratings_csv": b"\0" * 3_000_000, "movies_csv": MOVIES}, "is no text file"),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": MOVIES, "links_csv": "flick,imdbId\n1,0113277\n"},
            r"links.csv has no column movieId. .* Wanted: movieId, imdbId \(optional\), tmdbId \(optional\)",
        ),
        (
            {"ratings_csv": f"userId,movieId,rating,{'x' * 140_000}\n", "movies_csv": MOVIES},
            r"ratings.csv, line 1, cannot be read: field larger than field limit",
        ),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": f"movieId,title,{'x' * 140_000}\n1,Heat\n"},
            r"movies.csv, line 1, cannot be read: field larger than field limit",
        ),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": "movieId,title\r,genres\n1,Heat,Crime\n"},
            "movies.csv, line 1, cannot be read",
        ),
        (
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": bytes(range(256)) * 100},
            "movies.csv is no text file in UTF-8",
        ),
        ({"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": MOVIES.encode("utf-16")}, "movies.csv is no text file"),
        (
            {"ratings_csv": b"\x1b[2J" + HEADER.encode() + b"1,1,4,1\n", "movies_csv": MOVIES},
            "Found in its first line: \N{REPLACEMENT CHARACTER}\\[2JuserId",
        ),
    ],
)
def test_a_set_that_cannot_be_read_says_why(world, files, says):
    world.write(**files)
    with pytest.raises(DatasetError, match=re.compile(says, re.DOTALL)):
        world.load()


@pytest.mark.parametrize("ends", [{"movies_csv"}, {"ratings_csv"}, {"movies_csv", "ratings_csv", "tags_csv"}])
def test_lines_that_end_as_on_an_old_mac_are_lines(world, ends):
    files = {
        "movies_csv": MOVIES,
        "ratings_csv": HEADER + "7,1,3,1\n7,2,x,1\n8,2,4,1\n",
        "tags_csv": "movieId,tag\n1,heist\n",
    }
    world.write(**{name: text.replace("\n", "\r") if name in ends else text for name, text in files.items()})
    report = world.load()
    assert world.ratings(report) == {(7, 1): 3.0, (8, 2): 4.0}
    assert unusable(report) == [("ratings.csv", 3, "rating is not a number: 'x'")]
    assert report.tags


def test_a_name_that_is_no_utf_8_is_shown_as_far_as_it_can_be(world):
    """SQLite accepts only UTF-8."""
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    Path(os.fsdecode(os.fsencode(world.source) + b"/README-caf\xe9.txt")).write_text("terms")
    terms = world.load().catalogue.terms
    assert terms == "see README-caf\N{REPLACEMENT CHARACTER}.txt in films"
    terms.encode()


def test_a_path_that_is_no_data_set_lists_what_would_do(world):
    world.write(ratings_csv=HEADER)
    for source in (world.path / "nowhere", world.source / "ratings.csv"):
        with pytest.raises(DatasetError, match=r"ml-latest-small, ml-latest(.|\n)*ratings.dat and movies.dat"):
            world.load(source)
