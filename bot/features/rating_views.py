"""Texts and buttons of questions and ratings. Pure."""

from collections.abc import Sequence

from bot.speech import buttons
from bot.speech.buttons import NOWHERE, Button, Place
from bot.speech.language import _
from bot.speech.views import View, back_to, begin, headline, in_rows, press
from bot.speech.words import Html, count, lines, paragraphs, say, stars, title
from engine.domain import PLAYED, STARS, Film
from engine.serving.advice import FIRST_PICKS


def question(
    owner: int,
    film: Film,
    ratings: int,
    *,
    scale: Sequence[float] = STARS,
    notice: Html | None = None,
    undo: Button | None = None,
) -> View:
    """Ask for one film's stars: one of the first five, or one more.

    Args:
        scale: the stars to choose from. If it is empty, ask whether they know the film.
    """
    counter = say("{n} of {all}", n=ratings + 1, all=FIRST_PICKS) if ratings < FIRST_PICKS else say("How was this one?")
    rate = [press(stars(value), buttons.Answer(owner, film.id, int(value * 2))) for value in scale]
    if not scale:
        rate = [press(_("Seen it"), buttons.Answer(owner, film.id, int(PLAYED * 2)))]
    last = [
        press(_("Undo"), undo) if undo else None,
        press(_("My picks"), buttons.NewPicks(owner)) if ratings >= FIRST_PICKS else None,
    ]
    rows = [
        *in_rows(rate, 5),
        [press(_("Haven't seen it"), buttons.Skip(owner, film.id))],
        [button for button in last if button],
    ]
    return View.of(paragraphs(notice, lines(counter, headline(film))), rows)


def nothing_to_ask(owner: int, *, notice: Html | None = None, undo: Button | None = None) -> View:
    done = say("I have no more films to ask you about. Send me any title to rate it.")
    last = [press(_("Undo"), undo) if undo else None, press(_("My picks"), buttons.NewPicks(owner))]
    return View.of(paragraphs(notice, done), [[button for button in last if button]])


def skipped(film: Film) -> Html:
    return say("{title}: not seen. I won't ask again soon.", title=title(film))


def rated(film: Film, given: float, waiting: int | None, *, trained: bool) -> Html:
    """Confirm a rating.

    Args:
        waiting: how many of this person's ratings no training has used; None for those who know of no training.
        trained: whether there is a model at all.
    """
    known = {"title": title(film), "stars": stars(given)}
    if waiting is None and not trained:
        return say("{title}, {stars}. Noted. I'm still learning; picks of your own come soon.", **known)
    if not trained:
        return count(
            "{title}, {stars}. {n} rating waits for the first training.",
            "{title}, {stars}. {n} ratings wait for the first training.",
            waiting or 0,
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


def noted(film: Film, given: float) -> Html:
    """Confirm a newcomer's rating in a few words."""
    return say("{title}, {stars}.", title=title(film), stars=stars(given))


def removed(film: Film) -> Html:
    return say("{title} is not rated any more. Your picks already know.", title=title(film))


def undone(film: Film, now_has: float | None) -> Html:
    """Say what an undo or redo did: a rating is gone, or is back."""
    if now_has is None:
        return say("Taken back: {title} has no rating from you.", title=title(film))
    return say("{title} has {stars} from you again.", title=title(film), stars=stars(now_has))


def act(
    owner: int, film: Film, text: Html, *, event_id: int | None, place: Place = NOWHERE, redo: bool = False
) -> View:
    """Confirm a change of a rating, with the button that undoes it."""
    back = []
    if event_id is not None:
        reverse = buttons.Redo(owner, event_id, place) if redo else buttons.Undo(owner, event_id, place)
        back = [press(_("Redo") if redo else _("Undo"), reverse)]
    rows = [
        [*back, press(_("Open the film"), buttons.OpenFilm(owner, film.id, place))],
        back_to(owner, place)
        or [press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate more"), buttons.Ask(owner))],
    ]
    return View.of(text, rows)


def nothing_to_undo(owner: int) -> View:
    return View.of(say("There is nothing to undo: you have not rated anything yet."), [begin(owner)])
