"""Reads a wish: "10 best horror films of the 80s", "like Inception but newer". Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.speech.understanding.meanings import SpokenWish, Which, World
from bot.speech.vocabulary import Role, Token, Vocabulary
from engine.domain import Film
from engine.serving.title_index import Found
from engine.serving.wish import FIRST_YEAR, LAST_YEAR, Wish

NEW_YEARS = 5
"""The last years of a catalogue are new."""

OLD_UNTIL = 1979
"""Films up to this year are old."""

MOST_ASKED = 50
"""The largest number of films that somebody asks for; larger ones are something else."""

SHORT_LIST = 5


@dataclass(slots=True)
class Asked:
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
    def asked(self) -> SpokenWish:
        without = tuple(dict.fromkeys(genre for genre in self.unwanted if genre not in self.wanted))
        wish = Wish(
            tuple(dict.fromkeys(genre for genre in self.wanted if genre not in self.either)),
            without,
            self.since,
            self.until,
            tuple(dict.fromkeys(self.either)),
            self.count,
        )
        return SpokenWish(wish, self.like, tuple(self.left_out))


_YEARS_APART = re.compile(r"(\d{4})\s*(?:-|–|to|and|until|till|bis|und|y|a|al|hasta)\s*(\d{4})", re.IGNORECASE)
_DECADES_ES = ("anos", "los")  # "los 80", "los años 1980"
_DECADE = re.compile(r"'?(\d{2}|\d{4})(?:s|er|ern)")


def read_wish(said: Sequence[Token], world: World, words: Vocabulary) -> Asked | Which | None:
    """Read a text as a wish. None if it is empty; a ``Which`` if it is not clear which film others should be like."""
    return _Reader(said, world, words).read() if said else None


class _Reader:
    """Reads a text from left to right, and keeps what the words so far say of the next: a "not", an "or", a "since"."""

    def __init__(self, said: Sequence[Token], world: World, words: Vocabulary) -> None:
        self._said, self._world, self._words = said, world, words
        self._asked = Asked()
        self._negative = False
        self._bound: object = None
        self._genre: str | None = None
        self._joined = False
        """Whether an "or" links the latest genre to the next."""

    def read(self) -> Asked | Which:
        at = 0
        while at < len(self._said):
            role, value, length = self._words.longest(self._said, at)
            if role is Role.LIKE:
                film, after = _like(self._said, at + length, self._world, self._words)
                if isinstance(film, Which):
                    return film
                if film is not None:
                    self._asked.like, at = film, after
                    continue
                role = Role.FRAME if length > 1 else Role.FILLER
            years = _years(self._said, at, self._world.this_year)
            if self._world.newest is None and (years is not None or role in (Role.NEW, Role.OLD, Role.DECADE)):
                role, years = Role.UNKNOWN, None
            if years is not None and role not in (Role.GENRE, Role.MOOD):
                low, high, length = years
                is_span = length == 3 or _YEARS_APART.search(self._said[at].raw)
                self._note_years(low, high, None if is_span else self._bound)
            elif not self._note(role, value, at, length):
                length = self._note_other(at, length)
            at += length
        return self._with_ages()

    def _note(self, role: Role, value: Any, at: int, length: int) -> bool:
        """Note a word or phrase with a role in wishes; return whether it had one."""
        asked, token = self._asked, self._said[at]
        match role, value:
            case ((Role.GENRE | Role.MOOD), (wanted, unwanted)):
                self._note_genres(wanted, unwanted, at, length)
            case Role.NOT, _:
                self._negative = True
            case Role.OR, _:
                self._joined = self._genre is not None
            case Role.BOUND, _:
                self._bound = value
            case Role.OLD, _ if self._negative:
                asked.since, self._negative = OLD_UNTIL + 1, False
            case Role.NEW, _ if self._negative:
                asked.until, self._negative = (self._world.newest or 0) - NEW_YEARS, False
            case Role.NEW, _:
                asked.newer = True
            case Role.OLD, _:
                asked.older = True
            case Role.SHORT_LIST, _:
                asked.count = SHORT_LIST
            case Role.DECADE, int(decade):
                self._note_years(decade, decade + 9, self._bound)
            case Role.NUMBER, int(count):
                asked.count = count
            case _ if token.word.isdecimal() and 0 < int(token.word[:4]) <= MOST_ASKED:
                asked.count = int(token.word)
            case Role.FRAME, _:
                asked.framed = asked.framed or not _is_that_film(self._said, at, self._words)
            case Role.FILLER, _:
                pass
            case _:
                return False
        return True

    def _note_genres(self, wanted: Sequence[str], unwanted: Sequence[str], at: int, length: int) -> None:
        asked, token, after = self._asked, self._said[at], at + length
        only = wanted[0] if len(wanted) == 1 else None
        if self._negative or token.dashed:
            if len(wanted) > 1:  # some of its genres are wanted
                asked.left_out.append(token.raw)
                self._negative = False
            else:
                asked.unwanted += wanted
                self._negative = after < len(self._said) and self._words.longest(self._said, after)[0] is Role.OR
        else:
            if self._joined and self._genre is not None and only is not None:
                asked.either += [self._genre, only]
            asked.wanted += wanted
            asked.unwanted += unwanted
        self._genre, self._joined = only, False

    def _note_years(self, low: int, high: int, bound: object) -> None:
        """Note years, after "since", "until" or the like, or by themselves."""
        asked = self._asked
        self._bound = None
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

    def _note_other(self, at: int, length: int) -> int:
        """Note somebody's name, or a word that is not understood; return how many tokens it takes."""
        asked, token = self._asked, self._said[at]
        if (name := _person(self._said, at, self._words)) is not None:
            person, length = name
            asked.person = f"{asked.person}, {person}" if asked.person else person
            asked.left_out.append(person)
            return length
        self._negative = False
        if not asked.left_out or at == 0 or self._said[at - 1].chunk != token.chunk:
            asked.left_out.append(token.raw)
        return length

    def _with_ages(self) -> Asked:
        """Return the parts, with years for "newer" and "older": than the film that others should be like, if any."""
        asked = self._asked
        than = asked.like.year if asked.like is not None else None
        if asked.newer:
            asked.since = than + 1 if than else (self._world.newest or 0) - NEW_YEARS + 1
        if asked.older:
            asked.until = than - 1 if than else OLD_UNTIL
        return asked


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
            return " ".join(token.raw for token in whole_chunks(said[at : at + length])), length
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
        text = " ".join(token.raw for token in whole_chunks(piece))
        if named := world.titles.named(text):
            found = world.titles.find(text) if len(named) > 1 else Found()
            return (Which(text, found, like=True) if found.hits and not found.sure else named[0]), end
    end = at
    while end < len(said) and (end == at or not (said[end].after_comma or (said[end].word,) in words.ends_title)):
        end += 1
    if end < len(said):
        found = world.titles.find(" ".join(token.raw for token in whole_chunks(said[at:])))
        if found.sure:
            return found.hits[0].film, len(said)
    piece = said[at:end]
    if not piece or all(words.role_of(token.word) is not Role.UNKNOWN for token in piece):
        return None, at
    text = " ".join(token.raw for token in whole_chunks(piece))
    found = world.titles.find(text)
    if found.sure:
        return found.hits[0].film, end
    return (Which(text, found, like=True) if found.hits else None), end


def whole_chunks(piece: Sequence[Token]) -> list[Token]:
    """Return one token for each word as written: "spider-man" is two tokens of one chunk."""
    return [token for at, token in enumerate(piece) if not at or piece[at - 1].chunk != token.chunk]
