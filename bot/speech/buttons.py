"""The callback data of buttons: it is packed and parsed only here.

Callback data is at most 64 bytes, outlives restarts and releases, and comes back from users, who can send anything. So
every kind of button is a value with checked fields: ``parse`` returns one that a handler can trust to be well formed,
or raises ``BadButton``. The handler must find out whether the film, event or list that it names still exists.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from bot.speech.language import LANGUAGES
from engine.domain import MatineeError
from engine.store import Dismissal, read_code

T = TypeVar("T")
AnyButton = TypeVar("AnyButton", bound="Button")

MAX_BYTES = 64

LIMITS: dict[str, tuple[int, int]] = {
    "owner": (0, 2**52),
    "movie_id": (0, 2**31 - 1),
    "half_stars": (1, 10),
    "event_id": (1, 2**63 - 1),
    "last_event_id": (0, 2**63 - 1),
    "import_number": (1, 9999),
    "listing": (0, 10**6),
    "page": (1, 999),
    "genre": (0, 2**32 - 1),
    "decade": (0, 2200),
    "run_id": (1, 2**31 - 1),
    "version": (1, 2**31 - 1),
    "night_id": (1, 2**31 - 1),
    "invite_id": (1, 2**31 - 1),
    "shown": (0, 10**6),
    "order": (0, 2),
    "on": (0, 1),
    "whole": (0, 1),
}
"""The smallest and largest value of each number that a button can carry."""

LATER = frozenset({"import_number"})
"""Last fields that came with a later release: not written where they are 0, so that older buttons are understood."""


class BadButton(MatineeError):
    """Callback data that no button of ours has: it is from an older release, or made up."""

    def __init__(self, data: str | None) -> None:
        super().__init__("this button is not one that I know (any more)")
        self.data = data


@dataclass(frozen=True, slots=True)
class Place:
    """The list from which a film was opened, for the button that leads back.

    ``kind`` is one of ``PLACES``; ``number`` is the number of a list of picks, the film that others are like, or the
    order of one's ratings.
    """

    kind: str = "none"
    number: int = 0
    page: int = 1


NOWHERE = Place()

PLACES = {"none": "-", "picks": "p", "mine": "m", "watchlist": "w", "aside": "a", "similar": "s"}
_PLACE = re.compile(r"([-pmwas])(\d{1,10})_(\d{1,3})", re.ASCII)


@dataclass(frozen=True)
class Button:
    """Base class of all buttons. ``owner`` is the Telegram id of the person whose view it is in; 0 means everybody."""

    owner: int


_KINDS: dict[str, type[Button]] = {}
_CODES: dict[type[Button], str] = {}
_FIELDS: dict[type[Button], tuple[str, ...]] = {}


def kind(code: str) -> Callable[[type[AnyButton]], type[AnyButton]]:
    """Declare a kind of button; its callback data begins with ``code``.

    Old messages keep their buttons, so a code is never used again.
    """

    def declare(button: type[AnyButton]) -> type[AnyButton]:
        if code in _KINDS:
            raise ValueError(f"{code!r} is the code of {_KINDS[code].__name__}")
        _KINDS[code], _CODES[button] = button, code
        _FIELDS[button] = tuple(field.name for field in fields(button))
        return button

    return declare


def kinds() -> Mapping[str, type[Button]]:
    """Return every kind of button by its code."""
    return MappingProxyType(_KINDS)


# --- Films ------------------------------------------------------------------------------------------------------------


@kind("f")
@dataclass(frozen=True)
class OpenFilm(Button):
    movie_id: int
    place: Place = NOWHERE


@kind("r")
@dataclass(frozen=True)
class Rate(Button):
    movie_id: int
    half_stars: int
    place: Place = NOWHERE

    @property
    def stars(self) -> float:
        return self.half_stars / 2


@kind("x")
@dataclass(frozen=True)
class RemoveRating(Button):
    movie_id: int
    place: Place = NOWHERE


@kind("p")
@dataclass(frozen=True)
class PutAside(Button):
    movie_id: int
    kind: Dismissal
    place: Place = NOWHERE


@kind("b")
@dataclass(frozen=True)
class TakeBack(Button):
    movie_id: int
    kind: Dismissal
    place: Place = NOWHERE


@kind("u")
@dataclass(frozen=True)
class Undo(Button):
    event_id: int
    place: Place = NOWHERE


@kind("ur")
@dataclass(frozen=True)
class Redo(Button):
    """Undo an undo."""

    event_id: int
    place: Place = NOWHERE


@kind("s")
@dataclass(frozen=True)
class Similar(Button):
    movie_id: int
    page: int = 1


@kind("sy")
@dataclass(frozen=True)
class WhySimilar(Button):
    movie_id: int
    page: int


# --- Questions: one film after the other ------------------------------------------------------------------------------


@kind("q")
@dataclass(frozen=True)
class Ask(Button):
    """Show the next film worth rating."""


@kind("qa")
@dataclass(frozen=True)
class Answer(Button):
    movie_id: int
    half_stars: int

    @property
    def stars(self) -> float:
        return self.half_stars / 2


@kind("qs")
@dataclass(frozen=True)
class Skip(Button):
    movie_id: int


@kind("qu")
@dataclass(frozen=True)
class UndoAnswer(Button):
    event_id: int


@kind("qb")
@dataclass(frozen=True)
class UndoSkip(Button):
    movie_id: int


# --- Lists ------------------------------------------------------------------------------------------------------------


@kind("n")
@dataclass(frozen=True)
class NewPicks(Button):
    """Begin a list of picks."""


@kind("t")
@dataclass(frozen=True)
class Picks(Button):
    """A page of a list of picks that was begun earlier."""

    listing: int
    page: int


@kind("te")
@dataclass(frozen=True)
class EarlierPicks(Button):
    """Begin a list for the same wish that includes films shown on earlier days."""

    listing: int


@kind("y")
@dataclass(frozen=True)
class WhyThese(Button):
    listing: int
    page: int


@kind("g")
@dataclass(frozen=True)
class ChooseGenre(Button):
    listing: int
    page: int


@kind("gp")
@dataclass(frozen=True)
class PickGenre(Button):
    """Begin a list with the wish of another, but for this genre. ``genre`` 0 means all genres."""

    listing: int
    genre: int


@kind("gd")
@dataclass(frozen=True)
class PickDecade(Button):
    """Begin a list with the wish of another, but for this decade. ``decade`` 0 means all years."""

    listing: int
    decade: int


@kind("m")
@dataclass(frozen=True)
class MyRatings(Button):
    """My ratings, newest first."""

    page: int = 1


@kind("mo")
@dataclass(frozen=True)
class MyOrdered(Button):
    """My ratings in another order: ``order`` is one of ``mine_views.Order``."""

    order: int
    page: int


@kind("v")
@dataclass(frozen=True)
class MoreSurprises(Button):
    pass


@kind("w")
@dataclass(frozen=True)
class Watchlist(Button):
    page: int = 1


@kind("i")
@dataclass(frozen=True)
class Aside(Button):
    """Films seen or not for me."""

    page: int = 1


# --- The person -------------------------------------------------------------------------------------------------------


@kind("fy")
@dataclass(frozen=True)
class ForgetMe(Button):
    pass


@kind("fn")
@dataclass(frozen=True)
class KeepMe(Button):
    pass


@kind("ky")
@dataclass(frozen=True)
class LinkSite(Button):
    """Be one with the site's person who asked for this code."""

    code: str


@kind("kn")
@dataclass(frozen=True)
class UnlinkSite(Button):
    pass


@kind("ol")
@dataclass(frozen=True)
class SetLanguage(Button):
    """Speak this language; "-" means that of their Telegram app."""

    language: str


@kind("os")
@dataclass(frozen=True)
class SetScale(Button):
    """Offer whole stars only, or (``whole`` 0) halves too."""

    whole: int


@kind("od")
@dataclass(frozen=True)
class SetDigest(Button):
    """Send picks once a week, or (``on`` 0) no more."""

    on: int


@kind("ly")
@dataclass(frozen=True)
class ImportFile(Button):
    pass


@kind("ln")
@dataclass(frozen=True)
class LeaveFile(Button):
    pass


@kind("lu")
@dataclass(frozen=True)
class UndoImport(Button):
    """Undo an import: the events from ``event_id`` to ``last_event_id`` (none if that is less) and what was put
    aside."""

    event_id: int
    last_event_id: int
    import_number: int = 0


@kind("lr")
@dataclass(frozen=True)
class RedoImport(Button):
    """Redo an import that was undone by the events from ``event_id`` to ``last_event_id``."""

    event_id: int
    last_event_id: int
    import_number: int = 0


# --- A group's evening. These are everybody's: the owner is 0 ---------------------------------------------------------


@kind("ej")
@dataclass(frozen=True)
class JoinNight(Button):
    night_id: int


@kind("el")
@dataclass(frozen=True)
class LeaveNight(Button):
    night_id: int


@kind("ef")
@dataclass(frozen=True)
class FindNightFilms(Button):
    """Propose films to all guests; other films if some are proposed already. ``shown`` is the number proposed so far:
    if two people tap at once, only the first tap proposes films."""

    night_id: int
    shown: int


@kind("ep")
@dataclass(frozen=True)
class NightPoll(Button):
    night_id: int


# --- Admins -----------------------------------------------------------------------------------------------------------


@kind("at")
@dataclass(frozen=True)
class AskRetrain(Button):
    pass


@kind("ac")
@dataclass(frozen=True)
class AskCancel(Button):
    run_id: int


@kind("ax")
@dataclass(frozen=True)
class CancelRun(Button):
    run_id: int


@kind("aw")
@dataclass(frozen=True)
class KeepRun(Button):
    """Let a run go on."""


@kind("ak")
@dataclass(frozen=True)
class Compare(Button):
    version: int


@kind("ar")
@dataclass(frozen=True)
class AskRollback(Button):
    version: int


@kind("ai")
@dataclass(frozen=True)
class RevokeInvite(Button):
    invite_id: int


@kind("ay")
@dataclass(frozen=True)
class Rollback(Button):
    version: int


@kind("an")
@dataclass(frozen=True)
class KeepModel(Button):
    pass


_DISMISSALS = {Dismissal.SEEN: "s", Dismissal.NOT_FOR_ME: "n", Dismissal.WATCHLIST: "w"}


def pattern(button: type[Button]) -> str:
    """Return a regular expression that matches callback data of this kind."""
    return rf"^{_CODES[button]}:"


def pack(button: Button) -> str:
    """Return the callback data of a button: ``r:1001:603:9:p7_2`` is 4½ stars for film 603, from page 2 of list 7."""
    values = [
        _written(value) for name in _FIELDS[type(button)] if (value := getattr(button, name)) or name not in LATER
    ]
    data = ":".join([_CODES[type(button)], *values])
    if len(data.encode()) > MAX_BYTES:
        raise ValueError(f"{data} is longer than Telegram takes")
    return data


def parse(data: str | None) -> Button:
    """Return the button that carries ``data``.

    Raises:
        BadButton: the kind or number of fields is wrong, or a value is out of its limits.
    """
    code, *texts = (data or "").split(":")
    button = _KINDS.get(code)
    if button is None or len((data or "").encode()) > MAX_BYTES:
        raise BadButton(data)
    named = fields(button)
    if len(texts) != len(named) and not (len(texts) == len(named) - 1 and named[-1].name in LATER):
        raise BadButton(data)
    types = get_type_hints(button)
    try:
        values = [_read(types[field.name], field.name, text) for field, text in zip(named, texts, strict=False)]
    except ValueError:
        raise BadButton(data) from None
    return button(*values)


def _written(value: Any) -> str:
    if isinstance(value, Place):
        return f"{PLACES[value.kind]}{value.number}_{value.page}"
    return _DISMISSALS[value] if isinstance(value, Dismissal) else str(value)


def _read(of: type, name: str, text: str) -> Any:
    if of is Place:
        return _read_place(text)
    if of is Dismissal:
        return _of_code(_DISMISSALS, text)
    if name == "code":
        if read_code(text) != text:
            raise ValueError(text)
        return text
    if of is str:
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
    # int() alone would accept "+1", "1_000", " 1" and the digits of other scripts.
    if not (text.isascii() and text.isdecimal() and low <= int(text[:20]) <= high and len(text) <= 19):
        raise ValueError(text)
    return int(text)
