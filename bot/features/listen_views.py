"""Texts and buttons for messages in plain words. Pure."""

from collections.abc import Sequence

from telegram import InlineKeyboardButton

from bot.features import lookup_views
from bot.speech import buttons
from bot.speech.language import _
from bot.speech.understanding import Courtesy, Stance, Statement
from bot.speech.views import View, begin, press
from bot.speech.words import Html, paragraphs, plain, quote, say, stars, title
from engine.store import Dismissal

MEANT_STARS = {
    Stance.LOVED: (4.5, 5.0),
    Stance.LIKED: (3.5, 4.0),
    Stance.DISLIKED: (1.0, 1.5, 2.0),
}
"""The stars to choose from for each kind of statement."""

MEANT_ASIDE = {
    Stance.SEEN: Dismissal.SEEN,
    Stance.LATER: Dismissal.WATCHLIST,
    Stance.UNWANTED: Dismissal.NOT_FOR_ME,
}

SENTENCE_WORDS = 4
"""An unknown text with this many words counts as a sentence, not a title."""


def courtesy(owner: int, said: Courtesy) -> View:
    return View.of(_courtesy(said), [begin(owner)])


def _courtesy(said: Courtesy) -> Html:
    match said:
        case Courtesy.THANKS:
            return say("You're welcome! Tell me how you liked it, and the next picks will be better.")
        case Courtesy.BYE:
            return say("Goodbye! I'm here whenever you like.")
        case Courtesy.YES:
            return say("All right. Tell me what you are in the mood for.")
        case Courtesy.NO:
            return say("All right, maybe another time.")
        case Courtesy.REPROACH:
            return say("Sorry! Tell me what you would like to see, or rate some films, and I'll do better.")
        case Courtesy.UNNAMED:
            return say("Which film do you mean? Name it too, as in: I loved Heat")
        case Courtesy.ASIDE:
            return say("Tell me what you would like to see, as in: a funny film from the 90s. Or name a film.")
        case _:
            return say("Hello! Tell me what you would like to see, as in: a funny film from the 90s. Or name a film.")


def stated(owner: int, card: View, statement: Statement, scale: Sequence[float]) -> View:
    """Show a film's card with extra buttons for what was said. Nothing is stored before one of them is tapped."""
    rows = list(card.keyboard.inline_keyboard) if card.keyboard is not None else []
    meant = _meant(owner, statement, scale)
    return View.of(paragraphs(_noticed(statement) if meant else None, card.text), [meant, *map(list, rows)])


def _meant(owner: int, statement: Statement, scale: Sequence[float]) -> list[InlineKeyboardButton]:
    film = statement.film
    if (kind := MEANT_ASIDE.get(statement.stance)) is not None:
        if kind is Dismissal.SEEN and not scale:  # the card has this button already
            return []
        label = {
            Dismissal.SEEN: _("Yes, I have seen it"),
            Dismissal.WATCHLIST: _("Keep it for later"),
            Dismissal.NOT_FOR_ME: _("Leave it out"),
        }[kind]
        return [press(label, buttons.PutAside(owner, film.id, kind))]
    wanted = MEANT_STARS.get(statement.stance, (statement.stars or 0,))
    # With whole stars only, halves are rounded up: 4½ and 5 are one button.
    offered = dict.fromkeys(min((star for star in scale if star >= value), default=None) for value in wanted)
    return [
        press(_("Give it {stars}").format(stars=stars(value)), buttons.Rate(owner, film.id, int(value * 2)))
        for value in offered
        if value is not None
    ]


def _noticed(statement: Statement) -> Html:
    name = title(statement.film)
    match statement.stance:
        case Stance.SEEN:
            return say("You have seen {title}? One tap keeps it out of your picks. Stars tell me more.", title=name)
        case Stance.LATER:
            return say("You want to see {title}? One tap puts it on your watchlist.", title=name)
        case Stance.UNWANTED:
            return say("Not {title}? One tap, and I leave it out.", title=name)
        case Stance.RATED:
            return say("{stars} for {title}? One tap, and it counts.", stars=stars(statement.stars or 0), title=name)
    return say("How many stars for {title}? One tap, and it counts.", title=name)


def person(owner: int, name: str) -> View:
    sorry = say(
        "I don't know who made a film or plays in it, so I can't look for {name}. "
        "Name one of the films, and I'll find more like it.",
        name=plain(name),
    )
    return View.of(sorry, [begin(owner)])


def no_page(owner: int, *, known_site: bool) -> View:
    """Say that an address leads to no film here.

    Args:
        known_site: whether films of this catalogue can be found by that site's addresses.
    """
    if known_site:
        return View.of(say("I don't have the film on that page. Send me another title."), [begin(owner)])
    return View.of(say("I can't tell which film that link is about. Send me its title."), [begin(owner)])


def nothing(owner: int, text: str) -> View:
    if len(text.split()) < SENTENCE_WORDS:
        return lookup_views.no_hit(owner, text)
    sorry = say(
        "I didn't understand {text}. Send me a title, or what you would like to see, as in: a funny film from the 90s. "
        "/help says what else I can do.",
        text=quote(text),
    )
    return View.of(sorry, [begin(owner)])
