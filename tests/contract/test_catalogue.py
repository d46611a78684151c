"""Films and the data set that they came from, on both databases."""

from dataclasses import replace

import numpy as np

from engine.domain import Catalogue, Feedback, Film
from engine.store import Store
from tests.contract.conftest import HEAT
from tests.world import FILMS, NOW

DEMO = Catalogue("demo", "f" * 64, True, Feedback.STARS, "Made up.", 3_000_000_000, 2_000, 600, NOW)


def test_before_anything_is_loaded_there_is_no_catalogue(store: Store) -> None:
    assert store.catalogue() is None
    assert store.films() == []


def test_the_catalogue_reads_as_it_was_written_and_the_last_one_counts(store: Store) -> None:
    """A rating count above 2**31 fits."""
    store.save_catalogue(DEMO)
    assert store.catalogue() == DEMO
    counts = replace(DEMO, dataset="plays", feedback=Feedback.COUNTS, simulated=False)
    store.save_catalogue(counts)
    assert store.catalogue() == counts


def test_films_read_as_they_were_written(store: Store) -> None:
    """Titles with quotes and markup, no year, an IMDb id with zeros, genres in their order, the highest id."""
    odd = Film(
        2**31 - 1, '"11\'09""01" 七人の侍', "'; DROP TABLE movies; --", ("a", "ü"), None, ("War", "Drama"), "0000417"
    )
    store.save_films([*FILMS, odd])
    assert store.films() == [*FILMS, odd]


def test_a_film_that_is_saved_again_is_overwritten_with_its_genres(store: Store) -> None:
    store.save_films(FILMS)
    heat = next(film for film in FILMS if film.id == HEAT)
    changed = replace(heat, display_title="Heat!", genres=("Thriller", "Opera"), alternative_titles=("Hitze",))
    store.save_films([changed])
    assert [film for film in store.films() if film.id == HEAT] == [changed]
    assert len(store.films()) == len(FILMS)


def test_more_films_than_one_statement_takes_are_saved(store: Store) -> None:
    many = [replace(FILMS[0], id=i, display_title=f"Film {i}") for i in range(1_201)]
    store.save_films(iter(many))
    assert store.films() == many


def test_people_of_the_data_set_get_dense_ids_in_the_order_asked_for_and_keep_them(store: Store) -> None:
    """The data set's own ids may be above 2**31; ours are not, because ALS takes no others."""
    theirs = np.array([7, 2**40, 3, 7], np.int64)
    ours = store.dataset_users(theirs)
    assert ours.dtype == np.int32
    assert ours[0] == ours[3]
    assert sorted({*ours.tolist()}) == [1, 2, 3]
    assert store.dataset_users(theirs[::-1]).tolist() == ours[::-1].tolist()
    more = store.dataset_users(np.arange(1_500, dtype=np.int64))
    assert more[7] == ours[0]
    assert len({*more.tolist()}) == 1_500


def test_one_person_of_the_data_set_is_found_by_their_own_id(store: Store) -> None:
    ours = store.dataset_users(np.array([2**40], np.int64))
    assert store.dataset_user(2**40) == ours[0]
    assert store.dataset_user(5) is None
