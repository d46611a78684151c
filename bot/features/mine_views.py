"""Texts and buttons of the lists of films that somebody rated and put aside. Pure."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.speech import buttons
from bot.speech.buttons import Button, Place
from bot.speech.language import _, marked
from bot.speech.views import Row, View, begin, number_buttons, press, to_page
from bot.speech.words import Html, count, day, facts, lines, name, numbered, plain, quote, say, stars
from engine.domain import Film
from engine.serving.advice import PAGE
from engine.store import Dismissal


@dataclass(frozen=True, slots=True)
class Entry:
    """A film in one of somebody's own lists, with the stars they gave or the kind of list they put it on."""

    film: Film
    at: datetime
    stars: float | None = None
    kind: Dismissal | None = None


class Order(enum.IntEnum):
    """The orders in which somebody's ratings can be sorted; buttons carry them."""

    NEWEST = 0
    BEST = 1
    TITLE = 2


_ORDERS = {Order.NEWEST: marked("Newest first"), Order.BEST: marked("Best first"), Order.TITLE: marked("A to Z")}


def in_order(entries: Sequence[Entry], order: Order) -> list[Entry]:
    """Sort entries that come newest first. Articles are ignored in sorting by title."""
    match order:
        case Order.BEST:
            return sorted(entries, key=lambda entry: -(entry.stars or 0))
        case Order.TITLE:
            return sorted(entries, key=lambda entry: entry.film.title.casefold())
    return list(entries)


def my_ratings(
    owner: int, entries: Sequence[Entry], order: Order, page: int, *, aside: int, undo: Button | None
) -> View:
    put_aside = press(_("Put aside"), buttons.Aside(owner)) if aside else None
    if not entries:
        none = say("You have not rated anything yet.")
        return View.of(none, [begin(owner), [put_aside] if put_aside else None])
    heading = _heading(order, len(entries))
    redo = isinstance(undo, buttons.Redo | buttons.RedoImport)
    undoing = press(_("Redo the last") if redo else _("Undo the last"), undo) if undo else None
    extra = [button for button in (undoing, put_aside) if button]
    starred = any(entry.stars is not None for entry in entries)
    others = [other for other in Order if other is not order and (starred or other is not Order.BEST)]
    sort = [press(_(_ORDERS[other]), buttons.MyOrdered(owner, other, 1)) for other in others]
    return _entries(owner, heading, entries, Place("mine", order, page), [sort if len(entries) > 1 else None, extra])


def _heading(order: Order, n: int) -> Html:
    match order:
        case Order.BEST:
            return count("Your ratings, best first: {n} film", "Your ratings, best first: {n} films", n)
        case Order.TITLE:
            return count("Your ratings, A to Z: {n} film", "Your ratings, A to Z: {n} films", n)
    return count("Your ratings, newest first: {n} film", "Your ratings, newest first: {n} films", n)


def found(owner: int, words: str, entries: Sequence[Entry]) -> View:
    """Show the rated films that a text may mean."""
    back = [press(_("All my ratings"), buttons.MyRatings(owner))]
    if not entries:
        return View.of(say("You have rated nothing called {text}.", text=quote(words)), [back])
    heading = say("Your ratings of {text}:", text=quote(words))
    return _entries(owner, heading, entries, Place("mine"), [back])


def watchlist(owner: int, entries: Sequence[Entry], page: int) -> View:
    if not entries:
        none = say("Your watchlist is empty. Every film's card has a button that adds it.")
        return View.of(none, [begin(owner)])
    heading = count("Your watchlist: {n} film", "Your watchlist: {n} films", len(entries))
    return _entries(owner, heading, entries, Place("watchlist", page=page))


def aside(owner: int, entries: Sequence[Entry], page: int) -> View:
    if not entries:
        return View.of(say("You have put nothing aside: no film is marked as seen or not for you."), [begin(owner)])
    heading = count(
        "{n} film that you put aside. Open it to take that back.",
        "{n} films that you put aside. Open one to take that back.",
        len(entries),
    )
    return _entries(owner, heading, entries, Place("aside", page=page))


def _entries(
    owner: int,
    heading: Html,
    entries: Sequence[Entry],
    place: Place,
    extra: Sequence[Row | None] = (),
) -> View:
    pages = max(1, -(-len(entries) // PAGE))
    page = min(place.page, pages)
    place = replace(place, page=page)
    first = (page - 1) * PAGE + 1
    shown = entries[first - 1 : first - 1 + PAGE]
    before = to_page(owner, replace(place, page=page - 1)) if page > 1 else None
    further = to_page(owner, replace(place, page=page + 1)) if page < pages else None
    number = say("page {page} of {pages}", page=page, pages=pages) if pages > 1 else None
    rows = [
        *number_buttons(owner, [entry.film for entry in shown], first, place),
        [
            *([press(_("Previous page"), before)] if before else ()),
            *([press(_("Next page"), further)] if further else ()),
        ],
        *extra,
    ]
    return View.of(lines(facts(heading, number), numbered(map(_entry, shown), first)), rows)


def _entry(entry: Entry) -> Html:
    said = None
    if entry.stars is not None:
        said = plain(stars(entry.stars))
    elif entry.kind is Dismissal.SEEN:
        said = say("seen")
    elif entry.kind is Dismissal.NOT_FOR_ME:
        said = say("not for me")
    return facts(plain(name(entry.film)), said, plain(day(entry.at)))
