"""A film's card: what it says, and what its buttons do."""

from engine.store import Store
from tests import world
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import rates, titles
from tests.fakes import Person


async def test_a_card_says_what_there_is_to_say(anna: Person):
    await rates(anna, blade_runner="5", alien="4½")
    await anna.says("the matrix")
    lines = anna.sees.splitlines()
    assert lines[0] == "The Matrix (1999) · Action, Sci-Fi, Thriller"
    assert lines[1].startswith("You: not rated · about 4")
    assert lines[1].endswith("for you · everyone: 4.2 (278)")
    assert lines[2] == "Because of Blade Runner and Alien"
    assert anna.buttons == [
        "½", "1", "1½", "2", "2½", "3", "3½", "4", "4½", "5",
        "Seen it", "Not for me", "Watchlist", "Similar", "IMDb",
    ]  # fmt: skip


async def test_a_stranger_is_told_no_stars_of_their_own(anna: Person):
    """For somebody unknown, the average is not shown as a prediction."""
    await anna.says("the matrix")
    assert "You: not rated · everyone: 4.2 (278)" in anna.sees


async def test_a_rated_film_shows_their_stars_instead_of_ours(anna: Person):
    await rates(anna, the_matrix="4½")
    await anna.says("the matrix")
    assert "You: 4½ · everyone" in anna.sees
    assert "about" not in anna.sees
    assert "Remove my rating" in anna.buttons


async def test_a_film_that_nobody_rated_says_so(anna: Person):
    await anna.says("<b>Tag & Co_</b>")
    assert anna.sees.startswith("<b>Tag & Co_</b> (1998)")
    assert "nobody has rated it yet" in anna.sees


async def test_html_and_markdown_in_titles_are_shown_as_they_are(anna: Person):
    for title in ("*batteries not included (1987)", "Fast & Furious (2009)", "<b>Tag & Co_</b> (1998)"):
        await anna.says(title)
        assert anna.sees.startswith(title)
        await anna.presses("4")
        assert anna.sees.startswith(f"{title.rpartition(' (')[0]}, 4.")


async def test_other_names_are_on_the_card(anna: Person):
    await anna.says("se7en")
    assert anna.sees.startswith("Seven (1995)")
    assert "Also known as Se7en" in anna.sees


async def test_the_imdb_button_opens_the_film_or_a_search_for_it(anna: Person):
    await anna.says("the matrix")
    button = anna.message.button("IMDb")
    assert button is not None
    assert button.url == "https://www.imdb.com/title/tt0133093/"
    await anna.says("high noon")
    button = anna.message.button("IMDb")
    assert button is not None
    assert button.url == "https://www.imdb.com/find/?q=High+Noon+%281952%29"


async def test_seen_it_can_be_taken_back(anna: Person, store: Store):
    await anna.says("the matrix")
    await anna.presses("Seen it")
    assert "Seen: it stays out of your picks" in anna.sees
    assert put_aside(store) == {20}
    await anna.presses("Undo: seen it")
    assert "The Matrix is marked as not seen again" in anna.sees
    assert put_aside(store) == set()
    assert "Seen it" in anna.buttons


async def test_not_for_me_can_be_taken_back(anna: Person, store: Store):
    await anna.says("the matrix")
    await anna.presses("Not for me")
    await anna.presses("Undo: not for me")
    assert "may come up among your picks again" in anna.sees
    assert put_aside(store) == set()


async def test_what_is_not_for_someone_expires(anna: Person, store: Store, clock: SettableClock):
    await anna.says("the matrix")
    await anna.presses("Not for me")
    clock.advance(days=181)
    await anna.says("the matrix")
    assert "Not for me" in anna.buttons


async def test_a_tap_delivered_twice_is_one_act(anna: Person, store: Store):
    await anna.says("the matrix")
    await anna.presses("Seen it")
    screen = anna.screen
    await anna.repeats()
    assert anna.screen == screen
    assert store.people_counts()["dismissals"] == 1


def put_aside(store: Store) -> set[int]:
    person = store.find_person(ANNA)
    assert person is not None
    return {put.movie_id for put in store.taste(person.id, world.NOW).put_aside}


async def test_a_card_leads_back_to_the_list_it_was_opened_from(anna: Person):
    await rates(anna, the_matrix="5", heat="3")
    await anna.says("/top")
    await anna.presses("Next ten")
    page = anna.screen
    await anna.presses("13")
    await anna.presses("Back to picks")
    assert anna.screen == page
    await anna.says("/my")
    mine = anna.screen
    await anna.presses("2")
    await anna.presses("Back to my ratings")
    assert anna.screen == mine
    await anna.says("/similar alien")
    like = anna.screen
    await anna.presses("3")
    await anna.presses("Back to the list")
    assert anna.screen == like


async def test_similar_lists_films_like_one_without_those_that_are_known(anna: Person):
    await rates(anna, rio_bravo="4")
    await anna.says("high noon")
    await anna.presses("Similar")
    assert anna.sees.startswith("Like High Noon (1952):")
    assert "True Grit (1969)" in titles(anna.sees)
    assert not {"Rio Bravo (1959)", "High Noon (1952)"} & set(titles(anna.sees))
    await anna.presses("Open the film")
    assert anna.sees.startswith("High Noon (1952)")
