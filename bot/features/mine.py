"""/my and /watchlist: the films that someone rated and put aside."""

from collections.abc import Sequence

from bot.features import files, mine_views
from bot.features.memory import Memory
from bot.features.mine_views import Entry, Order
from bot.frame.context import Handler
from bot.frame.talk import Visit, command, tap
from bot.speech import buttons
from bot.speech.buttons import Place
from engine.serving.advice import PAGE
from engine.serving.names import Names
from engine.serving.title_index import TitleIndex
from engine.store import Dismissal, Store, Taste


def handlers() -> list[Handler]:
    return [
        command("my", my, private=True),
        command("watchlist", watchlist, private=True),
        tap(buttons.MyRatings, my_page),
        tap(buttons.MyOrdered, my_ordered),
        tap(buttons.Watchlist, watchlist_page),
        tap(buttons.Aside, aside_page),
    ]


async def my(visit: Visit) -> None:
    """/my [words]: my ratings, to look at, change and remove; with words, those whose titles have them."""
    if visit.words:
        await find(visit, visit.words)
    else:
        await my_page(visit, buttons.MyRatings(visit.owner))


async def my_page(visit: Visit, button: buttons.MyRatings) -> None:
    await show_page(visit, Order.NEWEST, button.page)


async def my_ordered(visit: Visit, button: buttons.MyOrdered) -> None:
    await show_page(visit, Order(button.order), button.page)


async def show_page(visit: Visit, order: Order, page: int) -> None:
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    event_id = await visit.store(Store.last_event, visit.person.id)
    aside = len(_put(visit, taste, Dismissal.SEEN, Dismissal.NOT_FOR_ME))
    memory, place = Memory.parse(visit.person.preferences), Place("mine", order, page)
    undo = files.way_back(visit.owner, memory, event_id, place) if event_id is not None else None
    entries = mine_views.in_order(_rated(visit, taste), order)
    await visit.show(mine_views.my_ratings(visit.owner, entries, order, page, aside=aside, undo=undo))


async def find(visit: Visit, words: str) -> None:
    """Show the rated films whose titles these words may mean, as a search among them finds them."""
    entries = _rated(visit, await visit.store(Store.taste, visit.person.id, visit.now))
    found = await visit.think(_found, entries, words, visit.shelf.films.called)
    await visit.show(mine_views.found(visit.owner, words, found))


def _found(entries: Sequence[Entry], words: str, called: Names) -> list[Entry]:
    by_film = {entry.film.id: entry for entry in entries}
    hits = TitleIndex([entry.film for entry in entries], called).find(words, PAGE).hits
    return [by_film[hit.film.id] for hit in hits]


def _rated(visit: Visit, taste: Taste) -> list[Entry]:
    """Return someone's ratings, newest first."""
    films, gives_stars = visit.shelf.films.by_id, visit.shelf.films.gives_stars
    return [
        Entry(films[rating.movie_id], rating.rated_at, stars=rating.stars if gives_stars else None)
        for rating in taste.ratings
        if rating.movie_id in films
    ]


async def watchlist(visit: Visit) -> None:
    """/watchlist: films kept for later, without those that were rated since."""
    await watchlist_page(visit, buttons.Watchlist(visit.owner))


async def watchlist_page(visit: Visit, button: buttons.Watchlist) -> None:
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    entries = _put(visit, taste, Dismissal.WATCHLIST)
    await visit.show(mine_views.watchlist(visit.owner, entries, button.page))


async def aside_page(visit: Visit, button: buttons.Aside) -> None:
    """Show the films marked as seen or not for me, so that the mark can be removed."""
    taste = await visit.store(Store.taste, visit.person.id, visit.now)
    entries = _put(visit, taste, Dismissal.SEEN, Dismissal.NOT_FOR_ME)
    await visit.show(mine_views.aside(visit.owner, entries, button.page))


def _put(visit: Visit, taste: Taste, *kinds: Dismissal) -> list[Entry]:
    films, rated = visit.shelf.films.by_id, {rating.movie_id for rating in taste.ratings}
    return [
        Entry(films[put.movie_id], put.dismissed_at, kind=put.kind)
        for put in taste.put_aside
        if put.kind in kinds and put.movie_id in films and put.movie_id not in rated
    ]
