"""/my and /watchlist."""

from bot.settings import BotSettings
from tests import world
from tests.chat.conftest import SettableClock
from tests.chat.reading import numbers, rates, titles
from tests.fakes import Person


async def test_my_ratings_come_newest_first(anna: Person, clock: SettableClock):
    await rates(anna, heat="4½")
    clock.advance(days=1)
    await rates(anna, alien="3")
    await anna.says("/my")
    assert anna.sees.splitlines() == [
        "Your ratings, newest first: 2 films",
        "1  Alien (1979) · 3 · 2 Mar 2026",
        "2  Heat (1995) · 4½ · 1 Mar 2026",
    ]


async def test_my_ratings_are_sorted_by_stars_and_by_title(anna: Person, clock: SettableClock):
    for film, stars in {"the matrix": "3", "heat": "5", "alien": "3"}.items():
        await rates(anna, **{film: stars})
        clock.advance(days=1)
    await anna.says("/my")
    assert titles(anna.sees) == ["Alien (1979)", "Heat (1995)", "The Matrix (1999)"]
    await anna.presses("Best first")
    assert anna.sees.startswith("Your ratings, best first: 3 films")
    assert titles(anna.sees) == ["Heat (1995)", "Alien (1979)", "The Matrix (1999)"]
    await anna.presses("A to Z")
    assert titles(anna.sees) == ["Alien (1979)", "Heat (1995)", "The Matrix (1999)"], "the Matrix is at M"
    await anna.presses("3")
    await anna.presses("Back to my ratings")
    assert anna.sees.startswith("Your ratings, A to Z: 3 films")
    await anna.presses("Newest first")
    assert anna.sees.startswith("Your ratings, newest first: 3 films")


async def test_an_order_is_kept_from_page_to_page(anna: Person, clock: SettableClock):
    for film in world.FILMS[:25]:
        clock.advance(minutes=1)
        await anna.says(f"/start m_{film.id}")
        await anna.presses("4")
    await anna.says("/my")
    await anna.presses("A to Z")
    shown = titles(anna.sees)
    await anna.presses("Next page")
    assert "A to Z: 25 films · page 2 of 3" in anna.sees
    shown += titles(anna.sees)
    await anna.presses("Next page")
    shown += titles(anna.sees)
    by_title = sorted(world.FILMS[:25], key=lambda film: film.title.casefold())
    assert shown == [f"{film.display_title} ({film.year})" for film in by_title]
    await anna.presses("Previous page")
    assert "page 2 of 3" in anna.sees


async def test_my_with_a_title_finds_that_rating(anna: Person):
    await rates(anna, heat="4½", alien="3", the_matrix="5")
    for words in ("matrix", "the matrx"):
        await anna.says(f"/my {words}")
        assert anna.sees.splitlines() == [f"Your ratings of “{words}”:", "1  The Matrix (1999) · 5 · 1 Mar 2026"]
    await anna.presses("All my ratings")
    assert "3 films" in anna.sees
    await anna.says("/my casablanca")
    assert anna.sees == "You have rated nothing called “casablanca”."


async def test_my_knows_the_operators_own_names_for_films(anna: Person, settings: BotSettings):
    settings.own_names.write_text("Heat (1995)\tHitze\n", encoding="utf-8")
    await rates(anna, heat="4½", alien="3")
    await anna.says("/my hitze")
    assert anna.sees.splitlines() == ["Your ratings of “hitze”:", "1  Heat (1995) · 4½ · 1 Mar 2026"]


async def test_without_ratings_there_is_a_way_to_begin(anna: Person):
    await anna.says("/my")
    assert anna.sees == "You have not rated anything yet."
    await anna.presses("Rate films")
    assert "1 of 5" in anna.sees


async def test_many_ratings_are_paged(anna: Person, clock: SettableClock):
    for film in world.FILMS[:25]:
        clock.advance(minutes=1)
        await anna.says(f"/start m_{film.id}")
        await anna.presses("4")
    await anna.says("/my")
    assert "25 films · page 1 of 3" in anna.sees
    shown = titles(anna.sees)
    await anna.presses("Next page")
    assert numbers(anna.sees) == list(range(11, 21))
    shown += titles(anna.sees)
    await anna.presses("Next page")
    shown += titles(anna.sees)
    assert len(set(shown)) == 25
    assert "Next page" not in anna.buttons
    await anna.presses("Previous page")
    assert "page 2 of 3" in anna.sees


async def test_a_rating_is_changed_and_removed_from_the_list(anna: Person):
    await rates(anna, heat="4½", alien="3")
    await anna.says("/my")
    await anna.presses(str(1 + titles(anna.sees).index("Heat (1995)")))
    assert "You: 4½" in anna.sees
    await anna.presses("2")
    await anna.presses("Back to my ratings")
    assert "Heat (1995) · 2 · " in anna.sees
    await anna.presses(str(1 + titles(anna.sees).index("Alien (1979)")))
    await anna.presses("Remove my rating")
    await anna.presses("Back to my ratings")
    assert titles(anna.sees) == ["Heat (1995)"]


async def test_the_last_act_is_undone_from_the_list(anna: Person):
    await rates(anna, heat="4½", alien="3")
    await anna.says("/my")
    await anna.presses("Undo the last")
    await anna.presses("Back to my ratings")
    assert titles(anna.sees) == ["Heat (1995)"]


async def test_a_page_that_is_gone_shows_the_last_there_is(anna: Person, clock: SettableClock):
    for film in world.FILMS[:11]:
        clock.advance(minutes=1)
        await anna.says(f"/start m_{film.id}")
        await anna.presses("4")
    await anna.says("/my")
    await anna.presses("Next page")
    second = anna.message
    await anna.presses("11")
    await anna.presses("Remove my rating")
    await anna.presses("Previous page", in_message=second)
    await anna.presses("Back to my ratings") if "Back to my ratings" in anna.buttons else None
    assert "10 films" in anna.sees


async def test_the_watchlist_holds_what_was_kept_for_later(anna: Person, clock: SettableClock):
    await anna.says("/watchlist")
    assert "Your watchlist is empty" in anna.sees
    for title in ("heat", "alien"):
        clock.advance(minutes=1)
        await anna.says(title)
        await anna.presses("Watchlist")
    await anna.says("/watchlist")
    assert titles(anna.sees) == ["Alien (1979)", "Heat (1995)"]
    await anna.presses("1")
    await anna.presses("Remove from watchlist")
    await anna.presses("Back to the watchlist")
    assert titles(anna.sees) == ["Heat (1995)"]


async def test_a_film_that_was_rated_is_no_longer_for_later(anna: Person):
    await anna.says("heat")
    await anna.presses("Watchlist")
    await rates(anna, heat="4")
    await anna.says("/watchlist")
    assert "empty" in anna.sees
    await anna.says("/undo")
    await anna.says("/watchlist")
    assert titles(anna.sees) == ["Heat (1995)"]


async def test_what_was_put_aside_can_be_found_and_taken_back(anna: Person):
    await anna.says("heat")
    await anna.presses("Not for me")
    await anna.says("alien")
    await anna.presses("Seen it")
    await anna.says("/my")
    await anna.presses("Put aside")
    assert "Heat (1995) · not for me" in anna.sees
    assert "Alien (1979) · seen" in anna.sees
    await anna.presses(str(1 + titles(anna.sees).index("Heat (1995)")))
    await anna.presses("Undo: not for me")
    await anna.presses("Back to what I put aside")
    assert titles(anna.sees) == ["Alien (1979)"]
