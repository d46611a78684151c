"""One person in the chat and on a site: linked by a code, parted again, on SQLite and on Postgres."""

from datetime import timedelta

import pytest

from engine.store import AlreadyLinked, Dismissal, Link, NoSuchCode, Scope, Store, read_code
from tests.contract.conftest import ALIEN, ANN, HEAT, MATRIX, NOW, at, together

SOON = NOW + timedelta(minutes=15)


def stars(store: Store, user_id: int | None) -> dict[int, float]:
    assert user_id is not None
    return {rating.movie_id: rating.stars for rating in store.taste(user_id, at(30)).ratings}


@pytest.fixture
def buyer(films: Store, ann: int) -> int:
    """The site's person. Ann rated Heat before and Alien after, and has not rated The Matrix."""
    films.rate(ann, ALIEN, 2, at(5))
    films.rate(ann, HEAT, 3, at(1))
    buyer = films.site_person("buyer", NOW)
    films.rate(buyer, HEAT, 5, at(2))
    films.rate(buyer, ALIEN, 4, at(3))
    films.rate(buyer, MATRIX, 4.5, at(3))
    return buyer


def linked(store: Store, ann: int, buyer: int) -> Link:
    return store.link(ann, store.offer_link(buyer, at(6), SOON), at(7))


def test_both_are_one_and_of_two_ratings_the_newer_counts(films: Store, ann: int, buyer: int) -> None:
    code = films.offer_link(buyer, NOW, SOON)
    assert films.link_offered(code, at(6)) == "buyer"
    assert films.link(ann, code, at(7)) == Link("buyer", at(7))
    assert films.find_site_person("buyer") == ann
    assert stars(films, ann) == {HEAT: 5, ALIEN: 2, MATRIX: 4.5}
    assert {rating.movie_id: rating.rated_at for rating in films.taste(ann, at(8)).ratings}[MATRIX] == at(3)
    assert films.link_of(ann) == Link("buyer", at(7))
    person = films.find_person(ANN)
    assert person is not None
    assert person.id == ann


def test_ratings_that_came_wait_for_the_next_training_and_the_sites_own_are_gone(
    films: Store, ann: int, buyer: int
) -> None:
    linked(films, ann, buyer)
    assert films.taste(ann, at(8)).waiting == 3
    assert films.events_of(buyer) == []
    assert films.people_counts()["ratings"] == 3


def test_parted_the_site_has_what_it_had_and_the_chat_what_it_rated(films: Store, ann: int, buyer: int) -> None:
    linked(films, ann, buyer)
    films.rate(ann, MATRIX, 1, at(9))
    assert films.unlink(ann, at(10))
    assert stars(films, ann) == {HEAT: 3, ALIEN: 2, MATRIX: 1}
    again = films.find_site_person("buyer")
    assert again not in (ann, buyer)
    assert stars(films, again) == {HEAT: 5, ALIEN: 4, MATRIX: 4.5}
    assert films.link_of(ann) is None
    assert not films.unlink(ann, at(11))


def test_linked_again_after_being_parted_nothing_is_lost(films: Store, ann: int, buyer: int) -> None:
    linked(films, ann, buyer)
    films.unlink(ann, at(8))
    linked(films, ann, films.site_person("buyer", at(9)))
    assert stars(films, ann) == {HEAT: 5, ALIEN: 2, MATRIX: 4.5}


def test_films_put_aside_come_along_and_go_back(films: Store, ann: int, buyer: int) -> None:
    films.put_aside(ann, ALIEN, Dismissal.WATCHLIST, at(1))
    films.put_aside(buyer, ALIEN, Dismissal.WATCHLIST, at(2))
    films.put_aside(buyer, HEAT, Dismissal.NOT_FOR_ME, at(2), expires_at=at(50))
    linked(films, ann, buyer)
    aside = {(put.movie_id, put.kind): put.dismissed_at for put in films.taste(ann, at(8)).put_aside}
    assert aside == {(ALIEN, Dismissal.WATCHLIST): at(1), (HEAT, Dismissal.NOT_FOR_ME): at(2)}
    films.unlink(ann, at(9))
    assert [put.movie_id for put in films.taste(ann, at(10)).put_aside] == [ALIEN]
    assert len(films.taste(films.site_person("buyer", NOW), at(10)).put_aside) == 2


def test_tokens_of_the_browser_and_what_was_shown_go_along(films: Store, ann: int, buyer: int) -> None:
    token = films.add_key("token", Scope.PERSON, b"digest", NOW, user_id=buyer, expires_at=SOON)
    films.note_shown(ann, 1, [HEAT], at(2))
    films.note_shown(buyer, 1, [HEAT, MATRIX], at(1))
    linked(films, ann, buyer)
    key = films.key(token)
    assert key is not None
    assert key.site_id == "buyer"
    assert films.shown_by(ann, 1, [HEAT, MATRIX]).keys() == {HEAT, MATRIX}
    films.unlink(ann, at(9))
    key = films.key(token)
    assert key is not None
    assert key.site_id == "buyer", "it opens the site's person still, and never the chat's"


def test_a_code_is_good_once_for_minutes_and_only_the_last_one(films: Store, ann: int, bob: int, buyer: int) -> None:
    first = films.offer_link(buyer, NOW, SOON)
    second = films.offer_link(buyer, NOW, SOON)
    for code, now in ((first, NOW), (second, SOON), ("A" * 8, NOW), ("", NOW)):
        with pytest.raises(NoSuchCode):
            films.link_offered(code, now)
        with pytest.raises(NoSuchCode):
            films.link(ann, code, now)
    films.link(ann, second, at(1))
    with pytest.raises(NoSuchCode):
        films.link(bob, second, at(2))


def test_of_two_who_say_one_code_at_once_one_is_linked(films: Store, ann: int, bob: int, buyer: int) -> None:
    code = films.offer_link(buyer, NOW, SOON)
    ends = together(*(lambda who=who: films.link(who, code, at(1)) for who in (ann, bob)))
    assert sorted(type(end).__name__ for end in ends) == ["Link", "NoSuchCode"]


def test_one_chat_goes_with_one_person_of_the_site(films: Store, ann: int, buyer: int) -> None:
    linked(films, ann, buyer)
    with pytest.raises(AlreadyLinked):
        films.offer_link(ann, at(8), SOON)
    other = films.offer_link(films.site_person("other", at(8)), at(8), SOON)
    with pytest.raises(AlreadyLinked):
        films.link(ann, other, at(9))
    assert films.link_offered(other, at(9)) == "other", "a code that was refused is good still"


def test_whoever_is_forgotten_in_one_place_is_forgotten_in_both(films: Store, ann: int, buyer: int) -> None:
    linked(films, ann, buyer)
    films.forget(ann)
    assert films.find_site_person("buyer") is None
    assert films.find_person(ANN) is None
    assert films.link_of(ann) is None


def test_only_a_digest_of_a_code_is_kept_and_it_goes_with_the_person(films: Store, buyer: int) -> None:
    code = films.offer_link(buyer, NOW, SOON)
    with films.read() as connection:
        held = connection.exec_driver_sql("SELECT digest FROM link_codes").scalar_one()
    assert code.encode() not in bytes(held)
    films.forget(buyer)
    with pytest.raises(NoSuchCode):
        films.link_offered(code, NOW)


@pytest.mark.parametrize(
    ("typed", "code"),
    [("7KQ4-M2XD", "7KQ4M2XD"), (" 7kq4 m2xd ", "7KQ4M2XD"), ("7KQ4M2X", None), ("7KQ4M2X0", None), ("", None)],
)
def test_a_code_is_read_as_people_type_it(typed: str, code: str | None) -> None:
    assert read_code(typed) == code
