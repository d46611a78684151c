"""Texts and buttons of a search, and of films like one. Pure."""

from collections.abc import Sequence

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
from engine.serving.advice import PAGE
from engine.serving.likeness import Likeness
from engine.serving.wish import ANYTHING, Wish


def choices(owner: int, text: str, films: Sequence[Film], total: int, *, similar: bool = False) -> View:
    """Offer the films that a text may mean, and mention those left out."""
    heading = (
        count(
            "Did you mean this one by {text}?", "{n} films may be meant by {text}. Which one?", total, text=quote(text)
        )
        if total <= len(films)
        else say(
            "{n} films may be meant by {text}; these are the {shown} best known. Add a year or more of the title "
            "to narrow it down.",
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
        "I know no film called {text}. Is it spelled that way? "
        "A few words of the title are enough, as in: silence lambs",
        text=quote(text),
    )
    return View.of(sorry, [begin(owner)])


def which_film(owner: int) -> View:
    return View.of(say("Films like which one? Send its title too, as in: /similar Heat"), [begin(owner)])


def similar(
    owner: int,
    film: Film,
    films: Sequence[Film],
    page: int,
    *,
    published: bool,
    wish: Wish = ANYTHING,
    notice: Html | None = None,
) -> View:
    place = Place("similar", film.id, page)
    open_film = [press(_("Open the film"), buttons.OpenFilm(owner, film.id))]
    shown = films[(page - 1) * PAGE : page * PAGE]
    if not shown:
        none = (
            say("I know no films like {name} that you have not seen.", name=name(film))
            if wish.is_open
            else say("I know no films like {name} that fit this: {wish}.", name=name(film), wish=wished(wish))
        )
        return View.of(paragraphs(notice, none), [open_film])
    heading = (
        say("Like {name}, {wish}:", name=name(film), wish=wished(wish))
        if not wish.is_open
        else say("Like {name}:", name=name(film))
        if published
        else say("Well-known films of the same genres as {name}:", name=name(film))
    )
    first = (page - 1) * PAGE + 1
    entries = [facts(plain(name(film)), genre_list(film.genres), by_everyone(film)) for film in shown]
    before = press(_("Previous ten"), buttons.Similar(owner, film.id, page - 1)) if page > 1 else None
    further = press(_("Next ten"), buttons.Similar(owner, film.id, page + 1)) if len(films) > page * PAGE else None
    why = [press(_("Why these?"), buttons.WhySimilar(owner, film.id, page))] if wish.is_open else []
    rows = [*number_buttons(owner, shown, first, place), [button for button in (before, further) if button]]
    text = paragraphs(notice, lines(heading, numbered(entries, first)))
    return View.of(text, [*rows, [*open_film, *why]])


def why_similar(owner: int, film: Film, reasons: Sequence[Likeness], page: int) -> View:
    """Say what each film shares with the one that it is like."""
    back = [press(_("Back to the list"), buttons.Similar(owner, film.id, page))]
    heading = say("What these share with {name}:", name=name(film))
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
    return facts(*reasons) or say("little that I can name")
