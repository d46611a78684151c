"""Films that models showed people, and the feedback on them, on both databases."""

from datetime import timedelta

import pytest

from engine.store import Reception, Shown, Store
from engine.store.chat.shown import KEPT
from tests.contract.conftest import ALIEN, HEAT, at


@pytest.fixture
def shown(films: Store, ann: int, bob: int) -> Store:
    """Model 4 showed Ann two films and Bob one, model 5 showed Ann one of hers again."""
    films.note_shown(ann, 4, [HEAT, ALIEN], at(0))
    films.note_shown(bob, 4, [HEAT], at(0))
    films.note_shown(ann, 5, [HEAT], at(10))
    return films


def test_what_was_rated_after_it_was_shown_counts_for_its_model(shown: Store, ann: int, bob: int) -> None:
    shown.rate(ann, ALIEN, 4.0, at(5))
    shown.rate(bob, HEAT, 2.5, at(5))
    assert shown.receptions() == {4: Reception(shown=3, rated=2, liked=1), 5: Reception(shown=1)}
    assert shown.receptions()[4].liked_share == 0.5
    assert shown.receptions()[5].liked_share is None


def test_both_models_that_showed_it_are_credited(shown: Store, ann: int) -> None:
    shown.rate(ann, HEAT, 5.0, at(20))
    assert shown.receptions() == {4: Reception(3, 1, 1), 5: Reception(1, 1, 1)}


def test_what_was_rated_before_it_was_shown_does_not_count(films: Store, ann: int) -> None:
    films.rate(ann, HEAT, 5.0, at(0))
    films.note_shown(ann, 4, [HEAT], at(1))
    assert films.receptions() == {4: Reception(shown=1)}


def test_a_film_that_is_shown_again_was_shown_when_it_first_was(shown: Store, ann: int) -> None:
    shown.rate(ann, HEAT, 5.0, at(5))
    shown.note_shown(ann, 4, [HEAT, HEAT, ALIEN], at(8))
    assert shown.receptions()[4] == Reception(3, 1, 1)


def test_what_was_opened_first_counts_and_only_if_it_was_shown(shown: Store, ann: int, bob: int) -> None:
    for time in (3, 4):
        shown.note_opened(ann, 4, [HEAT], at(time))
    shown.note_opened(bob, 4, [ALIEN], at(3))
    shown.note_opened(ann, None, [ALIEN], at(3))
    assert shown.shown_by(ann, 4, [HEAT, ALIEN]) == {HEAT: Shown(HEAT, at(0), at(3)), ALIEN: Shown(ALIEN, at(0), None)}
    assert shown.shown_by(ann, 4, [ALIEN]).keys() == {ALIEN}
    assert shown.shown_by(bob, 5, [HEAT]) == {}
    assert shown.receptions()[4] == Reception(shown=3, opened=1)


def test_nothing_is_kept_of_who_is_forgotten(shown: Store, ann: int, bob: int) -> None:
    shown.forget(ann)
    assert shown.receptions() == {4: Reception(shown=1)}
    shown.note_shown(ann, 4, [ALIEN], at(9))
    assert shown.receptions() == {4: Reception(shown=1)}, "a list that was under way when they left"


def test_it_is_forgotten_after_ninety_days(shown: Store) -> None:
    shown.sweep_shown(at(0) + KEPT)
    assert shown.receptions()[4].shown == 3
    shown.sweep_shown(at(5) + KEPT)
    assert shown.receptions() == {5: Reception(shown=1)}
    assert timedelta(days=90) == KEPT


def test_without_a_model_nothing_is_noted(films: Store, ann: int) -> None:
    films.note_shown(ann, None, [HEAT], at(0))
    films.note_shown(ann, 4, [], at(0))
    assert films.receptions() == {}


def test_what_belongs_to_a_list_is_remembered_with_it_and_without_a_model_too(films: Store) -> None:
    person = films.person(5_000_000_009, "en", at(0))
    films.note_shown(person.id, 4, [HEAT], at(0), remember=lambda known: known | {"a": 1})
    films.note_shown(person.id, None, [ALIEN], at(1), remember=lambda known: known | {"b": 2})
    found = films.find_person(5_000_000_009)
    assert found is not None
    assert found.preferences == {"a": 1, "b": 2}
    assert films.shown_by(person.id, 4, [HEAT, ALIEN]).keys() == {HEAT}
    films.forget(person.id)
    films.note_shown(person.id, 4, [HEAT], at(2), remember=lambda known: known | {"a": 1})
    assert films.receptions() == {}
