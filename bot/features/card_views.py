"""Texts and buttons of a film's card, for one person or for any chat. Pure."""

from collections.abc import Sequence
from urllib.parse import quote_plus

from telegram import InlineKeyboardButton

from bot.speech import buttons, language
from bot.speech.buttons import NOWHERE, Place
from bot.speech.language import _, marked, number
from bot.speech.views import REASON_LENGTH, Row, View, back_to, by_everyone, for_you, headline, in_rows, link, press
from bot.speech.words import TITLE_LENGTH, Html, both, clip, count, facts, lines, name, paragraphs, say, stars, title
from engine.domain import PLAYED, STARS, Film
from engine.serving.advice import Card
from engine.serving.library import imdb_number
from engine.store import Dismissal

_TAKE_BACK = {
    Dismissal.SEEN: marked("Undo: seen it"),
    Dismissal.NOT_FOR_ME: marked("Undo: not for me"),
    Dismissal.WATCHLIST: marked("Remove from watchlist"),
}


_PUT_ASIDE = {
    Dismissal.SEEN: marked("Seen it"),
    Dismissal.NOT_FOR_ME: marked("Not for me"),
    Dismissal.WATCHLIST: marked("Watchlist"),
}


def film_card(
    owner: int,
    shown: Card,
    place: Place = NOWHERE,
    *,
    scale: Sequence[float] = STARS,
    notice: Html | None = None,
) -> View:
    """Show a film's facts and its buttons.

    Args:
        scale: the stars to choose from. If it is empty, people can only say that they know the film.
    """
    film = shown.film
    also = [clip(alternative, TITLE_LENGTH) for alternative in film.alternative_titles[:2]]
    mine = say("You: not rated") if shown.own_stars is None else say("You: {stars}", stars=stars(shown.own_stars))
    knows_it = shown.own_stars is not None
    offered = set(Dismissal)
    if not scale:  # for play counts, "I know it" replaces the stars
        offered = set() if knows_it else {Dismissal.NOT_FOR_ME, Dismissal.WATCHLIST}
    text = lines(
        headline(film),
        say("Also known as {titles}", titles=both(also)) if also else None,
        facts(mine, for_you(shown.predicted_stars, whole=True), by_everyone(film)),
        say("Because of {films}", films=both([title(film, REASON_LENGTH) for film in shown.because]))
        if shown.because
        else None,
        _aside(shown.aside),
    )
    rate = [press(stars(value), buttons.Rate(owner, film.id, int(value * 2), place)) for value in scale]
    if not scale:
        rate = [press(_("Seen it"), buttons.Rate(owner, film.id, int(PLAYED * 2), place))] if not knows_it else []
    aside = [
        press(_(_TAKE_BACK[kind]), buttons.TakeBack(owner, film.id, kind, place))
        if kind in shown.aside
        else press(_(_PUT_ASIDE[kind]), buttons.PutAside(owner, film.id, kind, place))
        for kind in _TAKE_BACK
        if kind in offered or kind in shown.aside
    ]
    rows = [
        *in_rows(rate, 5),
        aside,
        [
            press(_("Similar"), buttons.Similar(owner, film.id)),
            *_imdb(film),
        ],
        [press(_("Remove my rating"), buttons.RemoveRating(owner, film.id, place))] if knows_it else None,
        back_to(owner, place),
    ]
    return View.of(paragraphs(notice, text), rows)


def _aside(kinds: frozenset[Dismissal]) -> Html | None:
    if Dismissal.NOT_FOR_ME in kinds:
        return say("Not for you: it stays out of your picks for now.")
    if Dismissal.SEEN in kinds:
        return say("Seen: it stays out of your picks.")
    if Dismissal.WATCHLIST in kinds:
        return say("On your watchlist.")
    return None


def shared(film: Film, bot: str, *, back: Row | None = None) -> View:
    """Return a film's card for any chat. It holds nothing about the person who shares it."""
    text = lines(headline(film), by_everyone(film))
    rate = InlineKeyboardButton(_("Rate it, or find more like it"), url=link(bot, f"m_{film.id}"))
    return View.of(text, [[rate], _imdb(film), back])


def _imdb(film: Film) -> Row:
    """Return the button to the film's page there; none for a title of play counts that need not be a film."""
    if film.imdb_id is None and film.rating_count and film.mean_stars is None:
        return []
    return [InlineKeyboardButton("IMDb", url=imdb_url(film))]


def heading(film: Film) -> str:
    """Return the title of a film as plain text."""
    return name(film, TITLE_LENGTH)


def summary(film: Film) -> str:
    """Return genres and mean of a film, or how many have seen it, as plain text."""
    if not film.rating_count:
        known = ""
    elif film.mean_stars is None:
        known = by_everyone(film)
    else:
        known = f"{number(film.mean_stars, 1)} ({number(film.rating_count)})"
    return " · ".join(part for part in (", ".join(map(language.genre, film.genres)), known) if part)


def imdb_url(film: Film) -> str:
    """Return the film's page on IMDb, or a search for its name if the data set lacks its id."""
    if imdb_number(film.imdb_id) is not None:
        return f"https://www.imdb.com/title/tt{(film.imdb_id or '').strip().removeprefix('tt')}/"
    return f"https://www.imdb.com/find/?q={quote_plus(name(film, TITLE_LENGTH))}"


def put_aside(film: Film, kind: Dismissal, days: int) -> Html:
    match kind:
        case Dismissal.SEEN:
            return say("{title}: seen. If you remember it, stars tell me more.", title=title(film))
        case Dismissal.NOT_FOR_ME:
            return count(
                "{title}: not for you. I'll leave it out for {n} day.",
                "{title}: not for you. I'll leave it out for {n} days.",
                days,
                title=title(film),
            )
        case Dismissal.WATCHLIST:
            return say("{title} is on your watchlist.", title=title(film))


def taken_back(film: Film, kind: Dismissal) -> Html:
    match kind:
        case Dismissal.SEEN:
            return say("{title} is marked as not seen again.", title=title(film))
        case Dismissal.NOT_FOR_ME:
            return say("{title} may come up among your picks again.", title=title(film))
        case Dismissal.WATCHLIST:
            return say("{title} is off your watchlist.", title=title(film))
