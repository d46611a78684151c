"""Rules that every list keeps, whoever reads it: series in order, well-known films, nothing below three stars.

The model and the similar titles are trained without Spark, on the demo, and on ml-latest-small if it is there. Each
reader was kept from training and shows a few of their ratings, or only those of films that they disliked.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pytest

from engine.datasets import demo
from engine.datasets.titles import parse_title
from engine.domain import Catalogue, Feedback, Film, Rating
from engine.learning.content import content_vectors, telling_tags
from engine.learning.fits import RatingTable, fit
from engine.learning.similarity import BLOCK_FILMS, LIKED_STARS, Alike
from engine.serving import advice
from engine.serving.content import with_unrated
from engine.serving.factors import Hyperparameters, PreferenceHyperparameters, RatingHyperparameters
from engine.serving.kinds import Kinds
from engine.serving.library import Facts, Films, Shelf
from engine.serving.order import MOST_NEW, WORTH_SHOWING, Viewer, floor, predicted_stars
from engine.serving.series import series_of
from engine.serving.similar_titles import SimilarTitles
from engine.store import Taste
from tests import world
from tests.real_data import real

HYPERPARAMETERS = Hyperparameters(
    PreferenceHyperparameters(rank=24, iterations=5), RatingHyperparameters(rank=8, iterations=4)
)
THIN = 20
"""Ratings below which few would defend a film."""

FEW = 0.03
"""Share of lists, or of shown films, that may break a rule."""


@dataclass(frozen=True)
class Strangers:
    """A shelf, and people who were kept from training."""

    shelf: Shelf
    tastes: list[Taste]

    @cached_property
    def lists(self) -> list[list[advice.Line]]:
        return [advice.picks(self.shelf, taste) for taste in self.tastes]


@pytest.fixture(scope="module", params=["demo", pytest.param("ml-latest-small", marks=pytest.mark.slow)])
def strangers(request: pytest.FixtureRequest) -> Strangers:
    if request.param == "demo":
        films = demo.films()
        audience = demo.audience(films)
        return of_ratings(films, audience.user_ids, audience.movie_ids, audience.stars)
    small = real("ml-latest-small")
    with (small / "movies.csv").open(encoding="utf-8", newline="") as file:
        films = [film_of(row) for row in csv.DictReader(file)]
    table = np.loadtxt(small / "ratings.csv", delimiter=",", skiprows=1, usecols=(0, 1, 2))
    users, rated, stars = table.T
    return of_ratings(films, users.astype(np.int32), rated.astype(np.int32), stars.astype(np.float32))


def film_of(row: dict[str, str]) -> Film:
    parsed = parse_title(row["title"])
    genres = () if row["genres"].startswith("(") else tuple(row["genres"].split("|"))
    return Film(int(row["movieId"]), row["title"], parsed.display_title, parsed.alternative_titles, parsed.year, genres)


def of_ratings(films: list[Film], users: np.ndarray, rated: np.ndarray, stars: np.ndarray) -> Strangers:
    """Train without every tenth person; of each of those take three to ten ratings, and their low ones."""
    kept = users % 10 == 0
    counts = Counter(rated[~kept].tolist())
    films = sorted((replace(film, rating_count=counts[film.id]) for film in films), key=lambda film: film.id)
    table = RatingTable.of(users[~kept], rated[~kept], stars[~kept], films)
    pairs = similar_pairs(films, table)
    model = with_unrated(fit(table, HYPERPARAMETERS, seed=1).model(), films, pairs)
    catalogue = Catalogue("test", "0" * 64, False, Feedback.STARS, "", len(users), len(table.user_ids), 0, world.NOW)
    shelf_films = Films.of(catalogue, films)
    alike, kinds = SimilarTitles.of(model.movie_ids, *pairs), Kinds.of(model, films)
    shelf = Shelf(shelf_films, 1, model, Facts.of(model, shelf_films), alike, kinds)
    tastes = []
    for user in np.unique(users[kept]).tolist():
        own = np.flatnonzero(users == user)
        some = np.random.default_rng(user).permutation(own)[: 3 + user % 8]
        for shown in (some, own[stars[own] <= 2.5][:8]):
            if len(shown):
                given = [Rating(int(rated[at]), float(stars[at]), world.NOW) for at in shown]
                tastes.append(Taste(user, tuple(given), (), waiting=len(given)))
    return Strangers(shelf, tastes)


def similar_pairs(films: list[Film], table: RatingTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Work out similar titles as the engine's executors do, here and now."""
    ids = np.array([film.id for film in films], np.int32)
    likes = table.values >= LIKED_STARS
    liked = np.searchsorted(ids, table.movie_ids[table.films[likes]]).astype(np.int32)
    starts = np.searchsorted(table.users[likes], np.arange(len(table.user_ids) + 1)).astype(np.int64)
    names = series_of(films)
    numbers = {name: number for number, name in enumerate(sorted({name for name in names if name}))}
    series = np.array([numbers.get(name, -1) if name else -1 for name in names], np.int32)
    known = np.array([film.rating_count / (film.rating_count + 0.5) for film in films], np.float32)
    alike = Alike(ids, starts, liked, content_vectors(films, None), known, series, *telling_tags(ids, None))
    lists = pa.Table.from_batches([alike.lists(first, 20) for first in range(0, len(films), BLOCK_FILMS)])
    film, other, value = (lists[name].to_numpy() for name in ("movie_id", "similar_movie_id", "similarity"))
    return film, other, value


def test_the_first_part_of_a_series_comes_first(strangers: Strangers) -> None:
    broken = [any(breaks_order(strangers.shelf, *one)) for one in zip(strangers.tastes, strangers.lists, strict=True)]
    assert np.mean(broken) <= FEW


def breaks_order(shelf: Shelf, taste: Taste, lines: list[advice.Line]) -> Iterator[bool]:
    """Yield for each film whether it is a later part, with none before it rated or above it in the list."""
    parts = shelf.films.parts
    before = {parts[rating.movie_id] for rating in taste.ratings if rating.movie_id in parts}
    of_series = Counter(part.series for part in parts.values())
    for line in lines:
        part = parts.get(line.film.id)
        if part is not None and of_series[part.series] > 1:
            yield part.number > 1 and not any(
                other.series == part.series and other.number < part.number for other in before
            )
            before.add(part)


def test_hardly_a_film_is_one_that_few_know(strangers: Strangers) -> None:
    films = [line.film for lines in strangers.lists for line in lines]
    assert np.mean([film.rating_count < THIN for film in films]) <= FEW


def test_films_below_somebodys_floor_come_last_and_nobody_who_gives_three_stars_is_shown_films_of_less(
    strangers: Strangers,
) -> None:
    model, facts = strangers.shelf.model, strangers.shelf.facts
    assert model is not None
    assert facts is not None
    for taste, lines in zip(strangers.tastes, strangers.lists, strict=True):
        person = Viewer.of(model, taste)
        stars = predicted_stars(model, facts, person.profile, model.rows(line.film.id for line in lines))
        assert stars is not None
        low = stars < floor(model, person.profile)
        assert (np.diff(low.astype(int)) >= 0).all(), "after the first low one all are low"
        if model.mean_stars + person.profile.bias >= WORTH_SHOWING:
            assert not (stars < WORTH_SHOWING).any()


def test_every_list_is_full_and_at_most_two_films_are_unrated(strangers: Strangers) -> None:
    assert {len(lines) for lines in strangers.lists} == {advice.PAGE}
    assert max(sum(line.new_here for line in lines) for lines in strangers.lists) <= MOST_NEW
