"""A group that becomes a supergroup: its movie night and progress messages continue under its new id."""

from typing import Any

import pytest

from bot.frame.context import App
from bot.terminal.telegram import ApiError
from engine.store import Store
from tests.chat.conftest import SettableClock
from tests.chat.reading import rates, titles
from tests.fakes import FakeTelegram, Person

OLD, NEW = -4_200, -1_009_876_543_210


@pytest.fixture
def club(telegram: FakeTelegram) -> dict[str, Any]:
    return telegram.group(OLD) | {"type": "group"}


@pytest.fixture
def bert(application: App, telegram: FakeTelegram) -> Person:
    return telegram.person(1002, "Bert")


async def say_it_moves(telegram: FakeTelegram, person: Person) -> None:
    """The update that Telegram sends to the old chat."""
    update = telegram.message_update(person.user, telegram.chats[OLD], "")
    del update["message"]["text"], update["message"]["entities"]
    update["message"]["migrate_to_chat_id"] = NEW
    await telegram.deliver(update)


async def say_it_moved(telegram: FakeTelegram) -> None:
    """The update that Telegram sends to the new chat, without a real sender."""
    nobody = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    update = telegram.message_update(nobody, telegram.chats[NEW], "")
    del update["message"]["text"], update["message"]["entities"]
    update["message"]["migrate_from_chat_id"] = OLD
    await telegram.deliver(update)


def upgraded() -> ApiError:
    """Telegram's answer to a call with the old id."""
    text = "Bad Request: group chat was upgraded to a supergroup chat"
    return ApiError(400, text, {"migrate_to_chat_id": NEW})


@pytest.mark.parametrize("first", ["old", "new"])
async def test_a_movie_night_goes_on(
    first: str, anna: Person, bert: Person, club: dict[str, Any], telegram: FakeTelegram, store: Store
):
    await rates(anna, high_noon="5", rio_bravo="5")
    await anna.at(club).says("/night")
    await anna.at(club).presses("I'm in")
    new = telegram.group(NEW)
    if first == "old":
        await say_it_moves(telegram, anna)
        await say_it_moved(telegram)
    else:
        await say_it_moved(telegram)
        await say_it_moves(telegram, anna)
    a, b = anna.at(new), bert.at(new)
    assert "In: Anna" in a.sees
    assert len(a.messages) == 1, "said twice, shown once"
    await b.presses("I'm in")
    assert "In: Anna and Bert" in a.sees
    await b.presses("Find films")
    films = titles(a.sees)
    assert films
    assert "High Noon (1952)" not in films
    await a.presses("Start the poll")
    assert telegram.called("sendPoll")[-1]["chat_id"] == NEW
    assert store.find_person(1087968824) is None, "whoever says it is nobody to remember"


async def test_a_poll_that_comes_too_early_can_be_started_in_the_new_chat(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram
):
    """Somebody taps after the move, and before we have heard of it."""
    a = anna.at(club)
    await a.says("/night")
    await a.presses("I'm in")
    await a.presses("Find films")
    telegram.fails("sendPoll", upgraded())
    telegram.fails("editMessageText", upgraded())
    await a.presses("Start the poll")
    new = telegram.group(NEW)
    await say_it_moves(telegram, anna)
    await anna.at(new).presses("Start the poll")
    assert "The poll is up." in anna.at(new).sees


async def test_a_tap_that_comes_too_early_counts(
    anna: Person, bert: Person, club: dict[str, Any], telegram: FakeTelegram
):
    await anna.at(club).says("/night")
    await anna.at(club).presses("I'm in")
    telegram.fails("editMessageText", upgraded())
    await bert.at(club).presses("I'm in")
    new = telegram.group(NEW)
    await say_it_moved(telegram)
    assert "In: Anna and Bert" in bert.at(new).sees


async def test_an_evening_begun_in_the_new_chat_takes_the_guests_over(
    anna: Person, bert: Person, club: dict[str, Any], telegram: FakeTelegram
):
    await anna.at(club).says("/night")
    await anna.at(club).presses("I'm in")
    new = telegram.group(NEW)
    await bert.at(new).says("/night western")
    await bert.at(new).presses("I'm in")
    await say_it_moved(telegram)
    assert "In: Anna and Bert" in bert.at(new).sees
    assert "Western" in bert.at(new).sees


async def test_a_group_without_an_evening_is_told_nothing(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram, clock: SettableClock
):
    await anna.at(club).says("/night")
    clock.advance(hours=9)
    telegram.group(NEW)
    said = len(telegram.called("sendMessage"))
    await say_it_moves(telegram, anna)
    await say_it_moved(telegram)
    assert len(telegram.called("sendMessage")) == said


async def test_a_run_is_followed_in_the_new_chat(
    admin: Person, club: dict[str, Any], telegram: FakeTelegram, store: Store, clock: SettableClock
):
    await admin.at(club).says("/retrain")
    await admin.says("/retrain")
    new = telegram.group(NEW)
    await say_it_moves(telegram, admin)
    await say_it_moved(telegram)
    assert len(admin.at(new).messages) == 1
    assert {watcher.chat_id for watcher in store.watchers()} == {NEW, admin.id}
    run = store.open_run()
    assert run is not None
    store.ask_cancel(run.id, "test", clock())
    clock.advance(minutes=1)
    await telegram.run_jobs("follow_runs")
    assert "ancel" in admin.at(new).sees
    assert not store.watchers()


async def test_where_we_may_not_write_yet_the_evening_is_a_command_away(
    anna: Person, club: dict[str, Any], telegram: FakeTelegram
):
    await anna.at(club).says("/night")
    await anna.at(club).presses("I'm in")
    new = telegram.group(NEW)
    telegram.fails("sendMessage", ApiError(400, "Bad Request: not enough rights to send text messages to the chat"))
    await say_it_moved(telegram)
    assert not anna.at(new).messages
    await anna.at(new).says("/night")
    assert "In: Anna" in anna.at(new).sees
