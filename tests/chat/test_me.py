"""/me: one's own taste, in words and as a picture."""

from engine.runs.portraits import draw_waiting
from engine.store import Store
from tests import world
from tests.chat.reading import rates
from tests.clockwork import SettableClock
from tests.fakes import FakeTelegram, Person

NO_PICTURE = "There is no picture this time: the engine, which draws it, is not running. The words are all there."


async def rates_westerns(person: Person) -> None:
    await rates(person, high_noon="5", rio_bravo="5", unforgiven="5", casablanca="2", the_godfather="1", heat="4")


async def test_the_words_come_at_once_and_the_picture_when_it_is_drawn(
    anna: Person, telegram: FakeTelegram, store: Store
):
    await rates_westerns(anna)
    await anna.says("/me")
    assert anna.sees.splitlines() == [
        "My taste: 6 films",
        "I give 3.7 stars on average; everyone gives the same films 4.1. On 17 % of them we agree.",
        "",
        "Genres",
        "Drama · 3 films · 2.7 stars, everyone 4.2",
        "Western · 3 films · 5.0 stars, everyone 4.0",
        "Crime · 2 films",
        "Romance · 1 film",
        "Thriller · 1 film",
        "",
        "More stars than usual: Western.",
        "Fewer stars than usual: Drama.",
        "",
        "Decades",
        "1940s · 1 film",
        "1950s · 2 films",
        "1970s · 1 film",
        "1990s · 2 films",
        "",
        "Where I disagree with everyone, in stars",
        "High Noon (1952): 5, everyone 4.0",
        "Rio Bravo (1959): 5, everyone 4.0",
        "The Godfather (1972): 1, everyone 4.3",
        "Casablanca (1942): 2, everyone 4.2",
        "",
        "In the last twelve months: 6 films, most of them in Mar 2026 (6).",
        "The best of them: High Noon (1952), Rio Bravo (1959) and Unforgiven (1992).",
    ]
    await telegram.run_jobs("send_portraits")
    assert not telegram.called("sendPhoto")
    draw_waiting(store, lambda: world.NOW)
    await telegram.run_jobs("send_portraits")
    picture = anna.messages[-1]
    assert picture.kind == "photo"
    assert picture.file is not None
    assert picture.file[1].startswith(b"\x89PNG")
    assert picture.text.splitlines()[0] == "My taste: 6 films"
    await telegram.run_jobs("send_portraits")
    assert len(telegram.called("sendPhoto")) == 1


async def test_without_an_engine_the_words_stand_alone_and_that_is_said_once(
    anna: Person, telegram: FakeTelegram, clock: SettableClock, store: Store
):
    await rates_westerns(anna)
    await anna.says("/me")
    clock.advance(seconds=10)
    await telegram.run_jobs("send_portraits")
    assert "My taste" in anna.sees
    clock.advance(seconds=10)
    await telegram.run_jobs("send_portraits")
    assert anna.sees == NO_PICTURE
    before = len(anna.messages)
    assert draw_waiting(store, clock) == 0, "an engine that comes back draws nothing that nobody waits for"
    await telegram.run_jobs("send_portraits")
    assert len(anna.messages) == before
    assert not telegram.called("sendPhoto")


async def test_a_picture_that_was_sent_can_be_put_into_any_chat_by_nobody_else(
    anna: Person, telegram: FakeTelegram, store: Store
):
    await rates_westerns(anna)
    await anna.says("/me")
    assert [result["id"] for result in await anna.asks_inline("/me")] == ["words"]
    draw_waiting(store, lambda: world.NOW)
    await telegram.run_jobs("send_portraits")
    assert anna.messages[-1].markup["inline_keyboard"][0][0]["switch_inline_query"] == "/me"
    picture, words = await anna.asks_inline("/me")
    assert picture["photo_file_id"] == telegram.called("answerInlineQuery")[-1]["results"][0]["photo_file_id"]
    assert picture["caption"] == words["input_message_content"]["message_text"]
    assert "My taste: 6 films" in picture["caption"]
    for said in (picture["caption"], str(picture), str(words)):
        assert "Anna" not in said
        assert "1001" not in said
    answer = telegram.called("answerInlineQuery")[-1]
    assert answer["is_personal"]
    assert not answer.get("cache_time")
    boris = telegram.person(1002, "Boris")
    assert await boris.asks_inline("/me") == []
    assert store.find_person(1002) is None


async def test_with_few_films_there_is_nothing_to_say_yet(anna: Person, store: Store):
    await rates(anna, heat="4")
    await anna.says("/me")
    assert "Rate at least five films" in anna.sees
    assert store.waiting_portraits(9) == []
    assert await anna.asks_inline("/me") == []


async def test_in_ones_own_language_picture_included(telegram: FakeTelegram, application, store: Store):
    karl = telegram.person(1003, "Karl", language="de")
    await rates_westerns(karl)
    await karl.says("Mein Geschmack")
    assert karl.sees.splitlines()[0] == "Mein Geschmack: 6 Filme"
    (waiting,) = store.waiting_portraits(9)
    assert waiting.sheet is not None
    assert (waiting.sheet.title, waiting.sheet.mine) == ("Mein Geschmack: 6 Filme", "ich")
    assert [panel.title for panel in waiting.sheet.panels] == ["Genres, in Sternen", "Jahrzehnte", "Meine Sterne"]
    draw_waiting(store, lambda: world.NOW)
    await telegram.run_jobs("send_portraits")
    assert karl.messages[-1].text.startswith("Mein Geschmack: 6 Filme")


async def test_in_a_group_it_leads_to_the_private_chat(anna: Person, telegram: FakeTelegram):
    await rates_westerns(anna)
    club = telegram.group()
    await anna.at(club).says("/me")
    assert "for our private chat" in anna.at(club).sees
    await anna.says("/start me")
    assert "My taste: 6 films" in anna.sees


async def test_ratings_taken_back_while_it_is_drawn_are_shown_to_nobody(
    anna: Person, telegram: FakeTelegram, store: Store
):
    await rates_westerns(anna)
    await anna.says("/me")
    draw_waiting(store, lambda: world.NOW)
    await anna.says("/forget")
    await anna.presses("Delete everything")
    await telegram.run_jobs("send_portraits")
    assert not telegram.called("sendPhoto")


async def test_a_refused_picture_ends_nothing(anna: Person, telegram: FakeTelegram, store: Store):
    await rates_westerns(anna)
    await anna.says("/me")
    draw_waiting(store, lambda: world.NOW)
    telegram.times_out("sendPhoto")
    await telegram.run_jobs("send_portraits")
    await anna.says("/me")
    assert "My taste" in anna.sees
