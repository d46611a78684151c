"""Kinds that the first ratings share lift the films of that kind."""

import numpy as np
import pytest

from engine.domain import FactorRows, Film
from engine.serving.factors import Model
from engine.serving.kinds import Kinds
from engine.serving.similar_titles import FADES_BY
from tests import world

DRAMAS = tuple(Film(n, f"Drama {n}", f"Drama {n}", (), 1995, ("Drama",), rating_count=100) for n in range(1, 9))
MUSICALS = tuple(Film(n, f"Song {n}", f"Song {n}", (), 1995, ("Musical",), rating_count=10) for n in range(11, 15))
SILENT = Film(21, "Silence", "Silence", (), 1925, ("Drama",), rating_count=10)
FILMS = (*DRAMAS, *MUSICALS, SILENT)
ROW = {film.id: row for row, film in enumerate(FILMS)}


@pytest.fixture(scope="module")
def kinds() -> Kinds:
    """The average person likes the first films of each kind best."""
    n = len(FILMS)
    rows = FactorRows(
        np.array([film.id for film in FILMS], np.int32),
        np.eye(n, dtype=np.float32),
        np.zeros((n, n), np.float32),
        np.zeros(n, np.float32),
    )
    liked = [*np.linspace(1.0, 0.6, len(DRAMAS)), 0.9, 0.8, 0.1, 0.1, 0.7]
    parameters = {
        **world.HYPERPARAMETERS,
        "preference": {**world.HYPERPARAMETERS["preference"], "rank": n},
        "rating": {**world.HYPERPARAMETERS["rating"], "rank": n},
        "average_taste": liked,
    }
    return Kinds.of(Model.assemble(rows, parameters), FILMS)


def gains(kinds: Kinds, *movie_ids: int, liking: float = 1.0) -> dict[int, float]:
    rated = np.array([ROW[movie_id] for movie_id in movie_ids])
    found = kinds.gains(rated, np.full(len(rated), liking, np.float32))
    return {film.id: float(found[ROW[film.id]]) for film in FILMS}


def test_a_rare_kind_that_somebody_likes_gains(kinds: Kinds) -> None:
    found = gains(kinds, 13, 14)
    assert found[11] > 0
    assert found[11] > found[1], "a musical gains more than a drama of the same year"


def test_popular_films_of_the_kind_gain_most(kinds: Kinds) -> None:
    found = gains(kinds, 13, 14)
    assert found[11] > found[12] > found[13]


def test_what_everybody_likes_says_little(kinds: Kinds) -> None:
    assert max(gains(kinds, 1, 2).values()) < 0.5 * gains(kinds, 13, 14)[11]


def test_a_time_is_a_kind_too(kinds: Kinds) -> None:
    assert gains(kinds, 21)[21] > gains(kinds, 1)[21]


def test_each_further_film_of_a_kind_says_more(kinds: Kinds) -> None:
    assert gains(kinds, 13)[11] < gains(kinds, 13, 14)[11] < gains(kinds, 12, 13, 14)[11]


def test_a_disliked_kind_gains_nothing(kinds: Kinds) -> None:
    assert set(gains(kinds, 13, 14, liking=0.0).values()) == {0.0}


def test_kinds_fade_as_ratings_come(kinds: Kinds) -> None:
    many = np.array([ROW[13]] * FADES_BY)
    assert not kinds.gains(many, np.ones(FADES_BY, np.float32)).any()


def test_gains_are_products_of_vectors(kinds: Kinds) -> None:
    """So that the engine's kernel can add them to everybody's lists."""
    rated, liking = np.array([ROW[13], ROW[14]]), np.ones(2, np.float32)
    np.testing.assert_allclose(kinds.pulling @ kinds.evidence(rated, liking), kinds.gains(rated, liking), atol=1e-6)


def test_films_that_the_catalogue_lacks_are_of_no_kind() -> None:
    model = Model.assemble(
        FactorRows(np.array([1, 2], np.int32), np.eye(2, dtype=np.float32), np.zeros((2, 1), np.float32), np.zeros(2)),
        {**world.HYPERPARAMETERS, "average_taste": [0.1, 0.2]},
    )
    kinds = Kinds.of(model, [DRAMAS[0]])
    assert kinds.gains(np.array([0]), np.ones(1, np.float32))[1] == 0
