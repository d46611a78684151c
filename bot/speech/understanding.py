"""Finds the meaning of a person's text, in all our languages at once. Pure and deterministic.

The words are in ``vocabulary``, in a table for each language; this module only knows how sentences are built from them.
Readings are tried in this order, and the first one that fits is taken:

1. the address or number of a film's page;
2. whole phrases: "hello", "thanks a lot", "undo that please";
3. the exact title of a film;
4. a statement or a question about a film: "I loved Heat", "Heat gets 4 stars", "do you know Heat?";
5. a wish: "10 best horror films of the 80s", "like Inception but newer";
6. somebody's name;
7. a title, maybe misspelled.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.speech.vocabulary import PHRASE_LENGTH, Kind, Token, Vocabulary, tokens, vocabulary
from engine.domain import STARS, Film
from engine.serving.library import Films
from engine.serving.title_index import Found
from engine.serving.wish import FIRST_YEAR, LAST_YEAR, Wish

NEW_YEARS = 5
"""The last years of a catalogue are new."""

OLD_UNTIL = 1979
"""Films up to this year are old."""

MOST_ASKED = 50
"""The largest number of films that somebody asks for; larger ones are something else."""

SHORT_LIST = 5

TEXT_LENGTH = 300
"""Only this many characters of a text are read."""

RESEMBLANCE = 50
"""The score that a search's best hit needs to be offered. With less, text and title share only one common word."""

WELL_KNOWN_SHARE = 0.05
"""A title that also reads as a wish ("scary film") is meant as the title only if that film has this share of the
ratings of the best known one."""


class Titles(Protocol):
    """The part of the catalogue's title search that this module needs."""

    def named(self, text: str) -> Sequence[Film]:
        """Return the films with exactly this name, the best known first."""

    def find(self, text: str, limit: int = 8) -> Found:
        """Return the films that ``text`` may mean."""

    @property
    def most_ratings(self) -> int:
        """The number of ratings of the best known film."""

    def at(self, text: str) -> Film | None:
        """Return the film whose IMDb id or page address ``text`` is."""


class Courtesy(enum.StrEnum):
    """Courtesies and short answers."""

    GREETING = "greeting"
    THANKS = "thanks"
    BYE = "bye"
    HELP = "help"
    YES = "yes"
    NO = "no"


class Stance(enum.StrEnum):
    """A person's opinion of a film."""

    RATED = "rated"
    LOVED = "loved"
    LIKED = "liked"
    DISLIKED = "disliked"
    SEEN = "seen"
    LATER = "later"
    UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True)
class Said:
    """A courtesy."""

    courtesy: Courtesy


@dataclass(frozen=True, slots=True)
class Order:
    """A command in words: "undo", "next", "my" …, the keys of [do] in the vocabulary."""

    command: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish for films.

    ``like`` is the film that they should be like; ``left_out`` are the words that were not understood, as written.
    """

    wish: Wish = field(default_factory=Wish)
    like: Film | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about a film, with the ``stars`` that it names."""

    stance: Stance
    film: Film
    stars: float | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the cinema whose films are asked for."""

    name: str


@dataclass(frozen=True, slots=True)
class TitleOf:
    """A text that surely means one film."""

    film: Film


@dataclass(frozen=True, slots=True)
class Which:
    """A text that may mean several films. ``like`` says that films like it are wanted."""

    text: str
    found: Found
    like: bool = False


@dataclass(frozen=True, slots=True)
class Nothing:
    """A text that was not understood. ``page`` says that it is the address of a film that is not in the catalogue."""

    text: str
    page: bool = False


Meaning = Said | Order | Ask | Statement | Person | TitleOf | Which | Nothing


@dataclass(frozen=True, slots=True)
class World:
    """The facts that meanings depend on: the catalogue's titles and genres, its newest year (None: its films have no
    years), and the present year."""

    titles: Titles
    genres: tuple[str, ...]
    newest: int | None
    this_year: int

    @classmethod
    def of(cls, films: Films, this_year: int) -> "World":
        return cls(films.titles, films.genres, films.newest, this_year)


def understand(text: str, world: World) -> Meaning:
    """Return what a text means."""
    text = text.strip()
    film = world.titles.at(text)
    if film is not None:
        return TitleOf(film)
    if _PAGE.search(text):
        return Nothing(text, page=True)
    words = vocabulary(world.genres)
    said = tokens(text[:TEXT_LENGTH])
    if (phrase := _whole(said, words)) is not None:
        return phrase
    ask = _wish(said, world, words)
    if (title := _exact(text, ask, world)) is not None:
        return title
    for heard in (*_trimmed(said, words.adverbs), *_trimmed(_after_hello(said, words), words.adverbs)):
        if (stated := _stated(heard, world, words)) is not None:
            return stated
    if isinstance(ask, Which):
        return ask
    if ask is not None and ask.left_out and all(word.casefold() in words.stars for word in ask.left_out):
        return Nothing(text)  # stars, but no film is named
    if ask is not None and ask.is_clear and not ask.left_out:
        return ask.asked
    if ask is not None and ask.is_clear:
        found = world.titles.find(text)
        return TitleOf(found.hits[0].film) if found.sure and _is_as_long(text, found.hits[0].film) else ask.asked
    if ask is not None and ask.person is not None and not ask.content:
        found = world.titles.find(text) if not ask.framed else Found()
        return TitleOf(found.hits[0].film) if found.sure else Person(ask.person)
    return _title(text, world)


def understand_wish(text: str, world: World) -> Ask:
    """Return the wish in a text that follows /top. If it is not clear which film others should be like, its title is
    left out."""
    ask = _wish(tokens(text.strip()[:TEXT_LENGTH]), world, vocabulary(world.genres))
    if isinstance(ask, Which):
        return Ask(left_out=(ask.text,))
    if ask is None:
        return Ask()
    if ask.left_out and not world.genres and world.newest is None:  # a person's name cannot be used to choose films
        return Ask(left_out=(text.strip()[:TEXT_LENGTH],))
    return ask.asked


def understand_like(text: str, world: World) -> Ask | Which | Nothing:
    """Return the film in a text that follows /similar, and the wish for films like it."""
    text = text.strip()[:TEXT_LENGTH]
    film = world.titles.at(text)
    if film is not None:
        return Ask(like=film)
    words = vocabulary(world.genres)
    said = tokens(text)
    begins = bool(said) and words.longest(said, 0)[0] is Kind.LIKE
    for heard in (said, [*tokens("like"), *said]) if begins else ([*tokens("like"), *said], said):
        ask = _wish(heard, world, words)
        if isinstance(ask, Which):
            return ask
        if ask is not None and ask.like is not None:
            return ask.asked
    return Nothing(text)


_PAGE = re.compile(r"https?://|\b(?:imdb\.com|themoviedb\.org|letterboxd\.com|boxd\.it)/", re.IGNORECASE)


# --- Whole phrases ----------------------------------------------------------------------------------------------------

_PRIORITY = ("do", Courtesy.HELP, Courtesy.THANKS, Courtesy.NO, Courtesy.YES, Courtesy.BYE, Courtesy.GREETING)


def _after_hello(said: Sequence[Token], words: Vocabulary) -> Sequence[Token]:
    """Return the text after a greeting, as in "hey, I loved Heat"; the whole text if there is no greeting."""
    for length in range(min(PHRASE_LENGTH, len(said) - 1), 0, -1):
        if words.phrases.get(tuple(token.word for token in said[:length])) == ("say", Courtesy.GREETING):
            return said[length:]
    return said


MOST_PHRASED = 12
"""Number of words in the longest text that can consist of phrases alone."""


def _whole(said: Sequence[Token], words: Vocabulary) -> Said | Order | None:
    """Return the meaning of a text that consists of phrases alone; of several, the one that asks for most."""
    if len(said) > MOST_PHRASED:
        return None
    found = _phrases(tuple(token.word for token in said), words)
    if not found:
        return None
    kind, name = min(found, key=lambda phrase: _PRIORITY.index("do" if phrase[0] == "do" else Courtesy(phrase[1])))
    return Order(name) if kind == "do" else Said(Courtesy(name))


def _phrases(heard: tuple[str, ...], words: Vocabulary) -> list[tuple[str, str]] | None:
    """Return the phrases that a text is made of, the longest first; None if anything else is in it."""
    if not heard:
        return []
    for length in range(min(PHRASE_LENGTH, len(heard)), 0, -1):
        phrase = heard[:length]
        if phrase in words.phrases or phrase in words.polite:
            rest = _phrases(heard[length:], words)
            if rest is not None:
                return [words.phrases[phrase], *rest] if phrase in words.phrases else rest
    return None


# --- Titles -----------------------------------------------------------------------------------------------------------


def _exact(text: str, ask: "_Asked | Which | None", world: World) -> TitleOf | Which | None:
    """Return the film with exactly this name, unless the text is more likely a wish."""
    named = world.titles.named(text)
    if not named:
        return None
    if isinstance(ask, _Asked) and not ask.left_out and (ask.says_which or ask.framed):
        spoken = len(tokens(text)) > 1 or text.strip().isdecimal()
        if not spoken or named[0].rating_count < WELL_KNOWN_SHARE * world.titles.most_ratings:
            return None
    found = world.titles.find(text)
    return TitleOf(found.hits[0].film) if found.sure else Which(text, found)


def _title(text: str, world: World) -> TitleOf | Which | Nothing:
    found = world.titles.find(text)
    if not found.hits or found.hits[0].score < RESEMBLANCE:
        return Nothing(text)
    return TitleOf(found.hits[0].film) if found.sure else Which(text, found)


def _is_as_long(text: str, film: Film) -> bool:
    """Return whether a text is about as long as a title of the film. A misspelled title is; "christmas films" is
    shorter than the title that has both words."""
    lengths = [len(title) for title in (film.display_title, *film.alternative_titles)]
    return any(abs(length - len(text)) <= 0.25 * length for length in lengths)


# --- Statements and questions -----------------------------------------------------------------------------------------

_OUT_OF = (("out", "of"), ("of",), ("von",), ("de",))
_VALUE = re.compile(r"(\d{1,2})?(?:[.,](\d))?(½)?(?:/(5|10))?")


def _stated(said: Sequence[Token], world: World, words: Vocabulary) -> Statement | TitleOf | Which | None:
    if (rated := _rated(said, world, words)) is not None:
        return rated
    looked_up = 0
    for pattern, slot in words.patterns_in(said):
        for piece in _trimmed(slot, words.adverbs):
            film = _film(piece, world, words, search=looked_up < 2)
            looked_up += 1
            if isinstance(film, Film):
                return TitleOf(film) if pattern == "film" else Statement(Stance(pattern), film)
            if film is not None:
                return film
    return None


def _rated(said: Sequence[Token], world: World, words: Vocabulary) -> Statement | Which | None:
    """Return a statement that names stars."""
    for at in range(len(said)):
        stars, length = _value(said, at, words)
        if stars not in STARS:
            continue
        for piece in _trimmed([*said[:at], *said[at + length :]], words.adverbs | words.rated):
            film = _film(piece, world, words)
            if isinstance(film, Film):
                return Statement(Stance.RATED, film, stars)
            if film is not None:
                return film
    return None


def _value(said: Sequence[Token], at: int, words: Vocabulary) -> tuple[float | None, int]:
    """Return the stars that are named here, in halves, and their number of tokens; None for other numbers."""
    token, following = said[at], [other.word for other in said[at + 1 : at + 4]]
    if signs := sum(map(token.raw.count, "★⭐")):
        return signs + 0.5 * token.raw.endswith("½"), 1
    if token.word in words.numbers or token.word in words.ones:
        value, out_of, exact = float(words.numbers.get(token.word, 1)), None, False
    elif number := _VALUE.fullmatch(token.raw):
        value = int(number[1] or 0) + int(number[2] or 0) / 10 + 0.5 * bool(number[3])
        out_of, exact = number[4], bool(number[2] or number[3])
    else:
        return None, 0
    length = 2 if following[:1] and following[0] in words.stars else 1
    for link in _OUT_OF:
        after = following[len(link) : len(link) + 1]
        if tuple(following[: len(link)]) == link and after and after[0] in ("5", "10"):
            out_of, length = after[0], len(link) + 2
    if length == 1 and out_of is None and not (exact and at == len(said) - 1):
        return None, 0
    if out_of == "10":
        value /= 2
    return round(value * 2) / 2, length


def _trimmed(slot: Sequence[Token], extras: frozenset[tuple[str, ...]]) -> list[Sequence[Token]]:
    """Return readings of words that should be a title: as they are, and without words that people add at either end."""
    pieces: list[Sequence[Token]] = [slot]
    changed = True
    while changed and slot:
        changed = False
        for length in range(min(4, len(slot)), 0, -1):
            if tuple(token.word for token in slot[:length]) in extras:
                slot, changed = slot[length:], True
                break
            if tuple(token.word for token in slot[-length:]) in extras:
                slot, changed = slot[:-length], True
                break
    return [piece for piece in (pieces[0], slot) if piece] if len(slot) != len(pieces[0]) else list(filter(len, pieces))


def _film(piece: Sequence[Token], world: World, words: Vocabulary, *, search: bool = True) -> Film | Which | None:
    """Return the film that these words surely name, or the several films with exactly this name, or None."""
    text = " ".join(token.raw for token in _whole_chunks(piece))
    named = world.titles.named(text)
    if not named:
        ask = _wish(piece, world, words)
        if not search or (isinstance(ask, _Asked) and not ask.left_out):
            return None
    elif all(words.kind_of(token.word) in (Kind.GENRE, Kind.MOOD) for token in piece):
        return None
    found = world.titles.find(text)
    if found.sure:
        return found.hits[0].film
    return Which(text, found) if named and found.hits else None


def _whole_chunks(piece: Sequence[Token]) -> list[Token]:
    """Return one token for each word as written: "spider-man" is two tokens of one chunk."""
    return [token for at, token in enumerate(piece) if not at or piece[at - 1].chunk != token.chunk]


# --- Wishes -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Asked:
    """The parts of a wish that have been understood so far."""

    wanted: list[str] = field(default_factory=list)
    unwanted: list[str] = field(default_factory=list)
    either: list[str] = field(default_factory=list)
    since: int | None = None
    until: int | None = None
    count: int | None = None
    like: Film | None = None
    newer: bool = False
    older: bool = False
    person: str | None = None
    framed: bool = False
    left_out: list[str] = field(default_factory=list)

    @property
    def content(self) -> bool:
        """Whether any part says which films, or how many."""
        return self.says_which or self.count is not None

    @property
    def says_which(self) -> bool:
        """Whether any part says which films. A number alone is more likely a title."""
        years = self.since is not None or self.until is not None or self.newer or self.older
        return bool(self.wanted or self.unwanted or self.either or years or self.like)

    @property
    def is_clear(self) -> bool:
        """Whether this is a wish although some words are unknown."""
        wishes = self.says_which or (self.framed and self.person is None)
        return wishes or (self.count is not None and not self.left_out)

    @property
    def asked(self) -> Ask:
        without = tuple(dict.fromkeys(genre for genre in self.unwanted if genre not in self.wanted))
        wish = Wish(
            tuple(dict.fromkeys(genre for genre in self.wanted if genre not in self.either)),
            without,
            self.since,
            self.until,
            tuple(dict.fromkeys(self.either)),
            self.count,
        )
        return Ask(wish, self.like, tuple(self.left_out))


_YEARS_APART = re.compile(r"(\d{4})\s*(?:-|–|to|and|until|till|bis|und|y|a|al|hasta)\s*(\d{4})", re.IGNORECASE)
_DECADES_ES = ("anos", "los")  # "los 80", "los años 1980"
_DECADE = re.compile(r"'?(\d{2}|\d{4})(?:s|er|ern)")


def _wish(said: Sequence[Token], world: World, words: Vocabulary) -> "_Asked | Which | None":
    """Read a text as a wish. None if it is empty; a ``Which`` if it is not clear which film others should be like."""
    if not said:
        return None
    asked, at = _Asked(), 0
    negative, bound, joined, last = False, None, False, None
    while at < len(said):
        kind, value, length = words.longest(said, at)
        token = said[at]
        if kind is Kind.LIKE:
            film, after = _like(said, at + length, world, words)
            if isinstance(film, Which):
                return film
            if film is not None:
                asked.like, at = film, after
                continue
            kind = Kind.FRAME if length > 1 else Kind.FILLER
        years = _years(said, at, world.this_year)
        if world.newest is None and (years is not None or kind in (Kind.NEW, Kind.OLD, Kind.DECADE)):
            kind, years = Kind.UNKNOWN, None
        if years is not None and kind not in (Kind.GENRE, Kind.MOOD):
            low, high, length = years
            _bound(asked, low, high, None if _YEARS_APART.search(token.raw) or length == 3 else bound)
            bound = None
        elif kind in (Kind.GENRE, Kind.MOOD) and isinstance(value, tuple):
            wanted, without = value
            if (negative or token.dashed) and len(wanted) > 1:  # some of its genres are wanted
                asked.left_out.append(token.raw)
                negative = False
            elif negative or token.dashed:
                asked.unwanted += wanted
                negative = words.longest(said, at + length)[0] is Kind.OR if at + length < len(said) else False
            else:
                if joined and last is not None and len(wanted) == 1:
                    asked.either += [last, *wanted]
                asked.wanted += wanted
                asked.unwanted += without
            last, joined = (wanted[0] if len(wanted) == 1 else None), False
        elif kind is Kind.NOT:
            negative = True
        elif kind is Kind.OR:
            joined = last is not None
        elif kind is Kind.BOUND:
            bound = value
        elif kind is Kind.OLD and negative:
            asked.since, negative = OLD_UNTIL + 1, False
        elif kind is Kind.NEW and negative:
            asked.until, negative = (world.newest or 0) - NEW_YEARS, False
        elif kind is Kind.NEW:
            asked.newer = True
        elif kind is Kind.OLD:
            asked.older = True
        elif kind is Kind.SHORT_LIST:
            asked.count = SHORT_LIST
        elif kind is Kind.DECADE and isinstance(value, int):
            _bound(asked, value, value + 9, bound)
            bound = None
        elif kind is Kind.NUMBER and isinstance(value, int):
            asked.count = value
        elif token.word.isdecimal() and 0 < int(token.word[:4]) <= MOST_ASKED:
            asked.count = int(token.word)
        elif kind is Kind.FRAME:
            asked.framed = asked.framed or not _is_that_film(said, at, words)
        elif kind is Kind.FILLER:
            pass
        elif (name := _person(said, at, words)) is not None:
            person, length = name
            asked.person = f"{asked.person}, {person}" if asked.person else person
            asked.left_out.append(person)
        else:
            negative = False
            raw = token.raw
            if not asked.left_out or at == 0 or said[at - 1].chunk != token.chunk:
                asked.left_out.append(raw)
        at += length
    if asked.newer:
        asked.since = (asked.like.year + 1) if asked.like and asked.like.year else (world.newest or 0) - NEW_YEARS + 1
    if asked.older:
        asked.until = (asked.like.year - 1) if asked.like and asked.like.year else OLD_UNTIL
    return asked


def _bound(asked: _Asked, low: int, high: int, bound: object) -> None:
    """Note years, after "since", "until" or the like, or by themselves."""
    if bound == "after":
        asked.since = high + 1
    elif bound == "since":
        asked.since = low
    elif bound == "before":
        asked.until = low - 1
    elif bound == "until":
        asked.until = high
    elif asked.since is not None and asked.until is not None:  # "80s and 90s"
        asked.since, asked.until = min(low, asked.since), max(high, asked.until)
    else:
        asked.since, asked.until = low, high


def _years(said: Sequence[Token], at: int, this_year: int) -> tuple[int, int, int] | None:
    """Return the first and last year that are named here, and their number of tokens."""
    token = said[at]
    following = " ".join(other.raw for other in said[at : at + 3])
    if span := _YEARS_APART.fullmatch(token.raw) or _YEARS_APART.fullmatch(following):
        low, high = sorted((int(span[1]), int(span[2])))
        length = 1 if span[0] == token.raw else 3
    elif at and token.word.isdecimal() and len(token.word) in (2, 4) and said[at - 1].word in _DECADES_ES:
        low, length = _decade(token.word, this_year), 1
        high = low + 9
    elif token.word.isdecimal() and len(token.word) == 4:
        low, high, length = int(token.word), int(token.word), 1
    elif decade := _DECADE.fullmatch(token.word):
        low, length = _decade(decade[1], this_year), 1
        high = low + 9
    else:
        return None
    return (low, high, length) if low >= FIRST_YEAR and high <= LAST_YEAR + 9 else None


def _decade(digits: str, this_year: int) -> int:
    year = int(digits)
    if len(digits) == 2:
        year += 2000 if 2000 + year <= this_year else 1900
    return year - year % 10


_THAT = frozenset({"the", "that", "der", "den", "die", "la", "el", "esa", "aquella"})


def _is_that_film(said: Sequence[Token], at: int, words: Vocabulary) -> bool:
    """Return whether the text is about one film without naming it: "the film with the dog"."""
    return at == 1 and said[0].word in _THAT and said[at].word in words.one_film


def _person(said: Sequence[Token], at: int, words: Vocabulary) -> tuple[str, int] | None:
    """Return the name that stands here, and how many tokens it takes: a known one, or capitals after "with" or "by"."""
    for length in range(min(4, len(said) - at), 0, -1):
        if tuple(token.word for token in said[at : at + length]) in words.people:
            return " ".join(token.raw for token in _whole_chunks(said[at : at + length])), length
    if not at or (said[at - 1].word,) not in words.introduces:
        return None
    length = 0
    while at + length < len(said) and said[at + length].raw[:1].isupper() and length < 4:
        length += 1
    # One capital may be any German noun.
    return (" ".join(token.raw for token in said[at : at + length]), length) if length >= 2 else None


def _like(said: Sequence[Token], at: int, world: World, words: Vocabulary) -> tuple[Film | Which | None, int]:
    """Return the film that is named from here on, and the position after it."""
    for end in range(len(said), at, -1):
        piece = said[at:end]
        text = " ".join(token.raw for token in _whole_chunks(piece))
        if named := world.titles.named(text):
            found = world.titles.find(text) if len(named) > 1 else Found()
            return (Which(text, found, like=True) if found.hits and not found.sure else named[0]), end
    end = at
    while end < len(said) and (end == at or not (said[end].after_comma or (said[end].word,) in words.ends_title)):
        end += 1
    if end < len(said):
        found = world.titles.find(" ".join(token.raw for token in _whole_chunks(said[at:])))
        if found.sure:
            return found.hits[0].film, len(said)
    piece = said[at:end]
    if not piece or all(words.kind_of(token.word) is not Kind.UNKNOWN for token in piece):
        return None, at
    text = " ".join(token.raw for token in _whole_chunks(piece))
    found = world.titles.find(text)
    if found.sure:
        return found.hits[0].film, end
    return (Which(text, found, like=True) if found.hits else None), end
