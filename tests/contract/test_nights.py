"""Movie nights, on both databases: a group has one open evening, and taps that come at once are all counted."""

import functools

import pytest

from engine.store import Guest, Night, Store
from tests.contract.conftest import ALIEN, FARGO, HEAT, MATRIX, at, together

CLUB, OTHERS = -1_001_234_567_890, -42


def begin(store: Store, chat_id: int = CLUB, minute: float = 0, **wish: object) -> Night:
    return store.begin_night(chat_id, wish, at(minute), ends_at=at(minute + 480))


@pytest.fixture
def people(films: Store) -> list[int]:
    """``users.id`` of six people."""
    return [films.person(5_000_000_000 + n, "en", at(0)).id for n in range(6)]


def as_it_is(store: Store, night: Night) -> Night:
    now = store.night(night.id)
    assert now is not None
    return now


def test_a_group_has_one_open_evening(store: Store) -> None:
    first = begin(store)
    assert begin(store, minute=1) == first
    assert begin(store, OTHERS).id != first.id
    assert (first.open, first.guests, first.proposals, first.ends_at) == (True, (), (), at(480))


def test_two_who_begin_one_at_the_same_moment_share_it(store: Store) -> None:
    assert len({night.id for night in together(*[functools.partial(begin, store)] * 6)}) == 1


def test_after_its_time_a_new_one_begins(store: Store) -> None:
    first = begin(store)
    assert begin(store, minute=480).id > first.id


def test_a_wish_is_taken_over_and_the_proposals_go(store: Store, people: list[int]) -> None:
    night = begin(store, genres=["Comedy"])
    assert night.wish == {"genres": ["Comedy"]}
    assert store.propose(night, [HEAT])
    assert begin(store).proposals == (HEAT,)
    other = begin(store, since=2000)
    assert (other.id, other.wish, other.proposals) == (night.id, {"since": 2000}, ())


def test_people_who_join_at_once_are_all_in_and_nobody_twice(store: Store, people: list[int]) -> None:
    night = begin(store)
    joins = [functools.partial(store.join_night, night.id, user, f"P{user}", at(1)) for user in people * 2]
    assert sorted(together(*joins)) == [False] * 6 + [True] * 6
    assert as_it_is(store, night).guests == tuple(Guest(user, f"P{user}") for user in people)
    assert store.leave_night(night.id, people[0])
    assert not store.leave_night(night.id, people[0])
    assert len(as_it_is(store, night).guests) == 5


def test_newcomers_are_guests_who_have_rated_nothing(store: Store, people: list[int]) -> None:
    night = begin(store)
    assert store.newcomers(night.id) == 0
    for user in people[:3]:
        store.join_night(night.id, user, "P", at(1))
    store.rate(people[0], HEAT, 4.0, at(2))
    store.rate(people[5], HEAT, 4.0, at(2))
    assert store.newcomers(night.id) == 2


def test_who_comes_or_goes_makes_the_proposals_void(store: Store, people: list[int]) -> None:
    night = begin(store)
    assert store.propose(night, [HEAT, ALIEN])
    assert store.join_night(night.id, people[0], "Ann", at(1))
    assert as_it_is(store, night).proposals == ()
    assert not store.propose(night, [FARGO]), "chosen without Ann"
    assert store.propose(as_it_is(store, night), [FARGO])
    assert not store.join_night(night.id, people[0], "Ann", at(2))
    assert as_it_is(store, night).proposals == (FARGO,), "she was in already"
    store.leave_night(night.id, people[0])
    assert as_it_is(store, night).proposals == ()


def test_films_that_were_passed_over_are_remembered(store: Store) -> None:
    night = begin(store)
    assert store.propose(night, [HEAT, ALIEN])
    shown = as_it_is(store, night)
    assert sorted(together(*[functools.partial(store.propose, shown, [FARGO])] * 3)) == [False, False, True]
    now = as_it_is(store, night)
    assert (now.proposals, now.passed_over) == ((FARGO,), (HEAT, ALIEN))


def test_only_the_first_of_many_closes_an_evening(store: Store, people: list[int]) -> None:
    night = begin(store)
    assert store.close_night(night.id) is None, "nothing is proposed yet"
    store.propose(night, [HEAT, MATRIX])
    closed = [given for given in together(*[functools.partial(store.close_night, night.id)] * 4) if given]
    assert [given.proposals for given in closed] == [(HEAT, MATRIX)]
    assert not as_it_is(store, night).open
    assert not store.join_night(night.id, people[0], "Ann", at(1))
    assert begin(store, minute=2).id != night.id


def test_a_poll_that_could_not_be_sent_opens_it_again(store: Store) -> None:
    night = begin(store)
    store.propose(night, [HEAT, MATRIX])
    store.close_night(night.id)
    assert store.reopen_night(night.id)
    assert as_it_is(store, night).open
    store.close_night(night.id)
    begin(store, minute=1)
    assert not store.reopen_night(night.id), "the group has begun another"
    assert not store.reopen_night(9999)


def test_the_message_that_shows_it_is_remembered(store: Store) -> None:
    night = begin(store)
    assert night.message_id is None
    store.show_night(night.id, 7)
    store.show_night(night.id, 9)
    assert as_it_is(store, night).message_id == 9


def test_an_evening_ends_with_its_guests_after_some_hours(store: Store, people: list[int]) -> None:
    night, other = begin(store), begin(store, OTHERS, minute=60)
    store.join_night(night.id, people[0], "Ann", at(1))
    assert store.end_nights(at(479)) == []
    assert [(ended.id, ended.guests) for ended in store.end_nights(at(480))] == [(night.id, (Guest(people[0], "Ann"),))]
    assert store.night(night.id) is None
    assert store.night(other.id) is not None
    assert begin(store, minute=481).guests == ()


def test_who_is_forgotten_is_in_no_more(store: Store, people: list[int]) -> None:
    night = begin(store)
    store.join_night(night.id, people[0], "Ann", at(1))
    store.forget(people[0])
    assert as_it_is(store, night).guests == ()


# --- A group becomes a supergroup -------------------------------------------------------------------------------------


def test_an_evening_moves_to_another_chat(store: Store, people: list[int]) -> None:
    night, other = begin(store, OTHERS, genres=["War"]), begin(store, -43)
    store.show_night(night.id, 7)
    store.join_night(night.id, people[0], "Ann", at(1))
    moved = store.move_night(OTHERS, CLUB, at(2))
    assert moved is not None
    assert (moved.id, moved.chat_id, moved.open, moved.message_id) == (night.id, CLUB, True, None)
    assert (moved.wish, moved.guests) == ({"genres": ["War"]}, (Guest(people[0], "Ann"),))
    assert store.move_night(OTHERS, CLUB, at(2)) is None, "the second time there is nothing to move"
    assert begin(store, minute=3).id == night.id
    assert begin(store, OTHERS, minute=3).id not in (night.id, other.id)
    assert as_it_is(store, other) == other


def test_two_who_hear_of_a_move_at_one_moment_move_it_once(store: Store) -> None:
    night = begin(store, OTHERS)
    moved = together(*[functools.partial(store.move_night, OTHERS, CLUB, at(1))] * 4)
    assert sorted(one is not None for one in moved) == [False, False, False, True]
    assert as_it_is(store, night).chat_id == CLUB


def test_an_evening_that_has_begun_there_takes_the_guests_over(store: Store, people: list[int]) -> None:
    old, new = begin(store, OTHERS), begin(store, CLUB, minute=1)
    for night, names in ((old, "AB"), (new, "BC")):
        for name in names:
            store.join_night(night.id, people["ABC".index(name)], name, at(2))
    assert store.propose(as_it_is(store, new), [HEAT])
    moved = store.move_night(OTHERS, CLUB, at(3))
    assert moved is not None
    assert (moved.id, moved.proposals) == (new.id, ())
    assert sorted(guest.name for guest in moved.guests) == ["A", "B", "C"]
    assert not as_it_is(store, old).open


def test_an_evening_that_is_over_or_has_its_poll_is_not_begun_again_by_a_move(store: Store, people: list[int]) -> None:
    over = begin(store, -43)
    assert store.move_night(-43, CLUB, at(480)) is None
    night = begin(store, OTHERS)
    store.join_night(night.id, people[0], "Ann", at(1))
    assert store.propose(as_it_is(store, night), [HEAT])
    assert store.close_night(night.id)
    assert store.move_night(OTHERS, CLUB, at(2)) is None
    assert not as_it_is(store, over).open
    assert (as_it_is(store, night).open, as_it_is(store, night).chat_id) == (False, CLUB)
    assert store.reopen_night(night.id)
    assert begin(store, minute=3).id == night.id
