"""What buttons carry: callback data, packed and parsed here and nowhere else.

Callback data is at most 64 bytes, outlives restarts and releases, and comes back from users, who can send anything.
So every kind of button is a value with checked fields: ``parse`` returns one that a handler can trust to be well
formed, or raises ``BadButton``. Whether the film, the act or the list that it names still exists is for the handler to
find out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_type_hints

from bot.speech.language import LANGUAGES
from engine.domain import MatineeError
from engine.store import Dismissal

T = TypeVar("T")

MAX_BYTES = 64

LIMITS: dict[str, tuple[int, int]] = {
    "owner": (0, 2**52),
    "movie_id": (0, 2**31 - 1),
    "half_stars": (1, 10),
    "event_id": (1, 2**63 - 1),
    "last_event_id": (1, 2**63 - 1),
    "listing": (0, 10**6),
    "page": (1, 999),
    "genre": (0, 2**32 - 1),
    "decade": (0, 2200),
    "run_id": (1, 2**31 - 1),
    "version": (1, 2**31 - 1),
    "night_id": (1, 2**31 - 1),
    "shown": (0, 10**6),
    "on": (0, 1),
    "whole": (0, 1),
}
"""The smallest and largest value of each number that a button can carry."""


class BadButton(MatineeError):
    """Callback data that no button of ours carries: from an older release, or made up."""

    def __init__(self, data: str | None) -> None:
        super().__init__("this button is not one that I know (any more)")
        self.data = data


@dataclass(frozen=True, slots=True)
class Place:
    """The list from which a film was opened, so that one can go back to it.

    ``kind`` is one of ``PLACES``; ``number`` is the list of picks or the film that others are like.
    """

    kind: str = "none"
    number: int = 0
    page: int = 1


NOWHERE = Place()

PLACES = {"none": "-", "picks": "p", "mine": "m", "watchlist": "w", "aside": "a", "similar": "s"}
_PLACE = re.compile(r"([-pmwas])(\d{1,10})_(\d{1,3})", re.ASCII)


@dataclass(frozen=True)
class Button:
    """What all buttons carry. ``owner`` is the Telegram id of the person whose view it is; 0 is for everybody."""

    owner: int


# --- Films ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OpenFilm(Button):
    movie_id: int
    place: Place = NOWHERE


@dataclass(frozen=True)
class Rate(Button):
    movie_id: int
    half_stars: int
    place: Place = NOWHERE

    @property
    def stars(self) -> float:
        return self.half_stars / 2


@dataclass(frozen=True)
class RemoveRating(Button):
    movie_id: int
    place: Place = NOWHERE


@dataclass(frozen=True)
class PutAside(Button):
    movie_id: int
    kind: Dismissal
    place: Place = NOWHERE


@dataclass(frozen=True)
class TakeBack(Button):
    movie_id: int
    kind: Dismissal
    place: Place = NOWHERE


@dataclass(frozen=True)
class Undo(Button):
    event_id: int
    place: Place = NOWHERE


@dataclass(frozen=True)
class Redo(Button):
    """Undo an undo."""

    event_id: int
    place: Place = NOWHERE


@dataclass(frozen=True)
class Similar(Button):
    movie_id: int
    page: int = 1


# --- Questions: one film after the other ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ask(Button):
    """Show the next film worth rating."""


@dataclass(frozen=True)
class Answer(Button):
    movie_id: int
    half_stars: int

    @property
    def stars(self) -> float:
        return self.half_stars / 2


@dataclass(frozen=True)
class Skip(Button):
    movie_id: int


@dataclass(frozen=True)
class UndoAnswer(Button):
    event_id: int


@dataclass(frozen=True)
class UndoSkip(Button):
    movie_id: int


# --- Lists ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewPicks(Button):
    """Begin a list of picks."""


@dataclass(frozen=True)
class Picks(Button):
    """A page of a list of picks that was begun earlier."""

    listing: int
    page: int


@dataclass(frozen=True)
class EarlierPicks(Button):
    """Begin a list for the same wish that also has what was shown on earlier days."""

    listing: int


@dataclass(frozen=True)
class WhyThese(Button):
    listing: int
    page: int


@dataclass(frozen=True)
class ChooseGenre(Button):
    listing: int
    page: int


@dataclass(frozen=True)
class PickGenre(Button):
    """Begin a list with the wishes of another, but of this genre. ``genre`` 0 is all of them."""

    listing: int
    genre: int


@dataclass(frozen=True)
class PickDecade(Button):
    """Begin a list with the wishes of another, but of these ten years. ``decade`` 0 is all of them."""

    listing: int
    decade: int


@dataclass(frozen=True)
class MyRatings(Button):
    page: int = 1


@dataclass(frozen=True)
class MoreSurprises(Button):
    pass


@dataclass(frozen=True)
class Watchlist(Button):
    page: int = 1


@dataclass(frozen=True)
class Aside(Button):
    """Films seen or not for me."""

    page: int = 1


# --- The person -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ForgetMe(Button):
    pass


@dataclass(frozen=True)
class KeepMe(Button):
    pass


@dataclass(frozen=True)
class SetLanguage(Button):
    """Speak this language; "-" is the one of their Telegram."""

    language: str


@dataclass(frozen=True)
class SetScale(Button):
    """Offer whole stars only, or (``whole`` 0) halves too."""

    whole: int


@dataclass(frozen=True)
class SetDigest(Button):
    """Send picks once a week, or (``on`` 0) no more."""

    on: int


@dataclass(frozen=True)
class ImportFile(Button):
    pass


@dataclass(frozen=True)
class LeaveFile(Button):
    pass


@dataclass(frozen=True)
class UndoImport(Button):
    """Take all acts of an import back: those from ``event_id`` to ``last_event_id``."""

    event_id: int
    last_event_id: int


@dataclass(frozen=True)
class RedoImport(Button):
    """Take the undo of an import back: the acts from ``event_id`` to ``last_event_id``."""

    event_id: int
    last_event_id: int


# --- A group's evening. These are everybody's: the owner is 0 ---------------------------------------------------------


@dataclass(frozen=True)
class JoinNight(Button):
    night_id: int


@dataclass(frozen=True)
class LeaveNight(Button):
    night_id: int


@dataclass(frozen=True)
class FindNightFilms(Button):
    """Propose films to all who are in; others, if some are on show. ``shown`` is how many have been by then: of two
    people who tap at once, one gets films and the other gets to see them."""

    night_id: int
    shown: int


@dataclass(frozen=True)
class NightPoll(Button):
    night_id: int


# --- Admins -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AskRetrain(Button):
    pass


@dataclass(frozen=True)
class CancelRun(Button):
    run_id: int


@dataclass(frozen=True)
class Compare(Button):
    version: int


@dataclass(frozen=True)
class AskRollback(Button):
    version: int


@dataclass(frozen=True)
class Rollback(Button):
    version: int


@dataclass(frozen=True)
class KeepModel(Button):
    pass


KINDS: dict[str, type[Button]] = {
    "f": OpenFilm,
    "r": Rate,
    "x": RemoveRating,
    "p": PutAside,
    "b": TakeBack,
    "u": Undo,
    "ur": Redo,
    "s": Similar,
    "q": Ask,
    "qa": Answer,
    "qs": Skip,
    "qu": UndoAnswer,
    "qb": UndoSkip,
    "n": NewPicks,
    "t": Picks,
    "te": EarlierPicks,
    "y": WhyThese,
    "g": ChooseGenre,
    "gp": PickGenre,
    "gd": PickDecade,
    "m": MyRatings,
    "w": Watchlist,
    "i": Aside,
    "v": MoreSurprises,
    "fy": ForgetMe,
    "fn": KeepMe,
    "ol": SetLanguage,
    "os": SetScale,
    "od": SetDigest,
    "ly": ImportFile,
    "ln": LeaveFile,
    "lu": UndoImport,
    "lr": RedoImport,
    "ej": JoinNight,
    "el": LeaveNight,
    "ef": FindNightFilms,
    "ep": NightPoll,
    "at": AskRetrain,
    "ac": CancelRun,
    "ak": Compare,
    "ar": AskRollback,
    "ay": Rollback,
    "an": KeepModel,
}
"""The first part of the callback data of each kind. Old messages keep their buttons, so a code is never used again."""

_CODES = {kind: code for code, kind in KINDS.items()}
_DISMISSALS = {Dismissal.SEEN: "s", Dismissal.NOT_FOR_ME: "n", Dismissal.WATCHLIST: "w"}


def pattern(kind: type[Button]) -> str:
    """Return the regular expression of callback data that means to be of this kind."""
    return rf"^{_CODES[kind]}:"


def pack(button: Button) -> str:
    """Return the callback data of a button: ``r:1001:603:9:p7_2`` is 4½ stars for film 603, from page 2 of list 7."""
    values = [_written(getattr(button, field.name)) for field in fields(button)]
    data = ":".join([_CODES[type(button)], *values])
    if len(data.encode()) > MAX_BYTES:
        raise ValueError(f"{data} is longer than Telegram takes")
    return data


def parse(data: str | None) -> Button:
    """Return the button that carries ``data``.

    Raises:
        BadButton: none does: wrong kind, wrong number of fields, or a value out of its limits.
    """
    code, *texts = (data or "").split(":")
    kind = KINDS.get(code)
    if kind is None or len(texts) != len(fields(kind)) or len((data or "").encode()) > MAX_BYTES:
        raise BadButton(data)
    types = get_type_hints(kind)
    try:
        values = [_read(types[field.name], field.name, text) for field, text in zip(fields(kind), texts, strict=True)]
    except ValueError:
        raise BadButton(data) from None
    return kind(*values)


def _written(value: Any) -> str:
    if isinstance(value, Place):
        return f"{PLACES[value.kind]}{value.number}_{value.page}"
    return _DISMISSALS[value] if isinstance(value, Dismissal) else str(value)


def _read(kind: type, name: str, text: str) -> Any:
    if kind is Place:
        return _read_place(text)
    if kind is Dismissal:
        return _of_code(_DISMISSALS, text)
    if kind is str:
        return _of_code({"-": "-", **{code: code for code in LANGUAGES}}, text)
    return _number(name, text)


def _read_place(text: str) -> Place:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return Place(_of_code(PLACES, match[1]), int(match[2]), _number("page", match[3]))


def _of_code(codes: Mapping[T, str], text: str) -> T:
    for value, code in codes.items():
        if code == text:
            return value
    raise ValueError(text)


def _number(name: str, text: str) -> int:
    low, high = LIMITS[name]
    # int() alone would take "+1", "1_000", " 1" and the digits of other scripts.
    if not (text.isascii() and text.isdecimal() and low <= int(text[:20]) <= high and len(text) <= 19):
        raise ValueError(text)
    return int(text)
