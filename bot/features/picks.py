"""/top: ten picks for someone, page by page, by genre and years, with reasons."""

import zlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import partial

from bot.features import picks_views
from bot.features.lookup import films_like, wished_page
from bot.features.memory import Listing, Memory, in_preferences
from bot.features.picks_views import PicksPage
from bot.frame.context import App, Context, Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons, views
from bot.speech.understanding import SpokenWish, World, understand_wish
from bot.speech.views import View, unheeded
from bot.speech.words import Html
from engine.serving import answers
from engine.serving.advice import Line, page_size
from engine.serving.library import Shelf
from engine.serving.wish import ANYTHING, Wish
from engine.store import Person, Store


def handlers() -> list[Handler]:
    return [
        command("top", top),
        tap(buttons.NewPicks, new_picks),
        tap(buttons.EarlierPicks, earlier_picks),
        tap(buttons.Picks, turn_page),
        tap(buttons.WhyThese, why_these),
        tap(buttons.ChooseGenre, choose_genre),
        tap(buttons.PickGenre, pick_genre),
        tap(buttons.PickDecade, pick_decade),
    ]


def jobs(application: App) -> None:
    if application.job_queue is not None:
        application.job_queue.run_once(warm_up, 0, name="warm_up")


async def warm_up(context: Context) -> None:
    """Read films and model before the first person asks: tens of thousands of titles take a few seconds."""
    await context.services.library.shelf()


async def top(visit: Visit) -> None:
    """/top [what kind of films]: the first page of a new list."""
    await give(visit, understand_wish(visit.words, World.of(visit.shelf.films, visit.now.year)))


def wanted(visit: Visit) -> tuple[Wish, Html | None]:
    """Return the wish, and the words that were not understood."""
    asked = understand_wish(visit.words, World.of(visit.shelf.films, visit.now.year))
    return asked.wish, unheeded(asked.left_out, visit.shelf.films.genres)


async def give(visit: Visit, asked: SpokenWish) -> None:
    """Begin a list for a wish, or of films like one, and mention words that were not understood."""
    if asked.like is None:
        notice = unheeded(asked.left_out, visit.shelf.films.genres)
        await visit.show(await begin(visit, asked.wish, notice=notice))
    else:
        await visit.show(await films_like(visit, asked.like, wish=asked.wish, left_out=asked.left_out))


async def new_picks(visit: Visit, _button: buttons.NewPicks) -> None:
    await visit.show(await begin(visit))


async def earlier_picks(visit: Visit, button: buttons.EarlierPicks) -> None:
    """Begin a list that includes films shown on earlier days."""
    await visit.show(await begin(visit, _wish(visit.person, button.listing), again=True))


async def turn_page(visit: Visit, button: buttons.Picks) -> None:
    """Show a page of a list. If the list is forgotten, begin a new one and say so."""
    listing = Memory.parse(visit.person.preferences).listing(button.listing)
    if listing is None:
        await visit.show(await begin(visit, notice=picks_views.new_list()))
    elif listing.like is not None:
        await visit.show(await wished_page(visit, visit.shelf.film(listing.like), listing, button.page))
    else:
        shown = await visit.store(
            work_out, visit.shelf, visit.person, visit.now, listing, button.page, in_group=visit.in_group
        )
        await visit.show(picks_views.picks_page(visit.owner, shown))


async def why_these(visit: Visit, button: buttons.WhyThese) -> None:
    """Name the ratings that speak for each film of a page."""
    if visit.in_group:
        await visit.show(views.in_private(visit.bot_name, "top"))
        return
    listing = Memory.parse(visit.person.preferences).listing(button.listing)
    if listing is None:
        await visit.show(await begin(visit, notice=picks_views.new_list()))
    else:
        shown = await visit.store(work_out, visit.shelf, visit.person, visit.now, listing, button.page, reasons=3)
        await visit.show(picks_views.why_these(visit.owner, shown))


async def choose_genre(visit: Visit, button: buttons.ChooseGenre) -> None:
    wish, names = _wish(visit.person, button.listing), visit.shelf.films.genres
    if not names:  # the button was made before another data set was loaded
        await visit.show(await begin(visit))
        return
    keys = {name: genre_key(name) for name in names}
    await visit.show(picks_views.genres(visit.owner, button.listing, button.page, names, keys, wish))


async def pick_genre(visit: Visit, button: buttons.PickGenre) -> None:
    """Begin a list of one genre, for the same years as before."""
    names = tuple(name for name in visit.shelf.films.genres if genre_key(name) == button.genre)
    wish = replace(_wish(visit.person, button.listing), genres=names, without=())
    await visit.show(await begin(visit, wish))


async def pick_decade(visit: Visit, button: buttons.PickDecade) -> None:
    """Begin a list of one decade, for the same genres as before."""
    by_year = button.decade and visit.shelf.films.has_years
    since, until = (button.decade, button.decade + 9) if by_year else (None, None)
    wish = replace(_wish(visit.person, button.listing), since=since, until=until)
    await visit.show(await begin(visit, wish))


async def begin(
    visit: Visit,
    wish: Wish = ANYTHING,
    *,
    again: bool = False,
    notice: Html | None = None,
    undo: buttons.Button | None = None,
) -> View:
    """Return the first page of a new list. With ``again`` it may include films shown on earlier days."""
    listing = Memory.parse(visit.person.preferences).begin(wish, again=again)
    shown = await visit.store(work_out, visit.shelf, visit.person, visit.now, listing, 1, in_group=visit.in_group)
    return picks_views.picks_page(visit.owner, shown, notice=notice, undo=undo)


def work_out(
    store: Store,
    shelf: Shelf,
    person: Person,
    now: datetime,
    listing: Listing,
    page: int,
    *,
    reasons: int = 2,
    in_group: bool = False,
) -> PicksPage:
    """Compute a page from the latest ratings, and remember that it was shown.

    Films shown on earlier days are left out, unless they are asked for or no others are left.

    Args:
        reasons: the number of the person's own films that are named with each pick.
        in_group: whether others read along; films are then shown without stars, reasons and the number of ratings.
    """
    taste, memory = store.taste(person.id, now), Memory.parse(person.preferences)
    page = min(page, len(listing.pages) + 1)
    resting: frozenset[int] = frozenset() if listing.again else memory.resting(now) - listing.shown

    def lines_without(out: frozenset[int]) -> list[Line]:
        limit = page_size(listing.wish)
        return answers.current_picks(store, shelf, taste, listing.wish, leave_out=out, limit=limit, reasons=reasons)

    lines = lines_without(listing.elsewhere(page) | resting)
    nothing_new = not lines and page == 1 and bool(resting)
    if nothing_new:
        listing, resting = replace(listing, again=True), frozenset()
        lines = lines_without(listing.elsewhere(page))
    if lines:
        films = [line.film.id for line in lines]
        listing = listing.with_page(page, films)
        noted = partial(_noted, listing, films, now)
        if noted(memory) != memory:
            store.note_shown(person.id, shelf.version, films, now, remember=in_preferences(noted))
    return PicksPage(
        listing,
        page,
        [Line(line.film, new_here=line.new_here) for line in lines] if in_group else lines,
        ratings=len(taste.ratings),
        trained=shelf.model is not None,
        resting=_count(shelf, listing.wish, resting - taste.hidden),
        nothing_new=nothing_new and bool(lines),
        has_genres=bool(shelf.films.genres),
        in_group=in_group,
        newest=shelf.films.newest,
    )


def _noted(listing: Listing, movie_ids: Collection[int], now: datetime, memory: Memory) -> Memory:
    """Return the memory after a page of a list has been shown."""
    return memory.remember(listing).show(movie_ids, now)


def _count(shelf: Shelf, wish: Wish, movie_ids: Collection[int]) -> int:
    """Count those of the films that fit a wish."""
    return sum(film in shelf.films.by_id and wish.fits(shelf.films.by_id[film]) for film in movie_ids)


def genre_key(name: str) -> int:
    """Return the number that a button carries for a genre. It stays the same when other genres come or go."""
    return zlib.crc32(name.encode()) or 1


def _wish(person: Person, listing: int) -> Wish:
    known = Memory.parse(person.preferences).listing(listing)
    return ANYTHING if known is None else known.wish
