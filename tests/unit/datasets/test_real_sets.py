"""The bundled demo, and real sets with known counts."""

import pyarrow.parquet as pq
import pytest

from engine.datasets import DatasetError, demo
from engine.domain import Feedback
from tests.real_data import real
from tests.unit.datasets.sets import SmallSet


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
        SmallSet(world.path / "counts").load("demo", feedback=Feedback.COUNTS)


def test_movielens_latest_small(world):
    report = world.load(real("ml-latest-small"))
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


def test_movietweetings(world):
    report = world.load(real("movietweetings-100k"))
    held = report.catalogue
    assert (held.rating_count, held.user_count, held.movie_count) == (100_000, 16_554, 10_506)
    assert report.notes == ("Its stars go from 0 to 10: halved",)
    assert (report.unusable, held.terms) == ({}, "see LICENSE in movietweetings-100k")
    assert world.ratings(report)[1, 1074638] == 3.5
    assert world.store.films[2844].imdb_id == "0002844"
    assert set(world.ratings(report).values()) == {0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5}


def test_audioscrobbler(world):
    report = world.load(real("audioscrobbler-2005-small"), feedback=Feedback.COUNTS)
    held = report.catalogue
    assert (held.rating_count, held.user_count, held.movie_count) == (48_804, 50, 29_961)
    # 49,481 lines: 139 play something that has no name, and 538 add to another line once aliases are resolved.
    assert report.unusable == {"user_artist_data_small.txt: no such title in artist_data_small.txt": 139}
    assert report.repeated == 538
    assert 48_804 + 538 + 139 == 49_481
    plays = world.ratings(report, "plays")
    assert max(plays.values()) == 439_771
