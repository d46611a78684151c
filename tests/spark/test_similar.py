"""Similar titles that people agree with: judged by hand-written lists, families of films and scenes of music."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from pyspark.sql import DataFrame, SparkSession

from engine.datasets import LoadReport, load
from engine.datasets.titles import parse_title
from engine.domain import Film
from engine.judging.comparison import StandInStore
from engine.learning.content import Tags
from engine.learning.similarity import SUPPORT, similar_films
from tests import real_data
from tests.judged import GUIDE, HELD_BACK, Judge, of_a_scene, scenes
from tests.spark.conftest import FILMS_PER_GENRE, GENRES, genre_of, tiny_world

pytestmark = pytest.mark.spark


@dataclass(frozen=True)
class Row:
    """One line of a list."""

    movie_id: int
    similarity: float
    times_chance: float | None
    shared_tag: str | None


@dataclass(frozen=True)
class Similar:
    films: list[Film]
    rows: Mapping[int, list[Row]]
    counts: Mapping[int, int]

    @cached_property
    def lists(self) -> dict[int, list[int]]:
        return {film: [row.movie_id for row in rows] for film, rows in self.rows.items()}


def similar_titles(spark: SparkSession, source: str, folder: Path) -> Similar:
    """Load a data set, and make every film's list, as a run does."""
    held = StandInStore()
    report = load(source, held, folder, folder / "downloads", now=datetime.now(UTC))
    ratings = spark.read.parquet(str(report.ratings))
    counts = {row["movie_id"]: row["count"] for row in ratings.groupBy("movie_id").count().collect()}
    return Similar(held.films, _lists(spark, held.films, ratings, _tags(report)), counts)


def lists_of(
    spark: SparkSession, films: list[Film], ratings: list[tuple[int, int, float]], tags: Tags | None = None
) -> dict[int, list[Row]]:
    """Return each film's list of twenty. ``ratings`` are (user, film, stars)."""
    rows = [(user, film, float(stars)) for user, film, stars in ratings]
    frame = spark.createDataFrame(rows, "user_id int, movie_id int, stars float")
    return _lists(spark, films, frame, tags)


def _lists(spark: SparkSession, films: list[Film], frame: DataFrame, tags: Tags | None) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    table = similar_films(spark, films, frame, tags, limit=20).toPandas().sort_values(["movie_id", "position"])
    for film, _, other, similarity, times, tag in table.itertuples(index=False):
        found.setdefault(film, []).append(Row(other, similarity, None if np.isnan(times) else times, tag))
    return found


def _tags(report: LoadReport) -> Tags | None:
    if report.tags is None:
        return None
    table = parquet.read_table(report.tags)
    return Tags(table["movie_id"].to_numpy(), np.array(table["tag"].to_pylist()), table["count"].to_numpy())


@pytest.fixture(scope="module")
def demo(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Similar:
    return similar_titles(spark, "demo", tmp_path_factory.mktemp("demo"))


def real_set(spark: SparkSession, name: str, folder: Path) -> Similar:
    return similar_titles(spark, str(real_data.real(name)), folder)


@pytest.fixture(scope="module")
def real(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Similar:
    return real_set(spark, "ml-latest-small", tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def artists(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Similar:
    return real_set(spark, "audioscrobbler-2005-small", tmp_path_factory.mktemp("artists"))


@pytest.mark.parametrize("half", [GUIDE, HELD_BACK])
def test_people_would_agree_with_most_of_a_list_and_laugh_at_none(real: Similar, half: str) -> None:
    """docs/similar-titles.md states the figures."""
    judge = Judge(real.films)
    belonging, laughable = judge.of_ten(real.lists, half)
    print(f"{half}: {belonging:.2f} of ten belong, {laughable} would be laughed at in all")
    assert sum(verdict.half == half for verdict in judge.verdicts) == 20
    assert belonging >= 7
    assert laughable <= 1


def test_families_find_each_other_on_real_ratings(real: Similar) -> None:
    judge = Judge(real.films)
    recall = judge.family_recall(real.lists)
    print(f"recall at 10 on ml-latest-small: {recall:.3f} of {len(judge.families)} families")
    assert len(judge.families) > 90
    assert recall >= 0.85


def test_families_find_each_other_in_the_demo(demo: Similar) -> None:
    judge = Judge(demo.films)
    recall = judge.family_recall(demo.lists)
    print(f"recall at 10 on the demo: {recall:.3f} of {len(judge.families)} families")
    assert len(judge.families) > 40
    assert recall > 0.6


def test_artists_find_those_of_their_scene(artists: Similar) -> None:
    """Fifty people's plays: of ten artists two are of the same scene; of ten well-known ones, fewer than one."""
    groups, known = scenes(artists.films), [artist for artist, count in artists.counts.items() if count >= 8]
    famous = [artist.id for artist in sorted(artists.films, key=lambda artist: -artist.rating_count)[:10]]
    ours = of_a_scene(groups, artists.lists, known)
    by_fame = of_a_scene(groups, dict.fromkeys(known, famous), known)
    print(f"artists of the same scene among ten: {ours:.2f}; among the ten most played: {by_fame:.2f}")
    assert ours > 2 * by_fame


@pytest.mark.parametrize(
    ("title", "companion"),
    [
        ("The Godfather (1972)", "The Godfather: Part II (1974)"),
        ("Toy Story (1995)", "Toy Story 2 (1999)"),
        ("Star Wars: Episode IV - A New Hope (1977)", "Star Wars: Episode V - The Empire Strikes Back (1980)"),
    ],
)
def test_the_best_known_companions_stand_among_the_first_two(real: Similar, title: str, companion: str) -> None:
    judge = Judge(real.films)
    assert judge.id_of(companion) in real.lists[judge.id_of(title)][:2]


def test_a_film_that_nobody_rated_gets_those_of_its_kind_and_time(real: Similar) -> None:
    """ "The Innocents" is a ghost story of 1961: most of its list is horror within a dozen years."""
    by_id = {film.id: film for film in real.films}
    innocents = next(film for film in real.films if film.title.startswith("Innocents, The (1961)"))
    assert innocents.id not in real.counts
    alike = [by_id[other] for other in real.lists[innocents.id][:10]]
    assert sum("Horror" in film.genres and abs((film.year or 0) - 1961) <= 12 for film in alike) >= 6


def test_every_film_of_which_anything_is_known_has_a_list_without_itself_or_repeats(real: Similar) -> None:
    """A film without genre or year, which the one who rated it disliked, has none: nothing is known of it."""
    without = [film for film in real.films if film.id not in real.lists]
    assert len(without) <= 5
    assert not any(film.genres or film.year or real.counts.get(film.id, 0) > 2 for film in without)
    assert all(film not in alike and len(set(alike)) == len(alike) for film, alike in real.lists.items())


def test_a_film_with_two_ratings_is_first_for_a_known_one_only_as_its_sequel_or_namesake(real: Similar) -> None:
    by_id = {film.id: film for film in real.films}
    thin = [
        (by_id[film].display_title, by_id[alike[0]].display_title)
        for film, alike in real.lists.items()
        if real.counts.get(film, 0) >= 20 and real.counts.get(alike[0], 0) <= 2
    ]
    assert len(thin) <= 20
    for title, first in thin:
        assert first.startswith(title.partition(":")[0]), f"{first} stands first for {title}"


def test_what_people_call_both_films_is_kept_as_a_reason(real: Similar) -> None:
    """People tag two films with "studio ghibli": that is a reason; "in Netflix queue" is none."""
    judge = Judge(real.films)
    totoro = judge.id_of("My Neighbor Totoro (1988)")
    spirited = next(row for row in real.rows[judge.id_of("Spirited Away (2001)")] if row.movie_id == totoro)
    assert spirited.shared_tag in ("anime", "studio ghibli", "hayao miyazaki", "miyazaki", "japan")
    assert not any("netflix" in (row.shared_tag or "") for rows in real.rows.values() for row in rows)


# --- Where the right answer is known ---------------------------------------------------------------------------------


def film(movie_id: int, title: str, genres: str = "Drama") -> Film:
    parsed = parse_title(title)
    return Film(movie_id, title, parsed.display_title, parsed.alternative_titles, parsed.year, tuple(genres.split()))


def test_films_are_alike_whose_lovers_are_the_same_people(spark: SparkSession) -> None:
    """The films of the tiny world have no genre, year or name that tells."""
    nameless = [Film(i, f"Film {chr(65 + i % 26)}{i}x", f"Film {i}x") for i in range(GENRES * FILMS_PER_GENRE)]
    found = lists_of(spark, nameless, tiny_world())
    for film_id, rows in found.items():
        assert {genre_of(row.movie_id) for row in rows[:10]} == {genre_of(film_id)}
        assert all((row.times_chance or 0) > 2 for row in rows[:10]), "four genres: three to four times chance"


def test_the_score_is_the_formula(spark: SparkSession) -> None:
    """Forty people, twenty of whom like films 1 and 2; film 3 is liked by ten of those and ten others. No content."""
    likes = [(person, film, 4.0) for person in range(20) for film in (1, 2)]
    likes += [(person, 3, 4.5) for person in range(10, 30)]
    likes += [(person, 4, 5.0) for person in range(30, 40)]
    rows = lists_of(spark, [Film(i, f"{i}x", f"{i}x") for i in (1, 2, 3, 4)], likes)[1]
    assert rows == [Row(2, pytest.approx(np.log(20 / (20 * 20 / 40)) * 20 / (20 + SUPPORT)), 2.0, None)]
    # Film 3 has just the viewers that chance gives it, film 4 none: neither is like film 1.


def test_dislikes_make_no_film_alike(spark: SparkSession) -> None:
    nameless = [Film(i, f"{i}x", f"{i}x") for i in (1, 2, 3)]
    hated = [(person, film, 1.0) for person in range(30) for film in (1, 2)]
    others = [(person, 3, 5.0) for person in range(30, 60)]
    assert 1 not in lists_of(spark, nameless, hated + others)


def test_fifty_common_viewers_say_more_than_two(spark: SparkSession) -> None:
    """Film 2 has exactly the viewers of film 1, all two of them; 3 has most of the fifty who like film 0."""
    nameless = [Film(i, f"{i}x", f"{i}x") for i in range(5)]
    likes = [(person, 0, 4.0) for person in range(50)] + [(person, 2, 5.0) for person in range(2)]
    likes += [(person, 3, 4.0) for person in range(5, 55)] + [(person, 4, 4.0) for person in range(60, 200)]
    assert [row.movie_id for row in lists_of(spark, nameless, likes)[0]] == [3, 2]


class TestFilmsThatFewHaveRated:
    MOVIES = (
        film(1, "Unseen (1961)", "Horror Thriller"),
        film(2, "Haunted (1963)", "Horror Thriller"),
        film(3, "Slasher (1999)", "Horror Thriller"),
        film(4, "Romance (1961)", "Romance Comedy"),
        film(5, "Western (1962)", "Western"),
        film(6, "Barely known (1961)", "Horror Thriller"),
        film(7, "Haunted 2 (1990)", "Horror Thriller"),
    )
    RATINGS = (
        *((person, film, 2.0) for person in range(20) for film in (2, 3, 4, 5, 7)),
        (0, 6, 2.0),
    )

    def liked(self, spark: SparkSession, movie_id: int, tags: Tags | None = None) -> list[int]:
        found = lists_of(spark, list(self.MOVIES), list(self.RATINGS), tags)
        return [row.movie_id for row in found[movie_id]]

    def test_a_film_without_ratings_gets_those_of_its_kind_and_time(self, spark: SparkSession) -> None:
        """Not the best known of its genre, which is of another generation; not the best known of its year."""
        alike = self.liked(spark, 1)
        assert alike[0] == 2
        assert alike.index(3) < alike.index(4)
        assert alike.index(2) < alike.index(6), "which hardly anybody knows"

    def test_a_sequel_comes_first_where_nothing_else_is_known(self, spark: SparkSession) -> None:
        assert self.liked(spark, 2)[0] == 7

    def test_an_untagged_film_is_not_unlike_those_with_tags(self, spark: SparkSession) -> None:
        """Tags of films 2 and 3 leave the order seen from film 1, which has none, as it was."""
        tags = Tags(np.array([2, 3, 4], np.int32), np.array(["ghosts", "knives", "paris"]), np.array([9, 9, 9]))
        assert self.liked(spark, 1, tags) == self.liked(spark, 1)

    def test_tags_tell_films_of_one_kind_apart(self, spark: SparkSession) -> None:
        words = np.array(["ghosts", "ghosts", "knives", "knives", "paris"])
        tags = Tags(np.array([1, 3, 2, 6, 4], np.int32), words, np.full(5, 9))
        assert self.liked(spark, 1, tags)[0] == 3
