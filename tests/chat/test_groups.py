"""Others read along in a group: personal commands lead to the private chat, and films are shown as everybody may see
them."""

from typing import Any

import pytest

from bot.features import account_views
from bot.frame.errors import DATABASE_DOWN
from bot.settings import BotSettings
from bot.terminal.telegram import bad_request
from engine.store import Store, StoreUnavailable
from tests.chat.conftest import ANNA
from tests.chat.reading import rates, titles
from tests.chat.test_admin_pictures import draws
from tests.fakes import FakeTelegram, Person


@pytest.fixture
def there(anna: Person, telegram: FakeTelegram) -> Person:
    """Anna, looking at a group."""
    return anna.at(telegram.group())


def url(person: Person, label: str) -> str | None:
    button = person.message.button(label)
    assert button is not None, person.screen
    return button.url


@pytest.mark.parametrize(
    "command", ["my", "watchlist", "forget", "export", "import", "undo", "surprise", "rate", "settings"]
)
async def test_what_is_personal_leads_to_the_private_chat(
    anna: Person, there: Person, command: str, telegram: FakeTelegram
):
    await rates(anna, heat="4½")
    await there.says(f"/{command}@matinee_bot")
    assert "for our private chat" in there.sees
    assert url(there, "Open our private chat") == f"https://t.me/matinee_bot?start={command}"
    assert len(there.messages) == 1
    await anna.says(f"/start {command}")
    assert "Hello" not in anna.sees
    assert "I know no" not in anna.sees


async def test_a_link_shows_and_changes_nothing(anna: Person, store: Store):
    await rates(anna, heat="4½")
    for command in ("undo", "forget", "stop", "import", "my"):
        await anna.says(f"/start {command}")
    person = store.find_person(ANNA)
    assert person is not None
    assert person.active
    assert store.people_counts()["ratings"] == 1


async def test_a_card_in_a_group_is_everybodys_and_leads_to_ones_own(anna: Person, there: Person):
    await rates(anna, heat="4½")
    await there.says("/rate heat")
    assert "Heat (1995)" in there.sees
    assert "4½" not in there.sees
    assert url(there, "Rate it") == "https://t.me/matinee_bot?start=m_30"
    await anna.says("/start m_30")
    assert "You: 4½" in anna.sees


async def test_picks_in_a_group_name_nobodys_films(anna: Person, there: Person):
    await rates(anna, high_noon="5", rio_bravo="5")
    await there.says("/top")
    assert len(titles(there.sees)) == 10
    first = there.sees
    await there.presses("Next ten")
    for seen in (first, there.sees):
        for word in ("because", "about", "for you ·", "½", "from 2 ratings", "a first guess"):
            assert word not in seen, word
    await there.presses("1")
    assert "You:" not in there.sees
    assert url(there, "Rate it")
    await there.presses("Back to picks")
    await there.presses("Why these?")
    assert "for our private chat" in there.sees
    await anna.says("/top")
    assert "because of" in anna.sees


async def test_the_buttons_of_one_are_not_for_others(anna: Person, there: Person, telegram: FakeTelegram):
    await there.says("/top")
    bert = telegram.person(1002, "Bert").at(there.chat)
    screen = there.screen
    await bert.presses("Next ten")
    assert "belongs to somebody else" in bert.toast
    assert there.screen == screen


async def test_several_films_of_one_name_can_be_chosen_from(there: Person):
    await there.says("/similar sabrina")
    await there.presses("Sabrina (1954)")
    assert "Like Sabrina (1954)" in there.sees
    await there.says("/rate sabrina")
    await there.presses("Sabrina (1995)")
    assert url(there, "Rate it") == "https://t.me/matinee_bot?start=m_42"


async def test_start_in_a_group_says_what_it_is_for(there: Person):
    await there.says("/start@matinee_bot")
    assert "/night finds one that suits everybody here" in there.sees
    await there.says("/start@matinee_bot night")
    assert "Who's in?" in there.sees
    for words in ("m_9999", "hello", "top", "my"):
        await there.says(f"/start {words}")
        assert "stay in our private chat" in there.sees


async def test_start_in_a_group_says_nothing_of_who_sends_it(anna: Person, there: Person):
    await rates(anna, heat="4", fargo="4", alien="3", psycho="3", seven="4")
    await there.says("/start")
    said = there.sees
    await there.says("/start hello")
    assert there.sees == said


async def test_films_like_one_are_the_same_for_everybody_in_a_group(
    anna: Person, there: Person, telegram: FakeTelegram
):
    await telegram.person(1002, "Bert").at(there.chat).says("/similar high noon")
    same = titles(there.sees)
    assert "Rio Bravo (1959)" in same
    await rates(anna, rio_bravo="5")
    await there.says("/similar high noon")
    assert titles(there.sees) == same
    await anna.says("/similar high noon")
    assert "Rio Bravo (1959)" not in titles(anna.sees)


async def test_every_command_is_answered_and_talk_is_not(there: Person):
    for name, _ in account_views.COMMANDS:
        before = len(there.messages)
        await there.says(f"/{name}")
        assert len(there.messages) > before, name
    before = len(there.messages)
    await there.says("heat")
    await there.says("/nonsense")
    assert len(there.messages) == before


async def test_a_group_with_topics_is_answered_where_it_asks(
    anna: Person, admin: Person, telegram: FakeTelegram, store: Store, settings: BotSettings, monkeypatch
):
    """Also with a new message after a tap, with pictures, with the poll, and with errors."""
    club = telegram.group()
    there = anna.at(club, topic=7)
    for text in ("/help", "/my", "/top", "/retrain"):
        before = len(there.messages)
        await there.says(text)
        assert len(there.messages) > before, text
    await there.says("/night")
    await there.presses("I'm in")
    telegram.fails("editMessageText", bad_request("message to edit not found"))
    await there.presses("Find films")
    await there.presses("Start the poll")
    draws(store, settings)
    await admin.at(club, topic=7).says("/models")
    assert {message.kind for message in there.messages} == {"text", "poll", "photo"}

    def down(*_: object) -> None:
        raise StoreUnavailable("no")

    monkeypatch.setattr(Store, "taste", down)
    await there.presses("Next ten")
    assert there.sees == DATABASE_DOWN
    assert not anna.at(club).messages, "nothing stands in the general topic"


@pytest.mark.parametrize("command", ["top", "my", "stop", "rate"])
async def test_who_writes_in_the_name_of_the_group_is_led_to_the_private_chat(
    there: Person, telegram: FakeTelegram, store: Store, command: str
):
    """All anonymous admins of all groups have one user id, and a person who presses a button has another."""
    people = store.people_counts()
    await telegram.in_the_name_of(there.chat).says(f"/{command}")
    assert "for our private chat" in there.sees
    assert url(there, "Open our private chat") == f"https://t.me/matinee_bot?start={command}"
    assert store.people_counts() == people


async def test_what_is_for_everybody_can_be_asked_for_in_the_name_of_the_group(
    there: Person, telegram: FakeTelegram, store: Store
):
    people, admin = store.people_counts(), telegram.in_the_name_of(there.chat)
    for command, says in (
        ("help", "/top"),
        ("privacy", "delete"),
        ("start", "Hello"),
        ("similar sabrina", "Which “sabrina” do you mean?"),
        ("night", "Who's in?"),
    ):
        await admin.says(f"/{command}")
        assert says in there.sees, command
    assert store.people_counts() == people
    await there.presses("Sabrina (1954)")
    assert "Like Sabrina (1954)" in there.sees
    await there.presses("I'm in")
    assert "In: Anna" in there.sees


async def test_groups_are_offered_what_suits_them(anna: Person, telegram: FakeTelegram):
    await telegram.run_jobs("announce_commands")
    offered: list[Any] = [
        [command["command"] for command in call["commands"]]
        for call in telegram.called("setMyCommands")
        if call.get("scope", {}).get("type") == "all_group_chats"
    ]
    assert offered[0] == ["top", "night", "rate", "similar", "help", "privacy"]


async def test_every_command_that_a_group_sends_to_the_private_chat_is_answered_there(
    anna: Person, there: Person, telegram: FakeTelegram
):
    """Each gets its own answer, and not the welcome that any other word after /start gets."""
    await rates(anna, heat="4½")
    await anna.says("/start nonsense")
    welcome, led = anna.sees, set()
    for command, _ in account_views.COMMANDS:
        for asks in (there, telegram.in_the_name_of(there.chat)):
            await asks.says(f"/{command}")
            if "for our private chat" in there.sees:
                led.add(command)
                link = url(there, "Open our private chat") or ""
                await anna.says(link.replace("https://t.me/matinee_bot?start=", "/start "))
                assert anna.sees != welcome, command
                assert "for our private chat" not in anna.sees, command
    assert {"my", "forget", "stop"} <= led
