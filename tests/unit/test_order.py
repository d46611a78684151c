"""Making a list from scores: likeness for the first ratings, series in order, films with few ratings and low stars
last."""

from collections.abc import Sequence

import numpy as np

from engine.domain import Catalogue, Feedback, Film, Rating
from engine.serving import advice, order
from engine.serving.factors import Model
from engine.serving.library import Facts, Films, Shelf
from engine.serving.similar_titles import FADES_BY, SimilarTitles, liking_of
from engine.serving.wish import Wish
from engine.store import Dismissal, Put, Taste
from tests import world

FILMS = (
    Film(1, "Rocky (1976)", "Rocky", (), 1976, ("Drama",), rating_count=200, mean_stars=4.0),
    Film(2, "Rocky II (1979)", "Rocky II", (), 1979, ("Drama",), rating_count=150, mean_stars=3.5),
    Film(3, "Rocky III (1982)", "Rocky III", (), 1982, ("Drama",), rating_count=140, mean_stars=3.4),
    Film(4, "Heat (1995)", "Heat", (), 1995, ("Crime",), rating_count=300, mean_stars=4.1),
    Film(5, "Nobody Knows (1999)", "Nobody Knows", (), 1999, ("Crime",), rating_count=1, mean_stars=5.0),
    Film(6, "Fargo (1996)", "Fargo", (), 1996, ("Comedy",), rating_count=250, mean_stars=4.0),
)
ROW = {film.id: row for row, film in enumerate(FILMS)}


def shelf(
    taste_of_average: list[float],
    bias: list[float],
    likeness: SimilarTitles | None = None,
    of: Sequence[Film] = FILMS,
) -> Shelf:
    """A model with one dimension for each film: the average taste orders the films for somebody without ratings."""
    catalogue = Catalogue("tiny", "0" * 64, True, Feedback.STARS, "", 1_000, 300, len(of), world.NOW)
    films = Films.of(catalogue, list(of))
    ids = np.array([film.id for film in of], np.int32)
    n = len(of)
    rows = world.FactorRows(ids, np.eye(n, dtype=np.float32), np.zeros((n, n), np.float32), np.array(bias, np.float32))
    parameters = {
        **world.HYPERPARAMETERS,
        "preference": {**world.HYPERPARAMETERS["preference"], "rank": n},
        "rating": {**world.HYPERPARAMETERS["rating"], "rank": n},
        "blend": 0.0,
        "average_taste": taste_of_average,
    }
    model = Model.assemble(rows, parameters)
    return Shelf(films, 1, model, Facts.of(model, films), likeness)


LATER_PARTS_FIRST = shelf([0.1, 0.5, 0.9, 0.8, 0.2, 0.7], [0.0] * 6)


def shown(shelf: Shelf, taste: Taste, wish: Wish = advice.ANYTHING, **options: object) -> list[int]:
    return [line.film.id for line in advice.picks(shelf, taste, wish, **options)]  # type: ignore[arg-type]


def taste(put_aside: tuple[Put, ...] = (), **stars: float) -> Taste:
    ids = {film.display_title.replace(" ", "_"): film.id for film in FILMS}
    return Taste(7, tuple(Rating(ids[name], value, world.NOW) for name, value in stars.items()), put_aside, len(stars))


def test_the_first_part_stands_in_for_a_later_one() -> None:
    assert shown(LATER_PARTS_FIRST, taste()) == [1, 4, 6, 5]


def test_a_later_part_is_shown_to_who_has_seen_an_earlier_one() -> None:
    seen = Put(1, Dismissal.SEEN, world.NOW, None)
    assert [film for film in shown(LATER_PARTS_FIRST, taste((seen,))) if film < 4] == [2, 3]


def test_any_earlier_part_will_do() -> None:
    second = Put(2, Dismissal.SEEN, world.NOW, None)
    assert [film for film in shown(LATER_PARTS_FIRST, taste((second,))) if film < 4] == [1, 3]
    third = Put(3, Dismissal.SEEN, world.NOW, None)
    assert 2 not in shown(LATER_PARTS_FIRST, taste((third,))), "the first still comes before the second"


def test_no_later_part_is_shown_to_who_does_not_want_the_first() -> None:
    unwanted = Put(1, Dismissal.NOT_FOR_ME, world.NOW, None)
    assert shown(LATER_PARTS_FIRST, taste((unwanted,))) == [4, 6, 5]
    assert shown(LATER_PARTS_FIRST, taste(), leave_out=[1]) == [4, 6, 5]


def test_years_that_are_asked_for_leave_earlier_parts_aside() -> None:
    assert shown(LATER_PARTS_FIRST, taste(), Wish(since=1980)) == [3, 4, 6, 5]


SAGA = tuple(
    Film(10 + part, f"Saga {part}", f"Saga {part}", (), 1970 + part, ("Action",), rating_count=200, mean_stars=4.0)
    for part in range(1, 10)
)
OTHERS = tuple(
    Film(30 + number, name, name, (), 1990, ("Drama",), rating_count=200, mean_stars=4.0)
    for number, name in enumerate(("Amber", "Birch", "Cedar", "Daisy", "Elder", "Ferns", "Gorse", "Hazel", "Irises"))
)
ALL_ALIKE = shelf([0.5] * 18, [0.5] * 18, of=SAGA + OTHERS)
"""All films have the same score. Among equals the lower id comes first, so that the saga does."""


def given(stars: float, *parts: int) -> Taste:
    return Taste(7, tuple(Rating(10 + part, stars, world.NOW) for part in parts), (), len(parts))


def parts_shown(taste: Taste) -> list[int]:
    return [film - 10 for film in shown(ALL_ALIKE, taste) if film < 30]


def test_one_liked_film_does_not_ask_for_the_whole_series() -> None:
    assert parts_shown(given(5.0, 1)) == [2, 3, 4]
    assert len(shown(ALL_ALIKE, given(5.0, 1))) == advice.PAGE


def test_who_likes_nothing_but_a_series_is_shown_more_of_it() -> None:
    assert parts_shown(given(5.0, 1, 2, 3)) == [4, 5, 6, 7, 8, 9]


def test_a_series_takes_a_fifth_of_the_list_of_who_likes_much_else() -> None:
    taste = given(5.0, 1)
    others = tuple(Rating(30 + number, 5.0, world.NOW) for number in range(8))
    assert len(parts_shown(Taste(7, taste.ratings + others, (), 9))) > 2, "there is nothing else left"
    others = others[:4]
    few = advice.picks(ALL_ALIKE, Taste(7, taste.ratings + others, (), 5), limit=5)
    assert sum(line.film.id < 30 for line in few) == 1


def test_parts_of_a_series_stand_in_their_order() -> None:
    seen = Put(1, Dismissal.SEEN, world.NOW, None)
    assert shown(LATER_PARTS_FIRST, taste((seen,))) == [2, 4, 6, 3, 5], "the third has the best score"


def test_an_earlier_part_that_would_get_low_stars_stays_last() -> None:
    model = shelf([0.1, 0.5, 0.9, 0.8, 0.2, 0.7], [0.5, -1.5, 0.5, 0.5, 0.5, 0.5])
    assert shown(model, taste(Rocky=4.0))[-1] == 2


def test_a_later_part_of_what_was_disliked_comes_last() -> None:
    lists = shown(ALL_ALIKE, given(1.0, 1))
    assert [film < 30 for film in lists] == [False] * 9 + [True]
    mixed = Taste(7, given(1.0, 1).ratings + given(5.0, 2).ratings, (), 2)
    assert shown(ALL_ALIKE, mixed)[0] < 30, "they like the second"


def test_a_film_on_the_word_of_one_comes_after_those_that_many_know() -> None:
    close = shelf([0.0, 0.0, 0.0, 0.80, 0.82, 0.0], [0.0] * 6)
    assert shown(close, taste())[:2] == [4, 5]


def test_no_stars_are_printed_for_a_film_that_four_people_know() -> None:
    model = shelf([0.5] * 6, [0.0, 0.0, 0.0, 0.6, 1.5, -1.5])
    lines = {line.film.id: line.predicted_stars for line in advice.picks(model, taste(Rocky=4.0))}
    assert lines[4] is not None
    assert lines[4] > 3.5
    assert lines[5] is None, "everyone: 5.0 (1)"
    facts = model.facts
    assert facts is not None
    assert model.model is not None
    person = order.Viewer.of(model.model, taste(Rocky=4.0))
    stars = order.predicted_stars(model.model, facts, person.profile)
    assert stars is not None
    assert stars[ROW[5]] < 4.5, "shrunk by its support"


def test_what_would_get_less_than_three_stars_comes_last() -> None:
    model = shelf([0.0, 0.0, 0.0, 0.1, 0.0, 0.9], [0.0, 0.0, 0.0, 0.5, 0.0, -1.5])
    lines = advice.picks(model, taste(Rocky=4.0))
    assert lines[-1].film.id == 6


def test_who_has_only_disliked_is_shown_what_fits_best() -> None:
    """Two low ratings put their mean at 2.9, so that Heat is above it and below three."""
    model = shelf([0.0, 0.0, 0.0, 0.9, 0.0, 0.1], [0.0, 0.0, 0.0, 0.05, 0.0, 1.0])
    assert shown(model, taste(Rocky=0.5, Rocky_II=0.5))[0] == 4
    below = shelf([0.0, 0.0, 0.0, 0.9, 0.0, 0.1], [0.0, 0.0, 0.0, -0.05, 0.0, 1.0])
    assert shown(below, taste(Rocky=0.5, Rocky_II=0.5))[0] == 6


def likeness_of(film: int, other: int, value: float) -> SimilarTitles:
    ids = np.array([film.id for film in FILMS], np.int32)
    pair = np.array([film], np.int32), np.array([other], np.int32), np.array([value], np.float32)
    return SimilarTitles.of(ids, *pair)


def test_a_film_like_one_that_was_liked_comes_first_and_names_it() -> None:
    model = shelf([0.5] * 6, [0.0] * 6, likeness_of(4, 6, 5.0))
    best = advice.picks(model, taste(Heat=5.0))[0]
    assert best.film.id == 6
    assert [film.id for film in best.because] == [4]


def test_a_film_like_one_that_was_hated_gains_nothing() -> None:
    ids = np.array([ROW[4]])
    rows, gains = likeness_of(4, 6, 5.0).gains(ids, liking_of(np.array([1.0])))
    assert not gains.any()
    assert len(rows)


def test_likeness_fades_as_ratings_come() -> None:
    like = likeness_of(4, 6, 5.0)
    some, many = np.array([ROW[4]] * 2), np.array([ROW[4]] * FADES_BY)
    assert like.gains(some, np.ones(2, np.float32))[1].max() > 0
    assert not len(like.gains(many, np.ones(FADES_BY, np.float32))[0])


def test_only_liked_films_are_reasons() -> None:
    model = shelf([0.5] * 6, [0.0] * 6, likeness_of(4, 6, 5.0))
    lines = advice.picks(model, taste(Heat=2.0, Rocky=3.0))
    assert not any(line.because for line in lines)
