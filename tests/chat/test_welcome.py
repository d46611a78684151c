"""/start: from a stranger to the first picks."""

from bot.frame.context import Services
from engine.store import Store
from tests import world
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import answers, rates, titles
from tests.fakes import FakeTelegram, Person


async def test_a_stranger_is_greeted_and_asked_about_the_first_of_five_films(anna: Person):
    await anna.says("/start")
    assert "I find films for you" in anna.sees
    assert "1 of 5" in anna.sees
    assert anna.buttons == ["½", "1", "1½", "2", "2½", "3", "3½", "4", "4½", "5", "Haven't seen it"]


async def test_a_simulated_audience_is_called_so(anna: Person):
    await anna.says("/start")
    assert "simulated" in anna.sees


async def test_after_the_fifth_answer_the_same_message_holds_ten_picks(anna: Person):
    await anna.says("/start")
    await answers(anna, "4", "5", "2", "3½", "4½")
    assert len(anna.messages) == 1
    assert "Ten for you · a first guess, from 5 ratings" in anna.sees
    assert len(titles(anna.sees)) == 10


async def test_each_question_is_about_another_film(anna: Person):
    await anna.says("/start")
    asked = []
    for number in range(1, 6):
        assert f"{number} of 5" in anna.sees
        asked.append(anna.sees.splitlines()[-1])
        await anna.presses("4")
    assert len(set(asked)) == 5


async def test_a_film_that_was_not_seen_is_skipped_and_counts_as_no_dislike(anna: Person, store: Store):
    await anna.says("/start")
    film = anna.sees.splitlines()[-1]
    await anna.presses("Haven't seen it")
    assert "1 of 5" in anna.sees
    assert anna.sees.splitlines()[-1] != film
    person = store.find_person(ANNA)
    assert person is not None
    taste = store.taste(person.id, world.NOW)
    assert not taste.ratings
    assert not taste.hidden


async def test_a_skipped_film_is_not_asked_about_for_half_a_year(anna: Person, clock: SettableClock):
    await anna.says("/start")
    skipped = set()
    for _ in range(50):
        if "Haven't seen it" not in anna.buttons:
            break
        film = anna.sees.splitlines()[-1]
        assert film not in skipped
        skipped.add(film)
        await anna.presses("Haven't seen it")
    assert "I have no more films to ask you about" in anna.sees
    clock.advance(days=181)
    await anna.says("/rate")
    assert anna.sees.splitlines()[-1] in skipped


async def test_a_skip_can_be_undone(anna: Person):
    await anna.says("/start")
    film = anna.sees.splitlines()[-1]
    await anna.presses("Haven't seen it")
    await anna.presses("Undo")
    assert anna.sees.splitlines()[-1] == film


async def test_an_answer_can_be_undone_and_given_again(anna: Person, store: Store):
    await anna.says("/start")
    film = anna.sees.splitlines()[-1]
    await anna.presses("1")
    assert "2 of 5" in anna.sees
    await anna.presses("Undo")
    assert "1 of 5" in anna.sees
    assert anna.sees.splitlines()[-1] == film
    person = store.find_person(ANNA)
    assert person is not None
    assert not store.taste(person.id, world.NOW).ratings


async def test_even_the_fifth_answer_can_be_undone(anna: Person):
    await anna.says("/start")
    await answers(anna, "4", "5", "2", "3½", "4½")
    await anna.presses("Undo")
    assert "5 of 5" in anna.sees


async def test_an_answer_delivered_twice_counts_once(anna: Person, store: Store):
    await anna.says("/start")
    await anna.presses("4")
    screen = anna.screen
    await anna.repeats()
    assert anna.screen == screen
    assert store.people_counts()["ratings"] == 1


async def test_the_first_picks_delivered_twice_are_the_same_films(anna: Person):
    await anna.says("/start")
    await answers(anna, "4", "5", "2", "3½", "4½")
    films = titles(anna.sees)
    await anna.repeats()
    assert titles(anna.sees) == films


async def test_who_stopped_half_way_goes_on_where_they_were(anna: Person):
    await anna.says("/start")
    await answers(anna, "4", "5")
    await anna.says("/start")
    assert "3 of 5" in anna.sees


async def test_who_has_rated_five_is_offered_picks(anna: Person):
    await rates(anna, heat="4", fargo="5", alien="3", casablanca="2", psycho="4")
    await anna.says("/start")
    assert "You have rated 5 films" in anna.sees
    await anna.presses("My picks")
    assert "Ten for you" in anna.sees


async def test_a_link_opens_its_film(anna: Person):
    await anna.says("/start m_20")
    assert anna.sees.startswith("The Matrix (1999) · Action, Sci-Fi, Thriller")


async def test_a_link_to_a_film_that_is_gone_says_so_and_goes_on(anna: Person):
    await anna.says("/start m_9999")
    assert "I don't have the film behind that link" in anna.sees
    assert "1 of 5" in anna.sees


async def test_a_link_that_was_made_up_is_a_plain_start(anna: Person):
    for made_up in ("m_", "m_-1", "m_99999999999999999999", "<b>", "x" * 64):
        await anna.says(f"/start {made_up}")
        assert "1 of 5" in anna.sees


async def test_a_telegram_id_above_32_bits_rates_and_gets_picks(
    telegram: FakeTelegram, services: Services, anna: Person
):
    other = telegram.person(6_123_456_789)
    await other.says("/start")
    await answers(other, "4", "5", "2", "3½", "4½")
    assert len(titles(other.sees)) == 10
