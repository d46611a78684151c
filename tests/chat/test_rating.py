"""Giving stars, changing them, taking them back."""

import threading

import pytest

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import Services
from engine.serving import advice
from engine.serving.library import Library
from engine.store import Store
from tests import world
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import rates
from tests.fakes import FakeTelegram, Person


def stars(store: Store) -> dict[str, float]:
    """Anna's stars, by film."""
    person = store.find_person(ANNA)
    assert person is not None
    return {world.NAMES[rating.movie_id]: rating.stars for rating in store.taste(person.id, world.NOW).ratings}


async def test_a_rating_is_confirmed_in_place_of_the_card(anna: Person, store: Store):
    await anna.says("the matrix")
    await anna.presses("4½")
    assert anna.sees == "The Matrix, 4½. Your picks already know."
    assert len(anna.messages) == 1
    assert stars(store) == {"The Matrix": 4.5}


async def test_admins_read_how_many_of_their_ratings_wait_for_a_training(admin: Person, anna: Person):
    """Others have not heard of any training."""
    for person in (admin, anna):
        await rates(person, heat="4", fargo="3")
        await person.says("alien")
        await person.presses("½")
    assert admin.sees == "Alien, ½. Your picks already know. 3 ratings wait for the next training."
    assert anna.sees == "Alien, ½. Your picks already know."


async def test_every_half_star_is_kept_as_it_was_given(anna: Person, store: Store):
    for label, value in (("½", 0.5), ("1", 1), ("1½", 1.5), ("2", 2), ("2½", 2.5), ("3", 3), ("3½", 3.5), ("4", 4)):
        await anna.says("heat")
        await anna.presses(label)
        assert stars(store) == {"Heat": value}


async def test_a_rating_can_be_undone_and_redone(anna: Person, store: Store):
    await rates(anna, heat="2")
    await anna.presses("Undo")
    assert anna.sees == "Taken back: Heat has no rating from you."
    assert stars(store) == {}
    await anna.presses("Redo")
    assert anna.sees == "Heat has 2 from you again."
    assert stars(store) == {"Heat": 2}
    await anna.presses("Undo")
    assert stars(store) == {}


async def test_undoing_a_change_brings_the_old_stars_back(anna: Person, store: Store):
    await rates(anna, heat="2")
    await rates(anna, heat="5")
    await anna.presses("Undo")
    assert anna.sees == "Heat has 2 from you again."
    assert stars(store) == {"Heat": 2}


async def test_removing_a_rating_can_be_undone(anna: Person, store: Store):
    await rates(anna, heat="2½")
    await anna.says("heat")
    await anna.presses("Remove my rating")
    assert "Heat is not rated any more" in anna.sees
    assert stars(store) == {}
    await anna.presses("Undo")
    assert stars(store) == {"Heat": 2.5}


async def test_undo_works_after_a_restart(anna: Person, services: Services, telegram: FakeTelegram, store: Store):
    await rates(anna, heat="2")
    again = Services(services.settings, services.store, Library(services.store), services.clock)
    async with telegram.runs(build_application(again, FEATURES, request=telegram)):
        await anna.presses("Undo")
        assert stars(store) == {}


async def test_an_undo_delivered_twice_undoes_once(anna: Person, store: Store):
    await rates(anna, heat="2")
    await anna.presses("Undo")
    screen = anna.screen
    await anna.repeats()
    assert anna.screen == screen
    assert stars(store) == {}


async def test_a_rating_delivered_twice_keeps_its_undo(anna: Person, store: Store):
    await rates(anna, heat="2")
    screen = anna.screen
    await anna.repeats()
    assert anna.screen == screen
    await anna.presses("Undo")
    assert stars(store) == {}


async def test_an_act_that_was_followed_by_another_cannot_be_undone(anna: Person, store: Store):
    await rates(anna, heat="2")
    first = anna.message
    await rates(anna, heat="5")
    await rates(anna, heat="1")
    await anna.presses("Undo", in_message=first)
    assert "That can't be undone any more" in anna.sees
    assert stars(store) == {"Heat": 1}


async def test_the_command_undoes_the_last_act(anna: Person, store: Store):
    await anna.says("/undo")
    assert "There is nothing to undo" in anna.sees
    await rates(anna, heat="2", fargo="4")
    await anna.says("/undo")
    assert anna.sees == "Taken back: Fargo has no rating from you."
    assert stars(store) == {"Heat": 2}


async def test_what_is_there_again_is_never_called_taken_back(anna: Person, store: Store):
    """A second /undo takes the first one back, whether it came from a command, a button or a question."""
    await rates(anna, heat="2", fargo="4")
    await anna.says("/undo")
    await anna.says("/undo")
    assert anna.sees == "Fargo has 4 from you again."
    assert "Undo" in anna.buttons
    assert stars(store) == {"Heat": 2, "Fargo": 4}
    await anna.says("/undo")
    assert anna.sees == "Taken back: Fargo has no rating from you."
    assert "Redo" in anna.buttons
    await anna.says("fargo")
    await anna.presses("3")
    await anna.presses("Undo")
    await anna.says("/my")
    await anna.presses("Redo the last")
    assert anna.sees == "Fargo has 3 from you again."
    await anna.says("/undo")
    assert stars(store) == {"Heat": 2}


async def test_rate_with_a_title_opens_its_card(anna: Person):
    await anna.says("/rate casablanca")
    assert anna.sees.startswith("Casablanca (1942)")


async def test_rate_alone_asks_about_one_film_after_the_other(anna: Person, clock: SettableClock):
    await rates(anna, heat="4", fargo="5", alien="3", casablanca="2", psycho="4")
    await anna.says("/rate")
    assert "How was this one?" in anna.sees
    film = anna.sees.splitlines()[-1].rpartition(" (")[0]
    await anna.presses("4")
    assert f"{film}, 4. Your picks already know." in anna.sees
    assert "How was this one?" in anna.sees
    await anna.presses("My picks")
    assert "Ten for you" in anna.sees


async def test_who_was_marked_as_having_seen_a_film_may_still_be_asked_how_it_was(anna: Person, store: Store):
    await anna.says("the matrix")
    await anna.presses("Seen it")
    await anna.presses("4")
    assert stars(store) == {"The Matrix": 4}


async def test_nobody_else_waits_while_a_question_is_chosen(anna: Person, monkeypatch: pytest.MonkeyPatch):
    choose, threads = advice.question, []

    def noting(*given):
        threads.append(threading.current_thread())
        return choose(*given)

    monkeypatch.setattr(advice, "question", noting)
    await anna.says("/rate")
    assert "1 of 5" in anna.sees
    assert threads != [threading.main_thread()]
    assert len(threads) == 1
