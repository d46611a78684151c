"""Movie nights: a group finds a film that suits all who are in."""

import asyncio
from typing import Any

import pytest

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import App, Services
from bot.speech import buttons
from bot.terminal.telegram import ApiError, bad_request
from engine.serving.library import Library
from engine.store import Store
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import listed, rates, titles
from tests.fakes import FakeTelegram, Person

WESTERNS = {"high_noon": "5", "rio_bravo": "5", "unforgiven": "4½"}
ROMANCES = {"casablanca": "5", "before_sunrise": "5", "sabrina 1954": "4½"}


@pytest.fixture
def club(telegram: FakeTelegram) -> dict[str, Any]:
    return telegram.group()


@pytest.fixture
def bert(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(1002, "Bert")


@pytest.fixture
def cleo(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(1003, "Cleo")


async def all_in(club: dict[str, Any], *people: Person) -> list[Person]:
    """Begin an evening in which these people are in; return them as they look at the group."""
    there = [person.at(club) for person in people]
    await there[0].says("/night")
    for person in there:
        await person.presses("I'm in")
    return there


def proposed(person: Person) -> list[str]:
    return titles(person.sees)


async def test_people_join_and_leave_and_one_message_says_who_is_in(anna: Person, bert: Person, club: dict[str, Any]):
    a, b = await all_in(club, anna, bert)
    assert "In: Anna and Bert" in a.sees
    await a.presses("I'm out")
    assert "In: Bert" in a.sees
    await b.presses("I'm out")
    assert "Nobody is in yet." in a.sees
    assert a.buttons == ["I'm in"]
    assert len(a.messages) == 1


async def test_a_second_tap_on_the_same_button_changes_nothing(anna: Person, club: dict[str, Any]):
    (a,) = await all_in(club, anna)
    await a.repeats()
    await a.presses("I'm in")
    assert "In: Anna\n" in a.sees + "\n"


async def test_what_is_proposed_suits_everybody(anna: Person, bert: Person, club: dict[str, Any], store: Store):
    await rates(anna, **WESTERNS, shining="½", psycho="½")
    await rates(bert, **ROMANCES)
    await bert.says("once upon a time in the west")
    await bert.presses("Seen it")
    await bert.says("heat")
    await bert.presses("Not for me")
    a, _ = await all_in(club, anna, bert)
    await a.presses("Find films")
    films = proposed(a)
    assert len(films) == 5
    known = {"High Noon (1952)", "Rio Bravo (1959)", "Unforgiven (1992)", "Casablanca (1942)", "Before Sunrise (1995)"}
    known |= {"Sabrina (1954)", "The Shining (1980)", "Psycho (1960)", "Heat (1995)"}
    known |= {"Once Upon a Time in the West (1968)"}
    assert not set(films) & known
    assert "Scream (1996)" not in films, "Anna cannot stand horror"


async def test_nobodys_stars_and_reasons_are_shown(anna: Person, bert: Person, club: dict[str, Any]):
    await rates(anna, **WESTERNS)
    await rates(bert, **ROMANCES)
    a, _ = await all_in(club, anna, bert)
    await a.presses("Find films")
    for word in ("because", "for you", "about", "High Noon", "Casablanca", "½"):
        assert word not in a.sees, word


async def test_a_film_on_somebodys_watchlist_may_come_up(anna: Person, club: dict[str, Any]):
    await rates(anna, **WESTERNS)
    (a,) = await all_in(club, anna)
    await a.presses("Find films")
    (best, *_) = proposed(a)
    await anna.says(best)
    await anna.presses("Watchlist")
    await a.says("/night")
    await a.presses("I'm out")
    await a.presses("I'm in")
    await a.presses("Find films")
    assert best in proposed(a)


async def test_newcomers_may_join_without_having_rated(
    anna: Person, bert: Person, cleo: Person, club: dict[str, Any], store: Store
):
    await rates(anna, **WESTERNS)
    a, *_ = await all_in(club, anna, bert, cleo)
    await a.presses("Find films")
    assert len(proposed(a)) == 5
    assert "2 of you haven't rated anything yet" in a.sees
    button = a.message.button("Rate films in private")
    assert button is not None
    assert button.url == "https://t.me/matinee_bot?start=rate"


async def test_others_are_films_that_were_not_shown_before(anna: Person, club: dict[str, Any]):
    (a,) = await all_in(club, anna)
    shown: set[str] = set()
    await a.presses("Find films")
    for _ in range(3):
        assert not set(proposed(a)) & shown
        shown |= set(proposed(a))
        await a.presses("Others")


async def test_when_nothing_is_left_it_says_so_and_what_is_there_stays(anna: Person, club: dict[str, Any]):
    a = anna.at(club)
    await a.says("/night animation")
    await a.presses("I'm in")
    await a.presses("Find films")
    assert sorted(proposed(a))[0] == "Persepolis (2007)"
    films = proposed(a)
    await a.presses("Others")
    assert "Nothing else fits that is new to all of you" in a.sees
    assert proposed(a) == films


async def test_a_wish_narrows_it_down_and_can_be_changed(anna: Person, club: dict[str, Any]):
    a = anna.at(club)
    await a.says("/night western before 1960")
    await a.presses("I'm in")
    await a.presses("Find films")
    assert sorted(proposed(a)) == ["High Noon (1952)", "Rio Bravo (1959)"]
    await a.says("/night sci-fi")
    assert "Movie night · Sci-Fi" in a.sees
    await a.presses("Find films")
    assert "The Matrix (1999)" in proposed(a)
    await a.says("/night gibberish")
    assert "I can't filter by “gibberish”." in a.sees


async def test_who_joins_late_makes_the_films_be_chosen_anew(anna: Person, bert: Person, club: dict[str, Any]):
    await rates(bert, star_wars="2")
    (a,) = await all_in(club, anna)
    await a.presses("Find films")
    assert proposed(a)
    old = a.message
    await bert.at(club).presses("I'm in")
    assert listed(a.sees) == []
    assert "In: Bert and Anna" in a.sees or "In: Anna and Bert" in a.sees
    await a.presses("Start the poll", in_message=old)
    assert listed(a.sees) == [], "what Bert may have seen is not put to the vote"


async def test_it_ends_in_a_poll_that_nobody_can_read_votes_from(
    anna: Person, bert: Person, club: dict[str, Any], telegram: FakeTelegram
):
    a, b = await all_in(club, anna, bert)
    await a.presses("Find films")
    films, old = proposed(a), a.message
    await a.presses("Start the poll")
    (poll,) = telegram.called("sendPoll")
    assert [option["text"] if isinstance(option, dict) else option for option in poll["options"]] == films
    assert poll["is_anonymous"]
    assert poll["allows_multiple_answers"]
    assert "The poll is up." in a.sees
    assert a.buttons == []
    for label in ("Start the poll", "Others", "I'm in", "I'm out"):
        await b.presses(label, in_message=old)
    assert len(telegram.called("sendPoll")) == 1
    await a.says("/night")
    assert "Nobody is in yet." in a.sees, "the next evening is another"


async def test_a_poll_that_telegram_refuses_can_be_tried_again(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram
):
    (a,) = await all_in(club, anna)
    await a.presses("Find films")
    telegram.fails("sendPoll", bad_request("not enough rights to send polls to the chat"))
    await a.presses("Start the poll")
    assert "does not let me send a poll" in a.sees
    telegram.floods("sendPoll", retry_after_seconds=5)
    await a.presses("Start the poll")
    await a.presses("Start the poll")
    assert "The poll is up." in a.sees


async def test_a_poll_that_the_library_cannot_read_back_is_no_error(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram
):
    """An older Bot API server describes a sent poll without fields that the library needs."""
    telegram.describes_polls_as_before = True
    (a,) = await all_in(club, anna)
    await a.presses("Find films")
    await a.presses("Start the poll")
    assert "The poll is up." in a.sees
    assert len(telegram.called("sendPoll")) == 1


async def test_many_may_tap_at_once(club: dict[str, Any], application: App, telegram: FakeTelegram):
    people = [telegram.person(2000 + n, f"P{n}").at(club) for n in range(12)]
    await people[0].says("/night")
    lobby = people[0].message
    await asyncio.gather(*(person.presses("I'm in", in_message=lobby) for person in people))
    (names,) = [line for line in people[0].sees.splitlines() if line.startswith("In: ")]
    assert all(f"P{n}" in names for n in range(12))
    assert len(telegram.called("editMessageText")) <= 13
    ready = people[0].message
    await asyncio.gather(*(person.presses("Find films", in_message=ready) for person in people))
    films, found = proposed(people[0]), people[0].message
    assert "In: " in found.text
    assert len(films) == 5
    await asyncio.gather(*(person.presses("Start the poll", in_message=found) for person in people))
    assert len(telegram.called("sendPoll")) == 1


async def test_an_evening_outlives_a_restart_of_the_bot(
    services: Services, telegram: FakeTelegram, club: dict[str, Any]
):
    a = telegram.person(ANNA, "Anna").at(club)
    async with telegram.runs(build_application(services, FEATURES, request=telegram)):
        await a.says("/night")
        await a.presses("I'm in")
    again = Services(services.settings, services.store, Library(services.store), services.clock)
    async with telegram.runs(build_application(again, FEATURES, request=telegram)):
        await a.presses("Find films")
        assert "In: Anna" in a.sees
        await a.presses("Start the poll")
        assert "The poll is up." in a.sees


async def test_after_some_hours_it_is_over_and_the_names_are_gone(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram, clock: SettableClock, store: Store
):
    (a,) = await all_in(club, anna)
    lobby = a.message
    clock.advance(hours=8)
    await a.presses("Find films", in_message=lobby)
    assert a.sees == "This movie night is over. /night begins a new one."
    await a.says("/night")
    await telegram.run_jobs("end_nights")
    assert store.night(1) is None
    clock.advance(hours=9)
    await telegram.run_jobs("end_nights")
    assert a.sees == "This movie night is over. /night begins a new one."
    await a.presses("I'm in", in_message=lobby)
    assert a.sees == "This movie night is over. /night begins a new one."


async def test_asked_for_again_it_goes_on_at_the_bottom(anna: Person, club: dict[str, Any]):
    (a,) = await all_in(club, anna)
    await a.says("/night")
    first, second = a.messages
    assert first.text == "This movie night goes on further down."
    assert "In: Anna" in second.text


async def test_a_message_that_was_deleted_is_sent_anew(anna: Person, club: dict[str, Any], telegram: FakeTelegram):
    (a,) = await all_in(club, anna)
    lobby = a.message
    telegram.messages.clear()
    await a.presses("Find films", in_message=lobby)
    assert len(proposed(a)) == 5


async def test_in_private_it_says_that_it_is_for_groups(anna: Person):
    await anna.says("/night")
    assert "A movie night is for a group" in anna.sees
    button = anna.message.button("Add me to a group")
    assert button is not None
    assert button.url == "https://t.me/matinee_bot?startgroup=night"


async def test_the_evening_of_another_group_cannot_be_joined(
    anna: Person, bert: Person, club: dict[str, Any], telegram: FakeTelegram, store: Store
):
    await all_in(club, anna)
    await bert.says("heat")
    for button in (buttons.JoinNight(0, 1), buttons.FindNightFilms(0, 1, 0), buttons.NightPoll(0, 1)):
        await bert.forges(buttons.pack(button))
        assert bert.sees == "This movie night is over. /night begins a new one."
    evening = store.night(1)
    assert evening is not None
    assert [guest.name for guest in evening.guests] == ["Anna"]


async def test_names_are_shown_as_they_are(telegram: FakeTelegram, application: App, club: dict[str, Any]):
    odd = telegram.person(77, "<b>&\n{x}" + "y" * 70).at(club)
    await odd.says("/night")
    await odd.presses("I'm in")
    assert "In: <b>& {x}yyy" in odd.sees


async def test_a_group_that_throws_the_bot_out_is_no_failure(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram, store: Store
):
    """The tap takes effect, nothing more is said there, and the person who tapped stays active."""
    (a,) = await all_in(club, anna)
    telegram.fails("editMessageText", ApiError(403, "Forbidden: bot was kicked from the supergroup chat"))
    said = len(telegram.called("sendMessage"))
    await a.presses("I'm out")
    evening, person = store.night(1), store.find_person(ANNA)
    assert evening is not None
    assert evening.guests == ()
    assert len(telegram.called("sendMessage")) == said
    assert person is not None
    assert person.active


async def test_a_group_is_spoken_to_in_the_language_of_who_began(
    anna: Person, telegram: FakeTelegram, club: dict[str, Any], store: Store
):
    dora = telegram.person(1004, "Dora", language="de").at(club)
    await dora.says("/night")
    evening = store.night(1)
    assert evening is not None
    assert evening.language == "de"
    first = dora.sees.splitlines()[0]
    (join, *_) = dora.buttons
    await anna.at(club).presses(join)
    assert dora.sees.splitlines()[0] == first
