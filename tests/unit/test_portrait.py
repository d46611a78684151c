"""Somebody's taste in figures, from ratings of the tiny world."""

from datetime import datetime, timedelta

import pytest

from engine.domain import Rating
from engine.serving.portrait import FEWEST_OTHERS, Portrait, portrait
from engine.store import Taste
from tests import world
from tests.world import NOW, film

FILMS = {film.id: film for film in world.FILMS}
WESTERNS = (10, 11, 12, 13, 14)


def rated(stars: dict[int, float], at: datetime = NOW) -> Taste:
    return Taste(1, tuple(Rating(movie_id, value, at) for movie_id, value in stars.items()))


def of(stars: dict[int, float], at: datetime = NOW, *, gives_stars: bool = True) -> Portrait:
    found = portrait(rated(stars, at), FILMS, NOW, gives_stars=gives_stars)
    assert found is not None
    return found


def test_with_fewer_than_five_films_there_is_none():
    assert portrait(rated(dict.fromkeys(WESTERNS[:4], 5.0)), FILMS, NOW) is None
    assert portrait(rated(dict.fromkeys((*WESTERNS[:4], 999_999), 5.0)), FILMS, NOW) is None, "one is in no catalogue"


def test_what_somebody_rates_and_how_they_like_it():
    """Five westerns at 5 (everyone: 4.0, 4.0, 4.3, 4.2, 4.1), three romances at 2 (4.2, 3.8, 3.2)."""
    found = of(dict.fromkeys(WESTERNS, 5.0) | dict.fromkeys((40, 41, 42), 2.0))
    assert (found.films, found.stars) == (8, pytest.approx((25 + 6) / 8))
    western, *others = found.genres
    assert (western.name, western.films, western.stars) == ("Western", 5, 5.0)
    assert western.everyone == pytest.approx((4.0 + 4.0 + 4.3 + 4.2 + 4.1) / 5)
    assert [(group.name, group.films, group.stars) for group in others] == [
        ("Drama", 3, pytest.approx(4.0)), ("Romance", 3, 2.0), ("Comedy", 2, None), ("Action", 1, None),
    ]  # fmt: skip
    assert [(group.name, group.films) for group in found.decades] == [(1940, 1), (1950, 3), (1960, 2), (1990, 2)]
    assert found.likes == ("Western",)
    assert found.dislikes == ("Romance",)
    assert found.given == {2.0: 3, 5.0: 5}


def test_how_they_differ_from_everyone():
    found = of({10: 4.0, 11: 4.5, 36: 5.0, 35: 1.0, 40: 4.0})
    assert found.agreement is not None
    assert found.agreement.films == 5
    assert found.agreement.everyone == pytest.approx((4.0 + 4.0 + 2.9 + 4.3 + 4.2) / 5)
    assert found.agreement.near == pytest.approx(3 / 5)
    assert [(each.film.display_title, each.stars, each.everyone) for each in found.higher] == [
        ("Fast & Furious", 5.0, 2.9)
    ]
    assert [each.film.display_title for each in found.lower] == ["The Godfather"]


def test_a_mean_of_few_people_is_never_shown():
    """It would tell what one of them gave."""
    little = [film(1000 + n, f"Little {n} (2000)", "Drama", FEWEST_OTHERS - 1, 1.0) for n in range(6)]
    known = {one.id: one for one in little}
    found = portrait(rated(dict.fromkeys(known, 5.0)), known, NOW)
    assert found is not None
    assert (found.agreement, found.higher, found.lower) == (None, (), ())
    assert [group.everyone for group in (*found.genres, *found.decades)] == [None, None]
    assert found.genres[0].stars == 5.0


def test_one_film_of_a_genre_makes_no_favourite():
    found = of(dict.fromkeys(WESTERNS, 3.0) | {61: 5.0, 62: 5.0})
    assert "Horror" not in found.likes


def test_the_last_twelve_months():
    lately = tuple(
        Rating(movie_id, stars, NOW - timedelta(days=days))
        for movie_id, stars, days in [
            (10, 5.0, 3),
            (11, 4.0, 40),
            (12, 4.5, 41),
            (13, 2.0, 42),
            (14, 5.0, 366),
            (15, 5.0, 900),
        ]
    )
    found = portrait(Taste(1, lately), FILMS, NOW)
    assert found is not None
    assert found.year is not None
    assert found.year.films == 4
    assert (found.year.busiest.year, found.year.busiest.month, found.year.in_busiest) == (2026, 1, 3)
    assert [film.display_title for film in found.year.best] == [
        "High Noon", "The Good, the Bad and the Ugly", "Rio Bravo",
    ]  # fmt: skip
    assert of(dict.fromkeys(WESTERNS, 3.0), NOW - timedelta(days=400)).year is None


def test_where_nobody_gives_stars_there_are_counts_alone():
    found = of(dict.fromkeys(WESTERNS, 3.0), gives_stars=False)
    assert (found.stars, found.agreement, found.given, found.likes, found.higher) == (None, None, {}, (), ())
    western = found.genres[0]
    assert (western.films, western.stars, western.everyone) == (5, None, None)
    assert found.year is not None
    assert found.year.best == ()
