"""Keys to the API, people by a site's id, and the answers to calls that come twice; on SQLite and Postgres."""

from datetime import timedelta

from engine.store import Scope, Store, Taste
from tests.contract.conftest import ANN, HEAT, MATRIX, at, together
from tests.world import NOW

DIGEST = bytes(range(32))


def test_a_key_is_kept_by_its_digest_and_found_by_its_number(store: Store) -> None:
    number = store.add_key("shop", Scope.WRITE, DIGEST, NOW, per_minute=60)
    key = store.key(number)
    assert key is not None
    assert (key.name, key.scope, key.digest, key.per_minute, key.site_id) == ("shop", Scope.WRITE, DIGEST, 60, None)
    assert key.opens(NOW)
    assert store.key(number + 1) is None


def test_a_revoked_key_opens_nothing_and_stays_in_the_list(store: Store) -> None:
    number = store.add_key("shop", Scope.READ, DIGEST, NOW)
    assert store.revoke_key(number, at(1))
    assert not store.revoke_key(number, at(2))
    held = store.keys()
    assert [(key.id, key.revoked_at, key.opens(at(1))) for key in held] == [(number, at(1), False)]


def test_a_persons_token_goes_with_them_and_is_swept_once_it_is_too_old(films: Store) -> None:
    ann, bob = films.site_person("ann", NOW), films.site_person("bob", NOW)
    of_ann = films.add_key("token", Scope.PERSON, DIGEST, NOW, user_id=ann, expires_at=at(10))
    of_bob = films.add_key("token", Scope.PERSON, DIGEST, NOW, user_id=bob, expires_at=at(10))
    held = films.key(of_ann)
    assert held is not None
    assert held.site_id == "ann"
    assert films.keys() == []
    films.forget(ann)
    assert films.key(of_ann) is None
    films.add_key("token", Scope.PERSON, DIGEST, at(11), user_id=bob, expires_at=at(20))
    assert films.key(of_bob) is None


def test_people_of_a_site_and_of_the_chat_never_meet_whatever_their_ids(films: Store) -> None:
    of_chat = films.person(ANN, "en", NOW).id
    of_site = films.site_person(str(ANN), NOW)
    assert of_chat != of_site
    films.rate(of_site, HEAT, 4, NOW)
    assert films.taste(of_chat, NOW).ratings == ()
    assert films.site_taste(str(ANN), NOW) == films.taste(of_site, NOW)
    assert films.site_taste(str(ANN), NOW).stars_for(HEAT) == 4
    assert films.site_taste("nobody", NOW) == Taste(0)
    assert films.site_person(str(ANN), at(1)) == films.find_site_person(str(ANN)) == of_site
    films.forget(of_site)
    assert films.find_site_person(str(ANN)) is None
    assert films.find_person(ANN) is not None


def test_two_first_calls_for_one_person_add_them_once(films: Store) -> None:
    ids = together(*(lambda: films.site_person("ann", NOW) for _ in range(4)))
    assert len(set(ids)) == 1
    assert isinstance(ids[0], int)


def test_an_answer_is_kept_for_a_day_and_the_first_one_stays(films: Store) -> None:
    key, ann = films.add_key("shop", Scope.WRITE, DIGEST, NOW), films.site_person("ann", NOW)
    films.rate(ann, MATRIX, 5, NOW)
    films.keep_answer(key, "import-1", b"call", ann, {"changed": 2}, NOW)
    films.keep_answer(key, "import-1", b"other", ann, {"changed": 9}, at(1))
    assert films.answer(key, "import-1") == (b"call", {"changed": 2})
    films.keep_answer(key, "import-2", b"call", ann, {}, NOW + timedelta(days=1, minutes=2))
    assert films.answer(key, "import-1") is None
