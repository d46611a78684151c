"""Films that nobody has rated: their place in the model, and their place in a list."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.domain import Catalogue, FactorRows, Feedback, Film, Rating
from engine.serving import advice, group
from engine.serving.content import with_unrated
from engine.serving.factors import Model
from engine.serving.library import Facts, Films, Library, Shelf
from engine.serving.wish import Wish
from engine.store import Dismissal, Put, Recommendation, Store, Taste
from engine.store.migrate import migrate
from tests import world


def western(movie_id: int, year: int, count: int = 100) -> Film:
    return Film(movie_id, f"{movie_id}", f"{movie_id}", (), year, ("Western",), rating_count=count, mean_stars=3.5)


def musical(movie_id: int, year: int, count: int = 100) -> Film:
    return replace(western(movie_id, year, count), genres=("Musical",))


NO_PAIRS = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))


def model_of(rows: dict[int, list[float]]) -> Model:
    preference = np.array(list(rows.values()), np.float32)
    nothing = np.zeros((len(rows), 1), np.float32)
    stars = FactorRows(np.array(list(rows), np.int32), preference, nothing, nothing[:, 0])
    return Model.assemble(stars, world.HYPERPARAMETERS | {"average_taste": [0.5, 0.5]})


RATED = [western(1, 1960), western(2, 1966), western(7, 1964), musical(3, 1961), musical(8, 1955), musical(9, 1965)]
ROWS = {1: [1.0, 0.0], 2: [0.9, 0.1], 3: [0.0, 1.0], 7: [1.0, 0.1], 8: [0.1, 0.9], 9: [0.0, 0.9]}


def test_a_film_that_nobody_rated_is_placed_with_its_kind() -> None:
    model = with_unrated(model_of(ROWS), [*RATED, western(5, 1963, 0), musical(6, 1962, 0)], NO_PAIRS)
    assert model.movie_ids.tolist() == [1, 2, 3, 5, 6, 7, 8, 9]
    assert model.movie_ids[~model.learnt].tolist() == [5, 6]
    assert model.preference[model.row(5)].argmax() == 0
    assert model.preference[model.row(6)].argmax() == 1


def test_the_films_that_it_is_most_like_say_half() -> None:
    new = western(5, 1963, 0)
    by_kind = with_unrated(model_of(ROWS), [*RATED, new], NO_PAIRS)
    pairs = np.array([5, 5], np.int32), np.array([3, 999], np.int32), np.array([2.0, 9.0], np.float32)
    like_a_musical = with_unrated(model_of(ROWS), [*RATED, new], pairs)
    half = (by_kind.preference[by_kind.row(5)] + by_kind.preference[by_kind.row(3)]) / 2
    assert like_a_musical.preference[like_a_musical.row(5)] == pytest.approx(half, abs=1e-6)


def test_guesses_change_nothing_for_the_rated_films() -> None:
    alone = model_of(ROWS)
    model = with_unrated(alone, [*RATED, western(5, 1963, 0)], NO_PAIRS)
    assert np.array_equal(model.gram, alone.gram)
    own, same = alone.profile({1: 5.0, 3: 2.0}), model.profile({1: 5.0, 3: 2.0, 5: 4.0})
    assert np.array_equal(own.preference, same.preference), "stars for a film without ratings wait for the training"
    rows = model.rows(alone.movie_ids)
    assert model.scores(same)[rows] == pytest.approx(alone.scores(own))


def test_a_film_of_which_nothing_is_known_has_no_place() -> None:
    unknown = replace(western(5, 1963, 0), genres=())
    assert with_unrated(model_of(ROWS), [*RATED, unknown], NO_PAIRS).row(5) is None
    assert with_unrated(model_of(ROWS), RATED, NO_PAIRS).learnt.all()


# --- In a list --------------------------------------------------------------------------------------------------------

CATALOGUE = Catalogue("tiny", "0" * 64, True, Feedback.STARS, "", 1_000, 300, 30, world.NOW)
NEW = {100, 101, 102}
NEW_MUSICAL = 103


def shelf() -> Shelf:
    """Fourteen westerns and fourteen musicals that people rated, three westerns and a musical that nobody did."""
    rated = [western(movie_id, 1950 + movie_id) for movie_id in range(1, 15)]
    rated += [musical(movie_id, 1920 + movie_id) for movie_id in range(31, 45)]
    new = [western(100, 1958, 0), western(101, 1960, 0), western(102, 1962, 0), musical(NEW_MUSICAL, 1960, 0)]
    rows = {film.id: [2.0, 0.0] if film.id < 30 else [0.0, 2.0] for film in rated}
    films = Films.of(CATALOGUE, [*rated, *new])
    model = with_unrated(model_of(rows), films.by_id.values(), NO_PAIRS)
    return Shelf(films, 1, model, Facts.of(model, films))


SHELF = shelf()


def fan_of_westerns(waiting: int = 3) -> Taste:
    return Taste(7, tuple(Rating(film, 5.0, world.NOW) for film in (1, 2, 3)), (), waiting)


def test_a_list_ends_with_new_films_of_its_readers_kind_and_says_so() -> None:
    lines = advice.picks(SHELF, fan_of_westerns())
    assert [line.new_here for line in lines] == [False] * 8 + [True, True]
    assert {line.film.id for line in lines[8:]} <= NEW
    assert [line.predicted_stars for line in lines[8:]] == [None, None]
    assert lines[9].because, "it names what speaks for it"


def test_a_published_list_ends_with_them_too() -> None:
    published = [Recommendation(place, film, 1.0 - place / 100, 4.0) for place, film in enumerate(range(4, 15), 1)]
    lines = advice.picks(SHELF, fan_of_westerns(waiting=0), published=published)
    assert [line.new_here for line in lines] == [False] * 8 + [True, True]


def test_a_new_film_of_another_kind_is_not_for_them() -> None:
    for only in (None, {*range(4, 15), NEW_MUSICAL}):
        assert NEW_MUSICAL not in [line.film.id for line in advice.picks(SHELF, fan_of_westerns(), only=only)]


def test_short_lists_hold_fewer_of_them_and_none_in_three() -> None:
    new = [sum(line.new_here for line in advice.picks(SHELF, fan_of_westerns(), limit=limit)) for limit in (3, 5, 10)]
    assert new == [0, 1, 2]


def test_no_more_than_two_even_where_nothing_else_fits() -> None:
    lines = advice.picks(SHELF, fan_of_westerns(), only=NEW)
    assert [line.new_here for line in lines] == [True, True]


def test_a_group_may_be_offered_one() -> None:
    guests = [fan_of_westerns(), replace(fan_of_westerns(), user_id=8)]
    films = group.proposals(SHELF, guests, misery=0.5).films
    assert sum(film.id in NEW for film in films) == 1


def test_what_was_seen_or_put_aside_is_not_shown_again() -> None:
    aside = tuple(Put(film, Dismissal.NOT_FOR_ME, world.NOW, None) for film in (100, 101))
    lines = advice.picks(SHELF, replace(fan_of_westerns(), put_aside=aside), Wish(("Western",)))
    assert [line.film.id for line in lines if line.new_here] == [102]


def test_nobody_is_asked_about_a_film_that_nobody_knows() -> None:
    asked = set(range(1, 45))
    assert advice.question(SHELF, Taste(7), asked) is None


def test_a_first_part_that_nobody_rated_does_not_stand_in_for_a_loved_second() -> None:
    parts = [western(1, 1960), replace(western(2, 1962), title="Django II (1962)", display_title="Django II")]
    first = replace(western(5, 1961, 0), title="Django (1961)", display_title="Django")
    films = Films.of(CATALOGUE, [*parts, *RATED[2:], first])
    assert films.parts.keys() == {2, 5}
    model = with_unrated(model_of(ROWS), films.by_id.values(), NO_PAIRS)
    shown = advice.picks(Shelf(films, 1, model, Facts.of(model, films)), Taste(7))
    assert 2 in [line.film.id for line in shown]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'world.db'}")
    migrate(store)
    yield store
    store.close()


async def test_a_film_that_is_loaded_after_the_training_is_there_before_the_next(store: Store) -> None:
    world.build(store)
    library = Library(store)
    before = await library.shelf()
    assert before.model is not None
    arrived = Film(500, "Arrival (2016)", "Arrival", (), 2016, ("Sci-Fi",))
    store.save_films([*world.FILMS, arrived])
    catalogue = store.catalogue()
    assert catalogue is not None
    store.save_catalogue(replace(catalogue, fingerprint="1" * 64))
    shelf = await library.settle()
    assert shelf.version == before.version
    assert shelf.model is not None
    assert shelf.facts is not None
    row = shelf.model.row(500)
    assert row is not None
    assert shelf.facts.new[row]
