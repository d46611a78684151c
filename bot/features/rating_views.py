"""Texts and buttons of questions and ratings. Pure."""

from collections.abc import Sequence

from bot.speech import buttons
from bot.speech.buttons import NOWHERE, Button, Place
from bot.speech.language import _
from bot.speech.views import View, back_to, begin, headline, in_rows, press
from bot.speech.words import Html, count, lines, paragraphs, say, stars, title
from engine.domain import PLAYED, STARS, Movie
from engine.serving.advice import FIRST_PICKS


def question(
    owner: int,
    movie: Movie,
    ratings: int,
    *,
    scale: Sequence[float] = STARS,
    notice: Html | None = None,
    undo: Button | None = None,
) -> View:
    """Ask for one film's stars: one of the first five, or one more.

    Args:
        scale: the stars to choose from. None: nobody gives any, so ask whether they know it.
    """
    counter = say("{n} of {all}", n=ratings + 1, all=FIRST_PICKS) if ratings < FIRST_PICKS else say("How was this one?")
    rate = [press(stars(value), buttons.Answer(owner, movie.id, int(value * 2))) for value in scale]
    if not scale:
        rate = [press(_("Seen it"), buttons.Answer(owner, movie.id, int(PLAYED * 2)))]
    last = [
        press(_("Undo"), undo) if undo else None,
        press(_("My picks"), buttons.NewPicks(owner)) if ratings >= FIRST_PICKS else None,
    ]
    rows = [
        *in_rows(rate, 5),
        [press(_("Haven't seen it"), buttons.Skip(owner, movie.id))],
        [button for button in last if button],
    ]
    return View.of(paragraphs(notice, lines(counter, headline(movie))), rows)


def nothing_to_ask(owner: int, *, notice: Html | None = None, undo: Button | None = None) -> View:
    done = say("I have asked you about every film that I could. Send me any title to rate it.")
    last = [press(_("Undo"), undo) if undo else None, press(_("My picks"), buttons.NewPicks(owner))]
    return View.of(paragraphs(notice, done), [[button for button in last if button]])


def skipped(movie: Movie) -> Html:
    return say("{title}: not seen, and nothing held against it.", title=title(movie))


def rated(movie: Movie, given: float, waiting: int, *, trained: bool) -> Html:
    """Confirm a rating. ``waiting`` counts this person's ratings that no training has used."""
    known = {"title": title(movie), "stars": stars(given)}
    if not trained:
        return count(
            "{title}, {stars}. {n} rating waits for the first training.",
            "{title}, {stars}. {n} ratings wait for the first training.",
            waiting,
            **known,
        )
    if not waiting:
        return say("{title}, {stars}. Your picks already know.", **known)
    return count(
        "{title}, {stars}. Your picks already know. {n} rating waits for the next training.",
        "{title}, {stars}. Your picks already know. {n} ratings wait for the next training.",
        waiting,
        **known,
    )


def noted(movie: Movie, given: float) -> Html:
    """Confirm a newcomer's rating in passing."""
    return say("{title}, {stars}.", title=title(movie), stars=stars(given))


def removed(movie: Movie) -> Html:
    return say("{title} is not rated any more. Your picks already know.", title=title(movie))


def undone(movie: Movie, now_has: float | None) -> Html:
    if now_has is None:
        return say("Taken back: {title} is not rated.", title=title(movie))
    return say("Taken back: {title} has {stars} from you again.", title=title(movie), stars=stars(now_has))


def redone(movie: Movie, now_has: float | None) -> Html:
    if now_has is None:
        return say("{title} is not rated, after all.", title=title(movie))
    return say("{title} has {stars} from you, after all.", title=title(movie), stars=stars(now_has))


def act(
    owner: int, movie: Movie, text: Html, *, event_id: int | None, place: Place = NOWHERE, redo: bool = False
) -> View:
    """Confirm what a tap did to a rating, with the button that takes it back."""
    back = []
    if event_id is not None:
        reverse = buttons.Redo(owner, event_id, place) if redo else buttons.Undo(owner, event_id, place)
        back = [press(_("Redo") if redo else _("Undo"), reverse)]
    rows = [
        [*back, press(_("Open the film"), buttons.OpenFilm(owner, movie.id, place))],
        back_to(owner, place)
        or [press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate more"), buttons.Ask(owner))],
    ]
    return View.of(text, rows)


def nothing_to_undo(owner: int) -> View:
    return View.of(say("There is nothing to undo: you have not rated anything yet."), [begin(owner)])
