"""The language of the current reader: its catalogue of texts, and its way of writing numbers.

The frame sets it for every update (``use``), and a job sets it for each person that it writes to (``speaking``). After
that, ``_`` and ``ngettext`` return texts in this language, in threads too. The source texts are English; `make texts`
collects them into ``locales`` for translators.

The texts are about films and stars. For play counts or artists, other catalogues come first: ``plays.po`` and
``artists.po`` hold, in each language, the texts that must differ.
"""

import gettext
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from engine.domain import Catalogue, Feedback, ItemKind

LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español"}
"""The languages of the bot, under their own names."""

SOURCE = "en"
"""The language of the texts in the code. It is also used for people whose language we do not have."""

LOCALES = Path(__file__).parent / "locales"
DOMAIN = "matinee"
PLAYS, ARTISTS = "plays", "artists"

_spoken: ContextVar[str] = ContextVar("language", default=SOURCE)
_subjects: ContextVar[tuple[str, ...]] = ContextVar("subjects", default=())


def choose(*wished: str | None) -> str:
    """Return the first of these languages that we speak ("de-AT" is "de"), or English."""
    for wish in wished:
        code = (wish or "").replace("_", "-").partition("-")[0].lower()
        if code in LANGUAGES:
            return code
    return SOURCE


def current() -> str:
    """Return the current language: a key of ``LANGUAGES``."""
    return _spoken.get()


def use(*wished: str | None) -> None:
    """Use the first of these languages that we have, for the rest of this update or job."""
    _spoken.set(choose(*wished))


@contextmanager
def speaking(*wished: str | None) -> Iterator[None]:
    """Use the first of these languages that we have, during the block."""
    token = _spoken.set(choose(*wished))
    try:
        yield
    finally:
        _spoken.reset(token)


def speak_of_catalogue(catalogue: Catalogue | None) -> None:
    """For the rest of this update or job, use the texts for this data set's kind of values and titles."""
    if catalogue is None or catalogue.feedback is Feedback.STARS:
        speak_of()
    elif catalogue.kind is ItemKind.ARTIST:
        speak_of(ARTISTS, PLAYS)
    else:
        speak_of(PLAYS)


def speak_of(*subjects: str) -> None:
    """For the rest of this update or job, use these catalogues: ``ARTISTS``, ``PLAYS``, or those for films and stars.

    The catalogue of an earlier subject goes before that of a later one.
    """
    _subjects.set(subjects)


def _(text: str) -> str:
    """Return a text in the current language."""
    # gettext translates an empty text into the catalogue's header.
    return _catalogue(current(), _subjects.get()).gettext(text) if text else ""


def ngettext(one: str, many: str, n: int) -> str:
    """Return the form of a text for the number ``n`` in the current language."""
    return _catalogue(current(), _subjects.get()).ngettext(one, many, n)


def marked(text: str) -> str:
    """Return a text as it is, to be translated by ``_`` where it is shown: for constants and tables."""
    return text


@cache
def _catalogue(code: str, subjects: tuple[str, ...] = ()) -> gettext.NullTranslations:
    """Return a language's texts: each from the first catalogue that has it."""
    catalogues = [gettext.translation(domain, LOCALES, [code], fallback=True) for domain in (*subjects, DOMAIN)]
    for first, then in itertools.pairwise(catalogues):
        first.add_fallback(then)
    return catalogues[0]


_SIGNS = {"en": (",", "."), "de": (".", ","), "es": (".", ",")}
"""The signs between thousands and before decimals."""

_GROUPED_FROM = {"es": 10_000}


def number(value: float, places: int = 0) -> str:
    """Return a number as the current language writes it: 1,234.5 or 1.234,5."""
    code = current()
    between, point = _SIGNS[code]
    whole, _dot, decimals = f"{value:,.{places}f}".partition(".")
    whole = whole.replace(",", between if abs(value) >= _GROUPED_FROM.get(code, 0) else "")
    return f"{whole}{point}{decimals}" if decimals else whole


GENRES = frozenset(
    {
        marked("Action"),
        marked("Adventure"),
        marked("Animation"),
        marked("Children"),
        marked("Children's"),
        marked("Comedy"),
        marked("Crime"),
        marked("Documentary"),
        marked("Drama"),
        marked("Fantasy"),
        marked("Film-Noir"),
        marked("Horror"),
        marked("IMAX"),
        marked("Musical"),
        marked("Mystery"),
        marked("Romance"),
        marked("Sci-Fi"),
        marked("Thriller"),
        marked("War"),
        marked("Western"),
    }
)
"""The genres of MovieLens; "Children's" is from its older sets."""


def genre(name: str) -> str:
    """Return a genre's name in the current language; one that MovieLens does not have keeps its name."""
    return _(name) if name in GENRES else name
