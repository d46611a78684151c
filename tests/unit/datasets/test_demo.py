"""The bundled demo: real films, and a simulated audience whose ratings show its taste."""

import csv
from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt
import pytest

from engine.datasets import demo
from engine.datasets.titles import parse_title
from engine.domain import STARS, Film

GENRES = (
    "Action Adventure Animation Children Comedy Crime Documentary Drama Fantasy Film-Noir Horror Musical Mystery "
    "Romance Sci-Fi Thriller War Western"
)


@pytest.fixture(scope="module")
def films() -> list[Film]:
    return demo.films()


@pytest.fixture(scope="module")
def ratings(films: list[Film]) -> demo.Audience:
    return demo.audience(films)


@pytest.fixture(scope="module")
def row(films: list[Film]) -> dict[str, int]:
    """Where a film stands in ``films``, by its name (of remakes, the last)."""
    return {film.display_title: position for position, film in enumerate(films)}


# --- the films --------------------------------------------------------------------------------------------------------


def test_the_ids_run_from_one_without_gaps(films):
    assert len(films) >= 650
    assert [film.id for film in films] == list(range(1, len(films) + 1))


def test_no_film_is_listed_twice(films):
    assert len({(film.display_title.casefold(), film.year) for film in films}) == len(films)


def test_every_genre_and_every_decade_is_there(films):
    assert " ".join(sorted({genre for film in films for genre in film.genres})) == GENRES
    assert {film.year // 10 for film in films} == set(range(192, 203))


def test_titles_read_back_as_they_are_shown(films):
    for film in films:
        parsed = parse_title(film.title)
        assert (parsed.display_title, parsed.alternative_titles, parsed.year) == (
            film.display_title,
            film.alternative_titles,
            film.year,
        )


def test_titles_look_as_movielens_writes_them(films, row):
    assert films[row["The Matrix"]].title == "Matrix, The (1999)"
    assert films[row["Amélie"]].title == "Amélie (Fabuleux Destin d'Amélie Poulain, Le) (2001)"
    assert films[row["L'Atalante"]].title == "Atalante, L' (1934)"
    assert films[row["La La Land"]].title == "La La Land (2016)"
    assert films[row["Die Hard"]].title == "Die Hard (1988)"


def test_every_line_of_the_catalogue_is_complete_and_trimmed():
    with demo.CATALOGUE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        assert all(value == value.strip() for value in line.values())
        assert all(line[column] for column in ("title", "year", "genres", "director", "mood"))
        assert line["genres"].split("|") == sorted(set(line["genres"].split("|")))
        assert line["fame"] in "12345"
        assert line["esteem"] in "12345"
    assert min(Counter(line["franchise"] for line in lines).values()) >= 2


# --- the audience -----------------------------------------------------------------------------------------------------


def test_one_seed_gives_one_audience(films, ratings):
    again, other = demo.audience(films), demo.audience(films, seed=2)
    for column in ("user_ids", "movie_ids", "stars", "rated_at"):
        assert np.array_equal(getattr(ratings, column), getattr(again, column))
    assert not np.array_equal(ratings.movie_ids[:1000], other.movie_ids[:1000])


def test_the_arrays_have_one_length_and_the_promised_types(ratings):
    columns = [ratings.user_ids, ratings.movie_ids, ratings.stars, ratings.rated_at]
    assert [column.dtype for column in columns] == [np.int32, np.int32, np.float32, np.int64]
    assert {len(column) for column in columns} == {len(ratings)}
    assert 90_000 <= len(ratings) <= 130_000


def test_viewers_are_numbered_without_gaps_and_rate_twenty_films_or_more(ratings):
    lengths = np.bincount(ratings.user_ids)[1:]
    assert len(lengths) == 2000
    assert lengths.min() >= 20
    assert lengths.max() > 6 * np.median(lengths)


def test_nobody_rates_a_film_twice(ratings):
    assert len(set(zip(ratings.user_ids.tolist(), ratings.movie_ids.tolist(), strict=True))) == len(ratings)


def test_stars_are_ratings_with_the_average_of_real_ones(ratings):
    assert set(np.unique(ratings.stars).tolist()) == set(STARS)
    assert 3.3 < ratings.stars.mean() < 3.7
    assert 0.9 < ratings.stars.std() < 1.15
    assert 0.1 < np.mean(ratings.stars % 1 != 0) < 0.4  # halves are the rarer


def test_popularity_has_a_long_tail(films, ratings):
    counts = np.sort(np.bincount(ratings.movie_ids, minlength=len(films) + 1)[1:])[::-1]
    assert counts[: len(films) // 10].sum() > 0.4 * len(ratings)
    assert np.mean(counts < 10) > 0.2


def test_ratings_come_sorted_and_after_the_film(films, ratings):
    assert np.array_equal(np.lexsort((ratings.rated_at, ratings.user_ids)), np.arange(len(ratings)))
    years = ratings.rated_at.astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    released = np.array([film.year for film in films])[ratings.movie_ids - 1]
    assert np.all(years > released)
    assert np.ptp(years) >= 5


def test_a_few_sittings_make_a_history(ratings):
    new_sitting = (np.diff(ratings.rated_at) > 24 * 3600) | (np.diff(ratings.user_ids) > 0)
    assert 1 < (1 + new_sitting.sum()) / 2000 < 10


def test_part_of_the_catalogue_will_do(films):
    classics = [film for film in films if film.year is not None and film.year < 1970]
    some = demo.audience(classics, viewers=50)
    assert set(some.movie_ids.tolist()) <= {film.id for film in classics}
    assert set(some.user_ids.tolist()) == set(range(1, 51))


def test_films_from_elsewhere_and_shelves_too_small_are_refused(films):
    with pytest.raises(ValueError, match="not in the demo catalogue"):
        demo.audience([*films, Film(id=99_999, title="Mine (2020)", display_title="Mine")])
    with pytest.raises(ValueError, match="too few"):
        demo.audience(films[:10])


# --- taste ------------------------------------------------------------------------------------------------------------


def liking(films: list[Film], ratings: demo.Audience) -> npt.NDArray[np.float32]:
    """Stars above or below the middle, shape (viewers, films); 0 where there is no rating."""
    matrix = np.zeros((int(ratings.user_ids.max()), len(films)), np.float32)
    matrix[ratings.user_ids - 1, ratings.movie_ids - 1] = ratings.stars - 3
    return matrix


def cosines(matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Cosines of the columns; a film's likeness to itself is left out."""
    length = np.maximum(np.linalg.norm(matrix, axis=0), 1e-9)
    likeness = (matrix / length).T @ (matrix / length)
    np.fill_diagonal(likeness, 0)
    return likeness


def ndcg_at_10(scores: npt.NDArray[np.floating], seen: npt.NDArray[np.bool_], liked: npt.NDArray[np.bool_]) -> float:
    best = np.argsort(-np.where(seen, -np.inf, scores), axis=1)[:, :10]
    discounts = 1 / np.log2(np.arange(2, 12))
    gained = np.take_along_axis(liked, best, axis=1) @ discounts
    ideal = np.append(0, np.cumsum(discounts))[np.minimum(liked.sum(axis=1), 10)]
    return float(np.mean(gained[ideal > 0] / ideal[ideal > 0]))


@pytest.fixture(scope="module")
def nearest(films: list[Film], ratings: demo.Audience) -> npt.NDArray[np.int64]:
    """The rows of the ten films nearest to each, among those that twenty viewers rated."""
    likeness = cosines(liking(films, ratings))
    likeness[:, np.bincount(ratings.movie_ids, minlength=len(films) + 1)[1:] < 20] = -1
    return np.argsort(-likeness, axis=1)[:, :10]


@pytest.mark.parametrize(
    ("film", "sibling"),
    [
        ("The Godfather", "The Godfather Part II"),
        ("Toy Story", "Toy Story 2"),
        ("The Empire Strikes Back", "Return of the Jedi"),
        ("For a Few Dollars More", "A Fistful of Dollars"),
        ("Before Sunrise", "Before Sunset"),
    ],
)
def test_a_sequel_is_near(row, nearest, film, sibling):
    assert row[sibling] in nearest[row[film]]


def test_most_of_a_franchise_is_near_each_of_its_films(ratings, nearest):
    counts = np.bincount(ratings.movie_ids)
    franchises: dict[str, list[int]] = defaultdict(list)
    with demo.CATALOGUE.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["franchise"] and counts[int(line["id"])] >= 20:
                franchises[line["franchise"]].append(int(line["id"]) - 1)
    large = [set(rows) for rows in franchises.values() if len(rows) >= 3]
    shares = [
        np.mean([len((rows - {film}) & set(nearest[film])) / min(10, len(rows) - 1) for film in rows]) for rows in large
    ]
    assert len(large) >= 25
    assert np.mean(np.array(shares) > 0.5) > 0.8


def test_whoever_loves_westerns_watches_and_likes_westerns(films, ratings):
    western = np.array(["Western" in film.genres for film in films])[ratings.movie_ids - 1]
    watched = np.bincount(ratings.user_ids, western)[1:] / np.bincount(ratings.user_ids)[1:]
    fans = np.isin(ratings.user_ids, 1 + np.argsort(-watched)[:60])
    assert watched.max() > 5 * western.mean()
    assert ratings.stars[fans & western].mean() > ratings.stars[~fans & western].mean() + 0.3


def test_taste_ranks_held_out_ratings_better_than_popularity(films, ratings):
    given = liking(films, ratings)
    rated = np.zeros(given.shape, bool)
    rated[ratings.user_ids - 1, ratings.movie_ids - 1] = True
    held_out = np.random.default_rng(0).random(given.shape) < 0.2
    seen, liked = rated & ~held_out, held_out & (given >= 1)
    known = np.where(held_out, 0, given)

    by_taste = ndcg_at_10(known @ cosines(known), seen, liked)
    by_popularity = ndcg_at_10(np.broadcast_to(seen.sum(axis=0), given.shape), seen, liked)
    assert by_popularity > 0.06
    assert 1.4 * by_popularity < by_taste < 3.5 * by_popularity
