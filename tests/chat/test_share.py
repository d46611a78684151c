"""Inline mode: films for any chat."""

from tests.chat.reading import rates, titles
from tests.fakes import FakeTelegram, Person


async def test_a_title_offers_its_films_to_everybody_in_their_language(anna: Person, telegram: FakeTelegram):
    results = await anna.asks_inline("sabrina")
    assert [result["title"] for result in results[:2]] == ["Sabrina (1954)", "Sabrina (1995)"]
    answer = telegram.called("answerInlineQuery")[-1]
    assert answer["is_personal"]
    assert answer["cache_time"] == 300


async def test_a_shared_card_says_nothing_of_the_person_and_leads_to_the_film(anna: Person):
    await rates(anna, heat="4½")
    (result, *_) = await anna.asks_inline("heat")
    text = result["input_message_content"]["message_text"]
    assert "Heat (1995)" in text
    assert "4½" not in text
    (rate,), (imdb,) = result["reply_markup"]["inline_keyboard"]
    assert rate["url"] == "https://t.me/matinee_bot?start=m_30"
    assert imdb["url"] == "https://www.imdb.com/title/tt0113277/"


async def test_an_empty_query_offers_ones_own_picks_to_nobody_else(anna: Person, telegram: FakeTelegram):
    await rates(anna, high_noon="5", rio_bravo="5")
    results = await anna.asks_inline("")
    await anna.says("/top")
    assert [result["title"] for result in results] == titles(anna.sees)
    answer = telegram.called("answerInlineQuery")[-1]
    assert answer["is_personal"]
    assert answer["cache_time"] in (0, None) or "cache_time" not in answer


async def test_a_stranger_is_offered_what_most_people_like_and_not_kept(anna: Person, telegram: FakeTelegram, store):
    stranger = telegram.person(4711)
    assert len(await stranger.asks_inline("  ")) == 10
    assert store.find_person(4711) is None


async def test_titles_that_nobody_knows_and_odd_ones_are_answered(anna: Person):
    assert await anna.asks_inline("zzzzqqq") == []
    for text in ("<b>tag", "🎬", "x" * 256):
        await anna.asks_inline(text)
