"""The arithmetic of a group: least misery, average, and blends of both."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Rating
from engine.serving.group import Proposals, group_scores, proposals
from engine.serving.order import WORTH_SHOWING, Viewer, predicted_stars
from engine.serving.wish import Wish
from engine.store import Dismissal, Put, Taste
from tests import world
from tests.unit.test_advice import NO_MODEL, SHELF

SCORES = np.array([[3.0, 1.0, 0.0], [-2.0, 0.9, 0.1]], np.float32)
"""Two people, three films: one that divides them, one that both like, one that leaves both cold."""


def taste(ratings: dict[int, float], **aside: Dismissal) -> Taste:
    put = tuple(Put(int(film[1:]), kind, world.NOW, None) for film, kind in aside.items())
    return Taste(7, tuple(Rating(film, stars, world.NOW) for film, stars in ratings.items()), put)


def test_least_misery_shuns_the_film_that_one_cannot_stand() -> None:
    assert np.argmax(group_scores(SCORES, 1)) == 1
    assert np.argmin(group_scores(SCORES, 1)) == 0
    assert group_scores(SCORES, 1) == pytest.approx([-2, 0.9, 0])


def test_the_average_treats_all_alike() -> None:
    assert group_scores(SCORES, 0) == pytest.approx([0.5, 0.95, 0.05])


def test_between_the_two_is_a_weighted_mean_of_both() -> None:
    assert group_scores(SCORES, 0.5) == pytest.approx([-0.75, 0.925, 0.025])


@given(st.floats(0, 1), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_more_weight_on_misery_never_lifts_a_film_and_one_alone_is_not_changed(
    misery: float, people: int, seed: int
) -> None:
    scores = np.random.default_rng(seed).normal(size=(people, 8))
    blended = group_scores(scores, misery)
    assert (blended <= scores.mean(axis=0) + 1e-9).all()
    assert (blended >= scores.min(axis=0) - 1e-9).all()
    assert group_scores(scores[:1], misery) == pytest.approx(scores[0])
    assert group_scores(scores[::-1], misery) == pytest.approx(blended), "the order of people says nothing"


def test_nothing_that_one_of_them_knows_is_proposed() -> None:
    tastes = [taste({10: 5, 11: 5}), taste({40: 5}, m20=Dismissal.SEEN, m30=Dismissal.NOT_FOR_ME)]
    films = {film.id for film in proposals(SHELF, tastes, misery=0.5, limit=100).films}
    assert not films & {10, 11, 40, 20, 30}
    assert len(films) > 25


def test_what_somebody_keeps_for_later_may_be_proposed() -> None:
    films = {film.id for film in proposals(SHELF, [taste({}, m31=Dismissal.WATCHLIST)], misery=0.5, limit=100).films}
    assert 31 in films


@pytest.mark.parametrize("misery", [0.0, 1.0])
def test_a_lover_of_horror_does_not_outvote_who_hates_it(misery: float) -> None:
    lover, hater = taste({60: 5, 61: 5, 23: 5}), taste({60: 0.5, 61: 0.5, 44: 4.5})
    found = proposals(SHELF, [lover, hater], misery=misery, limit=30)
    assert found.films
    assert not any("Horror" in film.genres for film in found.films)


def test_a_wish_and_what_was_shown_are_kept_to() -> None:
    wish = Wish(genres=("Western",))
    first = proposals(SHELF, [taste({})], wish, misery=0.5, limit=3).films
    then = proposals(SHELF, [taste({})], wish, misery=0.5, leave_out=[film.id for film in first], limit=10).films
    assert all("Western" in film.genres for film in first + then)
    assert not {film.id for film in first} & {film.id for film in then}
    assert len(first + then) == 7


def test_without_a_model_the_well_known_films_have_to_do() -> None:
    films = proposals(NO_MODEL, [taste({35: 5}), taste({})], misery=0.5).films
    assert len(films) == 5
    assert 35 not in {film.id for film in films}


def test_what_somebody_would_not_bear_comes_only_where_nothing_else_is_left() -> None:
    """A film that one guest would give fewer than three stars is left out. If all films are such, the answer says
    so."""
    tastes = [taste({60: 5, 61: 5, 23: 5}), taste({60: 0.5, 61: 0.5, 44: 4.5})]
    found = proposals(SHELF, tastes, misery=0.0, limit=100)
    model, facts = SHELF.model, SHELF.facts
    assert model is not None
    assert facts is not None
    people = [Viewer.of(model, of_guest) for of_guest in tastes]
    stars = [predicted_stars(model, facts, person.profile) for person in people]
    floors = [min(WORTH_SHOWING, model.mean_stars + person.profile.bias) for person in people]

    def bearable(film: int) -> bool:
        row = model.row(film)
        return all(of_guest[row] >= floor for of_guest, floor in zip(stars, floors, strict=True))

    assert found.films
    assert not found.below_floor
    assert all(bearable(film.id) for film in found.films)
    rest = proposals(SHELF, tastes, misery=0.0, limit=100, leave_out=[film.id for film in found.films])
    while rest.films and not rest.below_floor:
        found = Proposals([*found.films, *rest.films])
        rest = proposals(SHELF, tastes, misery=0.0, limit=100, leave_out=[film.id for film in found.films])
    assert rest.below_floor
    assert not any(bearable(film.id) for film in rest.films)
