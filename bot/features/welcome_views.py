"""Texts and buttons of /start. Pure."""

from bot.speech import buttons
from bot.speech.language import _
from bot.speech.views import View, press
from bot.speech.words import Html, count, lines, say


def greeting(*, simulated: bool) -> Html:
    hello = say(
        "Hello! I find films for you. Rate five that you know, and I'll have ten picks. "
        "Every rating after that makes them better."
    )
    made_up = say("The audience behind my picks is simulated here; the films are real.")
    return lines(hello, made_up if simulated else None)


def welcome_back(owner: int, ratings: int, *, simulated: bool) -> View:
    known = count(
        "Hello again! You have rated {n} film. Send me a title, or:",
        "Hello again! You have rated {n} films. Send me a title, or:",
        ratings,
    )
    made_up = say("The audience behind my picks is simulated here; the films are real.")
    rows = [[press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate more"), buttons.Ask(owner))]]
    return View.of(lines(known, made_up if simulated else None), rows)


def film_gone() -> Html:
    return say("I don't have the film behind that link (any more).")
