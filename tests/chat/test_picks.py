"""/top: what is shown, what never is, and how one pages through it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from bot.features import FEATURES
from bot.frame.application import build_application
from bot.frame.context import App, Services
from engine.serving.library import Library
from engine.store import Store
from engine.store.migrate import migrate
from tests import world
from tests.chat.conftest import ANNA, SettableClock
from tests.chat.reading import listed, numbers, rates, titles
from tests.fakes import FakeTelegram, Person

TEN_WESTERNS = {
    "High Noon (1952)",
    "Rio Bravo (1959)",
    "The Good, the Bad and the Ugly (1966)",
    "Once Upon a Time in the West (1968)",
    "Unforgiven (1992)",
    "True Grit (1969)",
    "True Grit (2010)",
}


async def test_who_loves_westerns_is_shown_westerns(anna: Person):
    await rates(anna, high_noon="5", rio_bravo="5", unforgiven="4½", scream="1")
    await anna.says("/top")
    assert set(titles(anna.sees)[:2]) <= TEN_WESTERNS


async def test_a_pick_says_which_of_their_own_films_speak_for_it(anna: Person):
    await rates(anna, high_noon="5", rio_bravo="4½", scream="1")
    await anna.says("/top western")
    assert "because of High Noon and Rio Bravo" in anna.sees
    assert "Scream" not in anna.sees


async def test_a_rating_counts_at_once(anna: Person):
    await rates(anna, high_noon="5")
    await anna.says("/top")
    before = titles(anna.sees)
    await rates(anna, psycho="5", the_shining="5", alien="5", get_out="4½")
    await anna.says("/top")
    assert titles(anna.sees) != before
    assert "Horror" not in anna.sees
    assert {"Scream (1996)", "The Ring (2002)"} & set(titles(anna.sees))


async def test_a_film_opened_from_a_list_is_noted_once_and_one_opened_elsewhere_is_not(anna: Person, store: Store):
    await rates(anna, high_noon="5")
    await anna.says("/top")
    assert store.receptions()[1].opened == 0
    for _ in range(2):
        await anna.presses("2")
        await anna.presses("Back")
    assert store.receptions()[1].opened == 1
    await anna.says("/my")
    await anna.presses("1")
    assert store.receptions()[1].opened == 1


async def test_what_was_rated_seen_or_is_not_for_them_is_never_shown(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("Blade Runner")
    await anna.presses("Seen it")
    await anna.says("Alien")
    await anna.presses("Not for me")
    await anna.says("Solaris")
    await anna.presses("Watchlist")
    shown = await all_pages(anna)
    assert len(shown) == 42 - 4  # nobody has rated the last film, so no model knows it
    assert not {"The Matrix (1999)", "Blade Runner (1982)", "Alien (1979)", "Solaris (1972)"} & set(shown)


async def test_what_is_not_for_someone_comes_back_after_half_a_year(anna: Person, clock: SettableClock):
    await rates(anna, the_matrix="5")
    await anna.says("Alien")
    await anna.presses("Not for me")
    assert "I'll leave it out for 180 days" in anna.sees
    assert "Alien (1979)" not in await all_pages(anna)
    clock.advance(days=181)
    assert "Alien (1979)" in await all_pages(anna)


async def all_pages(person: Person) -> list[str]:
    await person.says("/top")
    shown = titles(person.sees)
    while "Next ten" in person.buttons:
        await person.presses("Next ten")
        shown += listed(person.sees)  # the last page may say only that it was all
    return shown


async def test_paging_shows_every_film_once_and_numbers_them_on(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    assert numbers(anna.sees) == list(range(1, 11))
    await anna.presses("Next ten")
    assert numbers(anna.sees) == list(range(11, 21))
    assert anna.buttons[:10] == [str(number) for number in range(11, 21)]
    shown = await all_pages(anna)
    assert len(shown) == len(set(shown)) == 41


async def test_the_end_of_the_list_is_said(anna: Person):
    await rates(anna, the_matrix="5", heat="4")  # leaves forty
    await all_pages(anna)
    assert "That's all" in anna.sees
    await anna.presses("Previous ten")
    assert numbers(anna.sees) == list(range(31, 41))


async def test_a_rating_between_two_pages_brings_no_film_twice(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    shown = titles(anna.sees)
    for love in ("High Noon", "Casablanca", "Psycho"):
        list_message = anna.message
        await anna.says(love)
        if "5" in anna.buttons:
            await anna.presses("5")
        await anna.presses("Next ten", in_message=list_message)
        assert not set(titles(anna.sees)) & set(shown)
        shown += titles(anna.sees)


async def test_a_page_that_one_comes_back_to_knows_what_was_rated_meanwhile(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    film = titles(anna.sees)[1]
    await anna.presses("2")
    assert anna.sees.startswith(film)
    await anna.presses("4½")
    await anna.presses("Back to picks")
    assert film not in titles(anna.sees)
    assert len(titles(anna.sees)) == 10


async def test_next_ten_delivered_twice_is_one_page(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    await anna.presses("Next ten")
    screen = anna.screen
    await anna.repeats()
    assert anna.screen == screen


async def test_paging_goes_on_after_a_restart(anna: Person, services: Services, telegram: FakeTelegram):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    shown = titles(anna.sees)
    again = Services(services.settings, services.store, Library(services.store), services.clock)
    async with telegram.runs(build_application(again, FEATURES, request=telegram)):
        await anna.presses("Next ten")
        assert numbers(anna.sees) == list(range(11, 21))
        assert not set(titles(anna.sees)) & set(shown)


async def test_the_buttons_of_a_forgotten_list_begin_a_new_one(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    old = anna.message
    for _ in range(4):
        await anna.says("/top")
    await anna.presses("Next ten", in_message=old)
    assert "That list has expired; here is a new one." in anna.sees
    assert numbers(anna.sees) == list(range(1, 11))


# --- From day to day --------------------------------------------------------------------------------------------------


async def test_in_one_sitting_the_list_stays(anna: Person, clock: SettableClock):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    evening = titles(anna.sees)
    clock.advance(hours=5)
    await anna.says("/top")
    assert titles(anna.sees) == evening
    assert "Left out" not in anna.sees


async def test_what_was_shown_on_one_day_is_not_shown_on_the_next(anna: Person, clock: SettableClock):
    await rates(anna, the_matrix="5")
    shown: list[str] = []
    for _ in range(3):
        await anna.says("/top")
        shown += titles(anna.sees)
        clock.advance(days=1)
    assert len(shown) == len(set(shown)) == 30
    assert "Left out: 20 films that I showed you lately." in anna.sees


async def test_earlier_picks_are_shown_again_when_asked_for(anna: Person, clock: SettableClock):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    monday = titles(anna.sees)
    await anna.presses("Next ten")
    clock.advance(days=1)
    await anna.says("/top")
    assert not set(titles(anna.sees)) & set(monday)
    await anna.presses("Show them again")
    assert titles(anna.sees) == monday
    assert "Left out" not in anna.sees
    shown = monday
    while "Next ten" in anna.buttons:
        await anna.presses("Next ten")
        shown += titles(anna.sees)
    assert len(shown) == len(set(shown)) == 41


async def test_after_two_weeks_they_come_up_by_themselves(anna: Person, clock: SettableClock):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    first = titles(anna.sees)
    clock.advance(days=15)
    await anna.says("/top")
    assert titles(anna.sees) == first


async def test_where_nothing_new_is_left_that_is_said_and_the_earlier_ones_are_shown(
    anna: Person, clock: SettableClock
):
    await rates(anna, the_matrix="5")
    await anna.says("/top sci-fi 80s")
    both = titles(anna.sees)
    assert len(both) == 2
    clock.advance(days=1)
    await anna.says("/top sci-fi 80s")
    assert "Nothing new is left, so here is what I have shown you before." in anna.sees
    assert titles(anna.sees) == both
    await anna.says("/top western 2015")
    assert "I have nothing new for you that fits this" in anna.sees


async def test_a_few_new_ones_are_shown_alone(anna: Person, clock: SettableClock):
    """The 38 of yesterday are a tap away."""
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    for _ in range(3):
        await anna.presses("Next ten")
    await anna.presses("Previous ten")
    clock.advance(days=1)
    await anna.says("/top")
    assert anna.sees.startswith("1 film for you")
    assert "Left out: 40 films" in anna.sees
    await anna.presses("Show them again")
    assert numbers(anna.sees) == list(range(1, 11))


async def test_a_wish_leaves_out_what_any_list_has_shown_and_counts_only_what_fits_it(
    anna: Person, clock: SettableClock
):
    await rates(anna, before_sunrise="5")
    await anna.says("/top")
    monday = set(titles(anna.sees))
    clock.advance(days=1)
    await anna.says("/top drama")
    assert titles(anna.sees)
    assert not set(titles(anna.sees)) & monday
    dramas = {f"{film.display_title} ({film.year})" for film in world.FILMS if "Drama" in film.genres}
    assert 1 < len(dramas & monday) < 10
    assert f"Left out: {len(dramas & monday)} films that I showed you lately." in anna.sees


async def test_the_pages_of_yesterday_s_list_stay_as_they_were(anna: Person, clock: SettableClock):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    monday = titles(anna.sees)
    await anna.presses("Next ten")
    second, old = titles(anna.sees), anna.message
    clock.advance(days=1)
    await anna.says("/top")
    tuesday = titles(anna.sees)
    await anna.presses("Previous ten", in_message=old)
    assert titles(anna.sees) == monday
    await anna.presses("Next ten")
    assert titles(anna.sees) == second
    clock.advance(days=1)
    await anna.presses("Next ten")
    assert titles(anna.sees)
    assert not set(titles(anna.sees)) & {*monday, *second, *tuesday}


async def test_a_rating_changes_the_list_at_once_also_on_a_later_day(anna: Person, clock: SettableClock):
    await rates(anna, high_noon="5")
    await anna.says("/top")
    clock.advance(days=1)
    await anna.says("/top")
    film = titles(anna.sees)[0]
    await anna.presses("1")
    await anna.presses("5")
    await anna.says("/top")
    assert film not in titles(anna.sees)
    assert numbers(anna.sees) == list(range(1, 11))


async def test_what_was_a_surprise_is_no_pick_on_the_same_day(anna: Person):
    await rates(anna, high_noon="5", unforgiven="5", scream="1")
    await anna.says("/surprise")
    surprises = {line.split(": ")[1].split(" · ")[0] for line in anna.sees.splitlines() if ": " in line}
    assert len(surprises) == 3
    assert not surprises & set(await all_pages(anna))


async def test_the_safe_surprise_is_the_top_of_the_list_and_the_others_are_none_of_it(anna: Person):
    await rates(anna, high_noon="5", unforgiven="5", scream="1")
    await anna.says("/top")
    first, *others = titles(anna.sees)
    await anna.says("/surprise")
    assert f"Safe: {first}" in anna.sees
    assert not any(film in anna.sees for film in others)


async def test_the_published_list_is_used_on_the_next_day_too(anna: Person, store: Store, clock: SettableClock):
    await rates(anna, scream="5")
    person = store.find_person(ANNA)
    assert person is not None
    published = [10, 40, 50, 60, 30, 20, 23, 11, 41, 51, 61, 31, 12, 42, 52, 24, 32, 13, 43, 14]
    publish_list(store, person.id, published, clock)
    names = {film.id: f"{film.display_title} ({film.year})" for film in world.FILMS}
    shown: set[str] = set()
    for _ in range(2):
        await anna.says("/top")
        shown |= set(titles(anna.sees))
        clock.advance(days=1)
    assert shown == {names[film] for film in published}


# --- By genre and years -----------------------------------------------------------------------------------------------


async def test_genre_and_years_in_words(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top sci-fi 80s")
    assert titles(anna.sees) == ["Blade Runner (1982)", "*batteries not included (1987)"]
    assert "Sci-Fi, 1980–1989" in anna.sees
    await anna.says("/top comedy -horror after 1994")
    assert set(titles(anna.sees)) == {"Sabrina (1995)", "Amelie (2001)"}


async def test_genre_and_years_by_buttons(anna: Person):
    await rates(anna, the_matrix="5")
    await anna.says("/top")
    await anna.presses("Genres")
    await anna.presses("Romance")
    assert "Romance · " in anna.sees
    assert "Heat (1995)" not in anna.sees
    await anna.presses("Genres")
    assert "Now: Romance" in anna.sees
    await anna.presses("1990s")
    assert set(titles(anna.sees)) == {"Sabrina (1995)", "Romeo + Juliet (1996)", "Before Sunrise (1995)"}
    await anna.presses("Genres")
    await anna.presses("All genres")
    assert "Unforgiven (1992)" in anna.sees
    assert len(anna.messages) == 2


async def test_words_that_cannot_be_heeded_are_said_beside_those_that_were(anna: Person):
    await anna.says("/top nordic <b>noir crime 90s")
    assert anna.sees.startswith("I can't filter by “nordic” and “<b>noir”.")
    assert "Crime, 1990–1999" in anna.sees
    assert titles(anna.sees)
    assert "Genres" in anna.buttons


async def test_a_wish_that_nothing_fits_says_so(anna: Person):
    await anna.says("/top western 2015")
    assert "I have nothing new for you that fits this: Western, 2015." in anna.sees
    await anna.presses("My picks")
    assert titles(anna.sees)


async def test_why_these_names_the_ratings_that_count(anna: Person):
    await rates(anna, high_noon="5", the_matrix="5")
    await anna.says("/top western")
    await anna.presses("Why these?")
    assert "Rio Bravo: High Noon" in anna.sees
    await anna.presses("Back to picks")
    assert "Ten" in anna.sees or "films for you" in anna.sees


async def test_without_ratings_the_picks_are_what_most_people_like(anna: Person):
    await anna.says("/top")
    assert anna.sees.startswith("Liked by most people\nRate a few films to get a list of your own.\n")
    assert "for you ·" not in anna.sees
    assert len(titles(anna.sees)) == 10


async def test_the_published_list_serves_whom_the_model_knows(anna: Person, store: Store, clock: SettableClock):
    """Its order is the engine's, without what was put aside since."""
    await rates(anna, scream="5")
    person = store.find_person(ANNA)
    assert person is not None
    publish_list(store, person.id, [10, 40, 50, 60, 30, 20, 23, 11, 41, 51, 61, 31], clock)
    await anna.says("/top")
    assert "No model" not in anna.sees
    assert {"High Noon (1952)", "Casablanca (1942)"} <= set(titles(anna.sees))
    await anna.says("High Noon")
    await anna.presses("Not for me")
    await anna.says("/top")
    assert "High Noon (1952)" not in titles(anna.sees)
    await rates(anna, the_shining="5", psycho="5")  # newer than the list: folded in at once
    await anna.says("/top horror")
    assert "because of" in anna.sees


def publish_list(store: Store, user_id: int, films: list[int], clock: SettableClock) -> None:
    """Publish a model that has used everything so far, with this list for one person."""
    rows = world.item_factors()
    version = store.create_version(
        dataset="tiny",
        dataset_fingerprint="0" * 64,
        hyperparameters=world.HYPERPARAMETERS,
        metrics=world.METRICS,
        counts={},
        now=clock(),
    )
    store.write_item_factors(version, rows)
    store.write_recommendations(
        version, [(user_id, position, film, 3 - position / 10, 4.0) for position, film in enumerate(films, 1)]
    )
    store.publish(version, event_ids=store.read_queue().event_ids, now=clock())


async def test_picks_use_the_new_model_once_it_is_live(
    anna: Person, store: Store, services: Services, clock: SettableClock
):
    await rates(anna, scream="5")
    person = store.find_person(ANNA)
    assert person is not None
    publish_list(store, person.id, list(range(10, 17)), clock)
    await services.library.settle()
    await anna.says("/my")
    await rates(anna, get_out="4")
    assert store.taste(person.id, clock()).waiting == 1


Bare = Callable[..., AbstractAsyncContextManager[Person]]


@pytest.fixture
def bare(settings, telegram: FakeTelegram, clock: SettableClock, tmp_path) -> Bare:
    """Anna at a bot whose database is new: with films but no model, or with nothing at all."""

    @asynccontextmanager
    async def run(*, films: bool) -> AsyncIterator[Person]:
        store = Store(f"sqlite:///{tmp_path / 'bare.db'}")
        migrate(store)
        if films:
            world.build(store, published=False)
        services = Services(settings=settings, store=store, library=Library(store), clock=clock)
        application: App = build_application(services, FEATURES, request=telegram)
        async with telegram.runs(application):
            yield telegram.person(ANNA)
        store.close()

    return run


async def test_before_the_first_training_well_known_films_have_to_do(bare: Bare):
    async with bare(films=True) as anna:
        await anna.says("/start")
        for stars in ("4", "5", "2", "3½", "4½"):
            await anna.presses(stars)
        assert "Well-known films\nThey are the same for everybody: I'm still learning.\n" in anna.sees
        shown = titles(anna.sees)
        assert "The Usual Suspects (1995) · everyone: 4.2 (250)" in anna.sees
        await anna.presses("Next ten")
        assert not set(titles(anna.sees)) & set(shown)
        await anna.says("heat")
        await anna.presses("4")
        assert anna.sees == "Heat, 4. Noted. I'm still learning; picks of your own come soon."
        await anna.says("/similar high noon")
        assert "Well-known films in the same genres as High Noon (1952)" in anna.sees
        assert set(titles(anna.sees)[:3]) <= TEN_WESTERNS | {"Heat (1995)"}


async def test_with_no_films_at_all_everything_says_how_to_load_some(bare: Bare):
    async with bare(films=False) as anna:
        for words in ("/start", "/top", "/rate", "/rate heat", "/similar heat", "the matrix"):
            await anna.says(words)
            assert "There are no films yet" in anna.sees
            assert "python -m engine load demo" in anna.sees
        for words in ("/my", "/watchlist", "/help", "/privacy"):
            await anna.says(words)
            assert "no films yet" not in anna.sees


async def test_years_after_the_last_film_are_told(anna: Person):
    newest = max(film.year for film in world.FILMS if film.year)
    await anna.says(f"/top after {newest + 1}")
    assert f"My newest films are from {newest}." in anna.sees
