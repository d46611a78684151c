"""Parts that all views share: building a message, writing a film, and texts that any feature may need.

Sentences are whole, so that they can be translated; ``words.facts`` joins short facts. The texts and keyboards of a
feature are in the module next to it. All views are pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.speech import buttons, language
from bot.speech.buttons import Button, Place
from bot.speech.language import _, marked, number
from bot.speech.words import (
    BUTTON_LENGTH,
    TITLE_LENGTH,
    Html,
    both,
    clip,
    count,
    facts,
    genre_list,
    name,
    plain,
    quote,
    say,
    stars,
    title,
)
from engine.domain import Film, MatineeError
from engine.serving.advice import Line
from engine.serving.library import EmptyCatalogue
from engine.serving.order import WORTH_SHOWING
from engine.serving.wish import Wish
from engine.store import EnoughForToday, Limited, NoSuchFilm, UndoTooLate

Row = list[InlineKeyboardButton]


@dataclass(frozen=True, slots=True)
class View:
    """A message: its text and the buttons below it."""

    text: Html
    keyboard: InlineKeyboardMarkup | None = None

    @classmethod
    def of(cls, text: Html, rows: Iterable[Row | None] = ()) -> "View":
        """Build a message; rows that are None or empty are left out."""
        kept = [row for row in rows if row]
        return cls(text, InlineKeyboardMarkup(kept) if kept else None)


class Pressed(InlineKeyboardButton):
    """A button with a label and data, as nearly all of ours. The library's would look through ten more attributes each
    time one is sent: a tenth of the loop's work on a list of picks."""

    __slots__ = ()

    def to_dict(self, recursive: bool = True) -> dict[str, Any]:
        return {"text": self.text, "callback_data": self.callback_data}


def press(label: str, button: Button) -> InlineKeyboardButton:
    return Pressed(clip(label, BUTTON_LENGTH) or "…", callback_data=buttons.pack(button))


def in_rows(pressed: Sequence[InlineKeyboardButton], each: int) -> list[Row]:
    return [list(pressed[at : at + each]) for at in range(0, len(pressed), each)]


# --- The film ---------------------------------------------------------------------------------------------------------

REASON_LENGTH = 45
"""Longest title among the reasons for another film, in characters."""


def headline(film: Film) -> Html:
    """Return a film's title, year and genres."""
    return facts(Html(f"<b>{plain(name(film, TITLE_LENGTH))}</b>"), genre_list(film.genres))


def listed(shown: Sequence[Line]) -> list[Html]:
    """Return the lines of a list of films, with the reasons for each.

    Stars are printed if they tell films apart: not if all films have the same, and not below ``WORTH_SHOWING``. Their
    unit stands only with the first.
    """
    known = [line.predicted_stars for line in shown if line.predicted_stars is not None]
    told = len({stars(value) for value in known}) > 1 or len(shown) == 1
    entries, whole = [], True
    for line in shown:
        value = line.predicted_stars if told and (line.predicted_stars or 0) >= WORTH_SHOWING else None
        entries.append(
            facts(
                plain(name(line.film)),
                for_you(value, whole=whole),
                _nobody_or_everyone(line) if value is None else None,
                say("because of {films}", films=both([title(film, REASON_LENGTH) for film in line.because]))
                if line.because
                else None,
            )
        )
        whole = whole and value is None
    return entries


def _nobody_or_everyone(line: Line) -> Html:
    return say("new here") if line.new_here else by_everyone(line.film)


def for_you(predicted_stars: float | None, *, whole: bool) -> Html | None:
    if predicted_stars is None:
        return None
    about = stars(predicted_stars)
    return say("about {stars} for you", stars=about) if whole else say("about {stars}", stars=about)


def by_everyone(film: Film) -> Html:
    if not film.rating_count:
        return say("nobody has rated it yet")
    if film.mean_stars is None:
        return count("seen by {n} person", "seen by {n} people", film.rating_count)
    return say("everyone: {mean} ({n})", mean=number(film.mean_stars, 1), n=number(film.rating_count))


def number_buttons(owner: int, films: Sequence[Film], first: int, place: Place) -> list[Row]:
    opened = [press(str(number), buttons.OpenFilm(owner, film.id, place)) for number, film in enumerate(films, first)]
    return in_rows(opened, 5)


# --- The wish ---------------------------------------------------------------------------------------------------------

MOST_GENRES = 30
"""Genres that are named or offered."""

MOST_LEFT_OUT = 5
"""Most words that are named among those not understood."""


def wished(wish: Wish) -> Html:
    """Return a wish in words: "Comedy, no Horror, 2001 or later"."""
    parts = [plain(language.genre(genre)) for genre in wish.genres]
    parts += [say("no {genre}", genre=language.genre(genre)) for genre in wish.without]
    if wish.either:
        *others, last = (language.genre(genre) for genre in wish.either)
        parts.append(say("{others} or {last}", others=", ".join(others), last=last) if others else plain(last))
    if wish.since is not None and wish.until is not None:
        same = wish.since == wish.until
        parts.append(plain(wish.since) if same else plain(f"{wish.since}–{wish.until}"))
    elif wish.since is not None:
        parts.append(say("{year} or later", year=wish.since))
    elif wish.until is not None:
        parts.append(say("{year} or earlier", year=wish.until))
    return Html(", ".join(parts))


def unheeded(left_out: Sequence[str], genres: Sequence[str]) -> Html | None:
    """Say which words of a wish were not understood, or None. The list's heading shows the others."""
    if not left_out:
        return None
    if not genres:
        return say("I can't use {words}: I don't know the genres of these films.", words=quote(" ".join(left_out)))
    words = both([quote(word) for word in left_out[:MOST_LEFT_OUT]])
    return say("I can't filter by {words}.", words=words)


# --- Ways on ----------------------------------------------------------------------------------------------------------


def begin(owner: int) -> Row:
    """Return the buttons for people who do not know how to go on."""
    return [press(_("My picks"), buttons.NewPicks(owner)), press(_("Rate films"), buttons.Ask(owner))]


_BACK = {
    "picks": marked("Back to picks"),
    "mine": marked("Back to my ratings"),
    "watchlist": marked("Back to the watchlist"),
    "aside": marked("Back to what I put aside"),
    "similar": marked("Back to the list"),
}


def back_to(owner: int, place: Place) -> Row | None:
    """Return the button that leads back to the list from which a film was opened."""
    page = to_page(owner, place)
    return None if page is None else [press(_(_BACK[place.kind]), page)]


def to_page(owner: int, place: Place) -> Button | None:
    """Return the button data that shows a page of a list; None without a list."""
    match place.kind:
        case "picks":
            return buttons.Picks(owner, place.number, place.page)
        case "mine" if place.number:
            return buttons.MyOrdered(owner, place.number, place.page)
        case "mine":
            return buttons.MyRatings(owner, place.page)
        case "watchlist":
            return buttons.Watchlist(owner, place.page)
        case "aside":
            return buttons.Aside(owner, place.page)
        case "similar" if place.number:
            return buttons.Similar(owner, place.number, place.page)
    return None


def link(bot: str, to: str) -> str:
    """Return a link that opens the private chat and sends /start with these words."""
    return f"https://t.me/{bot}?start={to}"


def in_private(bot: str, to: str) -> View:
    """Show a link from a group to the private chat, where /start with ``to`` continues."""
    text = say("That's for our private chat. The button opens it.")
    return View.of(text, [[InlineKeyboardButton(_("Open our private chat"), url=link(bot, to))]])


# --- What could not be done -------------------------------------------------------------------------------------------

# The first two appear over a button.
OLD_BUTTON = marked("This button is from an old message and no longer works. /help says what I can do.")
NOT_YOURS = marked("This list belongs to somebody else. Send /top for your own.")


def unknown_command(command: str) -> View:
    return View.of(say("I don't know the command {command}. /help lists those I know.", command=quote(command)))


def not_text() -> View:
    return View.of(say("I only understand text. Tell me what you would like to see, or send /help."))


def refused(error: MatineeError) -> View | None:
    """Return the text for an error that answers a person's request; None for other errors."""
    match error:
        case EmptyCatalogue():
            return View.of(
                say(
                    "There are no films yet. The people who run me can load some: "
                    "<code>python -m engine load demo</code>"
                )
            )
        case NoSuchFilm():
            return View.of(say("I don't have that film (any more). Send me another title."))
        case EnoughForToday(kind=Limited.IMPORTS, most=most):
            return View.of(say("You have imported {most} files today. Please go on tomorrow.", most=most))
        case EnoughForToday(most=most):
            return View.of(
                say("I take no more than {most} changes a day from one person. Please go on tomorrow.", most=most)
            )
        case UndoTooLate():
            return View.of(
                say("That can't be undone any more: you have rated the film again since. /my shows your ratings.")
            )
    return None
