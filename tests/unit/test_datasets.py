"""Loading data sets in every supported form."""

import csv
import hashlib
import io
import os
import re
import threading
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.datasets import (
    DatasetError,
    DatasetMismatch,
    DatasetShrank,
    DownloadFailed,
    LoadReport,
    dataset_name,
    demo,
    load,
    ratings_folder,
    silent,
    tags_file,
)
from engine.datasets.fetching import fetch
from engine.datasets.files import open_files
from engine.datasets.parquet import Spool
from engine.datasets.ratings import Aliases, Chunk, read_ratings
from engine.datasets.report import Problems
from engine.domain import Catalogue, Feedback, Film, ItemKind

DATA = Path(os.environ.get("MATINEE_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class InMemoryStore:
    """The part of the store that loading needs. Its user ids run in the opposite order to the data set's, so that
    mixing them up is noticed."""

    def __init__(self) -> None:
        self.held: Catalogue | None = None
        self.films: dict[int, Film] = {}
        self.users: dict[int, int] = {}

    def catalogue(self) -> Catalogue | None:
        return self.held

    def save_films(self, films: Iterable[Film]) -> None:
        self.films.update({film.id: film for film in films})

    def dataset_users(self, dataset_user_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        for dataset_id in reversed(dataset_user_ids.tolist()):
            self.users.setdefault(dataset_id, 1000 + len(self.users))
        return np.array([self.users[dataset_id] for dataset_id in dataset_user_ids.tolist()], dtype=np.int32)

    def save_catalogue(self, catalogue: Catalogue) -> None:
        self.held = catalogue


@dataclass
class World:
    """A place for a data set, a store, and the folders that a load needs."""

    path: Path
    store: InMemoryStore = field(default_factory=InMemoryStore)

    @property
    def source(self) -> Path:
        return self.path / "films"

    @property
    def parquet(self) -> Path:
        return self.path / "parquet"

    def write(self, **files: str | bytes) -> None:
        """Write files into the source: ``ratings_csv`` becomes ratings.csv."""
        self.source.mkdir(exist_ok=True)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (self.source / re.sub(r"_(csv|dat|data|item|txt)$", r".\1", name)).write_bytes(data)

    def load(self, source: str | Path | None = None, feedback: Feedback | None = None, **settings) -> LoadReport:
        return load(
            str(source or self.source),
            self.store,
            self.parquet,
            self.path / "downloads",
            feedback=feedback,
            now=NOW,
            progress=settings.pop("progress", silent),
            **settings,
        )

    def ratings(self, report: LoadReport, value: str = "stars") -> dict[tuple[int, int], float]:
        """Return the written ratings by the data set's own user id and the film."""
        theirs = {ours: dataset_id for dataset_id, ours in self.store.users.items()}
        rows = pq.read_table(report.ratings).to_pylist()
        pairs = {(theirs[row["user_id"]], row["movie_id"]): row[value] for row in rows}
        assert len(pairs) == len(rows), "a pair comes twice"
        return pairs


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


MOVIES = "movieId,title,genres\n1,Heat (1995),Action|Crime\n2,Alien (1979),Horror|Sci-Fi\n3,Fargo (1996),Crime\n"
HEADER = "userId,movieId,rating,timestamp\n"


def unusable(report: LoadReport) -> list[tuple[str, int, str]]:
    return [(each.file, each.line, each.reason) for each in report.examples]


# --- what a load leaves behind ----------------------------------------------------------------------------------------


def test_a_load_writes_parquet_for_spark(world):
    world.write(ratings_csv=HEADER + "9,2,4.5,1000000000\n7,1,3,1000000001\n9,1,0.5,1000000002\n", movies_csv=MOVIES)
    report = world.load()

    assert report.ratings == ratings_folder(world.parquet, report.catalogue.fingerprint)
    assert [file.name for file in report.ratings.iterdir()] == ["part-00000.parquet"]
    table = pq.read_table(report.ratings)
    assert [(name, str(kind)) for name, kind in zip(table.schema.names, table.schema.types, strict=True)] == [
        ("user_id", "int32"),
        ("movie_id", "int32"),
        ("stars", "float"),
        ("rated_at", "timestamp[us, tz=UTC]"),
    ]
    seven, nine = world.store.users[7], world.store.users[9]
    assert nine < seven
    assert [(row["user_id"], row["movie_id"], row["stars"]) for row in table.to_pylist()] == [
        (nine, 1, 0.5),
        (nine, 2, 4.5),
        (seven, 1, 3.0),
    ]
    assert table["rated_at"][2].as_py() == datetime(2001, 9, 9, 1, 46, 41, tzinfo=UTC)


def test_a_load_describes_the_films_and_the_set(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n9,1,4,1\n9,2,5,1\n", movies_csv=MOVIES, LICENSE="MIT")
    report = world.load()

    heat, fargo = world.store.films[1], world.store.films[3]
    assert heat == Film(1, "Heat (1995)", "Heat", (), 1995, ("Action", "Crime"), rating_count=2, mean_stars=3.5)
    assert (fargo.rating_count, fargo.mean_stars) == (0, None)
    assert (
        world.store.held
        == report.catalogue
        == Catalogue(
            dataset="films",
            fingerprint=report.catalogue.fingerprint,
            simulated=False,
            feedback=Feedback.STARS,
            terms="see LICENSE in films",
            rating_count=3,
            user_count=2,
            movie_count=3,
            loaded_at=NOW,
        )
    )
    assert report.lines() == ["Loaded films: 3 ratings by 2 people of 3 films", "Terms: see LICENSE in films"]


def test_loading_again_changes_nothing(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    first = world.load()
    written = {file: file.stat().st_mtime_ns for file in world.parquet.rglob("*")}
    world.store.films.clear()

    again = world.load()
    assert not again.changed
    assert again.catalogue == first.catalogue
    assert again.lines()[0] == "Already loaded, nothing to do: films: 1 ratings by 1 people of 3 films"
    assert {file: file.stat().st_mtime_ns for file in world.parquet.rglob("*")} == written
    assert world.store.films == {}


def test_files_that_went_missing_are_written_again(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    (world.load().ratings / "part-00000.parquet").unlink()
    next(world.parquet.iterdir()).rmdir()
    assert world.load().changed
    assert (world.parquet / next(world.parquet.iterdir()) / "part-00000.parquet").exists()


def test_changed_content_is_loaded_and_the_old_files_go(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES, tags_csv="userId,movieId,tag\n7,1,Heist\n")
    first = world.load()
    world.write(ratings_csv=HEADER + "7,1,3,1\n7,2,4,1\n")
    second = world.load()
    assert second.changed
    assert sorted(world.parquet.iterdir()) == sorted([second.ratings, second.tags])
    assert first.catalogue.fingerprint != second.catalogue.fingerprint


def test_a_set_that_lost_more_than_half_of_its_ratings_replaces_the_old_one_only_by_force(world):
    whole = ["1,1,4.0", "1,2,4.0", "2,1,3.0", "2,2,3.0"]

    def write(lines):
        world.write(movies_csv=MOVIES, ratings_csv="\n".join(["userId,movieId,rating", *lines]))

    write(whole)
    first = world.load()
    write(whole[:1])
    with pytest.raises(DatasetShrank, match=r"has 1 ratings, .* has 4: was the file cut short\?.*load --force"):
        world.load()
    assert world.store.held == first.catalogue
    assert first.ratings.exists()
    assert world.load(force=True).catalogue.rating_count == 1
    write(whole[:2])
    assert world.load().catalogue.rating_count == 2
    write(whole[1:2])
    assert world.load().catalogue.rating_count == 1, "half of the ratings is enough"


def test_another_data_set_is_refused(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    world.load()
    with pytest.raises(DatasetMismatch, match=r"MATINEE_DATABASE_URL.*MATINEE_DATASET=films"):
        world.load("demo")


def test_a_load_that_fails_leaves_what_was_there(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    first = world.load()
    world.write(ratings_csv=HEADER + "7,1,4,1\n")

    def power_cut(films: Iterable[Film]) -> None:
        raise RuntimeError("power cut")

    world.store.save_films, save_films = power_cut, world.store.save_films
    with pytest.raises(RuntimeError):
        world.load()
    assert world.store.held == first.catalogue
    assert world.ratings(first) == {(7, 1): 3.0}

    world.store.save_films = save_films
    assert world.ratings(world.load()) == {(7, 1): 4.0}
    assert len(list(world.parquet.iterdir())) == 1


def test_nothing_is_left_of_a_load_without_a_usable_rating(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    first = world.load()
    world.write(ratings_csv=HEADER + "7,1,many,1\n")
    with pytest.raises(DatasetError, match=r"no usable rating.*ratings.csv, line 2: rating is not a number: 'many'"):
        world.load()
    assert list(world.parquet.iterdir()) == [first.ratings]


def test_progress_tells_stages_and_fractions(world):
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    heard: list[tuple[str, float | None]] = []
    world.load(progress=lambda stage, done, detail: heard.append((stage, done)))
    assert list(dict.fromkeys(stage for stage, _ in heard)) == ["check", "read", "write", "save"]
    assert all(done is None or 0 <= done <= 1 for _, done in heard)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("demo", "demo"),
        ("ml-latest-small", "ml-latest-small"),
        ("/data/ml-latest-small/", "ml-latest-small"),
        ("/x/My Films.zip", "my-films"),
        ("/x/Filme für Ältere", "filme-für-ältere"),
        ("/x/demo", "demo-files"),  # not to be taken for the bundled one
        ("/", "data"),
    ],
)
def test_the_name_of_a_source(source, name):
    assert dataset_name(source) == name


# --- lines that real data has -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "title", "display_title", "year"),
    [
        ('"American President, The (1995)"', "American President, The (1995)", "The American President", 1995),
        ('"11\'09""01 - September 11 (2002)"', "11'09\"01 - September 11 (2002)", "11'09\"01 - September 11", 2002),
        ("Babylon 5", "Babylon 5", "Babylon 5", None),
        ("Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto (2006–2007)", "Death Note: Desu nôto", 2006),
        ("Runaway Brain (1995) ", "Runaway Brain (1995) ", "Runaway Brain", 1995),
        ('"Blind Side, The  (2009)"', "Blind Side, The  (2009)", "The Blind Side", 2009),
        ("千と千尋の神隠し (2001)", "千と千尋の神隠し (2001)", "千と千尋の神隠し", 2001),
        ("1941 (1979)", "1941 (1979)", "1941", 1979),
        ("Lilo & Stitch <3 (2002)", "Lilo & Stitch <3 (2002)", "Lilo & Stitch <3", 2002),
        ("*batteries not_included (1987)", "*batteries not_included (1987)", "*batteries not_included", 1987),
        (f"{'Long ' * 40}(1964)", f"{'Long ' * 40}(1964)", f"{'Long ' * 40}".strip(), 1964),
        ('"Two\nlines (1999)"', "Two\nlines (1999)", "Two lines", 1999),
        ('12" of Snow (2010)', '12" of Snow (2010)', '12" of Snow', 2010),
        ("Nu\0l (2000)", "Nul (2000)", "Nul", 2000),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_titles_that_are_hard_to_read(world, line, title, display_title, year, line_end):
    films = f"movieId,title,genres\n1,{line},Drama\n2,Next (2007),Action\n".replace("\n", line_end)
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=films)
    report = world.load()
    film = world.store.films[1]
    assert film.title.replace("\r\n", "\n") == title
    assert (film.display_title, film.year, film.genres) == (display_title, year, ("Drama",))
    assert world.store.films[2].genres == ("Action",)
    assert unusable(report) == []


def test_a_quote_that_nobody_closes_costs_one_line(world):
    films = 'movieId,title,genres\n1,"Heat (1995),Crime\n2,"Fargo, The (1996)",Crime\n3,Alien (1979),Horror\n'
    world.write(ratings_csv=HEADER + "7,2,3,1\n", movies_csv=films)
    report = world.load()
    assert set(world.store.films) == {2, 3}
    assert unusable(report) == [("movies.csv", 2, "not 3 columns: 2")]


def test_genres_that_are_none(world):
    films = "movieId,title,genres\n1,Heat,(no genres listed)\n2,Alien,\n3,Fargo,Crime|Crime|IMAX\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=films)
    world.load()
    assert [film.genres for film in world.store.films.values()] == [(), (), ("Crime", "IMAX")]


def test_alternative_titles_reach_the_store(world):
    films = 'movieId,title,genres\n1,"City of Lost Children, The (Cité des enfants perdus, La) (1995)",Drama\n'
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=films)
    world.load()
    assert world.store.films[1].alternative_titles == ("La Cité des enfants perdus",)


def test_titles_that_are_the_same_stay_two_films(world):
    films = "movieId,title,genres\n1,Emma (1996),Drama\n2,Emma (1996),Romance\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n7,2,4,1\n", movies_csv=films)
    report = world.load()
    assert len(world.store.films) == 2
    assert len(world.ratings(report)) == 2


def test_links_keep_zeros_and_may_be_empty(world):
    links = "movieId,imdbId,tmdbId\n1,0113277,949\n2,78748,\n3,tt0116282,x\n4,0000001,1\n"
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES, links_csv=links)
    report = world.load()
    ids = {film.id: (film.imdb_id, film.tmdb_id) for film in world.store.films.values()}
    assert ids == {1: ("0113277", 949), 2: ("0078748", None), 3: ("0116282", None)}
    assert unusable(report) == [
        ("links.csv", 4, "tmdbId is not a number: 'x'"),
        ("links.csv", 5, "no such title in movies.csv: '4'"),
    ]


def test_someone_who_gave_everything_five_stars_counts(world):
    world.write(ratings_csv=HEADER + "53,1,5.0,1\n53,2,5.0,1\n53,3,5.0,1\n", movies_csv=MOVIES)
    report = world.load()
    assert set(world.ratings(report).values()) == {5.0}
    assert {film.mean_stars for film in world.store.films.values()} == {5.0}


def test_of_repeated_pairs_the_latest_wins_and_the_later_line_on_a_tie(world):
    lines = "7,1,1,30\n7,1,2,20\n8,1,1,10\n8,1,2,10\n8,2,4,5\n"
    world.write(ratings_csv=HEADER + lines, movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 1.0, (8, 1): 2.0, (8, 2): 4.0}
    assert report.repeated == 2
    assert "2 ratings came again for the same person and title: the latest one counts" in report.lines()
    assert world.store.films[1].rating_count == 2


def test_tags_are_counted_in_lower_case(world):
    tags = 'userId,movieId,tag,timestamp\n1,1,Heist,1\n2,1, heist ,1\n2,2,"in space, alone",1\n2,9,x,1\n2,1,,1\n'
    world.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES, tags_csv=tags)
    report = world.load()
    assert report.tags == tags_file(world.parquet, report.catalogue.fingerprint)
    assert pq.read_table(report.tags).to_pylist() == [
        {"movie_id": 1, "tag": "heist", "count": 2},
        {"movie_id": 2, "tag": "in space, alone", "count": 1},
    ]
    assert unusable(report) == [
        ("tags.csv", 5, "no such title in movies.csv: '9'"),
        ("tags.csv", 6, "empty tag: ''"),
    ]


# --- forms that ratings come in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ratings",
    [
        "userId,movieId,rating,timestamp\n7,1,3.5,1000000000\n7,2,4,1000000000\n",
        "timestamp,rating,movieId,userId\n1000000000,3.5,1,7\n1000000000,4,2,7\n",
        "USERID,Movie_ID,Rating,TimeStamp\r\n7,1,3.5,1000000000\r\n7,2,4,1000000000\r\n",
        "\ufeffuserId,movieId,rating,timestamp\n7,1,3.5,1000000000\n7,2,4,1000000000",
        '"userId","movieId","rating","timestamp"\n"7","1","3.5","1000000000"\n"7","2","4","1000000000"\n',
        "userId,movieId,rating,timestamp\n7,1,3.5,2001-09-09 01:46:40\n7,2,4,2001-09-09 01:46:40\n",
        "userId,movieId,rating,timestamp\n7,1,3.5,2001-09-09T01:46:40Z\n7,2,4,2001-09-09T03:46:40+02:00\n",
        "userId,movieId,rating,timestamp,note\n7,1,3.5,1000000000,a\n7,2,4,1000000000,\n",
        "userId,movieId,rating,timestamp\n7.0,1.0,3.5,1000000000.0\n\n7,2,4,1000000000\n\n",
    ],
)
def test_columns_and_times_in_every_form(world, ratings):
    world.write(ratings_csv=ratings, movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 3.5, (7, 2): 4.0}
    assert set(world.ratings(report, "rated_at").values()) == {datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)}
    assert unusable(report) == []


def test_ratings_may_have_no_time(world):
    world.write(ratings_csv="userId,movieId,rating\n7,1,3.5\n7,1,4\n", movies_csv=MOVIES)
    report = world.load()
    assert world.ratings(report) == {(7, 1): 4.0}
    assert world.ratings(report, "rated_at") == {(7, 1): None}


def test_dat_files_with_double_colons(world):
    films = "1::Heat (1995)::Action|Crime\n2::Léon: The Professional (1994)::Drama\n3::A::B (2000)::Drama\n"
    world.write(ratings_dat="7::1::3.5::1\n7::2::4::1\n7::3::5::1\n", movies_dat=films, tags_dat="7::1::Heist::1\n")
    report = world.load()
    assert world.ratings(report) == {(7, 1): 3.5, (7, 2): 4.0, (7, 3): 5.0}
    assert [film.title for film in world.store.films.values()] == [
        "Heat (1995)",
        "Léon: The Professional (1994)",
        "A::B (2000)",
    ]
    assert world.store.films[1].imdb_id is None
    assert pq.read_table(report.tags).to_pylist() == [{"movie_id": 1, "tag": "heist", "count": 1}]


def test_a_file_that_is_not_utf_8_is_latin_1(world):
    world.write(ratings_dat="7::1::3::1\n", movies_dat="1::Misérables, Les (1995)::Drama\n".encode("latin-1"))
    world.load()
    assert world.store.films[1].display_title == "Les Misérables"


def test_u_data_with_tabs_and_pipes(world):
    flags = "0|1|0|0|0|1|0|0|0|0|0|0|0|0|0|0|1|0|0"
    items = f"1|GoldenEye (1995)|01-Jan-1995||http://imdb|{flags}\n267|unknown||||1{'|0' * 18}\n"
    items += "2|Café (1995)|01-Jan-1995||x|" + "0|" * 18 + "1\n"
    world.write(u_data="196\t1\t3\t881250949\n", u_item=items.encode("latin-1"))
    report = world.load()
    assert world.ratings(report) == {(196, 1): 3.0}
    golden_eye, unknown, cafe = world.store.films.values()
    assert (golden_eye.year, golden_eye.genres) == (1995, ("Action", "Comedy", "Thriller"))
    assert (unknown.display_title, unknown.genres) == ("unknown", ())
    assert (cafe.display_title, cafe.genres) == ("Café", ("Western",))


def test_ten_stars_are_halved(world):
    world.write(
        ratings_dat="1::0068646::10::1\n1::0078748::7::1\n2::0068646::1::1\n2::0078748::0::1\n",
        movies_dat="0068646::The Godfather (1972)::Crime|Drama\n0078748::Alien (1979)::\n",
    )
    report = world.load()
    assert world.ratings(report) == {(1, 68646): 5.0, (1, 78748): 3.5, (2, 68646): 0.5, (2, 78748): 0.5}
    assert "Its stars go from 0 to 10: halved" in report.lines()
    assert world.store.films[68646].mean_stars == 2.75
    assert world.store.films[78748].imdb_id == "0078748", "ids of seven digits are IMDb's"


def test_a_few_stars_above_five_are_mistakes(world):
    """They do not make it a set of ten stars: halving all its ratings would ruin it."""
    good = "".join(f"{user},1,4.5,1\n" for user in range(20))
    world.write(ratings_csv=HEADER + good + "50,1,9,1\n51,2,0,1\n52,1,10.5,1\n", movies_csv=MOVIES)
    report = world.load()
    assert set(world.ratings(report).values()) == {4.5}
    assert report.catalogue.user_count == 20
    assert set(world.store.users) == set(range(20)), "nobody is created for ratings that are not used"
    assert unusable(report) == [
        ("ratings.csv", 22, "rating is outside 0.5 to 5: 9.0"),
        ("ratings.csv", 23, "rating is outside 0.5 to 5: 0.0"),
        ("ratings.csv", 24, "rating is outside 0.5 to 5: 10.5"),
    ]


def test_stars_between_two_half_steps_go_to_the_nearer(world):
    lines = "1,1,3.2,1\n2,1,3.25,1\n3,1,3.3,1\n4,1,4.9,1\n5,1,0.6,1\n"
    world.write(ratings_csv=HEADER + lines, movies_csv=MOVIES)
    ratings = world.ratings(world.load())
    assert [ratings[user, 1] for user in range(1, 6)] == [3.0, 3.5, 3.5, 5.0, 0.5]


def test_play_counts_are_summed(world):
    counts = "userId,artistId,plays\n1,1,3\n1,1,4\n1,2,1\n2,2,0\n2,3,-1\n"
    world.write(plays_csv=counts, artists_csv="artistId,name\n1,Boards of Canada\n2,Can\n3,Cibelle\n")
    report = world.load()
    assert world.ratings(report, "plays") == {(1, 1): 7.0, (1, 2): 1.0}
    assert report.repeated == 1
    assert (world.store.films[1].rating_count, world.store.films[1].mean_stars) == (1, None)
    assert report.catalogue.feedback is Feedback.COUNTS
    assert report.catalogue.kind is ItemKind.ARTIST
    assert report.lines()[0] == "Loaded films: 2 play counts by 1 listeners of 3 items"
    assert unusable(report) == [
        ("plays.csv", 5, "count is not above 0: 0.0"),
        ("plays.csv", 6, "count is not above 0: -1.0"),
    ]


AUDIOSCROBBLER = {
    "user_artist_data_small_txt": "1 10 3\n1 11 4\n1 12 1\n2 13 5\n2 99 1\n",
    "artist_data_small_txt": "10\tBeatles, The (live)\n11\tThe Beetles\n12\tSigur Rós\nbroken line\n13\tCan\n",
    "artist_alias_small_txt": "11\t10\n13\t77\n\t5\n",
}


def test_artists_with_aliases_and_broken_lines(world):
    for name, content in AUDIOSCROBBLER.items():
        world.write(**{name: content})
    report = world.load()
    # 11 is a misspelling of 10. 13 would be one of 77, which has no name, so it stays itself.
    assert world.ratings(report, "plays") == {(1, 10): 7.0, (1, 12): 1.0, (2, 13): 5.0}
    assert set(world.store.films) == {10, 12, 13}
    beatles = world.store.films[10]
    assert beatles.display_title == "Beatles, The (live)", "the name of an artist is not taken apart"
    assert (beatles.year, beatles.genres) == (None, ())
    assert unusable(report) == [
        ("artist_alias_small.txt", 3, "not two ids: '\\t5'"),
        ("artist_data_small.txt", 4, "no tab between id and name: 'broken line'"),
        ("user_artist_data_small.txt", 5, "no such title in artist_data_small.txt: 99"),
    ]


def test_play_counts_are_not_taken_for_stars(world):
    for name, content in AUDIOSCROBBLER.items():
        world.write(**{name: content})
    with pytest.raises(DatasetError, match="holds play counts, not stars: load it without --feedback stars"):
        world.load(feedback=Feedback.STARS)


@pytest.mark.parametrize(("header", "is_what"), [("plays", "counts"), ("Play Count", "counts"), ("rating", "stars")])
def test_the_name_of_a_column_says_what_its_values_are(world, header, is_what):
    world.write(ratings_csv=f"userId,movieId,{header}\n1,1,3\n", movies_csv=MOVIES)
    report = world.load()
    assert report.catalogue.feedback == is_what
    assert report.catalogue.kind is ItemKind.FILM


# --- what cannot be used ----------------------------------------------------------------------------------------------


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
            {"ratings_csv": "user,film,score\n1,1,1\n", "movies_csv": MOVIES},
            r"no column movieId and no column rating. Found in its first line: user, film, score. Wanted: userId, m",
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
            {"ratings_csv": HEADER + "1,1,4,1\n", "movies_csv": MOVIES, "links_csv": "film,imdbId\n1,0113277\n"},
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


# --- folders and zips -------------------------------------------------------------------------------------------------


def zipped(path: Path, **members: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_reads_as_the_folder_it_was_made_of(world):
    ratings = HEADER + "7,1,3,1\n"
    world.write(ratings_csv=ratings, movies_csv=MOVIES)
    first = world.load()
    archive = zipped(
        world.path / "Films.zip",
        **{
            "films/ratings.csv": ratings,
            "films/movies.csv": MOVIES,
            "__MACOSX/._ratings.csv": b"\0",
            "a/b/ratings.csv": "",
        },
    )
    again = world.load(archive)
    assert not again.changed
    assert again.catalogue == first.catalogue


def test_files_may_lie_one_folder_down_but_not_in_two(world):
    inner = World(world.source)
    world.source.mkdir()
    inner.write(ratings_csv=HEADER + "7,1,3,1\n", movies_csv=MOVIES)
    assert world.load().changed

    other = world.source / "others"
    other.mkdir()
    for name in ("ratings.csv", "movies.csv"):
        (other / name).write_bytes((inner.source / name).read_bytes())
    with pytest.raises(DatasetError, match=r"several data sets \(films, others\)"):
        world.load()


def test_names_in_a_zip_that_point_elsewhere_do_no_harm(world):
    evil = {"../ratings.csv": "x", "/etc/evil.csv": "x", "../../movies.csv": "x", "..\\links.csv": "x"}
    archive = zipped(world.path / "films.zip", **evil, **{"ratings.csv": HEADER + "7,1,3,1\n", "movies.csv": MOVIES})
    before = set(world.path.parent.rglob("*"))
    report = world.load(archive)
    assert world.ratings(report) == {(7, 1): 3.0}
    assert set(world.path.parent.rglob("*")) - before == {world.parquet, *world.parquet.rglob("*")}


def test_a_zip_that_swells_is_refused(world):
    archive = zipped(world.path / "films.zip", **{"ratings.csv": b"\n" * (70 * 2**20), "movies.csv": MOVIES})
    with pytest.raises(DatasetError, match=r"unpacks to 0.1 GB, \S+ times.*unpack it yourself and give the folder"):
        world.load(archive)


@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("damage", ["scribbled over", "cut short", "emptied"])
def test_a_damaged_zip_says_so(world, packed, damage):
    archive = world.path / "films.zip"
    with zipfile.ZipFile(archive, "w", packed) as into:
        into.writestr("ratings.csv", HEADER + "".join(f"{user},1,3,1\n" for user in range(1000)))
        into.writestr("movies.csv", MOVIES)
        size = into.getinfo("ratings.csv").compress_size
    content = bytearray(archive.read_bytes())
    if damage == "emptied":
        content[41 : 41 + size] = b""
    elif damage == "cut short":
        content[60 : 41 + size] = b""
    else:
        content[60:70] = bytes(byte ^ 0x5A for byte in content[60:70])
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match=r"films\.zip is damaged.*fetch or pack it again"):
        world.load(archive)
    assert not list(world.parquet.glob("*")) if world.parquet.exists() else True


# --- by name, from a server -------------------------------------------------------------------------------------------


class GroupLens(ThreadingHTTPServer):
    """Serves one zip and its checksum, with ranges. The first ``breaks`` answers stop after a third of their length."""

    def __init__(self, content: bytes, *, md5: str | None = None, breaks: int = 0, ranges: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Publishes)
        self.content, self.md5, self.breaks, self.ranges = content, md5, breaks, ranges
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/datasets/"


class _Publishes(BaseHTTPRequestHandler):
    server: GroupLens
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        content, status = self.server.content, 200
        if self.path == "/datasets/ml-latest-small.zip.md5" and self.server.md5:
            content = f"MD5 (ml-latest-small.zip) = {self.server.md5}\n".encode()
        elif self.path != "/datasets/ml-latest-small.zip":
            content, status = b"not here", 404
        elif asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            content, status = (content[start:], 206) if start < len(content) else (b"", 416)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.path.endswith(".zip") and self.server.breaks and status < 300:
            self.server.breaks -= 1
            content = content[: len(content) // 3]
            self.close_connection = True
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Start a GroupLens of our own, which answers until the test ends."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    started: list[GroupLens] = []

    def start(content: bytes = FILMS_ZIP, **behaviour) -> GroupLens:
        behaviour.setdefault("md5", hashlib.md5(content, usedforsecurity=False).hexdigest())
        server = GroupLens(content, **behaviour)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def _films_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("ml-latest-small/ratings.csv", HEADER + "".join(f"{user},1,4,1\n" for user in range(500)))
        archive.writestr("ml-latest-small/movies.csv", MOVIES)
    return content.getvalue()


FILMS_ZIP = _films_zip()
NAME = "ml-latest-small"


def fetched(server: GroupLens, downloads: Path) -> Path:
    return fetch(NAME, downloads, base_url=server.url, progress=silent, wait=lambda seconds: None)


def test_a_name_is_fetched_once_and_loaded(world, published):
    server = published()
    heard: list[str] = []
    report = world.load(NAME, base_url=server.url, progress=lambda stage, done, detail: heard.append(stage))
    assert report.catalogue.dataset == NAME
    assert report.catalogue.rating_count == 500
    assert "GroupLens" in report.catalogue.terms
    assert report.catalogue.terms in "\n".join(report.lines())
    assert "fetch" in heard
    assert [path.name for path in (world.path / "downloads").iterdir()] == ["ml-latest-small.zip"]

    asked = len(server.asked)
    assert not world.load(NAME, base_url=server.url).changed
    assert len(server.asked) == asked


def test_a_download_that_breaks_off_goes_on_where_it_stopped(tmp_path, published):
    server = published(breaks=2)
    assert fetched(server, tmp_path).read_bytes() == FILMS_ZIP
    ranges = [asked for path, asked in server.asked if path.endswith(".zip")]
    third = len(FILMS_ZIP) // 3
    assert ranges == [None, f"bytes={third}-", f"bytes={third + (len(FILMS_ZIP) - third) // 3}-"]


def test_a_server_without_ranges_sends_it_whole_again(tmp_path, published):
    server = published(breaks=1, ranges=False)
    assert fetched(server, tmp_path).read_bytes() == FILMS_ZIP


@pytest.mark.parametrize(
    "left",
    [FILMS_ZIP[:100], FILMS_ZIP, b"of an older edition", FILMS_ZIP + b"too much"],
    ids=["its beginning", "all of it", "an older edition", "too much"],
)
def test_what_an_earlier_try_left_is_used_if_it_fits(tmp_path, published, left):
    (tmp_path / "ml-latest-small.zip.part").write_bytes(left)
    assert fetched(published(), tmp_path).read_bytes() == FILMS_ZIP
    assert [path.name for path in tmp_path.iterdir()] == ["ml-latest-small.zip"]


def test_a_wrong_checksum_leaves_no_file(tmp_path, published):
    server = published(md5="0" * 32)
    with pytest.raises(DownloadFailed, match="does not match its checksum"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("content", "whole"), [(FILMS_ZIP, True), (FILMS_ZIP[:-50], False)])
def test_where_no_checksum_is_published_the_zip_checks_itself(tmp_path, published, content, whole):
    server = published(content, md5=None)
    if whole:
        assert fetched(server, tmp_path).read_bytes() == content
    else:
        with pytest.raises(DownloadFailed, match="checksum"):
            fetched(server, tmp_path)


def test_without_a_network_the_way_by_hand_is_told(tmp_path, published):
    server = published()
    server.shutdown()
    server.server_close()
    with pytest.raises(DownloadFailed, match=r"ml-latest-small.zip: .*in a browser.*engine load .*ml-latest-small.zip"):
        fetched(server, tmp_path)


def test_a_server_that_keeps_breaking_off_is_given_up(tmp_path, published):
    server = published(breaks=100, ranges=False)
    with pytest.raises(DownloadFailed, match="goes on where it stopped"):
        fetched(server, tmp_path)
    assert (tmp_path / "ml-latest-small.zip.part").exists()


def test_a_file_that_is_not_there_any_more(tmp_path, published):
    server = published()
    with pytest.raises(DownloadFailed, match="the server answered 404"):
        fetch("ml-1m", tmp_path, base_url=server.url, progress=silent)


# --- properties -------------------------------------------------------------------------------------------------------

rows = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(1, 4), st.sampled_from([0.5, 2.0, 5.0]), st.integers(0, 3)), min_size=1
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(rows=rows, cut=st.integers(1, 5), rows_per_part=st.integers(1, 5))
def test_parts_hold_what_a_dictionary_would(tmp_path_factory, rows, cut, rows_per_part):
    folder, ids = tmp_path_factory.mktemp("parts"), np.arange(1, 5)
    expected: dict[tuple[int, int], tuple[int, float]] = {}
    for user, film, stars, time in rows:
        if time >= expected.get((user, film), (-1, 0.0))[0]:
            expected[user, film] = (time, stars)

    with Spool(folder / "spool", Feedback.STARS) as spool:
        for start in range(0, len(rows), cut):
            users, films, stars, times = (np.array(column) for column in zip(*rows[start : start + cut], strict=True))
            spool.add(Chunk(np.arange(len(users)), users, films, stars, times))
        our_ids = (10 - spool.users()).astype(np.int32)  # ours run against theirs
        written = spool.write(folder / "ratings", our_ids, ids, silent, rows_per_part=rows_per_part)

    parts = [pq.read_table(part).to_pylist() for part in sorted((folder / "ratings").iterdir())]
    table = [row for part in parts for row in part]
    assert {(10 - row["user_id"], row["movie_id"]): row["stars"] for row in table} == {
        pair: stars for pair, (_, stars) in expected.items()
    }
    assert [(row["user_id"], row["movie_id"]) for row in table] == sorted((10 - u, m) for u, m in expected)
    for one, next_one in pairwise(parts):
        assert one[-1]["user_id"] != next_one[0]["user_id"], "nobody is in two parts"
    assert written.ratings + written.repeated == len(rows)
    assert written.users == len({user for user, _ in expected})
    assert written.counts.tolist() == [sum(film == each for _, film in expected) for each in ids]
    assert written.sums.tolist() == [
        sum(stars for (_, film), (_, stars) in expected.items() if film == each) for each in ids
    ]
    assert not (folder / "spool").exists()


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
titles = st.tuples(printable, st.sampled_from(["", '"', ",", "\n", '""', "::", "|", "é", "、"]), printable).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(titles=st.lists(titles.filter(str.strip), min_size=1, max_size=5), line_end=st.sampled_from(["\n", "\r\n"]))
def test_any_title_that_a_csv_writer_wrote_comes_back(tmp_path_factory, titles, line_end):
    world = World(tmp_path_factory.mktemp("titles"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=line_end)
    writer.writerow(["movieId", "title", "genres"])
    writer.writerows([number, title, "Drama"] for number, title in enumerate(titles))
    world.write(ratings_csv=HEADER + "7,0,3,1\n", movies_csv=text.getvalue())
    report = world.load()
    assert [world.store.films[number].title for number in range(len(titles))] == titles
    assert unusable(report) == []


# --- the demo and the real sets ---------------------------------------------------------------------------------------


def test_the_demo_is_called_simulated(world):
    report = world.load("demo")
    films = demo.films()
    assert report.catalogue.simulated
    assert (report.catalogue.dataset, report.catalogue.movie_count) == ("demo", len(films))
    assert report.catalogue.rating_count == len(demo.audience(films))
    assert (report.repeated, report.unusable, report.tags) == (0, {}, None)
    assert "simulated ratings" in report.lines()[0]
    assert not world.load("demo").changed
    with pytest.raises(DatasetError, match="stars"):
        World(world.path / "counts").load("demo", feedback=Feedback.COUNTS)


def real(name: str):
    return pytest.mark.skipif(not (DATA / name).is_dir(), reason=f"{DATA / name} is not there (MATINEE_TEST_DATA)")


@real("ml-latest-small")
def test_movielens_latest_small(world):
    report = world.load(DATA / "ml-latest-small")
    held, films = report.catalogue, world.store.films.values()
    assert (held.rating_count, held.user_count, held.movie_count) == (100_836, 610, 9_742)
    assert (report.repeated, report.unusable, report.notes) == (0, {}, ())
    assert "GroupLens" in held.terms
    assert sum(film.year is None for film in films) == 12
    assert sum(film.tmdb_id is None for film in films) == 8
    assert all(film.imdb_id and len(film.imdb_id) >= 7 for film in films)
    assert world.store.films[1].imdb_id == "0114709"
    assert sum(film.rating_count == 0 for film in films) == 18
    assert sum(not film.genres for film in films) == 34
    assert sum(len(film.title.encode()) > 64 for film in films) == 185
    assert len(films) - len({film.title for film in films}) == 5
    assert sum(not film.title.isascii() for film in films) == 293
    toy_story = world.store.films[1]
    assert (toy_story.display_title, toy_story.rating_count) == ("Toy Story", 215)
    assert toy_story.mean_stars == pytest.approx(3.92093)
    stars = world.ratings(report)
    assert len(stars) == 100_836
    assert {stars[pair] for pair in stars if pair[0] == 53} == {5.0}
    tags = pq.read_table(report.tags)
    assert sum(tags["count"].to_pylist()) == 3_683


@real("movietweetings-100k")
def test_movietweetings(world):
    report = world.load(DATA / "movietweetings-100k")
    held = report.catalogue
    assert (held.rating_count, held.user_count, held.movie_count) == (100_000, 16_554, 10_506)
    assert report.notes == ("Its stars go from 0 to 10: halved",)
    assert (report.unusable, held.terms) == ({}, "see LICENSE in movietweetings-100k")
    assert world.ratings(report)[1, 1074638] == 3.5
    assert world.store.films[2844].imdb_id == "0002844"
    assert set(world.ratings(report).values()) == {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5}


@real("audioscrobbler-2005-small")
def test_audioscrobbler(world):
    report = world.load(DATA / "audioscrobbler-2005-small", feedback=Feedback.COUNTS)
    held = report.catalogue
    assert (held.rating_count, held.user_count, held.movie_count) == (48_804, 50, 29_961)
    # 49,481 lines: 139 play something that has no name, and 538 add to another line once aliases are resolved.
    assert report.unusable == {"user_artist_data_small.txt: no such title in artist_data_small.txt": 139}
    assert report.repeated == 538
    assert 48_804 + 538 + 139 == 49_481
    plays = world.ratings(report, "plays")
    assert max(plays.values()) == 439_771
