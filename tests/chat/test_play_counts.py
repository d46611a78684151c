"""A catalogue of artists with play counts: the chat asks which artists one knows, and never mentions films or stars."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from bot.features.digest import next_digest
from bot.frame.context import App
from bot.settings import BotSettings
from bot.speech.language import LANGUAGES
from engine.domain import PLAYED, RunKind, RunState
from engine.store import Store
from engine.store.migrate import migrate
from tests import artists
from tests.artists import OF_FILMS, OF_STARS, SCENE_OF, SCENES, words_of
from tests.chat import test_any_conversation as conversation
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import titles
from tests.fakes import FakeTelegram, Person, parse_html

STEPS = 150
ASIDE = ("Not for me", "For later")


@pytest.fixture(params=[True])
def store(settings: BotSettings, request: pytest.FixtureRequest) -> Iterator[Store]:
    """The tiny world of artists; with the parameter False, before its first training."""
    settings.folder.mkdir(parents=True)
    store = Store(settings.url)
    migrate(store)
    artists.build(store, published=request.param)
    yield store
    store.close()


untrained = pytest.mark.parametrize("store", [False], indirect=True)


async def knows(person: Person, *names: str) -> None:
    """Tell, by name, whom one listens to."""
    for name in names:
        await person.says(name)
        await person.presses("I listen to them")


def asked(person: Person) -> str:
    """The artist that the question on screen is about."""
    return person.sees.splitlines()[-1]


async def begins(person: Person, *, knows: str | None = None) -> set[str]:
    """Send /start and answer until the first picks come: with yes, or to ``knows`` only. Return who was known."""
    known: set[str] = set()
    await person.says("/start")
    while asked(person) in SCENE_OF:
        yes = knows is None or SCENE_OF[asked(person)] == knows
        known |= {asked(person)} if yes else set()
        await person.presses(person.buttons[0 if yes else 1])
    return known


async def test_five_artists_one_tap_each_and_ten_picks_with_reasons(anna: Person, store: Store, clock: SettableClock):
    await anna.says("/start")
    assert anna.sees.startswith("Hello! I find music for you. Tell me five artists that you listen to,")
    assert anna.buttons == ["I listen to them", "I don't listen to them"]
    known = set()
    for number in range(1, 6):
        assert f"{number} of 5" in anna.sees
        known.add(asked(anna))
        await anna.presses("I listen to them")
    assert len(anna.messages) == 1
    assert "Ten artists for you · a first guess, from 5 of yours" in anna.sees
    picks = titles(anna.sees)
    assert len(set(picks)) == 10
    assert not set(picks) & known
    first = anna.sees.splitlines()[3]
    assert any(f"because of {name}" in first for name in known), first
    assert " listeners" in first
    person = store.find_person(ANNA)
    assert person is not None
    assert [rating.stars for rating in store.taste(person.id, clock()).ratings] == [PLAYED] * 5


async def test_picks_follow_what_one_listens_to(anna: Person):
    known = await begins(anna, knows="jazz")
    assert len(known) == 5
    await anna.says("/top")
    (left,) = set(SCENES["jazz"]) - known
    assert titles(anna.sees)[0] == left
    await anna.presses("Why these?")
    assert "Based on 5 artists of yours. These counted most for each:" in anna.sees
    assert SCENE_OF[anna.sees.splitlines()[2].partition(": ")[2].split(", ")[0]] == "jazz"
    assert "I compare what you listen to with what everyone else plays." in anna.sees


async def test_what_was_told_never_comes_up(anna: Person):
    known = await begins(anna)
    await anna.says("nina simone")
    if "Nina Simone" not in known:
        await anna.presses("Not for me")
        known.add("Nina Simone")
    await anna.says("/top")
    shown = titles(anna.sees)
    while "Next ten" in anna.buttons:
        await anna.presses("Next ten")
        shown += titles(anna.sees)
    assert set(shown) == set(SCENE_OF) - known
    for scene in SCENES.values():
        await anna.says(f"/similar {scene[0]}")
        assert not set(titles(anna.sees)) & known
    for _ in range(9):
        await anna.says("/surprise")
        assert not set(titles(anna.sees)) & known


async def test_a_name_is_a_card_with_one_button_to_say_so(anna: Person):
    await anna.says("radioheed")
    assert anna.sees.splitlines() == ["Radiohead", "You don't listen to them yet · 299 listeners"]
    assert anna.buttons == ["I listen to them", *ASIDE, "Similar"]
    await anna.presses("I listen to them")
    assert anna.sees == "Radiohead: noted. Your picks already know."
    await anna.presses("Open the card")
    assert anna.sees == "Radiohead\nYou listen to them · 299 listeners"
    assert anna.buttons == ["Similar", "Undo: I listen to them"]
    await anna.says("placebo")
    assert "Because of Radiohead" in anna.sees


async def test_similar_artists(anna: Person):
    await anna.says("/similar coltrane")
    assert anna.sees.startswith("Artists like John Coltrane:")
    assert {SCENE_OF[name] for name in titles(anna.sees)[:5]} == {"jazz"}
    await anna.presses("1")
    await anna.presses("Back to the list")
    assert anna.sees.startswith("Artists like John Coltrane:")


async def test_undo_redo_and_the_list_of_ones_own(anna: Person):
    await knows(anna, "Blur", "Muse")
    await anna.says("/my")
    assert anna.sees.splitlines() == [
        "Artists you listen to, newest first: 2 artists", "1  Muse · 1 Mar 2026", "2  Blur · 1 Mar 2026",
    ]  # fmt: skip
    await anna.presses("Undo the last")
    assert anna.sees == "Taken back: Muse is not on your list."
    await anna.presses("Redo")
    assert anna.sees == "Muse is on your list again."
    await anna.says("/undo")
    await anna.says("blur")
    await anna.presses("Undo: I listen to them")
    assert anna.sees == "Blur is off your list. Your picks already know."
    await anna.says("/my")
    assert anna.sees == "You have not named an artist yet."


async def test_for_later_and_not_for_me(anna: Person):
    await anna.says("common")
    await anna.presses("For later")
    await anna.says("blur")
    await anna.presses("Not for me")
    assert "Blur: not for you. I'll leave them out for 180 days." in anna.sees
    await anna.says("/watchlist")
    assert anna.sees.startswith("Your list for later: 1 artist\n1  Common · ")
    await anna.says("/my")
    await anna.presses("Put aside")
    assert "1 artist that you put aside. Open the card to take that back." in anna.sees
    await anna.presses("1")
    await anna.presses("Undo: not for me")
    assert "Blur may come up among your picks again." in anna.sees


async def test_words_after_top_mean_nothing_here_and_nobody_is_offered_any(anna: Person):
    await begins(anna)
    for words in ("jazz", "80s", "smooth jazz after 1990"):
        await anna.says(f"/top {words}")
        assert anna.sees.startswith(f"I can't use “{words}”: I only know who listens to whom.\n\nTen artists")
        assert len(titles(anna.sees)) == 10
        assert "Genres" not in anna.buttons
    await anna.forges(f"g:{ANNA}:1:1")
    assert anna.sees.startswith("Ten artists for you")


async def test_a_surprise_is_safe_or_near(anna: Person):
    await knows(anna, "Miles Davis")
    await anna.says("/surprise")
    safe, near = anna.sees.splitlines()
    assert safe.startswith("1  Safe: ")
    assert safe.endswith(" listeners · your best pick")
    assert near.startswith("2  Near: ")
    assert near.endswith("close to Miles Davis, whom you listen to")
    await anna.presses("Surprise me again")
    assert "Safe" in anna.sees


async def test_there_is_nothing_to_import(anna: Person, store: Store):
    nothing = "There is nothing that I could import here. Send me the names of artists that you listen to."
    await anna.says("/import")
    assert anna.sees == nothing
    await anna.sends_document("ratings.csv", b"Name,Year,Rating\nBlur,1991,5\n")
    assert len(anna.messages) == 2
    assert anna.sees == nothing
    await anna.says("/help")
    assert "/import" not in anna.sees
    assert store.people_counts()["ratings"] == 0


async def test_what_is_exported_has_no_stars(anna: Person):
    await knows(anna, "Blur")
    await anna.says("/export")
    (file,) = [message.file for message in anna.messages if message.file is not None]
    name, content = file
    assert name == "matinee-everything.csv"
    assert content.decode().splitlines()[1].split(",")[2:] == ["Blur", "", "", ""]


async def test_forget_and_begin_anew(anna: Person):
    await knows(anna, "Blur")
    await anna.says("/forget")
    assert anna.sees.startswith("Delete everything that I know about you, 1 artist included?")
    await anna.presses("Delete everything")
    assert anna.sees.startswith("Done. Your lists and your id are deleted.")
    await anna.says("/start")
    assert "1 of 5" in anna.sees


async def test_an_artist_is_shared_by_name(anna: Person):
    await knows(anna, "Miles Davis")
    (card, *_) = await anna.asks_inline("nick drake")
    assert (card["title"], card["description"]) == ("Nick Drake", "256 listeners")
    content = card["input_message_content"]
    assert parse_html(content["message_text"]) == "Nick Drake\n256 listeners"
    (row,) = card["reply_markup"]["inline_keyboard"]
    assert [button["text"] for button in row] == ["Open, or find more like them"]
    own = await anna.asks_inline("")
    assert SCENE_OF[own[0]["title"]] == "jazz"
    assert "Miles Davis" not in {card["title"] for card in own}


@untrained
async def test_before_the_first_training_the_best_known_come(anna: Person):
    await begins(anna)
    assert "I'm still learning; picks of your own come soon." in anna.sees
    assert "Well-known artists\nThey are the same for everybody: I'm still learning.\n" in anna.sees
    await anna.says("/similar blur")
    assert anna.sees == "I have no artists like Blur that are new to you."


# --- Every word -------------------------------------------------------------------------------------------------------

READ = {"text", "caption", "title", "description", "message_text", "question"}
"""The visible text of a request."""


def said(given: Any, key: str = "") -> Iterator[str]:
    """Every text in what the bot sent."""
    if isinstance(given, dict):
        for name, value in given.items():
            yield from said(value, name)
    elif isinstance(given, list | tuple):
        for value in given:
            yield from said(value, key)
    elif key in READ | {"options"} and isinstance(given, str):
        yield given


def check_words(telegram: FakeTelegram, language: str, *, since: int = 0) -> None:
    """Check that no text mentions films or stars."""
    texts = {text for call in telegram.calls[since:] for text in said(call.params)}
    assert texts
    wrong = {text: found for text in texts if (found := words_of(text, OF_STARS[language], OF_FILMS[language]))}
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_whole_conversation_without_a_word_of_films_or_stars(
    language: str, application: App, telegram: FakeTelegram, clock: SettableClock, store: Store
):
    anna, bert = (telegram.person(number, name, language) for number, name in ((ANNA, "Anna"), (1002, "Bert")))
    await begins(anna, knows="rap")
    for place in (11, -1, 0):  # the next ten, the reasons, and back
        await anna.presses(anna.buttons[place])
    for text in (
        "/start", "/top", "/top jazz", "/top 90s", "/rate", "/rate blur", "/similar", "/similar blur", "/my", "/undo",
        "/watchlist", "/surprise", "/import", "/export", "/settings", "/help", "/privacy", "/night", "/stop", "/x",
        "nobody of that name", "the", "blur", "/start m_10", "/start m_999", "/start watchlist",
    ):  # fmt: skip
        await anna.says(text)
    await anna.says("cypress hill")
    for button in range(4):  # whatever its card offers, and takes back
        await anna.says("cypress hill")
        if button < len(anna.buttons):
            await anna.presses(anna.buttons[button])
            await anna.presses(anna.buttons[0])
    await anna.sends_document("x.csv", b"Name,Year,Rating\nBlur,1991,5\n")
    await anna.asks_inline("")
    await anna.asks_inline("blur")
    club = telegram.group()
    there = [anna.at(club), bert.at(club)]
    for text in ("/start", "/help", "/top", "/rate", "/similar blur", "/my", "/night jazz"):
        await there[0].says(text)
    for person in there:
        await person.presses(person.buttons[0])
    await there[0].presses(there[0].buttons[-1])  # find some
    await there[0].presses(there[0].buttons[6])  # others
    await there[0].presses(there[0].buttons[5])  # the poll
    await there[0].says("/night")
    await bert.says("/start")
    for _ in range(3):
        await bert.presses(bert.buttons[0])
    await bert.says("/settings")
    await bert.presses(bert.buttons[-1])  # on Fridays
    subscriber, before = store.find_person(bert.id), len(bert.messages)
    assert subscriber is not None
    clock.now = next_digest(subscriber.id, clock())
    for job in ("send_digests", "announce_commands", "end_nights"):
        await telegram.run_jobs(job)
    assert len(bert.messages) > before, "what comes on Fridays"
    for text in ("/my", "/forget"):
        await anna.says(text)
    await anna.presses(anna.buttons[0])
    await anna.says("/my")
    commands = [call for call in telegram.calls if call.method == "setMyCommands"]
    assert commands
    for call in commands:
        check_words_of(call.params, call.params.get("language_code") or "en")
    telegram.calls = [call for call in telegram.calls if call.method != "setMyCommands"]
    assert any(call.method == "sendPoll" for call in telegram.calls)
    check_words(telegram, language)


@pytest.mark.parametrize("job", ["follow_runs", "tell_admins"])
async def test_what_comes_of_a_run_is_told_without_a_word_of_them(
    admin: Person, telegram: FakeTelegram, store: Store, clock: SettableClock, job: str
):
    """The job runs without a message that would have set the texts for this data set."""
    await admin.says("/help")
    if job == "follow_runs":
        await admin.says("/retrain")
        run = store.claim_run(clock())
        assert run is not None
    else:
        run = store.request_run(RunKind.TRAIN, "schedule", clock(), take=True)
    store.finish_run(run.id, RunState.FAILED, clock(), error="out of memory")
    clock.advance(seconds=30)
    await telegram.run_jobs(job)
    assert "every answer is still queued" in admin.sees


def check_words_of(params: dict[str, Any], language: str) -> None:
    assert not words_of(" ".join(said(params)), OF_STARS[language], OF_FILMS[language])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_any_conversation_is_without_a_word_of_them(
    language: str, application: App, telegram: FakeTelegram, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
):
    """Random commands, buttons, texts and forged data, of an admin too."""
    monkeypatch.setattr(conversation, "WORDS", [*SCENE_OF, "jazz 80s", "m_20", "m_9999", "1", "radioheed", "a" * 300])
    chance = random.Random(language)
    people = [telegram.person(number, "P", language) for number in (ANNA, 5_000_000_001)]
    walkers = [conversation.Walker(person, chance) for person in people]
    for _ in range(STEPS):
        walker = chance.choice(walkers)
        try:
            await walker.step()
        except AssertionError as error:
            raise AssertionError(f"after {walker.done[-6:]}: {error}") from error
        for person in people:  # some button may have chosen another language
            person.user["language_code"] = language
    texts = {text for call in telegram.calls for text in said(call.params)}
    every = "|".join([*OF_STARS.values(), *OF_FILMS.values()])
    assert not {text for text in texts if words_of(text, every)}
