"""Any text is understood: greetings, commands as words, wishes, statements, people, titles."""

import pytest

from engine.store import Dismissal, Store
from tests.chat.conftest import ANNA
from tests.chat.reading import numbers, rates, titles
from tests.fakes import FakeTelegram, Person


def ratings(store: Store) -> int:
    return store.people_counts()["ratings"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hi", "Hello! Tell me what you would like to see"),
        ("thanks a lot!", "You're welcome!"),
        ("bye", "Goodbye!"),
        ("no thanks", "All right, maybe another time."),
        ("yes", "All right. Tell me what you are in the mood for."),
        ("what can you do?", "/top"),
        ("my ratings", "You have not rated anything yet"),
        ("settings", "I speak English with you."),
        ("what do you know about me?", "What I keep"),
        ("you are stupid", "Sorry! Tell me what you would like to see"),
        ("I've seen it", "Which film do you mean?"),
        ("🍿🍿", "Tell me what you would like to see"),
    ],
)
async def test_what_is_no_film_opens_none(anna: Person, text: str, answer: str):
    await anna.says(text)
    assert answer in anna.sees
    assert "[½]" not in anna.screen


async def test_a_wish_gets_a_list_whose_heading_says_what_was_understood(anna: Person):
    await rates(anna, heat="4½")
    await anna.says("What should I watch tonight?")
    assert len(titles(anna.sees)) == 10
    await anna.says("3 best crime films of the 90s please")
    assert "Crime, 1990–1999" in anna.sees
    assert len(titles(anna.sees)) == 3
    assert "I can't" not in anna.sees
    await anna.presses("More")
    assert numbers(anna.sees) == [4]


async def test_a_wish_says_what_it_left_out(anna: Person):
    await anna.says("slow westerns from the 60s on netflix")
    assert anna.sees.startswith("I can't filter by “slow” and “netflix”.")
    assert "Liked by most people · Western, 1960–1969\n" in anna.sees
    assert "Rio Bravo (1959)" not in titles(anna.sees)


async def test_either_genre_will_do(anna: Person):
    await anna.says("western or romance from 1995 to 2010")
    assert "Western or Romance, 1995–2010" in anna.sees
    assert {"True Grit (2010)", "Sabrina (1995)"} <= set(titles(anna.sees))


async def test_more_is_the_next_page(anna: Person):
    await anna.says("recommend me something")
    first = titles(anna.sees)
    await anna.says("more")
    assert len(first) == 10
    assert titles(anna.sees)
    assert not set(first) & set(titles(anna.sees))


async def test_like_a_film_combines_with_a_wish(anna: Person):
    await anna.says("like high noon but newer")
    assert anna.sees.startswith("Like High Noon (1952), 1953 or later:")
    shown = titles(anna.sees)
    assert shown[0] in ("Rio Bravo (1959)", "True Grit (2010)", "True Grit (1969)")
    assert len(shown) == len(set(shown))
    await anna.says("/top like high noon but newer")
    assert titles(anna.sees) == shown
    await anna.says("/similar high noon, but newer and slow")
    assert anna.sees.startswith("I can't filter by “slow”.")
    assert titles(anna.sees) == shown


async def test_more_films_like_one_come_page_by_page(anna: Person):
    """By a button and by a word; a card that was opened leads back to the page that it was on."""
    await anna.says("3 films like alien but newer")
    assert anna.sees.startswith("Like Alien (1979), 1980 or later:")
    shown = titles(anna.sees)
    assert len(shown) == 3
    await anna.presses("More")
    assert anna.sees.splitlines()[1].startswith("4  ")
    second = titles(anna.sees)
    await anna.presses("4")
    await anna.presses("Back to picks")
    assert titles(anna.sees) == second
    shown += second
    while True:
        await anna.says("more")
        if "That's all: I have no more films that fit." in anna.sees:
            break
        shown += titles(anna.sees)
    assert len(set(shown)) == len(shown) > 6
    years = [int(title[-5:-1]) for title in shown]
    assert min(years) >= 1980


async def test_like_a_film_that_was_made_twice_asks_which(anna: Person):
    await anna.says("something like true grit")
    assert anna.buttons == ["True Grit (2010)", "True Grit (1969)"]
    await anna.presses("True Grit (1969)")
    assert anna.sees.startswith("Like True Grit (1969):")


async def test_a_statement_shows_the_card_with_the_act_one_tap_away(anna: Person, store: Store):
    await anna.says("I loved Heat")
    assert "How many stars for Heat? One tap, and it counts." in anna.sees
    assert "Heat (1995)" in anna.sees
    assert ratings(store) == 0
    await anna.presses("Give it 5")
    assert anna.sees.startswith("Heat, 5. ")
    assert ratings(store) == 1


async def test_named_stars_are_offered_not_given(anna: Person, store: Store):
    await anna.says("Fargo gets 4 stars")
    assert anna.sees.startswith("4 for Fargo? One tap, and it counts.")
    assert ratings(store) == 0
    await anna.presses("Give it 4")
    assert ratings(store) == 1


async def test_with_whole_stars_only_whole_ones_are_offered(anna: Person):
    await anna.says("/settings")
    await anna.presses("Whole stars")
    await anna.says("I loved Heat")
    assert [label for label in anna.buttons if label.startswith("Give it")] == ["Give it 5"]


@pytest.mark.parametrize(
    ("text", "label", "kind"),
    [
        ("I've already seen Fargo", "Yes, I have seen it", Dismissal.SEEN),
        ("I want to see Fargo", "Keep it for later", Dismissal.WATCHLIST),
        ("not interested in Fargo", "Leave it out", Dismissal.NOT_FOR_ME),
    ],
)
async def test_what_is_said_of_a_film_besides_stars(
    anna: Person, store: Store, text: str, label: str, kind: Dismissal, clock
):
    await anna.says(text)
    person = store.find_person(ANNA)
    assert person is not None
    assert not store.taste(person.id, clock()).put_aside
    await anna.presses(label)
    assert [put.kind for put in store.taste(person.id, clock()).put_aside] == [kind]


async def test_undo_in_words_takes_the_last_act_back(anna: Person, store: Store):
    await rates(anna, heat="4½")
    await anna.says("oops, undo that please")
    assert "Taken back: Heat has no rating from you." in anna.sees
    assert ratings(store) == 0


async def test_people_are_answered_honestly(anna: Person):
    for text in ("Tarantino", "movies with Tom Hanks"):
        await anna.says(text)
        assert "who made a film" in anna.sees
        assert text.split()[-1] in anna.sees


@pytest.mark.parametrize(
    "text", ["https://www.imdb.com/title/tt0113277/", "tt0113277", "https://www.themoviedb.org/movie/949-heat"]
)
async def test_a_films_page_elsewhere_opens_its_card(anna: Person, text: str):
    await anna.says(text)
    assert anna.sees.startswith("Heat (1995)")


async def test_why_is_about_the_list_that_was_shown_last(anna: Person):
    await anna.says("western")
    await anna.says("why?")
    assert anna.sees == "Liked by most people · Western\nRate a few films to get a list of your own."
    await rates(anna, high_noon="5", the_matrix="5")
    await anna.says("western")
    await anna.says("why?")
    assert "Rio Bravo: High Noon" in anna.sees


async def test_a_link_that_no_film_here_can_be_found_by(anna: Person):
    await anna.says("https://example.org/heat")
    assert "I can't tell which film that link is about. Send me its title." in anna.sees


async def test_the_page_of_another_film_is_said_to_be_unknown(anna: Person):
    await anna.says("https://www.imdb.com/title/tt9999999/")
    assert "I don't have the film on that page" in anna.sees


async def test_what_means_nothing_is_said_not_to(anna: Person):
    await anna.says("qwert zuiop asdf yxcvb")
    assert "I didn't understand “qwert zuiop asdf yxcvb”" in anna.sees


@pytest.mark.parametrize(
    ("language", "text", "answer"),
    [
        ("de", "die besten Krimis der 90er", "Krimi, 1990–1999"),
        ("de", "ich fand Heat super", "Wie viele Sterne für Heat?"),
        ("de", "Der Pate", "The Godfather (1972)"),
        ("de", "danke!", "Gern!"),
        ("es", "películas del oeste de los 60", "Western, 1960–1969"),
        ("es", "me encantó Heat", "¿Cuántas estrellas para Heat?"),
        ("es", "El padrino", "The Godfather (1972)"),
        ("es", "¡hola!", "¡Hola! Dime qué te gustaría ver"),
    ],
)
async def test_all_languages_are_spoken(application, telegram: FakeTelegram, language: str, text: str, answer: str):
    someone = telegram.person(2002, "Kim", language=language)
    await someone.says(text)
    assert answer in someone.sees


async def test_a_group_is_left_alone_unless_it_speaks_to_us(anna: Person, telegram: FakeTelegram):
    club = anna.at(telegram.group())
    for text in ("hi", "heat", "10 best horror films", "@somebody hello"):
        await club.says(text)
    assert not club.messages
    await club.says("@matinee_bot crime films of the 90s")
    assert "Crime, 1990–1999" in club.sees
    await club.says("hey @matinee_bot I loved Heat")
    assert "Heat (1995)" in club.sees
    assert "Give it 5" not in club.buttons
    await club.says("@matinee_bot my ratings")
    assert "for our private chat" in club.sees
