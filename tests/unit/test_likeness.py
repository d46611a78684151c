"""Why one film is like another: series and genres from the catalogue, the rest from the published lines."""

from engine.domain import Film
from engine.serving.library import Films
from engine.serving.likeness import Likeness, likenesses
from engine.store import SimilarFilm

GOLDENEYE = Film(1, "GoldenEye (1995)", "GoldenEye", year=1995, genres=("Action", "Thriller"))
GOLDFINGER = Film(2, "Goldfinger (1964)", "Goldfinger", year=1964, genres=("Action", "Adventure"))
HEAT = Film(3, "Heat (1995)", "Heat", year=1995, genres=("Crime",))
FILMS = Films.of(None, [GOLDENEYE, GOLDFINGER, HEAT])


def test_a_series_that_titles_do_not_tell_is_named() -> None:
    (bond,) = likenesses(FILMS, GOLDENEYE, [GOLDFINGER], [SimilarFilm(1, 2, 3.0)])
    assert bond == Likeness(GOLDFINGER, same_series=True, genres=("Action",))


def test_films_of_no_series_are_of_none_together() -> None:
    (heat,) = likenesses(FILMS, HEAT, [HEAT], [])
    assert not heat.same_series


def test_what_the_training_stored_is_told() -> None:
    (heat,) = likenesses(FILMS, GOLDENEYE, [HEAT], [SimilarFilm(1, 3, 1.0, 2.5, "robbery")])
    assert heat == Likeness(HEAT, same_people=True, tag="robbery")


def test_a_film_that_was_not_published_shares_only_what_the_catalogue_says() -> None:
    (heat,) = likenesses(FILMS, GOLDENEYE, [HEAT], [])
    assert heat == Likeness(HEAT)
