"""Texts and buttons of what somebody rated and put aside. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.speech import buttons
from bot.speech.buttons import Button, Place
from bot.speech.language import _
from bot.speech.views import Row, View, begin, number_buttons, press
from bot.speech.words import Html, count, day, facts, lines, name, numbered, plain, say, stars
from engine.domain import Film
from engine.serving.advice import PAGE
from engine.store import Dismissal


@dataclass(frozen=True, slots=True)
class Entry:
    """A film in one of somebody's own lists. ``stars`` and ``kind`` are what they said of it."""

    film: Film
    at: datetime
    stars: float | None = None
    kind: Dismissal | None = None


def my_ratings(owner: int, entries: Sequence[Entry], page: int, *, aside: int, undo: Button | None) -> View:
    put_aside = press(_("Put aside"), buttons.Aside(owner)) if aside else None
    if not entries:
        none = say("You have not rated anything yet.")
        return View.of(none, [begin(owner), [put_aside] if put_aside else None])
    heading = count("Your ratings, newest first: {n} film", "Your ratings, newest first: {n} films", len(entries))
    undoing = press(_("Undo the last"), undo) if undo else None
    extra = [button for button in (undoing, put_aside) if button]
    return _entries(owner, heading, entries, page, "mine", extra)


def watchlist(owner: int, entries: Sequence[Entry], page: int) -> View:
    if not entries:
        none = say("Your watchlist is empty. The card of each film has a button that puts it here.")
        return View.of(none, [begin(owner)])
    heading = count("Your watchlist: {n} film", "Your watchlist: {n} films", len(entries))
    return _entries(owner, heading, entries, page, "watchlist")


def aside(owner: int, entries: Sequence[Entry], page: int) -> View:
    if not entries:
        return View.of(say("Nothing is put aside: no film is marked as seen or not for you."), [begin(owner)])
    heading = count(
        "{n} film that you put aside. Open it to take that back.",
        "{n} films that you put aside. Open one to take that back.",
        len(entries),
    )
    return _entries(owner, heading, entries, page, "aside")


def _entries(
    owner: int, heading: Html, entries: Sequence[Entry], page: int, kind: str, extra: Row | None = None
) -> View:
    pages = max(1, -(-len(entries) // PAGE))
    page = min(page, pages)
    first = (page - 1) * PAGE + 1
    shown = entries[first - 1 : first - 1 + PAGE]
    to_page = {"mine": buttons.MyRatings, "watchlist": buttons.Watchlist, "aside": buttons.Aside}[kind]
    before = press(_("Previous page"), to_page(owner, page - 1)) if page > 1 else None
    further = press(_("Next page"), to_page(owner, page + 1)) if page < pages else None
    number = say("page {page} of {pages}", page=page, pages=pages) if pages > 1 else None
    rows = [
        *number_buttons(owner, [entry.film for entry in shown], first, Place(kind, 0, page)),
        [button for button in (before, further) if button],
        extra,
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
