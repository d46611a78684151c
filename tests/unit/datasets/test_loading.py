"""A load leaves Parquet, films and the facts of the set behind; a failed load leaves all as it was."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from engine.datasets import DatasetError, DatasetMismatch, DatasetShrank, dataset_name, ratings_folder
from engine.domain import Catalogue, Feedback, Film
from tests.unit.datasets.sets import HEADER, MOVIES, NOW


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
    assert again.lines()[0] == "Already loaded, nothing to do: films: 1 rating by 1 person of 3 films"
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
