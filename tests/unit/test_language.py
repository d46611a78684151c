"""The choice of a language, and its numbers."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.features import card_views, rating_views
from bot.speech import language, views, vocabulary, words
from bot.speech.understanding import SpokenWish, World, understand_wish
from engine.domain import Film
from engine.serving.title_index import TitleIndex
from engine.serving.wish import Wish

HEAT = Film(1, "Heat (1995)", "Heat", (), 1995, ("Crime", "Thriller"), rating_count=12_345, mean_stars=3.95)


@pytest.mark.parametrize(
    ("wished", "code"),
    [
        (("de",), "de"),
        (("de-AT",), "de"),
        (("es_MX",), "es"),
        (("DE",), "de"),
        (("pt-br", "es"), "es"),
        ((None, "es"), "es"),
        (("fr",), "en"),
        ((None,), "en"),
        (("",), "en"),
        (("-",), "en"),
        ((), "en"),
    ],
)
def test_the_first_language_that_we_speak_is_spoken(wished: tuple[str | None, ...], code: str):
    assert language.choose(*wished) == code


def test_another_language_is_spoken_for_a_while_only():
    with language.speaking("de"):
        assert language._("Undo") == "Rückgängig"
        with language.speaking("es"):
            assert language._("Undo") == "Deshacer"
        assert language._("Undo") == "Rückgängig"
    assert language._("Undo") == "Undo"


async def test_threads_speak_the_language_of_whoever_sent_them_and_tasks_do_not_mix():
    async def says(code: str) -> str:
        with language.speaking(code):
            await asyncio.sleep(0)
            return await asyncio.to_thread(language._, "Undo")

    assert await asyncio.gather(says("de"), says("es"), says("en")) == ["Rückgängig", "Deshacer", "Undo"]


@pytest.mark.parametrize(
    ("code", "ratings"),
    [
        ("en", ("0 ratings wait", "1 rating waits", "2 ratings wait", "1,234 ratings wait", "12,345 ratings wait")),
        (
            "de",
            (
                "0 Bewertungen warten",
                "1 Bewertung wartet",
                "2 Bewertungen warten",
                "1.234 Bewertungen warten",
                "12.345 Bewertungen warten",
            ),
        ),
        (
            "es",
            (
                "0 puntuaciones esperan",
                "1 puntuación espera",
                "2 puntuaciones esperan",
                "1234 puntuaciones esperan",
                "12.345 puntuaciones esperan",
            ),
        ),
    ],
)
def test_one_and_many_are_told_apart(code: str, ratings: tuple[str, ...]):
    with language.speaking(code):
        for n, text in zip((0, 1, 2, 1_234, 12_345), ratings, strict=True):
            assert text in rating_views.rated(HEAT, 4.5, n, trained=False)


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("en", ("1,234.5", "0.312", "-7", "12,345")),
        ("de", ("1.234,5", "0,312", "-7", "12.345")),
        ("es", ("1234,5", "0,312", "-7", "12.345")),
    ],
)
def test_numbers_are_written_as_people_there_do(code: str, texts: tuple[str, ...]):
    with language.speaking(code):
        written = (language.number(1234.5, 1), language.number(0.3121, 3), language.number(-7), language.number(12_345))
    assert written == texts


@pytest.mark.parametrize(("code", "text"), [("en", "3 Mar 2026"), ("de", "3. März 2026"), ("es", "3 mar 2026")])
def test_dates_are_written_as_people_there_do(code: str, text: str):
    with language.speaking(code):
        assert words.day(datetime(2026, 3, 3, tzinfo=UTC)) == text


def test_genres_are_translated_and_titles_are_not():
    film = Film(2, "Undo (1994)", "Undo", (), 1994, ("Comedy", "Film-Noir", "Heimatfilm"))
    with language.speaking("de"):
        assert card_views.heading(film) == "Undo (1994)"
        assert card_views.summary(film) == "Komödie, Film noir, Heimatfilm"
        assert card_views.summary(HEAT) == "Krimi, Thriller · 4,0 (12.345)"


def test_an_empty_text_stays_empty():
    """Gettext would answer it with the header of the catalogue."""
    with language.speaking("de"):
        assert words.say("") == ""


GENRES = sorted(language.GENRES)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("komödie 80er", Wish(("Comedy",), since=1980, until=1989)),
        ("Komodie ohne Horror nach 2000", Wish(("Comedy",), ("Horror",), since=2001)),
        ("Krimi aus den 1970er Jahren", Wish(("Crime",), since=1970, until=1979)),
        ("Kriegsfilm vor 1960, kein Drama", Wish(("War",), ("Drama",), until=1959)),
        ("science-fiction seit 1990 bis 1999", Wish(("Sci-Fi",), since=1990, until=1999)),
        ("Filme für Kinder", Wish(("Children",))),
        ("comedia sin terror después de 2000", Wish(("Comedy",), ("Horror",), since=2001)),
        ("ciencia ficción de los años 80", Wish(("Sci-Fi",), since=1980, until=1989)),
        ("ciencia ficcion años 1980", Wish(("Sci-Fi",), since=1980, until=1989)),
        ("cine negro antes de 1950", Wish(("Film-Noir",), until=1949)),
        ("una película de acción y aventuras desde 1995", Wish(("Action", "Adventure"), since=1995)),
        ("bélica, no drama", Wish(("War",), ("Drama",))),
    ],
)
def test_wishes_are_understood_in_all_languages(text: str, wish: Wish):
    world = World(TitleIndex([]), tuple(GENRES), newest=2024, this_year=2026)
    assert understand_wish(text, world) == SpokenWish(wish)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Komödie, ohne Horror, 2001 oder später"),
        ("es", "Comedia, sin Terror, 2001 o después"),
    ],
)
def test_wishes_are_put_in_words(code: str, text: str):
    with language.speaking(code):
        assert views.wished(Wish(("Comedy",), ("Horror",), 2001)) == text


def test_whoever_is_answered_in_a_language_is_understood_in_it() -> None:
    assert set(vocabulary.LANGUAGES) == set(language.LANGUAGES) == set(language._SIGNS)
