"""Any text is a title, and /similar finds films like one."""

import pytest

from tests.chat.reading import numbers, titles
from tests.fakes import FakeTelegram, Person


@pytest.mark.parametrize(
    ("text", "film"),
    [
        ("the matrx", "The Matrix (1999)"),
        ("Matrix, The", "The Matrix (1999)"),
        ("usual suspects", "The Usual Suspects (1995)"),
        ("star wars", "Star Wars: Episode IV - A New Hope (1977)"),
        ("amélie", "Amelie (2001)"),
        ("true grit 1969", "True Grit (1969)"),
        ("1941", "1941 (1979)"),
    ],
)
async def test_a_text_that_is_clear_enough_shows_the_card_at_once(anna: Person, text: str, film: str):
    await anna.says(text)
    assert anna.sees.startswith(film)


async def test_several_matches_become_buttons_with_years(anna: Person):
    await anna.says("sabrina")
    assert "do you mean?" in anna.sees
    assert anna.buttons == ["Sabrina (1954)", "Sabrina (1995)"]
    await anna.presses("Sabrina (1995)")
    assert anna.sees.startswith("Sabrina (1995)")
    assert len(anna.messages) == 1


@pytest.mark.parametrize("text", ["zzzzqqq", "%s {title} \\", "<q>zzzz</q>", "x" * 4096, "a" * 5000])
async def test_a_text_that_names_nothing_gets_a_helpful_answer(anna: Person, text: str):
    await anna.says(text)
    assert "I can't find a film called" in anna.sees
    assert "My picks" in anna.buttons


@pytest.mark.parametrize("text", ["🎬", "…", "'", "?!"])
async def test_a_text_without_a_letter_is_no_title(anna: Person, text: str):
    await anna.says(text)
    assert anna.sees.startswith("Tell me what you would like to see")
    assert "My picks" in anna.buttons


async def test_similar_lists_ten_at_most_with_numbers_that_open_cards(anna: Person):
    await anna.says("/similar high noon")
    assert "Like High Noon (1952):" in anna.sees
    assert titles(anna.sees)[0] in ("Rio Bravo (1959)", "True Grit (2010)", "True Grit (1969)")
    assert numbers(anna.sees) == list(range(1, 11))
    film = titles(anna.sees)[4]
    await anna.presses("5")
    assert anna.sees.startswith(film)


async def test_similar_says_what_the_films_share(anna: Person):
    """The world stores reasons with the first of each list alone; a tag comes from the data set, and is no HTML."""
    await anna.says("/similar high noon")
    films = titles(anna.sees)
    await anna.presses("Why these?")
    heading, first, second = anna.sees.splitlines()[:3]
    assert heading == "In common with High Noon (1952):"
    assert first.endswith(f": liked by the same people · <cult>, {films[0][-5:-1]}")
    assert second.endswith(f": Western, {films[1][-5:-1]}")
    await anna.presses("Back to the list")
    assert titles(anna.sees) == films


async def test_similar_to_an_unclear_title_asks_which(anna: Person):
    await anna.says("/similar true grit")
    assert anna.buttons == ["True Grit (2010)", "True Grit (1969)"]
    await anna.presses("True Grit (1969)")
    assert anna.sees.startswith("Like True Grit (1969):")


async def test_similar_alone_says_how_to_ask(anna: Person):
    await anna.says("/similar")
    assert "/similar Heat" in anna.sees


async def test_similar_to_a_title_that_nobody_knows_is_answered(anna: Person):
    await anna.says("/similar zzzzqqq")
    assert "I can't find a film called “zzzzqqq”" in anna.sees


async def test_in_a_group_talk_is_left_alone(anna: Person, telegram: FakeTelegram):
    club = anna.at(telegram.group())
    await club.says("heat")
    await club.says("/nothing_of_ours")
    assert not club.messages
