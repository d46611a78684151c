"""A bot that not everybody may talk to; and how much one person may do in a day."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import Services
from bot.frame.door import STRANGER
from bot.settings import BotSettings
from engine.serving.library import Library
from engine.settings import SettingsError
from engine.store import Store
from tests.chat.conftest import ADMIN, ANNA, SettableClock
from tests.fakes import FakeTelegram, Person
from tests.unit.test_ratings_file import LETTERBOXD

FRIEND, STRANGE = 1500, 6_000_000_002


@pytest.fixture
async def behind(services: Services, telegram: FakeTelegram) -> AsyncIterator[FakeTelegram]:
    """A bot that talks to a friend, to its admin, and to those who are invited."""
    settings = services.settings.model_copy(update={"allowed": frozenset({FRIEND})})
    application = build_application(replace(services, settings=settings), FEATURES, request=telegram)
    async with telegram.runs(application):
        yield telegram


@pytest.fixture
def stranger(behind: FakeTelegram) -> Person:
    return behind.person(STRANGE, "Sam")


@pytest.fixture
def ada(behind: FakeTelegram) -> Person:
    return behind.person(ADMIN, "Ada")


async def invites(admin: Person, words: str = "") -> str:
    """Have an admin make a link, and return what somebody says who follows it."""
    await admin.says(f"/invite {words}".strip())
    return "/start " + admin.sees.rpartition("?start=")[2].split()[0]


async def test_who_is_named_may_talk(behind: FakeTelegram):
    friend = behind.person(FRIEND)
    await friend.says("heat")
    assert friend.sees.startswith("Heat")


async def test_a_stranger_reads_one_polite_line_and_leaves_nothing_behind(stranger: Person, store: Store):
    counted = REGISTRY.get_sample_value("matinee_bot_strangers_total") or 0
    for text in ("/start", "heat", "/top", "hello?", "/start i_guessed-code"):
        await stranger.says(text)
    assert [message.text for message in stranger.messages] == [STRANGER]
    assert store.find_person(STRANGE) is None
    assert (REGISTRY.get_sample_value("matinee_bot_strangers_total") or 0) - counted == 5


async def test_a_stranger_is_told_in_their_language(behind: FakeTelegram):
    sofia = behind.person(STRANGE, "Sofía", language="es")
    await sofia.says("/start")
    assert sofia.sees.startswith("Para hablar conmigo hace falta una invitación.")


async def test_a_strangers_tap_is_answered_and_does_nothing(behind: FakeTelegram, stranger: Person, store: Store):
    friend = behind.person(FRIEND)
    await friend.says("heat")
    button = friend.message.button("4")
    assert button is not None
    assert button.data is not None
    await stranger.forges(button.data, inline=True)
    assert stranger.toast == STRANGER
    assert stranger.messages == []
    assert store.find_person(STRANGE) is None


async def test_a_stranger_finds_nothing_inline(stranger: Person):
    assert await stranger.asks_inline("heat") == []


async def test_in_a_group_strangers_are_answered_only_where_they_speak_to_the_bot(
    behind: FakeTelegram, stranger: Person, store: Store
):
    club = behind.group()
    there = stranger.at(club)
    await there.says("nice weather")
    assert there.messages == []
    await there.says("/night")
    assert there.sees == STRANGER
    friend = behind.person(FRIEND).at(club)
    await friend.says("/night")
    assert "Nobody is in yet." in friend.sees
    await stranger.at(club).presses("I'm in", in_message=friend.message)
    assert stranger.toast == STRANGER
    assert store.find_person(STRANGE) is None


async def test_a_link_lets_so_many_in(behind: FakeTelegram, ada: Person):
    link = await invites(ada, "2")
    assert "2 people" in ada.sees
    people = [behind.person(STRANGE + number) for number in range(3)]
    for person in people:
        await person.says(link)
    assert ["1 of 5" in person.sees for person in people] == [True, True, False]
    await people[0].says("heat")
    assert people[0].sees.startswith("Heat"), "who has come stays"


async def test_a_link_is_used_once_by_each(ada: Person, behind: FakeTelegram):
    link = await invites(ada, "2")
    anna, bert = behind.person(STRANGE), behind.person(STRANGE + 1)
    for person in (anna, anna, bert):
        await person.says(link)
    assert "1 of 5" in bert.sees


async def test_a_link_that_was_revoked_lets_nobody_in(ada: Person, stranger: Person):
    link = await invites(ada)
    await ada.presses("Revoke")
    assert "lets nobody in" in ada.sees
    await stranger.says(link)
    assert stranger.sees == STRANGER


async def test_who_wants_to_be_forgotten_gives_their_place_up(ada: Person, stranger: Person, store: Store):
    await stranger.says(await invites(ada))
    await stranger.says("/forget")
    await stranger.presses("Delete")
    assert store.find_person(STRANGE) is None
    await stranger.says("/top")
    assert stranger.sees == STRANGER
    assert store.find_person(STRANGE) is None


async def test_only_admins_invite(behind: FakeTelegram):
    friend = behind.person(FRIEND)
    await friend.says("/invite")
    assert "for my admins" in friend.sees


async def test_where_the_door_is_open_there_is_nothing_to_invite_to(admin: Person):
    await admin.says("/invite")
    assert "MATINEE_ALLOWED" in admin.sees


@pytest.mark.parametrize(
    ("value", "allowed"), [("", set()), ("7, 8", {7, 8}), ("invited", {"invited"}), ("7,invited", {7, "invited"})]
)
def test_the_setting_names_people_or_leaves_it_to_invitations(
    monkeypatch: pytest.MonkeyPatch, value: str, allowed: set[object]
):
    monkeypatch.setenv("MATINEE_ALLOWED", value)
    assert BotSettings(_env_file=None).allowed == allowed


def test_a_name_is_no_id(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MATINEE_ALLOWED", "anna")
    with pytest.raises((SettingsError, ValidationError), match=r"(?i)allowed"):
        BotSettings(_env_file=None)


# Limits


@pytest.fixture
async def anna(
    settings: BotSettings, store: Store, telegram: FakeTelegram, clock: SettableClock
) -> AsyncIterator[Person]:
    """Anna, who may rate three times a day."""
    limited = Store(settings.url, ratings_a_day=3)
    services = Services(settings=settings, store=limited, library=Library(limited), clock=clock)
    async with telegram.runs(build_application(services, FEATURES, request=telegram)):
        yield telegram.person(ANNA)
    limited.close()


async def test_a_day_has_so_many_ratings(anna: Person, store: Store, clock: SettableClock):
    for stars in ("1", "2", "2", "3", "4"):  # the same again is none
        await anna.says("heat")
        await anna.presses(stars)
    assert anna.sees == "I take no more than 3 changes a day from one person. Please go on tomorrow."
    person = store.find_person(ANNA)
    assert person is not None
    assert [event.stars for event in store.events_of(person.id)] == [1, 2, 3]
    clock.advance(days=1)
    await anna.says("heat")
    await anna.presses("5")
    assert anna.sees.startswith("Heat, 5.")


async def test_a_day_has_so_many_imports_and_undoing_one_gives_none_back(
    settings: BotSettings, store: Store, telegram: FakeTelegram, clock: SettableClock
):
    services = Services(settings.model_copy(update={"imports_a_day": 2}), store, Library(store), clock)
    async with telegram.runs(build_application(services, FEATURES, request=telegram)):
        anna = telegram.person(ANNA)

        async def imports() -> None:
            await anna.sends_document("ratings.csv", LETTERBOXD.encode())
            await anna.presses("Import")

        for _ in range(2):
            await imports()
            await anna.presses("Undo")
        await imports()
        assert anna.sees == "You have imported 2 files today. Please go on tomorrow."
        person = store.find_person(ANNA)
        assert person is not None
        assert not store.taste(person.id, clock()).ratings
        clock.advance(days=1)
        await imports()
        assert "ratings are in" in anna.sees
