"""Texts and buttons of a search, and of films like one. Pure."""

from collections.abc import Sequence

from bot.features.memory import Listing
from bot.speech import buttons
from bot.speech.buttons import Place
from bot.speech.language import _, number
from bot.speech.views import View, begin, by_everyone, number_buttons, press, wished
from bot.speech.words import (
    BUTTON_LENGTH,
    Html,
    count,
    facts,
    genre_list,
    lines,
    name,
    numbered,
    paragraphs,
    plain,
    quote,
    say,
    title,
)
from engine.domain import Film
from engine.serving.advice import PAGE, page_size
from engine.serving.likeness import Likeness


def choices(owner: int, text: str, films: Sequence[Film], total: int, *, similar: bool = False) -> View:
    """Offer the films that a text may mean, and mention those left out."""
    heading = (
        count("Did you mean this one?", "Which {text} do you mean?", total, text=quote(text))
        if total <= len(films)
        else say(
            "{n} films match {text}. These {shown} fit best; "
            "add a year or another word of the title to narrow it down.",
            n=number(total),
            text=quote(text),
            shown=len(films),
        )
    )
    rows = [
        [
            press(
                name(film, BUTTON_LENGTH - 8),
                buttons.Similar(owner, film.id) if similar else buttons.OpenFilm(owner, film.id),
            )
        ]
        for film in films
    ]
    return View.of(heading, rows)


def no_hit(owner: int, text: str) -> View:
    sorry = say(
        "I can't find a film called {text}. Check the spelling, or send just a few words of the title, "
        "as in: silence lambs",
        text=quote(text),
    )
    return View.of(sorry, [begin(owner)])


def which_film(owner: int) -> View:
    return View.of(say("Which film should they be like? Send its title too, as in: /similar Heat"), [begin(owner)])


def similar(
    owner: int, film: Film, films: Sequence[Film], page: int, *, published: bool, notice: Html | None = None
) -> View:
    """Show a page of films like one. ``published`` tells whether the model found them."""
    open_film = press(_("Open the film"), buttons.OpenFilm(owner, film.id))
    first = (page - 1) * PAGE + 1
    shown = films[first - 1 : page * PAGE]
    if not shown:
        none = say("I have no films like {name} that are new to you.", name=name(film))
        return View.of(paragraphs(notice, none), [[open_film]])
    heading = (
        say("Like {name}:", name=name(film))
        if published
        else say("Well-known films in the same genres as {name}:", name=name(film))
    )
    before = press(_("Previous ten"), buttons.Similar(owner, film.id, page - 1)) if page > 1 else None
    further = press(_("Next ten"), buttons.Similar(owner, film.id, page + 1)) if len(films) > page * PAGE else None
    why = press(_("Why these?"), buttons.WhySimilar(owner, film.id, page))
    rows = [
        *number_buttons(owner, shown, first, Place("similar", film.id, page)),
        [button for button in (before, further) if button],
        [open_film, why],
    ]
    return View.of(paragraphs(notice, lines(heading, _listed(shown, first))), rows)


def similar_and_wished(
    owner: int,
    film: Film,
    shown: Sequence[Film],
    listing: Listing,
    page: int,
    *,
    further: bool,
    notice: Html | None = None,
) -> View:
    """Show a page of films that are like one and fit a wish.

    Args:
        further: whether there may be more of them.
    """
    wish = listing.wish
    size = page_size(wish)
    whole = size == PAGE
    open_film = [press(_("Open the film"), buttons.OpenFilm(owner, film.id))]
    back = _("Previous ten") if whole else _("Back")
    before = press(back, buttons.Picks(owner, listing.id, page - 1)) if page > 1 else None
    if not shown:
        none = (
            say("That's all: I have no more films that fit.")
            if page > 1
            else say("I have no films like {name} that are new to you.", name=name(film))
            if wish.is_open
            else say("I have no films like {name} that fit this: {wish}.", name=name(film), wish=wished(wish))
        )
        return View.of(paragraphs(notice, none), [[before] if before else None, open_film])
    heading = (
        say("Like {name}:", name=name(film))
        if wish.is_open
        else say("Like {name}, {wish}:", name=name(film), wish=wished(wish))
    )
    more = press(_("Next ten") if whole else _("More"), buttons.Picks(owner, listing.id, page + 1)) if further else None
    first = (page - 1) * size + 1
    rows = [
        *number_buttons(owner, shown, first, Place("picks", listing.id, page)),
        [button for button in (before, more) if button],
        open_film,
    ]
    return View.of(paragraphs(notice, lines(heading, _listed(shown, first))), rows)


def _listed(films: Sequence[Film], first: int) -> Html:
    return numbered((facts(plain(name(film)), genre_list(film.genres), by_everyone(film)) for film in films), first)


def why_similar(owner: int, film: Film, reasons: Sequence[Likeness], page: int) -> View:
    """Say what each film shares with the one that it is like."""
    back = [press(_("Back to the list"), buttons.Similar(owner, film.id, page))]
    heading = say("In common with {name}:", name=name(film))
    entries = [Html(f"{plain(title(like.film))}: {_shared(like)}") for like in reasons]
    return View.of(lines(heading, numbered(entries, (page - 1) * PAGE + 1)), [back])


def _shared(like: Likeness) -> Html:
    kind = plain(like.tag) if like.tag else genre_list(like.genres[:2])
    kind_and_year = Html(f"{kind}, {like.film.year}" if kind and like.film.year else kind)
    reasons = (
        say("same series") if like.same_series else None,
        say("liked by the same people") if like.same_people else None,
        kind_and_year,
    )
    return facts(*reasons) or say("hard to put into words")
