"""Texts and buttons of a movie night. Pure.

No text here shows what anybody rated, neither by stars nor by reasons nor by the guests that a film suits.
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton

from bot.features.card_views import summary
from bot.speech import buttons
from bot.speech.language import _
from bot.speech.views import Row, View, link, press, wished
from bot.speech.words import Html, both, clip, count, facts, lines, name, numbered, paragraphs, plain, say
from engine.domain import Film
from engine.serving.wish import Wish
from engine.store import Night

NAME_LENGTH = 32
NAMES = 30
"""Number of guests who are named; further ones are counted."""

OPTION_LENGTH = 100
"""Telegram's limit for a poll's option, in characters."""


def night(shown: Night, films: Sequence[Film], bot: str, *, newcomers: int = 0, notice: Html | None = None) -> View:
    """Show an evening.

    Args:
        films: the proposed films.
        bot: the bot's name on Telegram, for links.
        newcomers: the number of guests who have rated nothing.
    """
    wish = Wish.parse(shown.wish)
    heading = facts(say("<b>Movie night</b>"), wished(wish))
    so_far = len(shown.passed_over) + len(shown.proposals)
    if not shown.open:
        return View.of(paragraphs(lines(heading, _guests(shown)), say("The poll is up. Vote, and enjoy the film!")))
    if not films:
        who = say("Who's in? Tap the button. You don't need to have rated anything.")
        rows = [
            _doors(shown),
            [press(_("Find films"), buttons.FindNightFilms(0, shown.id, so_far))] if shown.guests else None,
        ]
        return View.of(paragraphs(notice, lines(heading, who), _guests(shown)), rows)
    listed = numbered((facts(plain(name(film)), plain(summary(film))) for film in films), 1)
    known = say("Films for all of you. As far as I know, nobody here has seen them:")
    rate = count(
        "{n} of you hasn't rated anything yet, so I'm guessing. Rating five films in our private chat helps.",
        "{n} of you haven't rated anything yet, so I'm guessing. Rating five films in our private chat helps.",
        newcomers,
    )
    poll = press(_("Start the poll"), buttons.NightPoll(0, shown.id)) if len(films) > 1 else None
    others = press(_("Others"), buttons.FindNightFilms(0, shown.id, so_far))
    rows = [
        [InlineKeyboardButton(str(at), url=link(bot, f"m_{film.id}")) for at, film in enumerate(films, 1)],
        [button for button in (poll, others) if button],
        _doors(shown),
        [InlineKeyboardButton(_("Rate films in private"), url=link(bot, "rate"))] if newcomers else None,
    ]
    text = paragraphs(notice, lines(heading, _guests(shown)), lines(known, listed), rate if newcomers else None)
    return View.of(text, rows)


def _doors(shown: Night) -> Row:
    join = press(_("I'm in"), buttons.JoinNight(0, shown.id))
    return [join, press(_("I'm out"), buttons.LeaveNight(0, shown.id))] if shown.guests else [join]


def _guests(shown: Night) -> Html:
    names = [clip(guest.name, NAME_LENGTH) or "?" for guest in shown.guests]
    if not names:
        return say("Nobody is in yet.")
    if len(names) > NAMES:
        return say("In: {names} and {n} more", names=", ".join(names[:NAMES]), n=len(names) - NAMES)
    return say("In: {names}", names=both(names))


def poll(films: Sequence[Film]) -> tuple[str, list[str]]:
    """Return the question and the options of the poll, as plain text."""
    return _("What do we watch?"), [name(film, OPTION_LENGTH - 7) for film in films]


def nothing_fits(wish: Wish) -> Html:
    if wish.is_open:
        return say("I have no more films that are new to all of you.")
    return say("Nothing else fits that is new to all of you. Try other genres or years: /night")


def below_floor() -> Html:
    return say("I can't find anything that all of you would like. Somebody may not enjoy these.")


def no_poll() -> Html:
    return say("Telegram does not let me send a poll here. An admin of this group can allow it; then try again.")


def moved() -> View:
    return View.of(say("This movie night goes on further down."))


def over() -> View:
    return View.of(say("This movie night is over. /night begins a new one."))


def hello(bot: str) -> View:
    """Answer /start in a group."""
    text = say(
        "Hello! I find films. /night finds one that suits everybody here. "
        "Your ratings, and my reasons for a pick, stay in our private chat."
    )
    return View.of(text, [[InlineKeyboardButton(_("Open our private chat"), url=link(bot, "start"))]])


def for_groups(bot: str) -> View:
    """Answer /night in a private chat."""
    text = say(
        "A movie night is for a group: everybody who is in taps a button, and I find films that suit all of you. "
        "Add me to your group, and send /night there."
    )
    return View.of(text, [[InlineKeyboardButton(_("Add me to a group"), url=f"https://t.me/{bot}?startgroup=night")]])
